package move_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

var now = time.Date(2030, time.January, 2, 3, 4, 5, 678_000_000, time.UTC)

func clock() time.Time { return now }

// newTenant makes a tenant of an installation of its own.
func newTenant(t *testing.T) *move.Tenant {
	t.Helper()
	s := memstore.New()
	secret, err := core.NewSecret([]byte("the secret of the moves"))
	require.NoError(t, err)
	o := core.NewOperator(s, secret, clock)
	made, err := o.CreateTenant(t.Context(), core.Tenant{
		Name: "acme", Refold: &core.RefoldAddress{OrgID: "6698b77a733c5ebd8908189e", Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: "my-app-id", Region: "us"},
	})
	require.NoError(t, err)
	return &move.Tenant{Operator: o, Store: s, Tenant: made}
}

// fill gives a tenant servers, and an account and an agent.
func fill(t *testing.T, to *move.Tenant, servers int) {
	t.Helper()
	at := now.Add(-1000 * time.Hour)
	for i := range servers {
		_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{
			Slug: "s" + strconv.Itoa(i), Name: "Server " + strconv.Itoa(i), CreatedAt: at, UpdatedAt: at.Add(time.Minute), Revision: 4,
			URL: "https://example.com/", Suggestions: core.JSON(`[{"n":9007199254740993,"a":1.50}]`),
			Chains: []core.Chain{{ID: core.NewIDSource()(at), Fields: core.JSON(`{"z":1,"a":2}`)}}, Branding: core.Branding{SafeMode: new(false)},
		})
		require.NoError(t, err)
	}
	_, err := to.Operator.ImportAccount(t.Context(), to.Tenant, core.Account{
		ID: "user", Name: new("Ñ"), CreatedAt: at, UpdatedAt: at, Version: 7,
		Fields: []core.AccountField{{ID: core.NewIDSource()(at), Name: "n", Value: core.JSON("1.0"), CreatedAt: at}},
	})
	require.NoError(t, err)
	_, err = to.Operator.ImportAgent(t.Context(), to.Tenant, core.Agent{
		UID: core.AgentUID(core.NewUUID()), Name: "Agent", MCPServers: []string{"s0"}, Metadata: core.JSON(`{"b":1,"a":2}`), CreatedAt: at, UpdatedAt: at,
	})
	require.NoError(t, err)
}

func newEngine(t *testing.T, dir string, from move.Source, to move.Target) *move.Engine {
	t.Helper()
	run, err := move.OpenRun(dir, "a", "b", now)
	require.NoError(t, err)
	t.Cleanup(func() { _ = run.Close() })
	return &move.Engine{From: from, To: to, Run: run, Now: clock, Workers: 3}
}

func count(t *testing.T, of *move.Tenant) core.TenantCounts {
	t.Helper()
	n, err := of.Operator.TenantCounts(t.Context(), of.Tenant)
	require.NoError(t, err)
	return n
}

func TestATenantGoesByWayOfAFileAndIsTheSame(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 5)
	path := filepath.Join(t.TempDir(), "acme.jsonl")
	file := &move.FileTarget{Path: path, From: "tenant:acme", Now: clock}
	require.NoError(t, newEngine(t, t.TempDir(), from, file).Apply(t.Context()))
	source := &move.File{Path: path}
	require.NoError(t, source.Check())
	e := newEngine(t, t.TempDir(), source, move.TenantTarget{Tenant: to})
	told := 0
	e.Progress = func(move.Entry) { told++ }
	require.NoError(t, e.Plan(t.Context()))
	require.Equal(t, 7, told, "each record once")
	require.Zero(t, count(t, to).Servers)
	require.Equal(t, 7, e.Run.Summary().Of(move.Planned))
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 7, e.Run.Summary().Of(move.Done))
	require.Empty(t, e.Run.Findings())
	direct := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, direct.Apply(t.Context()))
	require.Equal(t, 7, direct.Run.Summary().Of(move.Done))
	require.Empty(t, direct.Run.Summary().Updated, "it is there already, to the last digit")
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5, v.Counts[finding.Server][move.Equal])
	require.True(t, v.Good())
}

