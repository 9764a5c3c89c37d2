package shadow_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// Who is not known since the database is away may be any tenant's: the peer that
// has the strangers gets none of their keys.
func TestWhileTheDatabaseIsAwayNoKeyGoesToAStrangersPeer(t *testing.T) {
	t.Parallel()
	var strangers, own atomic.Int32
	answering := func(n *atomic.Int32) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.WriteHeader(http.StatusTeapot)
		})
	}
	forStrangers := strings.Replace(rule(core.Refold, answering(&strangers), "answers: peer", "unknown_credentials: true"), "acme", "other", 1)
	for more, want := range map[string]int{
		"": http.StatusServiceUnavailable, // acme has no rule: Diglot answers it
		strings.SplitAfter(rule(core.Refold, answering(&own)), "shadows:\n")[1]:                  http.StatusServiceUnavailable,
		strings.SplitAfter(rule(core.Refold, answering(&own), "answers: peer"), "shadows:\n")[1]: http.StatusTeapot,
	} {
		w := newWorld(t, forStrangers+more)
		w.refold(t, http.MethodGet, servers, "")
		require.Zero(t, strangers.Load())
		own.Store(0)
		w.leave()
		for _, path := range []string{servers, "/api/v2/public/nothing"} {
			r := w.refold(t, http.MethodGet, path, "")
			require.Equal(t, want, r.status, "%s: %s", more, r.body)
			r = send(t, http.MethodGet, w.url+path, "", "x-api-key", "tk0a1b2c3d-0000-4000-8000-0000notknown", "linked_account_id", account)
			require.Equal(t, http.StatusServiceUnavailable, r.status)
			require.NotEmpty(t, r.header.Get("Retry-After"))
		}
		require.Zero(t, strangers.Load(), more)
		require.Equal(t, http.StatusTeapot, send(t, http.MethodGet, w.url+servers, "", "Authorization", "Bearer of.the.peer").status)
		require.EqualValues(t, 1, strangers.Swap(0))
	}
}
