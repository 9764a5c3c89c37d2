package move_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
)

// A run is of one tenant, org or app on each side.
func TestARunIsRefusedAnothersTenant(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	dir := t.TempDir()
	e := newEngine(t, dir, from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	require.NoError(t, e.Run.Close())
	e = newEngine(t, dir, newTenant(t), move.TenantTarget{Tenant: to}) // made anew
	_, err := e.CatchUp(t.Context(), true, true)
	require.ErrorIs(t, err, move.ErrOwner)
	require.ErrorIs(t, e.Apply(t.Context()), move.ErrOwner)
	require.ErrorIs(t, e.Plan(t.Context()), move.ErrOwner)
	_, err = e.Verify(t.Context())
	require.ErrorIs(t, err, move.ErrOwner)
	require.Equal(t, count(t, from), count(t, to))
	e.From, e.To = from, move.TenantTarget{Tenant: newTenant(t)}
	_, err = e.Undo(t.Context(), true)
	require.ErrorIs(t, err, move.ErrOwner)
	require.Equal(t, 5, e.Run.Summary().Of(move.Done))
}

// forgetOwners has a journal be one of before, that doesn't say whose the sides are.
func forgetOwners(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `{"owners":`) {
			kept.WriteString(line)
		}
	}
	require.Less(t, kept.Len(), len(text))
	require.NoError(t, os.WriteFile(path, []byte(kept.String()), 0o600))
}

// A source that has nothing of what was moved, or little of much, may be another's.
func TestMostOfWhatWasMovedIsNotRemovedForOneWord(t *testing.T) {
	t.Parallel()
	for gone, removes := range map[int]bool{5: true, 6: false, 10: false} {
		from, to, dir := newTenant(t), newTenant(t), t.TempDir()
		fill(t, from, 8) // and an account and an agent
		e := newEngine(t, dir, from, move.TenantTarget{Tenant: to})
		require.NoError(t, e.Apply(t.Context()))
		require.NoError(t, e.Run.Close())
		forgetOwners(t, dir)
		for i := range min(gone, 8) {
			remove(t, from, "s"+string(rune('0'+i)))
		}
		source := move.Source(from)
		if gone > 8 {
			source = newTenant(t)
		}
		e = newEngine(t, dir, source, move.TenantTarget{Tenant: to})
		c, err := e.CatchUp(t.Context(), true, true)
		require.NoError(t, err)
		if removes {
			require.Equal(t, gone, c.Removed)
			continue
		}
		require.Zero(t, c.Removed)
		require.Len(t, c.Left, gone)
		require.Contains(t, c.Left[0].Why, "--delete-all")
		require.Equal(t, 8, count(t, to).Servers)
		e.DeleteAll = true
		c, err = e.CatchUp(t.Context(), true, true)
		require.NoError(t, err)
		require.Equal(t, gone, c.Removed)
	}
}

// A target that has none of the run's records may be another's.
func TestAnUndoAtATargetThatHasNoneOfItEntersNothing(t *testing.T) {
	t.Parallel()
	from, to, dir := newTenant(t), newTenant(t), t.TempDir()
	fill(t, from, 3)
	e := newEngine(t, dir, from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	require.NoError(t, e.Run.Close())
	forgetOwners(t, dir)
	e = newEngine(t, dir, nil, move.TenantTarget{Tenant: newTenant(t)})
	_, err := e.Undo(t.Context(), false)
	require.ErrorIs(t, err, move.ErrNoneThere)
	require.Equal(t, 5, e.Run.Summary().Of(move.Done))
	require.NoError(t, e.Run.Close())
	forgetOwners(t, dir)
	e = newEngine(t, dir, nil, move.TenantTarget{Tenant: to})
	remove(t, to, "s1")
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, 5, e.Run.Summary().Of(move.Undone))
	require.Zero(t, count(t, to))
}

// A vendor's records say whose they are.
func TestARunIsRefusedAnothersOrg(t *testing.T) {
	t.Parallel()
	for _, owned := range []func(v *oddRefold){
		func(*oddRefold) {},
		func(v *oddRefold) { // an account says so, too
			v.ids = nil
			v.accounts = `{"_id":"6a3134fdc71d10070e78923e","associated_org":"` + v.org + `","account_id":"user","environment":"test","createdAt":"2025-07-09T06:56:08.507Z","updatedAt":"2025-07-09T06:56:08.507Z"}`
		},
	} {
		v, to := newOddRefold(3), newTenant(t)
		owned(v)
		e := newEngine(t, t.TempDir(), v.client(t), move.TenantTarget{Tenant: to})
		e.AcceptLoss = true
		require.NoError(t, e.Apply(t.Context()))
		before := count(t, to)
		other := newOddRefold(1)
		other.org = "6500a1b2c3d4e5f6a7b8c9d0"
		owned(other)
		e.From = other.client(t)
		_, err := e.CatchUp(t.Context(), true, true)
		require.ErrorIs(t, err, move.ErrOwner)
		require.ErrorContains(t, err, `the source is of org "6500a1b2c3d4e5f6a7b8c9d0", environment "test", and the run is of org "6698b77a733c5ebd8908189e"`)
		require.Equal(t, before, count(t, to))
	}
}