func TestAFileThatIsNotWholeOrNotOursIsRefused(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 3)
	dir := t.TempDir()
	path := filepath.Join(dir, "good.jsonl")
	require.NoError(t, newEngine(t, t.TempDir(), from, &move.FileTarget{Path: path, From: "x", Now: clock}).Apply(t.Context()))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	for name, c := range map[string]struct{ text, says string }{
		"empty":          {"", "no file of diglot move"},
		"foreign":        {"{\"name\":\"x\"}\n", "line 1"},
		"not JSON":       {"hello\n", "line 1"},
		"another time's": {strings.Replace(string(text), `"diglot_move":1`, `"diglot_move":2`, 1), "version 2"},
		"cut off":        {string(text[:len(text)-20]), "its last line is missing"},
		"without a line": {strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""), "it counts other records"},
		"changed":        {strings.Replace(string(text), "Server 1", "Server X", 1), "has been changed"},
		"id changed":     {strings.Replace(string(text), `"id":"`, `"id":"x`, 1), "a line before it has been changed"},
		"of a kind":      {strings.Replace(string(text), `"kind":"mcp_server"`, `"kind":"mcp_tool\u001b"`, 1), `line 2: there is no kind of record "mcp_tool\x1b"`},
		"of a form":      {strings.Replace(string(text), `"form":"diglot"`, `"form":"diglos"`, 1), `line 2: there is no form of records "diglos"`},
		"of no such":     {strings.Replace(string(text), `"kind":"agent","form":"diglot"`, `"kind":"agent","form":"refold"`, 1), "line 6: refold has no agent"},
		"without an id":  {regexp.MustCompile(`"id":"[0-9a-f]*"`).ReplaceAllString(string(text), `"id":""`), "line 2: the record has no id"},
		"twice":          {strings.Join(slices.Insert(slices.Clone(lines), 3, lines[1]), ""), "is on line 2 already"},
		"longer":         {string(text) + lines[1], "behind the last line"},
	} {
		at := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		require.NoError(t, os.WriteFile(at, []byte(c.text), 0o600))
		err := (&move.File{Path: at}).Check()
		require.ErrorIs(t, err, move.ErrFile, name)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestAJournalIsOneProcesssAndItsTornLineIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := move.OpenRun(dir, "", "", now)
	require.ErrorIs(t, err, move.ErrRun)
	run, err := move.OpenRun(dir, "a", "b", now)
	require.NoError(t, err)
	e := move.Entry{Record: finding.Record{Kind: finding.Server, ID: "1"}, State: move.Begun, At: now}
	require.NoError(t, run.Put(e))
	_, err = move.OpenRun(dir, "a", "b", now)
	require.ErrorContains(t, err, "another diglot move has it: wait, or stop it")
	seen, err := move.ReadRun(dir, "", "b")
	require.NoError(t, err, "to look at it is no matter of who has it")
	require.Len(t, seen.Entries(), 1)
	require.NoError(t, run.Close())
	_, err = move.OpenRun(dir, "a", "c", now)
	require.ErrorContains(t, err, "from a to b: name another --run")
	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, `{"record":{"kind":"mcp_s`...), 0o600))
	seen, err = move.ReadRun(dir, "", "")
	require.NoError(t, err)
	require.Len(t, seen.Entries(), 1)
	run, err = move.OpenRun(dir, "", "", now)
	require.NoError(t, err)
	require.Len(t, run.Entries(), 1)
	require.Zero(t, run.Settings(), "there were none to keep")
	e.State = move.Done
	require.NoError(t, run.Put(e))
	set := move.Settings{FromAccount: "a", URLTemplate: "{slug}", Policy: move.SkipOnConflict, AcceptLoss: true}
	require.NoError(t, run.Set(set))
	require.NoError(t, run.Set(set), "once is enough")
	require.NoError(t, run.Close())
	run, err = move.OpenRun(dir, "", "", now)
	require.NoError(t, err)
	require.Equal(t, move.Done, run.Entries()[0].State)
	require.Equal(t, set, run.Settings())
	require.NoError(t, run.Close())
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(kept), "\n"))
	require.NoError(t, os.WriteFile(path, append(text, "{]\n"...), 0o600))
	_, err = move.OpenRun(dir, "", "", now)
	require.ErrorContains(t, err, "line 3")
	require.NoError(t, os.WriteFile(path, append(text, `{"record":{"kind":"agent","id":"u"},"state":"doen"}`+"\n"...), 0o600))
	_, err = move.OpenRun(dir, "", "", now)
	require.ErrorContains(t, err, `there is no state "doen"`)
}

