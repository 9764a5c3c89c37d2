package move_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// rename has a server have another name.
func rename(t *testing.T, of *move.Tenant, slug, name string) {
	t.Helper()
	_, err := of.Store.UpdateMCPServer(t.Context(), of.Tenant.ID, core.BySlug(slug),
		core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: &name}, UpdatedAt: now})
	require.NoError(t, err)
}

func remove(t *testing.T, of *move.Tenant, slug string) {
	t.Helper()
	require.NoError(t, of.Store.DeleteMCPServer(t.Context(), of.Tenant.ID, core.BySlug(slug), core.Precondition{}))
}

func nameOf(t *testing.T, of *move.Tenant, slug string) string {
	t.Helper()
	s, err := of.Store.MCPServer(t.Context(), of.Tenant.ID, core.BySlug(slug))
	require.NoError(t, err)
	return s.Name
}

// said gives what is said of each record, by its name.
func said(records []move.Verified) map[string]move.Verified {
	out := map[string]move.Verified{}
	for _, r := range records {
		out[r.Record.Name] = r
	}
	return out
}

func TestWhatWasMadeChangedAndRemovedAtTheSourceIsSaidAndCaughtUpWith(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 8)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))

	rename(t, from, "s1", "Changed at the source")
	rename(t, to, "s2", "Changed at the target")
	rename(t, from, "s3", "Changed at the source, too")
	rename(t, to, "s3", "Changed on both sides")
	remove(t, from, "s0") // it leaves the agent's list
	remove(t, to, "s4")
	remove(t, from, "s5")
	rename(t, to, "s5", "Changed and removed")
	_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, core.MCPServer{Slug: "new", Name: "New", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)

	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.False(t, v.Good())
	require.Len(t, v.Records, 8)
	records := said(v.Records)
	require.Equal(t, move.AtSource, records["Server 1"].Changed)
	require.Equal(t, move.AtTarget, records["Server 2"].Changed)
	require.Equal(t, move.AtBoth, records["Server 3"].Changed)
	require.Equal(t, move.Missing, records["Server 4"].Verdict)
	require.Equal(t, move.NoSource, records["Server 0"].Verdict)
	require.Equal(t, move.NoSource, records["Server 5"].Verdict)
	require.Equal(t, move.AtSource, records["Agent"].Changed, "its list is shorter")
	require.Equal(t, 1, v.Counts[finding.Server][move.NotMoved])

	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Equal(t, 2, c.Changed)
	require.Zero(t, c.Removed)
	records = said(c.Left)
	require.Len(t, records, 3, "nothing was changed of Servers 2 and 4 at the source")
	require.Contains(t, records["Server 3"].Why, "--overwrite")
	require.Contains(t, records["Server 0"].Why, "--delete")
	require.Contains(t, records["Server 5"].Why, "--delete")
	require.Equal(t, "Changed at the source", nameOf(t, to, "s1"))
	require.Equal(t, "Changed at the target", nameOf(t, to, "s2"))
	require.Equal(t, "Changed on both sides", nameOf(t, to, "s3"))
	require.Equal(t, "New", nameOf(t, to, "new"))

	c, err = e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed)
	require.Zero(t, c.Changed)
	require.Contains(t, said(c.Left)["Server 5"].Why, "changed at the target")
	require.Equal(t, "Changed and removed", nameOf(t, to, "s5"))

	rename(t, from, "s4", "Changed, and removed at the target")
	c, err = e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	require.Equal(t, 1, c.Removed)
	require.Equal(t, "Changed at the source, too", nameOf(t, to, "s3"))
	require.Equal(t, "Changed, and removed at the target", nameOf(t, to, "s4"))

	v, err = e.Verify(t.Context())
	require.NoError(t, err)
	require.Len(t, v.Records, 1)
	require.Equal(t, move.AtTarget, v.Records[0].Changed, "what is the target's own stays")
	require.Equal(t, count(t, from), count(t, to))
	require.Equal(t, 2, e.Run.Summary().Of(move.Removed))
	_, err = e.Undo(t.Context(), true)
	require.NoError(t, err)
	require.Zero(t, count(t, to).Servers)
}

