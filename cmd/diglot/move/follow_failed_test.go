package move_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// refusingServer1 is a vendor that refuses one server, by a method.
func refusingServer1(method string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Method == method && bytes.Contains(body, []byte("Server 1")) {
				http.Error(w, `{"message":"no"}`, http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
}

// What was made in part stays until its removal is asked for, and is named.
func TestWhatFailedInPartAndIsRemovedAtTheSourceIsRemoved(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 3)
	of, to := standsFor(t, "Refold v3", refusingServer1(http.MethodPut))
	e := newEngine(t, t.TempDir(), from, to)
	e.AcceptLoss = true
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 1, e.Run.Summary().Of(move.Failed))
	require.Equal(t, 3, count(t, of).Servers)
	remove(t, from, "s1")

	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Zero(t, c.Removed)
	require.Contains(t, said(c.Left)["Server 1"].Why, "--delete")
	require.Equal(t, 3, count(t, of).Servers)

	c, err = e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed)
	require.Empty(t, c.Left)
	require.Equal(t, 2, count(t, of).Servers)
	require.NoError(t, e.Apply(t.Context()))
	require.Zero(t, e.Run.Summary().Of(move.Failed))
}

// Of what nothing was made nothing is left to do.
func TestWhatWasNotMadeAndIsRemovedAtTheSourceIsLetGo(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		state move.State
		begin func(e *move.Engine) error
	}{
		{move.Planned, func(e *move.Engine) error { return e.Plan(t.Context()) }},
		{move.Held, func(e *move.Engine) error { return e.Apply(t.Context()) }},
		{move.Failed, func(e *move.Engine) error {
			e.AcceptLoss = true
			return e.Apply(t.Context())
		}},
	} {
		from := newTenant(t)
		fill(t, from, 3)
		vendor, to := standsFor(t, "Refold v3", refusingServer1(http.MethodPost))
		e := newEngine(t, t.TempDir(), from, to)
		require.NoError(t, of.begin(e))
		summary := e.Run.Summary()
		require.NotZero(t, summary.States[finding.Server][of.state], of.state)
		for _, slug := range []string{"s0", "s1", "s2"} {
			remove(t, from, slug)
		}
		e.DeleteAll = true
		c, err := e.CatchUp(t.Context(), true, false)
		require.NoError(t, err)
		require.Empty(t, c.Left, of.state)
		require.Equal(t, summary.States[finding.Server][move.Done], c.Removed, of.state)
		states := e.Run.Summary().States[finding.Server]
		require.Equal(t, 3, states[move.Removed], of.state)
		require.Len(t, states, 1, of.state)
		require.Zero(t, count(t, vendor).Servers)
		for _, entry := range e.Run.Entries() {
			if entry.State == move.Removed {
				require.Contains(t, entry.Why, "removed at the source", of.state)
			}
		}
	}
}
