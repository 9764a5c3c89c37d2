package shadow_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// slowClient is a client at the moment at which its answer is on the way.
type slowClient struct {
	*httptest.ResponseRecorder

	meanwhile func()
}

// FlushError sends what was written.
func (c *slowClient) FlushError() error {
	c.meanwhile()
	return nil
}

// ask has the gateway answer a request of the tenant's client.
func (c *slowClient) ask(w *world) {
	r := httptest.NewRequest(http.MethodGet, servers, nil)
	r.Header.Set("X-Api-Key", refoldKey)
	r.Header.Set("Linked_account_id", account)
	w.handler.ServeHTTP(c, r)
}

// While a client's answer is on its way other requests are asked a second time; its
// own is not, before it is there.
func TestNoPeerIsAskedBeforeTheClientHasItsAnswer(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	w := newWorld(t, rule(core.Refold, peer.front)+strings.SplitAfter(rule(core.CometChat, peer.front), "shadows:\n")[1])
	c := &slowClient{ResponseRecorder: httptest.NewRecorder(), meanwhile: func() {
		for i := range 10 {
			require.Equal(t, http.StatusOK, w.comet(t, http.MethodGet, cometServers, "").status)
			w.records(t, i+1)
		}
		require.NotContains(t, peer.requests(), "GET "+servers)
	}}
	c.ask(w)
	require.Equal(t, http.StatusOK, c.Code)
	w.records(t, 11)
	require.Contains(t, peer.requests(), "GET "+servers)
}

// Who sends a request upon another's answer comes behind it: a request has its place
// before its answer is sent.
func TestARequestHasItsPlaceBeforeTheClientHasItsAnswer(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	w := newWorld(t, "workers: 1\n"+rule(core.Refold, peer.url, "timeout: 50s"))
	w.refold(t, http.MethodGet, servers, "")
	require.Eventually(t, func() bool { return peer.asked.Load() == 1 }, patience, time.Millisecond)
	waiting := 0
	c := &slowClient{ResponseRecorder: httptest.NewRecorder(), meanwhile: func() { waiting = w.counted(t, "diglot_shadow_queue_length") }}
	c.ask(w)
	require.Equal(t, 1, waiting)
}

// A client that does not read its answer holds the others' requests up for no longer
// than a while. What it has written the other side is told all the same.
func TestAClientThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	w := newWorld(t, "workers: 1\n"+rule(core.Refold, peer.front, "writes: mirror"))
	for _, side := range []*world{w, peer.world} {
		side.server(t, oneID, "weather", "Weather")
	}
	leaves, gone := make(chan struct{}), make(chan struct{}, 2)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		begun := make(chan struct{})
		go func() {
			c := &slowClient{ResponseRecorder: httptest.NewRecorder(), meanwhile: func() { close(begun); <-leaves }}
			r := httptest.NewRequest(method, servers+"/"+oneID, nil)
			r.Header.Set("X-Api-Key", refoldKey)
			r.Header.Set("Linked_account_id", account)
			w.handler.ServeHTTP(c, r)
			gone <- struct{}{}
		}()
		<-begun
	}
	w.refold(t, http.MethodGet, servers, "")
	w.records(t, 2)
	require.Equal(t, []string{"DELETE " + servers + "/" + oneID, "GET " + servers}, peer.requests())
	w.counts(t, 1, "diglot_shadow_dropped_total", "reason", "unread")
	close(leaves)
	<-gone
	<-gone
}