func TestWhatTakesAPlaceIsLeftUpdatedPassedByOrStopsTheMove(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 2)
	taken := func(t *testing.T) *move.Tenant {
		to := newTenant(t)
		_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
		require.NoError(t, err)
		return to
	}
	name := func(t *testing.T, of *move.Tenant, slug string) string {
		s, err := of.Store.MCPServer(t.Context(), of.Tenant.ID, core.BySlug(slug))
		require.NoError(t, err)
		return s.Name
	}
	with := func(t *testing.T, p move.Policy) (*move.Tenant, *move.Engine) {
		to := taken(t)
		e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
		e.Policy = p
		require.NoError(t, e.Plan(t.Context()))
		return to, e
	}
	to, e := with(t, move.FailOnConflict)
	require.Equal(t, 1, e.Run.Summary().Refused)
	require.ErrorIs(t, e.Apply(t.Context()), move.ErrConflict)
	require.Equal(t, "Theirs", name(t, to, "s0"))

	to, e = with(t, move.SkipOnConflict)
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, "Theirs", name(t, to, "s0"))
	require.Equal(t, 2, count(t, to).Servers)

	to, e = with(t, move.RenameOnConflict)
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, "Theirs", name(t, to, "s0"))
	require.Equal(t, "Server 0", name(t, to, "s0-2"))
	agents, err := to.Store.AgentsFrom(t.Context(), to.Tenant.ID, core.AgentQuery{Limit: 9})
	require.NoError(t, err)
	require.Equal(t, []string{"s0-2"}, agents[0].MCPServers, "an agent lists its server by the new name")

	to, e = with(t, move.UpdateOnConflict)
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, "Server 0", name(t, to, "s0"))
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, "Theirs", name(t, to, "s0"), "what was before is again")
	require.Equal(t, 1, count(t, to).Servers)
	require.Zero(t, count(t, to).Agents)
}

func TestWhatWasChangedSinceIsNotUndone(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	_, err := to.Store.UpdateMCPServer(t.Context(), to.Tenant.ID, core.BySlug("s1"),
		core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: new("Mine now")}, UpdatedAt: now})
	require.NoError(t, err)
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, v.Counts[finding.Server][move.Differs])
	require.False(t, v.Good())
	kept, err := e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	require.Equal(t, 1, count(t, to).Servers)
	_, err = e.Undo(t.Context(), true)
	require.NoError(t, err)
	require.Zero(t, count(t, to).Servers)
}

// dying is a target whose process ends in the middle of the n-th creation, before
// or after it is done.
type dying struct {
	move.TenantTarget

	n     *int
	after bool
}

var errDied = errors.New("died")

func (d dying) Create(ctx context.Context, item *move.Item) (move.Made, error) {
	*d.n--
	if *d.n != 0 {
		return d.TenantTarget.Create(ctx, item)
	}
	if d.after {
		if _, err := d.TenantTarget.Create(ctx, item); err != nil {
			return move.Made{}, err
		}
	}
	return move.Made{}, errDied
}

// anAgent is an app at the vendor that has one agent.
type anAgent struct{ text string }

func (a anAgent) List(_ context.Context, kind finding.Kind) iter.Seq2[move.Ref, error] {
	return func(yield func(move.Ref, error) bool) {
		if kind == finding.Agent {
			yield(move.Ref{Form: string(core.CometChat), Kind: kind, ID: "agent"}, nil)
		}
	}
}

func (a anAgent) Read(context.Context, move.Ref) (core.JSON, error) { return core.JSON(a.text), nil }

