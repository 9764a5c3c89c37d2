package move_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// What a process ended in the middle of is looked for where it would be: the source
// isn't asked.
func TestAMoveThatDiesAnywhereIsTakenBack(t *testing.T) {
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
			e = newEngine(t, dir, nil, move.TenantTarget{Tenant: to})
			_, err := e.Undo(t.Context(), false)
			if n == 1 && !after {
				require.ErrorIs(t, err, move.ErrNoneThere)
				_, err = e.Undo(t.Context(), true)
			}
			require.NoError(t, err)
			require.Equal(t, n, e.Run.Summary().Of(move.Undone))
			require.Zero(t, count(t, to))
			e.From = from
			require.NoError(t, e.Apply(t.Context()))
			require.Equal(t, 4, count(t, to).Servers)
		}
	}
}

// cutOff is a target whose process ends before or after it removes a server.
type cutOff struct {
	move.TenantTarget

	slug  string
	after bool
}

func (c cutOff) Delete(ctx context.Context, kind finding.Kind, id string) error {
	s, err := c.Store.MCPServer(ctx, c.Tenant.Tenant.ID, core.BySlug(c.slug))
	if kind != finding.Server || err != nil || s.ID.String() != id {
		return c.TenantTarget.Delete(ctx, kind, id)
	}
	if c.after {
		err = c.TenantTarget.Delete(ctx, kind, id)
	}
	return errors.Join(err, errDied)
}

// An undo that ends in the middle is entered before: a resume moves what it has
// taken back, and no more.
func TestAnUndoThatDiesIsGoneOnWithOrMovedAgain(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 3)
	for _, after := range []bool{false, true} {
		for name, next := range map[string]func(e *move.Engine) error{
			"resume":   func(e *move.Engine) error { return e.Apply(t.Context()) },
			"catch-up": func(e *move.Engine) error { _, err := e.CatchUp(t.Context(), true, false); return err },
		} {
			to := newTenant(t)
			e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
			require.NoError(t, e.Apply(t.Context()))
			e.To = cutOff{move.TenantTarget{Tenant: to}, "s1", after}
			_, err := e.Undo(t.Context(), false)
			require.ErrorIs(t, err, errDied)
			e.To = move.TenantTarget{Tenant: to}
			require.NoError(t, next(e), name)
			require.Equal(t, 5, e.Run.Summary().Of(move.Done), name)
			require.Equal(t, count(t, from), count(t, to), name)
			v, err := e.Verify(t.Context())
			require.NoError(t, err)
			require.Empty(t, v.Records)
		}
		to := newTenant(t)
		e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
		e.Workers = 1 // so that they are taken back in this order
		require.NoError(t, e.Apply(t.Context()))
		for _, slug := range []string{"s2", "s1", "s0"} {
			e.To = cutOff{move.TenantTarget{Tenant: to}, slug, after}
			_, err := e.Undo(t.Context(), false)
			require.ErrorIs(t, err, errDied)
		}
		e.To = move.TenantTarget{Tenant: to}
		_, err := e.Undo(t.Context(), false)
		require.NoError(t, err, "the last one is known to be its own doing")
		require.Equal(t, 5, e.Run.Summary().Of(move.Undone))
	}
}

// blind is a target that can't say what is in a place.
type blind struct{ move.TenantTarget }

func (blind) InPlace(context.Context, *move.Item) ([]move.Existing, error) { return nil, errDied }

