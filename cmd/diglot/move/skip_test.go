package move_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// What was there already, to the last digit, is the run's from then on, but for an
// undo, which leaves it.
func TestWhatIsThereAlreadyIsFollowed(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	require.NoError(t, newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to}).Apply(t.Context()))
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	rename(t, from, "s1", "Renamed")
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.False(t, v.Good())
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed)
	require.Equal(t, "Renamed", nameOf(t, to, "s1"))
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, "Server 1", nameOf(t, to, "s1"))
	require.Equal(t, 2, count(t, to).Servers)
}

func TestWhatWasSkippedIsNamedAndMovedUnderAnotherPolicy(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	e.Policy = move.SkipOnConflict
	for _, do := range []struct {
		what  func() error
		state move.State
	}{
		{func() error { return e.Plan(t.Context()) }, move.Planned},
		{func() error { return e.Apply(t.Context()) }, move.Skipped},
		{func() error { return e.Apply(t.Context()) }, move.Skipped},
	} {
		require.NoError(t, do.what())
		s := e.Run.Summary()
		require.Empty(t, s.Records)
		require.Len(t, s.Skipped, 1)
		s.Skipped[0].ID = ""
		require.Equal(t, finding.Outcome{Kind: finding.Server, Name: "Server 0", State: string(do.state), Why: "its slug is taken"}, s.Skipped[0])
	}
	require.Equal(t, "Theirs", nameOf(t, to, "s0"))
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Equal(t, 1, v.Counts[finding.Server][move.PassedBy])
	require.Equal(t, 1, v.Counts[finding.Server][move.Equal])

	e.Policy = move.UpdateOnConflict
	require.NoError(t, e.Plan(t.Context()))
	require.Len(t, e.Run.Summary().Updated, 1)
	require.NoError(t, e.Apply(t.Context()))
	s := e.Run.Summary()
	require.Empty(t, s.Skipped)
	require.Len(t, s.Updated, 1)
	require.Equal(t, string(move.Done), s.Updated[0].State)
	require.Contains(t, s.Updated[0].Why, "its slug is that of")
	require.Equal(t, "Server 0", nameOf(t, to, "s0"))
}

// The place that a record was given stays its place, however often its process ends.
func TestARecordKeepsThePlaceThatItWasGiven(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 1)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	dir := t.TempDir()
	e := newEngine(t, dir, from, dying{move.TenantTarget{Tenant: to}, new(1), true})
	e.Policy = move.RenameOnConflict
	require.ErrorIs(t, e.Apply(t.Context()), errDied)
	require.NoError(t, e.Run.Close())
	e = newEngine(t, dir, from, move.TenantTarget{Tenant: to})
	e.Policy = move.RenameOnConflict
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 3, e.Run.Summary().Of(move.Done))
	require.Equal(t, 2, count(t, to).Servers)
	require.Equal(t, "slug was taken: place 2 is its", e.Run.Entries()[0].Why)
	good := func() {
		t.Helper()
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.True(t, v.Good(), "%+v", v.Records)
	}
	good()
	rename(t, from, "s0", "Renamed")
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	require.Equal(t, "Theirs", nameOf(t, to, "s0"))
	require.Equal(t, "Renamed", nameOf(t, to, "s0-2"))
	good()
	_, err = to.Store.UpdateMCPServer(t.Context(), to.Tenant.ID, core.BySlug("s0-2"),
		core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: new("Mine now")}, UpdatedAt: now})
	require.NoError(t, err)
	kept, err := e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	rename(t, from, "s0", "Renamed again")
	_, err = e.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, "Theirs", nameOf(t, to, "s0"))
	require.Equal(t, "Renamed again", nameOf(t, to, "s0-2"), "also when an undo has left it")
}
