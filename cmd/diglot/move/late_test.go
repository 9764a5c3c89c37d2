package move_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
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

// A process ends behind a file's line, before it has entered it, and the record is
// changed at the source: what the file has is what the source has now.
func TestWhatWasChangedSinceItsLineWasWrittenIsWrittenAnew(t *testing.T) {
	t.Parallel()
	for _, changes := range []bool{true, false} {
		from, dir := newTenant(t), t.TempDir()
		fill(t, from, 3)
		path, run := filepath.Join(dir, "acme.jsonl"), filepath.Join(dir, "run")
		target := &move.FileTarget{Path: path, From: "x", Now: clock}
		e := newEngine(t, run, from, target)
		require.NoError(t, e.Apply(t.Context()))
		require.NoError(t, e.Run.Close())
		was, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.Rename(path, path+".partial"))
		journal := filepath.Join(run, "journal.jsonl")
		text, err := os.ReadFile(journal)
		require.NoError(t, err)
		entered := slices.DeleteFunc(bytes.SplitAfter(text, []byte("\n")), func(line []byte) bool {
			return bytes.Contains(line, []byte(`"state":"done"`)) && bytes.Contains(line, []byte("Server 1"))
		})
		require.NoError(t, os.WriteFile(journal, bytes.Join(entered, nil), 0o600))

		if changes {
			rename(t, from, "s1", "Changed")
		}
		e = newEngine(t, run, from, target)
		require.NoError(t, e.Apply(t.Context()))
		require.Equal(t, 5, e.Run.Summary().Of(move.Done))
		require.NoError(t, (&move.File{Path: path}).Check())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, changes, bytes.Contains(got, []byte("Changed")))
		require.Equal(t, !changes, bytes.Contains(got, []byte("Server 1")))
		require.Equal(t, bytes.Count(was, []byte("\n")), bytes.Count(got, []byte("\n")))
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.True(t, v.Good())
		left, err := filepath.Glob(path + ".*")
		require.NoError(t, err)
		require.Empty(t, left)
	}
}
