package move_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// asVendor gives a vendor's own data.
func (v *vendor) asVendor() *move.Tenant {
	return &move.Tenant{Operator: v.Operator, Store: v.Store, Tenant: v.Acme}
}

// says gives what a vendor's servers are called and say.
func says(t *testing.T, of *move.Tenant) (out []string) {
	t.Helper()
	servers, err := of.Store.MCPServersFrom(t.Context(), of.Tenant.ID, 0, core.After, 100)
	require.NoError(t, err)
	for _, s := range servers {
		out = append(out, s.Name+": "+*s.Description)
	}
	return out
}

// What was begun is found by the name that it had then: what has the source's new
// name by now is a client's.
func TestARecordThatWasRenamedSinceItWasBegunTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	from, v := newTenant(t), newRefold(t, core.RefoldLegacy, asIs)
	newID := core.NewIDSource()
	import1 := func(to *move.Tenant, slug, name, text string) {
		t.Helper()
		_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{
			ID: newID(now), Slug: slug, Name: name, Description: &text, CreatedAt: now, UpdatedAt: now,
		})
		require.NoError(t, err)
	}
	import1(from, "pay", "Pay", "the source's")
	import1(v.asVendor(), "billing", "Billing", "a client's")
	s, err := from.Store.MCPServer(t.Context(), from.Tenant.ID, core.BySlug("pay"))
	require.NoError(t, err)
	e := newEngine(t, t.TempDir(), from, v.to)
	e.AcceptLoss = true
	require.NoError(t, e.Run.Put(move.Entry{ // and its answer was lost
		Record: finding.Record{Source: move.Diglot, Kind: finding.Server, ID: s.ID.String(), Name: "Pay"}, Slug: "pay",
		State: move.Begun, Action: move.Create, At: now,
	}))
	import1(v.asVendor(), "pay", "Pay", "half made")
	rename(t, from, "pay", "Billing")
	require.NoError(t, e.Apply(t.Context()))
	require.ElementsMatch(t, []string{"Billing: a client's", "Billing: the source's"}, says(t, v.asVendor()))
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, []string{"Billing: a client's"}, says(t, v.asVendor()))
}

// In a tenant what was begun is known by its id: a slug may be a client's.
func TestASlugThatAClientTookSinceIsTheClients(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 1)
	e := newEngine(t, t.TempDir(), from, dying{move.TenantTarget{Tenant: to}, new(1), false})
	require.ErrorIs(t, e.Apply(t.Context()), errDied)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	e.To = move.TenantTarget{Tenant: to}
	require.ErrorIs(t, e.Apply(t.Context()), move.ErrConflict)
	require.Equal(t, "Theirs", nameOf(t, to, "s0"))
	_, err = e.Undo(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, "Theirs", nameOf(t, to, "s0"))
}

// Of several records of one name one takes over what the target has, and the others
// are made beside it.
func TestOnlyOneRecordTakesOverWhatIsThere(t *testing.T) {
	t.Parallel()
	const n = 12
	for _, workers := range []int{1, 8} {
		from, v := newTenant(t), newRefold(t, core.RefoldV3, asIs)
		ofOneName(t, from, n)
		_, err := v.Operator.ImportMCPServer(t.Context(), v.Acme, core.MCPServer{
			Slug: "theirs", Name: "Weather", Description: new("Theirs"), CreatedAt: now, UpdatedAt: now,
		})
		require.NoError(t, err)
		e := newEngine(t, t.TempDir(), from, v.to)
		e.AcceptLoss, e.Workers, e.Policy = true, workers, move.UpdateOnConflict
		require.NoError(t, e.Plan(t.Context()))
		require.Len(t, e.Run.Summary().Updated, 1)
		require.NoError(t, e.Apply(t.Context()))
		require.Len(t, e.Run.Summary().Updated, 1)
		requireApart(t, e, v, n, 0)
		_, err = e.Undo(t.Context(), false)
		require.NoError(t, err)
		require.Equal(t, []string{"Weather: Theirs"}, says(t, v.asVendor()))
	}
}

// What a client wrote after an update that was interrupted, or after an undo that was,
// stays.
func TestAnUndoOfWhatWasInterruptedLeavesWhatClientsWrote(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(e *move.Engine, entry move.Entry) error{
		"the update": func(e *move.Engine, entry move.Entry) error {
			entry.State, entry.Left = move.Begun, ""
			return e.Run.Put(entry)
		},
		"its undo": func(e *move.Engine, entry move.Entry) error {
			entry.Undoing = true
			return e.Run.Put(entry)
		},
	} {
		for _, client := range []bool{true, false} {
			from, to := newTenant(t), newTenant(t)
			fill(t, from, 1)
			_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
			require.NoError(t, err)
			e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
			e.Policy = move.UpdateOnConflict
			require.NoError(t, e.Apply(t.Context()))
			updated := *e.Run.Entries()[0]
			require.Equal(t, move.Update, updated.Action)
			require.NoError(t, e.To.Restore(t.Context(), finding.Server, updated.There, core.JSON(updated.Before)))
			require.NoError(t, interrupt(e, updated))
			want := "Theirs"
			if client {
				want = "A client's"
				rename(t, to, "s0", want)
			}
			kept, err := e.Undo(t.Context(), false)
			require.NoError(t, err)
			require.Equal(t, client, kept == 1, name)
			require.Equal(t, want, nameOf(t, to, "s0"), name)
			_, err = e.Undo(t.Context(), true)
			require.NoError(t, err)
			require.Equal(t, "Theirs", nameOf(t, to, "s0"), name)
		}
	}
}

// What was interrupted and is gone at its source is told until it is taken back.
func TestWhatIsLeftInTheMiddleIsTold(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	e := newEngine(t, t.TempDir(), from, dying{move.TenantTarget{Tenant: to}, new(2), true})
	e.Workers = 1
	require.ErrorIs(t, e.Apply(t.Context()), errDied)
	remove(t, from, "s1")
	e.To = move.TenantTarget{Tenant: to}
	for range 2 {
		require.ErrorContains(t, e.Apply(t.Context()), "interrupted in the middle of it")
	}
	c, err := e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed)
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 1, count(t, to).Servers)
}
