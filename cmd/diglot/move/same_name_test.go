package move_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// ofOneName gives a tenant servers of one name, and their ids.
func ofOneName(t *testing.T, to *move.Tenant, n int) (ids []string) {
	t.Helper()
	newID := core.NewIDSource()
	for i := range n {
		s, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{
			ID: newID(now), Slug: "s" + strconv.Itoa(i), Name: "Weather", Description: new("The " + strconv.Itoa(i)), CreatedAt: now, UpdatedAt: now,
		})
		require.NoError(t, err)
		ids = append(ids, s.ID.String())
	}
	return ids
}

// requireApart fails where two records of a run are one at the target, or where that
// has others than so many of its own.
func requireApart(t *testing.T, e *move.Engine, v *vendor, n, own int) {
	t.Helper()
	there := map[string]bool{}
	for _, entry := range e.Run.Entries() {
		require.Equal(t, move.Done, entry.State, entry.Why)
		there[entry.There] = true
	}
	require.Len(t, there, n)
	counts, err := v.Operator.TenantCounts(t.Context(), v.Acme)
	require.NoError(t, err)
	require.Equal(t, n+own, counts.Servers)
	verified, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, verified.Records)
}

func TestRecordsOfOneNameThatWereBegunAreTakenUpApart(t *testing.T) {
	t.Parallel()
	const n = 8
	for made := range n + 1 { // so many of them are there
		from, v := newTenant(t), newRefold(t, core.RefoldV3, asIs)
		e := newEngine(t, t.TempDir(), from, v.to)
		e.AcceptLoss, e.Workers = true, n
		for _, id := range ofOneName(t, from, n) {
			require.NoError(t, e.Run.Put(move.Entry{
				Record: finding.Record{Source: move.Diglot, Kind: finding.Server, ID: id, Name: "Weather"}, State: move.Begun, Action: move.Create, At: now,
			}))
		}
		ofOneName(t, &move.Tenant{Operator: v.Operator, Tenant: v.Acme}, made)
		require.NoError(t, e.Apply(t.Context()))
		requireApart(t, e, v, n, 0)
	}
}

// One that another worker is about to make is in nobody's place.
func TestRecordsOfOneNameAreMadeAtTheSameTime(t *testing.T) {
	t.Parallel()
	const n = 30
	for _, policy := range []move.Policy{move.FailOnConflict, move.UpdateOnConflict, move.RenameOnConflict, move.SkipOnConflict} {
		from, v := newTenant(t), newRefold(t, core.RefoldV3, asIs)
		ofOneName(t, from, n)
		e := newEngine(t, t.TempDir(), from, v.to)
		e.AcceptLoss, e.Workers, e.Policy = true, 8, policy
		require.NoError(t, e.Apply(t.Context()), policy)
		requireApart(t, e, v, n, 0)
	}
}

// A vendor that takes no two of one name gets them under others, beside what it had.
func TestRecordsOfOneNameAreRenamedWhereNamesAreUnique(t *testing.T) {
	t.Parallel()
	const n = 6
	for _, workers := range []int{1, 4} {
		from, v := newTenant(t), newRefold(t, core.RefoldLegacy, asIs)
		ofOneName(t, from, n)
		ofOneName(t, &move.Tenant{Operator: v.Operator, Tenant: v.Acme}, 1)
		e := newEngine(t, t.TempDir(), from, v.to)
		e.AcceptLoss, e.Workers, e.Policy = true, workers, move.RenameOnConflict
		require.NoError(t, e.Apply(t.Context()))
		requireApart(t, e, v, n, 1)
		servers, err := v.Store.MCPServersFrom(t.Context(), v.Acme.ID, 0, core.After, n+2)
		require.NoError(t, err)
		names := map[string]bool{}
		for _, s := range servers {
			names[s.Name] = true
		}
		want := map[string]bool{"Weather": true}
		for i := range n {
			want["Weather ("+strconv.Itoa(i+2)+")"] = true
		}
		require.Equal(t, want, names)
	}
}
