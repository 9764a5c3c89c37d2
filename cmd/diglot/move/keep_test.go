package move_test

import (
	"context"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// textsOf gives a tenant's records as they are, but for their revisions, which no
// undo takes back.
func textsOf(t *testing.T, of *move.Tenant) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, kind := range move.Kinds {
		for r, err := range of.List(t.Context(), kind) {
			require.NoError(t, err)
			text, err := of.Read(t.Context(), r)
			require.NoError(t, err)
			out[string(kind)+" "+r.ID] = regexp.MustCompile(`,"revision":\d+`).ReplaceAllString(string(text), "")
		}
	}
	return out
}

// pair gives two tenants with records of the same ids, of which the one has all that
// there is to be had, and the other nothing that may be left out.
func pair(t *testing.T) (full, bare *move.Tenant) {
	t.Helper()
	full, bare = newTenant(t), newTenant(t)
	at := now.Add(-time.Hour)
	server := core.MCPServer{ID: core.NewIDSource()(at), Slug: "s", Name: "Bare", CreatedAt: at, UpdatedAt: at}
	agent := core.Agent{UID: core.AgentUID(core.NewUUID()), Name: "Bare", CreatedAt: at, UpdatedAt: at}
	account := core.Account{ID: "user", ObjectID: core.NewIDSource()(at), CreatedAt: at, UpdatedAt: at}
	for _, of := range []*move.Tenant{bare, full} {
		_, err := of.Operator.ImportMCPServer(t.Context(), of.Tenant, server)
		require.NoError(t, err)
		_, err = of.Operator.ImportAgent(t.Context(), of.Tenant, agent)
		require.NoError(t, err)
		_, err = of.Operator.ImportAccount(t.Context(), of.Tenant, account)
		require.NoError(t, err)
		later := at.Add(time.Minute)
		server.Name, server.UpdatedAt, server.Description, server.URL, server.Icon = "Full", later, new("d"), "https://example.com/", "https://example.com/i"
		server.Suggestions, server.AssociatedApps = core.JSON(`[{"name":"n"}]`), core.JSON(`[{"slug":"s"}]`)
		server.Resources, server.Notebooks = core.JSON(`[1]`), core.JSON(`[2]`)
		server.Chains = []core.Chain{{ID: core.NewIDSource()(at), Fields: core.JSON(`{"name":"c"}`)}}
		server.Branding = core.Branding{AgentName: new("a"), PrimaryColor: new("#fff"), SecondaryColor: new("#000"), BasePrompt: new("p"), SafeMode: new(true)}
		agent.Name, agent.UpdatedAt, agent.Icon, agent.Active, agent.MCPServers = "Full", later, "https://example.com/i", true, []string{"s"}
		agent.Description, agent.Instruction, agent.Model = new("d"), new("i"), new("m")
		list := core.JSON(`["l"]`)
		agent.Tools, agent.APITools, agent.FrontendActions, agent.Files, agent.Websites, agent.OtherKBIntegrations = list, list, list, list, list, list
		agent.Metadata, agent.ModelMetadata = core.JSON(`{"m":1}`), core.JSON(`{"m":2}`)
		account.Name, account.UpdatedAt, account.Version = new("n"), later, 3
		account.Fields = []core.AccountField{{ID: core.NewIDSource()(at), Name: "f", Value: core.JSON("1.0"), CreatedAt: at}}
	}
	return full, bare
}

// What an update gave a record that had none, and took from one that had it, is as it
// was when the update is undone, to the time of its last change.
func TestAnUndoneUpdateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	full, bare := pair(t)
	for _, c := range []struct{ from, to *move.Tenant }{{full, bare}, {bare, full}} {
		before := textsOf(t, c.to)
		e := newEngine(t, t.TempDir(), c.from, move.TenantTarget{Tenant: c.to})
		e.Policy = move.UpdateOnConflict
		require.NoError(t, e.Apply(t.Context()))
		require.Equal(t, 3, e.Run.Summary().Of(move.Done))
		require.Equal(t, textsOf(t, c.from), textsOf(t, c.to))
		_, err := e.Undo(t.Context(), false)
		require.NoError(t, err)
		require.Equal(t, 3, e.Run.Summary().Of(move.Undone))
		require.Equal(t, before, textsOf(t, c.to))
	}
	require.Equal(t, "update", lastOf(t, bare).Action)
}

// lastOf gives the last change in a tenant's history.
func lastOf(t *testing.T, of *move.Tenant) core.Change {
	t.Helper()
	changes, err := of.Operator.Changes(t.Context(), of.Tenant.ID, core.ChangeQuery{Newest: true, Limit: 1})
	require.NoError(t, err)
	return changes[0]
}

