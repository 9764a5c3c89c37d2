package move_test

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// chatApp is an app at the vendor that has some records.
type chatApp []move.Ref

func (a chatApp) List(_ context.Context, kind finding.Kind) iter.Seq2[move.Ref, error] {
	return func(yield func(move.Ref, error) bool) {
		for _, r := range a {
			if r.Form = string(core.CometChat); r.Kind == kind && !yield(r, nil) {
				return
			}
		}
	}
}

func (a chatApp) Read(context.Context, move.Ref) (core.JSON, error) { return nil, move.ErrGone }

const times = `"createdAt":1700000000000,"updatedAt":1700000000000`

// An agent is held with the server that it lists, and refused or moved as that is: a
// plan says so as an apply does.
func TestAPlanHoldsWhatAnApplyHolds(t *testing.T) {
	t.Parallel()
	held := core.NewUUID()
	from := chatApp{
		{Kind: finding.Server, ID: "held", Text: core.JSON(`{"slug":"held","name":"Held","url":7,` + times + `}`)},
		{Kind: finding.Server, ID: "fine", Text: core.JSON(`{"slug":"fine","name":"Fine","url":"https://x",` + times + `}`)},
		{Kind: finding.Agent, ID: held, Text: core.JSON(`{"uid":"` + held + `","name":"Its agent","mcpServers":["fine","held"],` + times + `}`)},
		{Kind: finding.Agent, ID: "u", Text: core.JSON(`{"uid":"` + core.NewUUID() + `","name":"Another","mcpServers":["fine"],` + times + `}`)},
	}
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: newTenant(t)})
	require.NoError(t, e.Plan(t.Context()))
	planned := e.Run.Summary()
	require.Equal(t, 2, planned.Held)
	require.Equal(t, []finding.Outcome{
		{Kind: finding.Server, ID: "held", Name: "Held", State: "planned", Why: "it would lose url"},
		{Kind: finding.Agent, ID: held, Name: "Its agent", State: "planned", Why: "it would lose mcpServers[1]"},
	}, planned.Records)
	require.False(t, planned.Begun())
	require.NoError(t, e.Apply(t.Context()))
	applied := e.Run.Summary()
	for i := range applied.Records {
		require.Equal(t, "held", applied.Records[i].State)
		applied.Records[i].State = "planned"
	}
	require.Equal(t, planned.Records, applied.Records)
	require.Equal(t, 2, applied.Of(move.Done))
	require.True(t, applied.Begun())
}

func TestAPlanNamesWhatWouldFail(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	theirs, err := to.Store.MCPServer(t.Context(), to.Tenant.ID, core.BySlug("s0"))
	require.NoError(t, err)
	mine, err := from.Store.MCPServer(t.Context(), from.Tenant.ID, core.BySlug("s0"))
	require.NoError(t, err)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Plan(t.Context()))
	want := finding.Outcome{
		Kind: finding.Server, ID: mine.ID.String(), Name: "Server 0", State: "planned", Why: `its slug is taken by "` + theirs.ID.String() + `"`,
	}
	require.Equal(t, []finding.Outcome{want}, e.Run.Summary().Records)
	require.ErrorIs(t, e.Apply(t.Context()), move.ErrConflict)
	want.State = "failed"
	require.Equal(t, []finding.Outcome{want}, e.Run.Summary().Records)
}

// A tenant that may not have them all takes what it may: a plan says which it won't.
func TestAPlanNamesWhatIsOverAQuota(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 5)
	to.Tenant.Limits.Servers = new(3)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Plan(t.Context()))
	s := e.Run.Summary()
	for _, r := range s.Records[:2] {
		require.Equal(t, finding.Server, r.Kind)
		require.Contains(t, r.Why, "as many as it may")
	}
	err := e.Apply(t.Context())
	require.Equal(t, core.OverQuota, core.KindOf(err), "%v", err)
	require.Equal(t, 3, count(t, to).Servers)
}