// A list that passed a record over removes nothing.
func TestWhatTheListPassedOverAndTheSourceHasIsNotRemoved(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	dir := t.TempDir()
	e := newEngine(t, dir, from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	e.From = forgetful{from}
	c, err := e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	require.Zero(t, c.Removed)
	require.Equal(t, 3, count(t, to).Servers)
}

// forgetful is a source whose list is empty.
type forgetful struct{ *move.Tenant }

func (forgetful) List(context.Context, finding.Kind) iter.Seq2[move.Ref, error] {
	return func(func(move.Ref, error) bool) {}
}

// What a process had begun when it ended is no longer at the source then.
func TestWhatWasBegunAndIsRemovedAtTheSourceLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		from, to, dir := newTenant(t), newTenant(t), t.TempDir()
		fill(t, from, 3)
		e := newEngine(t, dir, from, dying{move.TenantTarget{Tenant: to}, new(2), after})
		e.Workers = 1
		require.ErrorIs(t, e.Apply(t.Context()), errDied)
		require.NoError(t, e.Run.Close())
		remove(t, from, "s1")
		e = newEngine(t, dir, from, move.TenantTarget{Tenant: to})
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, move.NoSource, said(v.Records)["Server 1"].Verdict)
		c, err := e.CatchUp(t.Context(), false, false)
		require.NoError(t, err)
		require.Equal(t, after, len(c.Left) == 1)
		c, err = e.CatchUp(t.Context(), true, false)
		require.NoError(t, err)
		require.Empty(t, c.Left)
		require.Equal(t, count(t, from), count(t, to))
		_, err = e.Undo(t.Context(), false)
		require.NoError(t, err, "nothing of it is in doubt")
	}
}

// A change that would lose something, or that the target refuses, is said and stays
// to be brought.
func TestAChangeThatCannotComeIsLeftUntilItCan(t *testing.T) {
	t.Parallel()
	to := newTenant(t)
	uid := core.NewUUID()
	text := `{"uid":"` + uid + `","name":"Agent","createdAt":1700000000000,"updatedAt":170000000000`
	e := newEngine(t, t.TempDir(), anAgent{text + `0}`}, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))

	e.From = anAgent{text + `1,"instruction":"Be kind.","unheardOf":1}`}
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Len(t, c.Left, 1)
	require.Contains(t, c.Left[0].Why, "--accept-loss")
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.False(t, v.Good())

	e.AcceptLoss = true
	to.Store = refusing{to.Store}
	c, err = e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Len(t, c.Left, 1)
	require.Contains(t, c.Left[0].Why, "refused")

	to.Store = to.Store.(refusing).Backend
	c, err = e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	require.Equal(t, 1, c.Changed)
	a, err := to.Store.Agent(t.Context(), to.Tenant.ID, core.AgentUID(uid))
	require.NoError(t, err)
	require.Equal(t, "Be kind.", *a.Instruction)
	v, err = e.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, v.Counts[finding.Agent][move.AsMoved])
}

// An agent that was moved before a server that it lists gets it with the server.
func TestAnAgentGetsTheServersThatComeBehindIt(t *testing.T) {
	t.Parallel()
	uid := core.NewUUID()
	to := newTenant(t)
	server := move.Ref{Kind: finding.Server, ID: "late", Text: core.JSON(`{"slug":"late","name":"Late","url":"https://x",` + times + `}`)}
	agent := move.Ref{Kind: finding.Agent, ID: uid, Text: core.JSON(`{"uid":"` + uid + `","name":"A","mcpServers":["late"],` + times + `}`)}
	dir := t.TempDir()
	e := newEngine(t, dir, chatApp{agent}, move.TenantTarget{Tenant: to})
	e.AcceptLoss = true
	require.NoError(t, e.Apply(t.Context()))
	listed := func() []string {
		t.Helper()
		a, err := to.Store.Agent(t.Context(), to.Tenant.ID, core.AgentUID(uid))
		require.NoError(t, err)
		return a.MCPServers
	}
	require.Empty(t, listed())
	e.From = chatApp{server, agent}
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	require.Equal(t, []string{"late"}, listed())
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Empty(t, v.Records)
	c, err = e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Zero(t, c.Changed)
}

// refusing is a store that takes no change of an agent.
type refusing struct{ core.Backend }

func (refusing) ReplaceAgent(context.Context, core.TenantID, core.Agent, core.Precondition) (core.Agent, error) {
	return core.Agent{}, &core.Error{Kind: core.Invalid, Noun: "agent", Message: "refused"}
}