// A server that an agent listed before its update may be gone: the rest is restored.
func TestAnUndoneUpdateListsNoServerThatIsGone(t *testing.T) {
	t.Parallel()
	full, bare := pair(t)
	e := newEngine(t, t.TempDir(), bare, move.TenantTarget{Tenant: full})
	e.Policy = move.UpdateOnConflict
	require.NoError(t, e.Apply(t.Context()))
	remove(t, full, "s")
	_, err := e.Undo(t.Context(), true)
	require.NoError(t, err)
	agents, err := full.Store.AgentsFrom(t.Context(), full.Tenant.ID, core.AgentQuery{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "Full", agents[0].Name)
	require.Empty(t, agents[0].MCPServers)
}

func TestWhatTheSourceHasNoMoreIsTakenAwayByACatchUp(t *testing.T) {
	t.Parallel()
	to := newTenant(t)
	begin := `{"uid":"` + core.NewUUID() + `","name":"Agent",`
	e := newEngine(t, t.TempDir(), anAgent{begin + `"description":"d","instruction":"i","model":"m","tools":["t"],"metaData":{"m":1},` + times + `}`}, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	e.From = anAgent{begin + times + `}`}
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed)
	agents, err := to.Store.AgentsFrom(t.Context(), to.Tenant.ID, core.AgentQuery{Limit: 1})
	require.NoError(t, err)
	a := agents[0]
	require.Nil(t, a.Description)
	require.Nil(t, a.Instruction)
	require.Nil(t, a.Model)
	require.Nil(t, a.Tools)
	require.Nil(t, a.Metadata)
}

// refoldOrg is an org at the vendor that has some records.
type refoldOrg struct{ chatApp }

func (o refoldOrg) List(ctx context.Context, kind finding.Kind) iter.Seq2[move.Ref, error] {
	return func(yield func(move.Ref, error) bool) {
		for r, err := range o.chatApp.List(ctx, kind) {
			if r.Form = string(core.Refold); !yield(r, err) {
				return
			}
		}
	}
}

const isoTimes = `"createdAt":"2020-01-02T03:04:05.678Z","updatedAt":"2020-02-02T03:04:05.678Z"`

// ofRefold is a server at Refold, with what its revision alone has.
func ofRefold(description, revisions string) refoldOrg {
	return refoldOrg{chatApp{{Kind: finding.Server, ID: "686e2393750d509493c6d87c", Text: core.JSON(
		`{"_id":"686e2393750d509493c6d87c","name":"Weather","description":"` + description + `","suggestions":[{"name":"n"}],"associated_apps":[{"slug":"s"}],` +
			revisions + `,"chains":[{"name":"c","_id":"686e2a3f7e7cb9099d06ca40"}],"agent_name":"a","safe_mode":true,` + isoTimes + `}`)}}}
}

func ofCometChat(url string) chatApp {
	return chatApp{{Kind: finding.Server, ID: "weather", Text: core.JSON(
		`{"slug":"weather","name":"Their weather","description":"theirs","url":"` + url + `","icon":"https://x/i",` + times + `}`)}}
}

func weather(t *testing.T, of *move.Tenant) core.MCPServer {
	t.Helper()
	s, err := of.Store.MCPServer(t.Context(), of.Tenant.ID, core.BySlug("weather"))
	require.NoError(t, err)
	return s
}

// replaced gives the members of which a plan says that they replace others.
func replaced(e *move.Engine) (paths []string) {
	for _, f := range e.Run.Findings() {
		if strings.Contains(f.Reason, "replaces") {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func TestAVendorsRecordLeavesWhatOnlyTheOthersHas(t *testing.T) {
	t.Parallel()
	to := newTenant(t)
	onto := func(from move.Source) *move.Engine {
		e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
		e.Policy, e.AcceptLoss = move.UpdateOnConflict, true
		require.NoError(t, e.Plan(t.Context()))
		return e
	}
	of := onto(ofRefold("first", `"resources":["r"]`))
	require.NoError(t, of.Apply(t.Context()))
	refolds := weather(t, to)
	require.NotEmpty(t, refolds.Chains)

	theirs := onto(ofCometChat("https://x"))
	require.Equal(t, []string{"name", "description"}, replaced(theirs), "the url is Refold's no more than the chains are CometChat's")
	require.NoError(t, theirs.Apply(t.Context()))
	both := refolds
	both.Name, both.Description, both.URL, both.Icon = "Their weather", new("theirs"), "https://x", "https://x/i"
	both.UpdatedAt, both.Revision = weather(t, to).UpdatedAt, 2
	require.Equal(t, both, weather(t, to))

	of.From = ofRefold("second", `"resources":["r","r2"]`)
	c, err := of.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed)
	both = weather(t, to)
	require.Equal(t, "second", *both.Description)
	require.Equal(t, `["r","r2"]`, string(both.Resources))
	require.Equal(t, "https://x", both.URL)
	require.Equal(t, "https://x/i", both.Icon)

	v3 := onto(ofRefold("third", `"notebooks":["n"]`))
	require.NoError(t, v3.Apply(t.Context()))
	both = weather(t, to)
	require.Equal(t, `["n"]`, string(both.Notebooks))
	require.Equal(t, `["r","r2"]`, string(both.Resources), "v3 has none")
	v, err := v3.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	_, err = v3.Undo(t.Context(), false)
	require.NoError(t, err)
	again := weather(t, to)
	require.Nil(t, again.Notebooks, "an undo puts back all that was there")
	require.Equal(t, "second", *again.Description)

	of.From = ofRefold("fourth", `"notebooks":["n2"]`)
	_, err = of.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, `["r","r2"]`, string(weather(t, to).Resources))
	of.From = ofRefold("fifth", `"resources":["r3"]`)
	_, err = of.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, `["n2"]`, string(weather(t, to).Notebooks), "legacy has none")
}

// between is a store whose clients change a server each time that it was read, for
// so many times.
type between struct {
	core.Backend

	times *int
}

func (b between) MCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	s, err := b.Backend.MCPServer(ctx, tenant, ref)
	if err == nil && *b.times > 0 {
		*b.times--
		_, err = b.UpdateMCPServer(ctx, tenant, core.ByID(s.ID), core.Modification{UpdatedAt: now, MCPServerUpdate: core.MCPServerUpdate{
			Branding: core.Branding{BasePrompt: new("client's " + strconv.Itoa(*b.times))},
		}})
	}
	return s, err
}

