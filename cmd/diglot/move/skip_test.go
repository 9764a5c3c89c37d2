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