// away is a store that does not answer a number of reads.
type away struct {
	core.Backend

	reads *atomic.Int64
}

func (a away) MCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	if a.reads.Add(-1) >= 0 {
		return core.MCPServer{}, &core.Error{Kind: core.Unavailable, Noun: "database", Message: "away"}
	}
	return a.Backend.MCPServer(ctx, tenant, ref)
}

// An agent's server is left off its list where there is none of that slug, and
// not because it can't be told.
func TestAnAgentKeepsItsServersThoughTheDatabaseIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	to := newTenant(t)
	at := now.Add(-time.Hour)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "there", Name: "There", CreatedAt: at, UpdatedAt: at})
	require.NoError(t, err)
	var reads atomic.Int64
	reads.Store(1)
	to.Store = away{to.Store, &reads}
	uid := core.NewUUID()
	from := anAgent{`{"uid":"` + uid + `","name":"Agent","mcpServers":["there","gone"],"createdAt":1700000000000,"updatedAt":1700000000000}`}
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	e.AcceptLoss = true
	require.NoError(t, e.Apply(t.Context()))
	require.Negative(t, reads.Load(), "it was asked")
	a, err := to.Store.Agent(t.Context(), to.Tenant.ID, core.AgentUID(uid))
	require.NoError(t, err)
	require.Equal(t, []string{"there"}, a.MCPServers)
}

func TestAMoveThatDiesAnywhereGoesOnOnce(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 4)
	for n := 1; n <= 6; n++ {
		for _, after := range []bool{false, true} {
			to, dir := newTenant(t), t.TempDir()
			e := newEngine(t, dir, from, dying{move.TenantTarget{Tenant: to}, new(n), after})
			e.Workers = 1
			require.ErrorIs(t, e.Apply(t.Context()), errDied)
			require.NoError(t, e.Run.Close())
			e = newEngine(t, dir, from, move.TenantTarget{Tenant: to})
			require.NoError(t, e.Apply(t.Context()))
			require.Equal(t, 6, e.Run.Summary().Of(move.Done))
			require.Equal(t, 4, count(t, to).Servers)
			v, err := e.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, 4, v.Counts[finding.Server][move.Equal])
		}
	}
}

// A file that has its last line and not its name yet gets no second one.
func TestAFileThatGotNoNameIsEndedOnce(t *testing.T) {
	t.Parallel()
	from, dir := newTenant(t), t.TempDir()
	fill(t, from, 2)
	path := filepath.Join(dir, "acme.jsonl")
	e := newEngine(t, dir, from, &move.FileTarget{Path: path, From: "x", Now: clock})
	require.NoError(t, e.Apply(t.Context()))
	require.NoError(t, e.Run.Close())
	require.NoError(t, os.Rename(path, path+".partial"))
	e = newEngine(t, dir, from, &move.FileTarget{Path: path, From: "x", Now: clock})
	require.NoError(t, e.Apply(t.Context()))
	require.NoError(t, (&move.File{Path: path}).Check())
}

func TestAMoveFromFileToFileStopsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	from, dir := newTenant(t), t.TempDir()
	fill(t, from, 100)
	source := filepath.Join(dir, "source.jsonl")
	require.NoError(t, newEngine(t, t.TempDir(), from, &move.FileTarget{Path: source, From: "x", Now: clock}).Apply(t.Context()))
	e := newEngine(t, dir, &move.File{Path: source}, &move.FileTarget{Path: filepath.Join(dir, "acme.jsonl"), From: "x", Now: clock})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	e.Progress = func(move.Entry) {
		if e.Run.Summary().Of(move.Done) > 3 {
			stop()
		}
	}
	require.ErrorIs(t, e.Apply(ctx), context.Canceled)
	require.Less(t, e.Run.Summary().Of(move.Done), 4+2*e.Workers)
	e.Progress = nil
	require.ErrorIs(t, e.Plan(ctx), context.Canceled)
	require.Zero(t, e.Run.Summary().Of(move.Planned))
	_, err := e.Verify(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 102, e.Run.Summary().Of(move.Done))
}