// What can't be told stays, with force, and the others are taken back.
func TestAnUndoLeavesWhatCannotBeToldIfItIsMeant(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	e := newEngine(t, t.TempDir(), from, dying{move.TenantTarget{Tenant: to}, new(3), true})
	e.Workers = 1
	require.ErrorIs(t, e.Apply(t.Context()), errDied)
	for _, entry := range e.Run.Entries() {
		if entry.State == move.Begun { // as a program of before has it, and each at a vendor
			before := *entry
			before.There = ""
			require.NoError(t, e.Run.Put(before))
		}
	}
	e.To = blind{move.TenantTarget{Tenant: to}}
	_, err := e.Undo(t.Context(), false)
	require.ErrorIs(t, err, move.ErrBegun)
	require.ErrorIs(t, err, errDied)
	kept, err := e.Undo(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	require.Equal(t, 1, count(t, to).Servers)
	s := e.Run.Summary()
	require.Len(t, s.Records, 1)
	require.Equal(t, "Server 2", s.Records[0].Name)
	require.Contains(t, s.Records[0].Why, "it may be there")
	e.To = move.TenantTarget{Tenant: to}
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Zero(t, count(t, to))
	require.Empty(t, e.Run.Summary().Records)
}

// A tenant that takes no more servers can be rid of those that it took.
func TestAMoveIntoATenantThatIsFullIsTakenBack(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	tenant, err := to.Operator.UpdateTenant(t.Context(), to.Tenant, core.TenantUpdate{Limits: &core.Limits{Servers: new(2)}})
	require.NoError(t, err)
	to.Tenant = tenant
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	e.Workers = 1
	for range 2 {
		require.Error(t, e.Apply(t.Context()))
	}
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Zero(t, count(t, to))
}

// A file that is whole takes no more records, which says nothing of the others.
func TestANewRecordDoesNotGoIntoAWholeFile(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 2)
	e := newEngine(t, t.TempDir(), from, &move.FileTarget{Path: filepath.Join(t.TempDir(), "acme.jsonl"), From: "tenant:acme", Now: clock})
	require.NoError(t, e.Apply(t.Context()))
	_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, core.MCPServer{Slug: "new", Name: "New", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	_, err = e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	s := e.Run.Summary()
	require.Equal(t, 1, s.Of(move.Failed))
	require.Contains(t, s.Records[0].Why, "the file is whole")
	_, err = e.Undo(t.Context(), true)
	require.ErrorContains(t, err, "remove the file")
}

// A restoration that was begun keeps what was before.
func TestAnUndoThatDiesAsItRestoresKeepsWhatWasBefore(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 1)
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "s0", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	for _, after := range []bool{false, true} {
		dir := t.TempDir()
		e := newEngine(t, dir, from, move.TenantTarget{Tenant: to})
		e.Policy = move.UpdateOnConflict
		require.NoError(t, e.Apply(t.Context()))
		e.To = notRestoring{move.TenantTarget{Tenant: to}, after}
		_, err := e.Undo(t.Context(), false)
		require.ErrorIs(t, err, errDied)
		e.To = move.TenantTarget{Tenant: to}
		require.NoError(t, e.Apply(t.Context()))
		require.Equal(t, "Server 0", nameOf(t, to, "s0"))
		_, err = e.Undo(t.Context(), false)
		require.NoError(t, err)
		require.Equal(t, "Theirs", nameOf(t, to, "s0"))
	}
}

type notRestoring struct {
	move.TenantTarget

	after bool
}

func (n notRestoring) Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error {
	var err error
	if n.after {
		err = n.TenantTarget.Restore(ctx, kind, id, before)
	}
	return errors.Join(err, errDied)
}

// What stays is named, with the reason, until it is gone on with.
func TestAnUndoNamesWhatStays(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	rename(t, to, "s1", "Mine now")
	kept, err := e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	s := e.Run.Summary()
	require.Len(t, s.Records, 1)
	require.Equal(t, "Server 1", s.Records[0].Name)
	require.Contains(t, s.Records[0].Why, "--force")
	require.NoError(t, e.Apply(t.Context()))
	require.Empty(t, e.Run.Summary().Records)
	require.Equal(t, "Mine now", nameOf(t, to, "s1"))
}

// What was removed at the target and is as it was at the source comes again, where
// that is asked for.
func TestACatchUpMakesAgainWhatIsMissingAtTheTarget(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 3)
	e := newEngine(t, t.TempDir(), from, move.TenantTarget{Tenant: to})
	require.NoError(t, e.Apply(t.Context()))
	remove(t, to, "s1")
	c, err := e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Zero(t, c.Changed, "its clients have removed it")
	c, err = e.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed)
	require.Equal(t, "Server 1", nameOf(t, to, "s1"))
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Records)
}