// What nobody could read is not moved without a word.
func TestATenantWithoutTheAddressOfARecordsClientsIsSaid(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 1)
	uid := core.NewUUID()
	app := chatApp{
		{Kind: finding.Server, ID: "s", Text: core.JSON(`{"slug":"s","name":"S","url":"https://x",` + times + `}`)},
		{Kind: finding.Agent, ID: uid, Text: core.JSON(`{"uid":"` + uid + `","name":"A","mcpServers":[],` + times + `}`)},
	}
	for name, c := range map[string]struct {
		from    move.Source
		without func(*core.Tenant)
		manual  []string
	}{
		"agents of Diglot's":   {from, func(t *core.Tenant) { t.CometChat = nil }, []string{"agent appId"}},
		"accounts of Diglot's": {from, func(t *core.Tenant) { t.Refold = nil }, []string{"linked_account associated_org"}},
		"records of a vendor":  {app, func(t *core.Tenant) { t.CometChat = nil }, []string{"mcp_server appId", "agent appId"}},
		"the other vendor's":   {app, func(t *core.Tenant) { t.Refold = nil }, nil},
	} {
		to := newTenant(t)
		c.without(&to.Tenant)
		e := newEngine(t, t.TempDir(), c.from, move.TenantTarget{Tenant: to})
		require.NoError(t, e.Plan(t.Context()))
		require.Equal(t, len(c.manual), e.Run.Summary().Held, name)
		e.AcceptLoss = true
		require.NoError(t, e.Apply(t.Context()))
		var manual []string
		for _, f := range e.Run.Findings() {
			if f.Class == finding.Manual {
				manual = append(manual, string(f.Record.Kind)+" "+f.Path)
				require.Contains(t, f.Reason, "nobody can read it")
			}
		}
		require.Equal(t, c.manual, manual, name)
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.True(t, v.Good(), name)
	}
}

func TestAFileIsOneRunsAlone(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 2)
	path := filepath.Join(t.TempDir(), "acme.jsonl")
	target := func() *move.FileTarget { return &move.FileTarget{Path: path, From: "tenant:acme", Now: clock} }
	first := newEngine(t, t.TempDir(), from, target())
	require.NoError(t, first.Apply(t.Context()))
	require.NoError(t, first.Apply(t.Context()), "its own run may look again")

	again := newEngine(t, t.TempDir(), from, target())
	for _, do := range []func(context.Context) error{again.Plan, again.Apply} {
		var there *move.FileThereError
		require.ErrorAs(t, do(t.Context()), &there)
	}
	require.NoFileExists(t, path+".partial")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	again.Policy = move.UpdateOnConflict
	rename(t, from, "s1", "Renamed")
	require.NoError(t, again.Plan(t.Context()))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after, "a plan writes nothing")
	require.NoError(t, again.Apply(t.Context()))
	require.NoError(t, (&move.File{Path: path}).Check())
	after, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(after), "Renamed")
	require.NotContains(t, string(after), "Server 1")
}

// A file that was lost, or the end of it, is written again and not called whole.
func TestWhatAFileHasLostIsMovedAgain(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		from, dir, run := newTenant(t), t.TempDir(), t.TempDir()
		fill(t, from, 3)
		path := filepath.Join(dir, "acme.jsonl")
		target := &move.FileTarget{Path: path, From: "x", Now: clock}
		e := newEngine(t, run, from, target)
		require.NoError(t, e.Apply(t.Context()))
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		if !whole { // its part as a process left it that was killed
			lines := bytes.SplitAfter(want, []byte("\n"))
			require.NoError(t, os.WriteFile(path+".partial", bytes.Join(lines[:3], nil), 0o600))
		}
		require.NoError(t, e.Apply(t.Context()))
		require.NoError(t, (&move.File{Path: path}).Check())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, bytes.Count(want, []byte("\n")), bytes.Count(got, []byte("\n")))
		require.Equal(t, 5, e.Run.Summary().Of(move.Done))
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.True(t, v.Good())
	}
}

func TestAnEmptyPartIsNoneAndALinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 1)
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "torn": `{"diglot_mo`} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path+".partial", []byte(text), 0o600))
		require.NoError(t, newEngine(t, t.TempDir(), from, &move.FileTarget{Path: path, From: "x", Now: clock}).Apply(t.Context()), name)
		require.NoError(t, (&move.File{Path: path}).Check(), name)
	}
	path, victim := filepath.Join(dir, "link"), filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious\n"), 0o600))
	for _, to := range []string{victim, filepath.Join(dir, "none")} {
		require.NoError(t, os.Symlink(to, path+".partial"))
		e := newEngine(t, t.TempDir(), from, &move.FileTarget{Path: path, From: "x", Now: clock})
		require.ErrorContains(t, e.Apply(t.Context()), "is a symbolic link")
		require.NoError(t, os.Remove(path+".partial"))
	}
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "precious\n", string(text))
	require.NoFileExists(t, filepath.Join(dir, "none"))
}

// A record that can't be imported can't take another's place either.
func TestWhatCannotBeImportedUpdatesNothing(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 1)
	path := filepath.Join(t.TempDir(), "acme.jsonl")
	require.NoError(t, newEngine(t, t.TempDir(), from, &move.FileTarget{Path: path, From: "x", Now: clock}).Apply(t.Context()))
	require.NoError(t, newEngine(t, t.TempDir(), &move.File{Path: path}, move.TenantTarget{Tenant: to}).Apply(t.Context()))
	var refs chatApp
	for _, kind := range move.Kinds {
		for r, err := range (&move.File{Path: path}).List(t.Context(), kind) {
			require.NoError(t, err)
			r.Text = core.JSON(regexp.MustCompile(`"(revision|version)":\d+`).ReplaceAllString(string(r.Text), `"$1":9223372036854775807`))
			refs = append(refs, r)
		}
	}
	e := newEngine(t, t.TempDir(), diglots{refs}, move.TenantTarget{Tenant: to})
	e.Policy = move.UpdateOnConflict
	require.NoError(t, e.Plan(t.Context()))
	planned := e.Run.Summary()
	require.Equal(t, 3, planned.Refused)
	require.NoError(t, e.Apply(t.Context()))
	s := e.Run.Summary()
	require.Equal(t, 3, s.Of(move.Failed))
	for i, r := range s.Records {
		require.Regexp(t, "(revision|version) is not from", r.Why)
		require.Equal(t, r.Why, planned.Records[i].Why, "a plan says so before")
	}
}

// What an update would come to is tried as what a creation would, and taken back.
func TestAPlanTriesUpdates(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	onto := func(policy move.Policy) *move.Engine {
		e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
		e.Policy = policy
		return e
	}
	require.NoError(t, onto(move.FailOnConflict).Apply(t.Context()))
	rename(t, from, "s1", "Renamed")
	slug := core.BySlug("s1")
	before, err := to.Store.MCPServer(t.Context(), to.Tenant.ID, slug)
	require.NoError(t, err)

	e := onto(move.UpdateOnConflict)
	require.NoError(t, e.Plan(t.Context()))
	entries := e.Run.Entries()
	var updated []string
	for _, entry := range entries {
		if entry.Action == move.Update {
			updated = append(updated, entry.Slug)
			continue
		}
		require.Equal(t, move.Skip, entry.Action)
	}
	require.Equal(t, []string{"s1"}, updated)
	require.Zero(t, e.Run.Summary().Refused)
	after, err := to.Store.MCPServer(t.Context(), to.Tenant.ID, slug)
	require.NoError(t, err)
	require.Equal(t, before, after, "a plan writes nothing")

	require.NoError(t, e.Apply(t.Context()))
	require.Len(t, e.Run.Summary().Updated, 1, "as planned")
	after, err = to.Store.MCPServer(t.Context(), to.Tenant.ID, slug)
	require.NoError(t, err)
	require.Equal(t, "Renamed", after.Name)
}

// diglots are records of Diglot's.
type diglots struct{ chatApp }

func (d diglots) List(ctx context.Context, kind finding.Kind) iter.Seq2[move.Ref, error] {
	return func(yield func(move.Ref, error) bool) {
		for r, err := range d.chatApp.List(ctx, kind) {
			if r.Form = move.Diglot; !yield(r, err) {
				return
			}
		}
	}
}
