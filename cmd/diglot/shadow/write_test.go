package shadow_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// counting is a gateway that notes what it was asked.
type counting struct {
	*world

	front string
	mu    sync.Mutex
	asked []string
	heads []http.Header
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	c := &counting{world: newWorld(t, "")}
	c.front = serve(t, func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.asked, c.heads = append(c.asked, r.Method+" "+r.URL.Path), append(c.heads, r.Header.Clone())
		c.mu.Unlock()
		c.pass(w, r)
	})
	return c
}

// pass has the gateway answer.
func (c *counting) pass(w http.ResponseWriter, r *http.Request) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, c.url+r.URL.RequestURI(), r.Body)
	if err != nil {
		panic(err)
	}
	out.Header = r.Header
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body) // who asked may be gone
}

func (c *counting) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.asked...)
}

func TestAWriteIsRepeatedOnlyWhereThatIsSaidAndThenOnce(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	quiet, mirrored := newWorld(t, rule(core.Refold, peer.front)), newWorld(t, rule(core.Refold, peer.front, "writes: mirror"))
	body := `{"name":"Weather","description":"d"}`
	require.Equal(t, http.StatusCreated, quiet.refold(t, http.MethodPost, servers, body).status)
	require.Equal(t, http.StatusOK, quiet.refold(t, http.MethodGet, servers, "").status)
	quiet.records(t, 1)
	require.Equal(t, []string{"GET " + servers}, peer.requests(), "the write was not repeated")

	r := mirrored.refold(t, http.MethodPost, servers, body, "Idempotency-Key", "once")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	again := mirrored.refold(t, http.MethodPost, servers, body, "Idempotency-Key", "once")
	require.Equal(t, r.body, again.body, "it is answered as before, and the peer hears nothing of it")
	mirrored.counts(t, 1, "diglot_shadow_dropped_total", "reason", "replayed")
	id := between(r.body, `"_id":"`, `"`)
	require.Equal(t, http.StatusOK, mirrored.refold(t, http.MethodPut, servers+"/"+id, `{"name":"Weather of today"}`).status)
	require.Equal(t, http.StatusOK, mirrored.refold(t, http.MethodGet, servers+"/"+id, "").status)
	require.Equal(t, http.StatusConflict, mirrored.refold(t, http.MethodPost, servers, `{"name":"Weather of today","description":"d"}`).status)
	require.Equal(t, http.StatusNoContent, mirrored.refold(t, http.MethodDelete, servers+"/"+id, "").status)
	for _, r := range mirrored.records(t, 4) {
		require.True(t, r.Equal, "%+v", r)
	}
	asked := peer.requests()[1:]
	require.Len(t, asked, 4, "each once, and the refused one not at all")
	require.Equal(t, "POST "+servers, asked[0])
	require.NotContains(t, strings.Join(asked, " "), id, "the peer is asked by its own id")
	mirrored.counts(t, 1, "diglot_shadow_dropped_total", "reason", "refused")
	n, err := peer.operator.TenantCounts(t.Context(), peer.tenant)
	require.NoError(t, err)
	require.Zero(t, n.Servers)
}

// A write whose answer does not come may have been done: it is not sent again.
func TestAWriteThatThePeerBreaksOffIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	peer := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // leaves a connection that the next request is sent on
			return
		}
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	w := newWorld(t, rule(core.Refold, peer, "writes: mirror"))
	w.server(t, oneID, "weather", "Weather")
	w.refold(t, http.MethodGet, servers, "")
	w.records(t, 1)
	r := w.refold(t, http.MethodDelete, servers+"/"+oneID, "", "Idempotency-Key", "once")
	require.Equal(t, http.StatusNoContent, r.status, r.body)
	require.NotEmpty(t, w.records(t, 2)[1].Failed)
	require.EqualValues(t, 1, asked.Load())
}
