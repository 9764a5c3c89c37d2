package mapping_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
)

// The law of the round trip: what comes from a vendor is read in Diglot by the
// same vendor's clients as it was, but for what the findings list; and clients of
// the other vendor who change it lose nothing of it.
//
// Each law is run with records that are drawn at random: on the memory store many,
// on PostgreSQL some.

// examples is how many records each law is run with on PostgreSQL.
const examples = 15

// law is run with a record's text.
type law struct {
	draw  func(t *rapid.T, odd oddly) string
	check func(ctx context.Context, t require.TestingT, w *world, text string, odd oddly)
}

var laws = map[string]law{
	"a legacy server": {
		func(t *rapid.T, odd oddly) string { return refoldServer(t, core.RefoldLegacy, odd) },
		func(ctx context.Context, t require.TestingT, w *world, text string, odd oddly) {
			refoldServerLaw(ctx, t, w, core.RefoldLegacy, text, odd)
		},
	},
	"a v3 server": {
		func(t *rapid.T, odd oddly) string { return refoldServer(t, core.RefoldV3, odd) },
		func(ctx context.Context, t require.TestingT, w *world, text string, odd oddly) {
			refoldServerLaw(ctx, t, w, core.RefoldV3, text, odd)
		},
	},
	"a linked account":   {refoldAccount, accountLaw},
	"a CometChat server": {cometChatServer, cometChatServerLaw},
	"an agent":           {cometChatAgent, agentLaw},
}

func TestWhatComesFromAVendorComesBackAsTheFindingsSay(t *testing.T) {
	t.Parallel()
	for name, law := range laws {
		for _, odd := range []oddly{false, true} {
			t.Run(name+map[oddly]string{true: " of odd members"}[odd], func(t *testing.T) {
				t.Parallel()
				w := inMemory(t)
				rapid.Check(t, func(rt *rapid.T) { law.check(t.Context(), rt, w, law.draw(rt, odd), odd) })
			})
		}
	}
}

func TestOnPostgresItComesBackToo(t *testing.T) {
	t.Parallel()
	w := onPostgres(t)
	for name, law := range laws {
		for _, odd := range []oddly{false, true} {
			texts := rapid.Custom(func(t *rapid.T) string { return law.draw(t, odd) })
			t.Run(name+map[oddly]string{true: " of odd members"}[odd], func(t *testing.T) {
				for seed := range examples {
					law.check(t.Context(), t, w, texts.Example(seed), odd)
				}
			})
		}
	}
}

// same wants what is read to be what came, as the findings say, and those to be
// what was planned.
func same(t require.TestingT, record finding.Record, planned []finding.Finding, source string, read core.JSON, odd oddly) {
	want, err := dialects.Compact(core.JSON(source))
	require.NoError(t, err)
	if !odd {
		require.Equal(t, string(want), string(read), "byte for byte")
		for _, f := range planned {
			require.Equal(t, finding.Exact, f.Class, "%s: %s", f.Path, f.Reason)
		}
		return
	}
	planOf := map[string]finding.Class{}
	for _, f := range planned {
		require.Equal(t, f.Class == finding.Exact, f.Reason == "", "%s has a reason", f.Path)
		top, _, _ := strings.Cut(f.Path, "[")
		top, _, _ = strings.Cut(top, ".")
		planOf[top] = max(planOf[top], f.Class)
	}
	had, has := membersOf(want), membersOf(read)
	for name, v := range had {
		class, planned := planOf[name]
		require.True(t, planned, "%s has a finding", name)
		require.Equal(t, class == finding.Exact, v == has[name], "%s: %s came back as %s and is planned to be %s", name, v, has[name], class)
	}
	for name := range has {
		if _, came := had[name]; !came && name != "appId" && name != "integrations" {
			require.NotEqual(t, finding.Exact, planOf[name], name)
		}
	}
	found, err := mapping.Compare(record, mapping.Kept, core.JSON(source), read)
	require.NoError(t, err)
	for _, f := range found {
		if f.Class == finding.Exact {
			require.Equal(t, finding.Exact, planOf[f.Path], f.Path)
		}
	}
}

func membersOf(object core.JSON) map[string]string {
	out := map[string]string{}
	dialects.Members(object, func(name string, v core.JSON) { out[name] = string(v) })
	return out
}

