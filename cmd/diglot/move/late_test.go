package move_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
)

// late is a vendor whose clients write as soon as it was listed.
type late struct {
	move.RefoldTarget

	write func()
}

func (l late) Prepare(ctx context.Context, seen func()) error {
	err := l.RefoldTarget.Prepare(ctx, seen)
	l.write()
	return err
}

// An account that a client makes while a move runs has its place, which is the
// client's: it is not written over, and no undo removes it.
func TestAnAccountThatAClientMakesMeanwhileIsAConflict(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Refold legacy", "Refold v3"} {
		for policy, want := range map[move.Policy]string{
			move.FailOnConflict: "client's", move.SkipOnConflict: "client's", move.UpdateOnConflict: "Ñ", move.RenameOnConflict: "client's",
		} {
			from := newTenant(t)
			fill(t, from, 1)
			at, to := standsFor(t, name, asIs)
			refold, is := to.(move.RefoldTarget)
			require.True(t, is)
			named := func(id string) string {
				a, err := at.Store.Account(t.Context(), at.Tenant.ID, id)
				require.NoError(t, err)
				return *a.Name
			}
			e := newEngine(t, t.TempDir(), from, late{refold, func() {
				_, err := at.Operator.ImportAccount(t.Context(), at.Tenant, core.Account{ID: "user", Name: new("client's"), CreatedAt: now, UpdatedAt: now})
				require.NoError(t, err)
			}})
			e.Policy, e.AcceptLoss = policy, true
			require.NoError(t, e.Apply(t.Context()))
			require.Equal(t, "client's", named("user"))
			if policy == move.RenameOnConflict {
				require.Equal(t, "Ñ", named("user-2"))
				continue
			}
			require.Equal(t, 1, e.Run.Summary().Of(move.Failed))
			require.Contains(t, e.Run.Summary().Records[0].Why, "clients made it")

			e.To = to
			err := e.Apply(t.Context())
			if policy == move.FailOnConflict {
				require.ErrorIs(t, err, move.ErrConflict)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, want, named("user"), policy)
			_, err = e.Undo(t.Context(), false)
			require.NoError(t, err)
			require.Equal(t, "client's", named("user"), policy)
		}
	}
}
