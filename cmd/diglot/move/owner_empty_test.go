package move_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
)

// anothers has a vendor say that its records are another org's or app's.
func anothers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		text := rec.Body.String()
		for _, member := range []string{`"associated_org_id":"`, `"associated_org":"`, `"appId":"`} {
			text = strings.ReplaceAll(text, member, member+"another-")
		}
		for name, values := range rec.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write([]byte(text))
	})
}

// refusingPuts is another's vendor that takes creations and no changes.
func refusingPuts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut || r.Method == http.MethodPatch {
			http.Error(w, `{"message":"no"}`, http.StatusBadRequest)
			return
		}
		anothers(next).ServeHTTP(w, r)
	})
}

// emptyVendor is [standsFor] without the account that requests are made beside.
func emptyVendor(t *testing.T, name string, within func(http.Handler) http.Handler) (*move.Tenant, move.Target) {
	t.Helper()
	of, to := standsFor(t, name, within)
	if count(t, of).Accounts > 0 {
		require.NoError(t, of.Store.DeleteAccount(t.Context(), of.Tenant.ID, "customer@example.com"))
	}
	require.Zero(t, count(t, of).Accounts)
	return of, to
}

// An empty org or app of another's doesn't say so: none of the run's records does.
func TestARunDoesNotGoOnInAnEmptyOrgOfAnothers(t *testing.T) {
	t.Parallel()
	for name := range vendors {
		from := newTenant(t)
		fill(t, from, 6)
		of, to := emptyVendor(t, name, asIs)
		other, toOther := emptyVendor(t, name, anothers)
		e := newEngine(t, t.TempDir(), from, to)
		e.AcceptLoss, e.Workers = true, 1
		ctx, cancel := context.WithCancel(t.Context())
		settled := 0
		e.Progress = func(move.Entry) {
			if settled++; settled == 3 {
				cancel()
			}
		}
		require.ErrorIs(t, e.Apply(ctx), context.Canceled)
		e.Progress, e.To = nil, toOther
		require.ErrorIs(t, e.Apply(t.Context()), move.ErrNoneThere, name)

		remove(t, from, "s1")
		_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, core.MCPServer{Slug: "new", Name: "New", URL: "https://new", CreatedAt: now, UpdatedAt: now})
		require.NoError(t, err)
		_, err = e.CatchUp(t.Context(), true, true)
		require.ErrorIs(t, err, move.ErrNoneThere, name)
		require.Zero(t, count(t, other).Servers, name)
		require.Equal(t, 3, e.Run.Summary().Of(move.Done), name)
		require.Zero(t, e.Run.Summary().Of(move.Removed), name)

		e.To = to
		c, err := e.CatchUp(t.Context(), true, true)
		require.NoError(t, err)
		require.Equal(t, 1, c.Removed, name)
		require.Equal(t, 6, count(t, of).Servers, name)
	}
}

// Where nothing of the run's is at the target any more, the first record that is made
// there says whose it is.
func TestARunStopsAtTheFirstRecordThatIsAnothers(t *testing.T) {
	t.Parallel()
	for name := range vendors {
		for _, within := range []func(http.Handler) http.Handler{anothers, refusingPuts} {
			from := newTenant(t)
			fill(t, from, 6)
			of, to := emptyVendor(t, name, asIs)
			other, toOther := emptyVendor(t, name, within)
			e := newEngine(t, t.TempDir(), from, to)
			e.AcceptLoss = true
			require.NoError(t, e.Apply(t.Context()))
			_, err := e.Undo(t.Context(), false)
			require.NoError(t, err)
			e.To = toOther
			err = e.Apply(t.Context())
			require.ErrorIs(t, err, move.ErrOwner, name)
			require.ErrorContains(t, err, "was written there", name)
			require.Equal(t, 1, count(t, other).Servers, name)
			e.To = to
			require.NoError(t, e.Apply(t.Context()))
			require.Equal(t, 6, count(t, of).Servers, name)
		}
	}
}

// What was begun and is at neither side is not written off at a target that doesn't
// say whose it is.
func TestWhatWasBegunIsNotWrittenOffAtATargetThatMayBeAnothers(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	require.NoError(t, importServer(t, from, "s0"))
	var lost atomic.Bool
	of, to := emptyVendor(t, "Refold v3", func(h http.Handler) http.Handler {
		return &vendorhttptest.Breaking{Next: h, Which: func(r *http.Request) bool {
			return r.Method == http.MethodPost && !lost.Swap(true)
		}}
	})
	_, toOther := emptyVendor(t, "Refold v3", anothers)
	e := newEngine(t, t.TempDir(), from, to)
	e.AcceptLoss, e.DeleteAll = true, true
	require.Error(t, e.Apply(t.Context()))
	remove(t, from, "s0")
	e.To = toOther
	c, err := e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Len(t, c.Left, 1)
	require.Equal(t, 1, e.Run.Summary().Of(move.Begun))
	e.To = to
	c, err = e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed)
	require.Zero(t, count(t, of).Servers)
}

func importServer(t *testing.T, to *move.Tenant, slug string) error {
	t.Helper()
	_, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: slug, Name: slug, URL: "https://x", CreatedAt: now, UpdatedAt: now})
	return err
}