// but gives a record's members without some that are no loss.
func but(object core.JSON, names ...string) map[string]string {
	out := membersOf(object)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

func shownAsPlanned(t require.TestingT, planned mapping.Mapped[core.MCPServer], source string, view core.JSON) {
	shown, err := mapping.Compare(planned.Record, mapping.Shown, core.JSON(source), view)
	require.NoError(t, err)
	require.Equal(t, planned.Shown, shown)
}

func refoldServerLaw(ctx context.Context, t require.TestingT, w *world, revision core.RefoldRevision, text string, odd oddly) {
	w.mapper.Tenant.RefoldRevision = revision
	in := as[refoldclient.MCPServer](t, text)
	mapped, err := w.mapper.RefoldServer(in)
	require.NoError(t, err)
	imported, err := w.operator.ImportMCPServer(ctx, w.tenant, mapped.Core)
	require.NoError(t, err)
	c := w.refold[revision]
	id := imported.ID.String()
	defer func() { require.NoError(t, c.DeleteMCPServer(ctx, id)) }()
	read, err := c.MCPServer(ctx, id)
	require.NoError(t, err)
	same(t, mapped.Record, mapped.Kept, text, read.Text, odd)

	// A client of the other vendor's sends back all that it reads.
	view, err := w.cometchat.MCPServer(ctx, imported.Slug)
	require.NoError(t, err)
	shownAsPlanned(t, mapped, text, view.Text)
	_, err = w.cometchat.UpdateMCPServer(ctx, imported.Slug, cometclient.MCPServerUpdate{
		Name: given(view.Name), Description: given(view.Description), URL: given(view.URL), Icon: given(view.Icon),
	})
	require.NoError(t, err)
	after, err := c.MCPServer(ctx, id)
	require.NoError(t, err)
	require.Equal(t, but(read.Text, "updatedAt"), but(after.Text, "updatedAt"))
}

func cometChatServerLaw(ctx context.Context, t require.TestingT, w *world, text string, odd oddly) {
	in := as[cometclient.MCPServer](t, text)
	mapped, err := w.mapper.CometChatServer(in)
	require.NoError(t, err)
	imported, err := w.operator.ImportMCPServer(ctx, w.tenant, mapped.Core)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.cometchat.DeleteMCPServer(ctx, imported.Slug)) }()
	read, err := w.cometchat.MCPServer(ctx, imported.Slug)
	require.NoError(t, err)
	same(t, mapped.Record, mapped.Kept, text, read.Text, odd)

	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		c := w.refold[revision]
		view, err := c.MCPServer(ctx, imported.ID.String())
		require.NoError(t, err)
		if revision == core.RefoldLegacy {
			shownAsPlanned(t, mapped, text, view.Text)
		}
		_, err = c.UpdateMCPServer(ctx, imported.ID.String(), refoldclient.MCPServerUpdate{
			Name: given(view.Name), Description: given(view.Description), Suggestions: refoldclient.Value(view.Suggestions.Text()),
			AssociatedApps: refoldclient.Value(view.AssociatedApps.Text()), Chains: refoldclient.Value(view.Chains.Text()),
		})
		require.NoError(t, err)
		after, err := w.cometchat.MCPServer(ctx, imported.Slug)
		require.NoError(t, err)
		require.Equal(t, but(read.Text, "updatedAt"), but(after.Text, "updatedAt"))
	}
}

func accountLaw(ctx context.Context, t require.TestingT, w *world, text string, odd oddly) {
	in := as[refoldclient.Account](t, text)
	mapped, err := w.mapper.RefoldAccount(in)
	require.NoError(t, err)
	_, err = w.operator.ImportAccount(ctx, w.tenant, mapped.Core)
	require.NoError(t, err)
	c := w.refold[core.RefoldLegacy]
	defer func() { require.NoError(t, c.DeleteLinkedAccount(ctx, mapped.Core.ID)) }()
	read, err := c.LinkedAccount(ctx, mapped.Core.ID)
	require.NoError(t, err)
	same(t, mapped.Record, mapped.Kept, text, read.Text, odd)
}

func agentLaw(ctx context.Context, t require.TestingT, w *world, text string, odd oddly) {
	in := as[cometclient.Agent](t, text)
	w.mapper.HasServer = func(string) bool { return false }
	mapped, err := w.mapper.CometChatAgent(in)
	require.NoError(t, err)
	_, err = w.operator.ImportAgent(ctx, w.tenant, mapped.Core)
	require.NoError(t, err)
	uid := string(mapped.Core.UID)
	defer func() { require.NoError(t, w.cometchat.DeleteAgent(ctx, uid)) }()
	read, err := w.cometchat.Agent(ctx, uid)
	require.NoError(t, err)
	same(t, mapped.Record, mapped.Kept, text, read.Text, odd)
}

// given gives a text that is there.
func given(f dialects.String) *string {
	if f.Presence != dialects.Given {
		return nil
	}
	return &f.Value
}

// More servers than a millisecond has places are imported with it, and walked
// once by clients of both vendors.
func TestImportedServersOfOneMillisecondAreWalkedOnceAndKeepIt(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	const n = core.PlacesPerMilli + 200
	at := now.AddDate(-5, 0, 0).Truncate(time.Millisecond)
	for range n {
		_, err := w.operator.ImportMCPServer(t.Context(), w.tenant, core.MCPServer{Name: "same", URL: "http://localhost:3001", CreatedAt: at, UpdatedAt: at})
		require.NoError(t, err)
	}
	slugs, ids := map[string]int{}, map[string]int{}
	for s, err := range w.cometchat.MCPServers(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, strconv.FormatInt(at.UnixMilli(), 10), string(s.CreatedAt.Value))
		slugs[s.Slug.Value]++
	}
	for s, err := range w.refold[core.RefoldV3].MCPServers(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, at.Format("2006-01-02T15:04:05.000Z"), s.CreatedAt.Value)
		ids[s.ID.Value]++
	}
	require.Len(t, slugs, n)
	require.Len(t, ids, n)
	for slug, times := range slugs {
		require.Equal(t, 1, times, slug)
	}
}