func TestAClientsChangeBesideAnUpdateIsKept(t *testing.T) {
	t.Parallel()
	to := newTenant(t)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "weather", Name: "Weather", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	id := weather(t, to).ID.String()
	times := 3
	to.Store = between{to.Store, &times}
	item := &move.Item{
		Record: finding.Record{Source: string(core.CometChat), Kind: finding.Server},
		Server: &core.MCPServer{Slug: "weather", Name: "Theirs", URL: "https://x", CreatedAt: now, UpdatedAt: now, Revision: 1},
	}
	_, err = move.TenantTarget{Tenant: to}.Update(t.Context(), item, id)
	require.NoError(t, err)
	require.Zero(t, times)
	s := weather(t, to)
	require.Equal(t, "https://x", s.URL)
	require.Equal(t, "client's 0", *s.Branding.BasePrompt)

	times, item.Server.URL = 1000, "https://y"
	_, err = move.TenantTarget{Tenant: to}.Update(t.Context(), item, id)
	require.Equal(t, core.Conflict, core.KindOf(err), "%v", err)
	times = 0
	require.Equal(t, "https://x", weather(t, to).URL)
}

// What an update replaces is what it puts back when it is undone, also where a client
// changed that at the same moment.
func TestAnUndoneUpdatePutsBackWhatItReplaced(t *testing.T) {
	t.Parallel()
	full, bare := pair(t)
	times := 5
	bare.Store = between{bare.Store, &times}
	e := newEngine(t, t.TempDir(), full, move.TenantTarget{Tenant: bare})
	e.Policy = move.UpdateOnConflict
	require.NoError(t, e.Apply(t.Context()))
	require.Zero(t, times)
	require.Equal(t, 3, e.Run.Summary().Of(move.Done))
	_, err := e.Undo(t.Context(), false)
	require.NoError(t, err)
	s, err := bare.Store.MCPServer(t.Context(), bare.Tenant.ID, core.BySlug("s"))
	require.NoError(t, err)
	require.Equal(t, "Bare", s.Name)
	require.Equal(t, "client's 0", *s.Branding.BasePrompt)
}

// What a client changed while a catch-up looked stays, and is said.
func TestACatchUpLeavesWhatAClientChangesBesideIt(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 1)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	rename(t, from, "s0", "Changed")
	times := 1
	store := to.Store
	to.Store = between{store, &times}
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Zero(t, times)
	require.Len(t, c.Left, 1)
	require.Contains(t, c.Left[0].Why, "clients changed it")
	to.Store = store
	s, err := store.MCPServer(t.Context(), to.Tenant.ID, core.BySlug("s0"))
	require.NoError(t, err)
	require.Equal(t, "Server 0", s.Name)
	require.Equal(t, "client's 0", *s.Branding.BasePrompt)

	c, err = e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Contains(t, c.Left[0].Why, "--overwrite")
	_, err = e.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, "Changed", nameOf(t, to, "s0"))
}
