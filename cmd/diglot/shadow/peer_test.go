package shadow_test

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/core"
)

// Whatever a peer does, the client's answer is Diglot's, and what was wrong is
// counted.
func TestAPeerMayBeWrongInAnyWay(t *testing.T) {
	t.Parallel()
	text := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const isJSON = "application/json; charset=utf-8"
	for name, c := range map[string]struct {
		peer   http.HandlerFunc
		failed string
		differ []string // kinds and paths
	}{
		"a page":         {peer: text(http.StatusOK, "text/html", "<html>Sign in</html>"), differ: []string{"header Content-Type", "type "}},
		"an empty body":  {peer: text(http.StatusOK, isJSON, ""), differ: []string{"type "}},
		"half an answer": {peer: text(http.StatusOK, isJSON, `{"name":"Weather`), differ: []string{"type "}},
		"two answers":    {peer: text(http.StatusOK, isJSON, `{}{}`), differ: []string{"type "}},
		"not UTF-8":      {peer: text(http.StatusOK, isJSON, "{\"name\":\"\xff\"}"), differ: []string{"value /name"}},
		"a redirect": {peer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, differ: []string{"status "}},
		"its own limit":     {peer: text(http.StatusTooManyRequests, isJSON, `{}`), failed: "limited"},
		"its proxy's words": {peer: text(http.StatusBadGateway, "text/html", "<html>"), failed: "unavailable"},
		"a failure":         {peer: text(http.StatusInternalServerError, isJSON, `{}`), differ: []string{"status "}},
		"far too much":      {peer: text(http.StatusOK, isJSON, `"`+strings.Repeat("x", 9<<20)+`"`), failed: "too_large"},
		"far too deep":      {peer: text(http.StatusOK, isJSON, strings.Repeat("[", 9000)+strings.Repeat("]", 9000)), failed: "too_deep"},
		"a bomb": {peer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, strings.Repeat(" ", 9<<20))
			_ = z.Close()
		}, failed: "too_large"},
		"half a bomb": {peer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"name":`)
			_ = z.Flush()
		}, failed: "truncated"},
		"packed by another name": {peer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "x")
		}, failed: "encoding"},
		"not packed": {peer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "{}")
		}, failed: "encoding"},
		"broken off": {peer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, failed: "truncated"},
		"no HTTP": {peer: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
				_ = conn.Close()
			}
		}, failed: "other"},
		"a header without an end": {peer: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			for range 4096 {
				if _, err := io.WriteString(conn, strings.Repeat("x", 1024)); err != nil {
					break
				}
			}
			_ = conn.Close()
		}, failed: "other"},
		"no word": {peer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, failed: "timeout"},
		"a word, then none": {peer: func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, failed: "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := "timeout: 20s"
			if c.failed == "timeout" {
				timeout = "timeout: 50ms"
			}
			w := newWorld(t, rule(core.Refold, serve(t, c.peer), timeout))
			w.server(t, oneID, "weather", "Weather")
			r := w.refold(t, http.MethodGet, servers+"/"+oneID, "")
			require.Equal(t, http.StatusOK, r.status)
			require.Contains(t, r.body, `"name":"Weather"`)
			found := w.records(t, 1)[0]
			require.Equal(t, c.failed, found.Failed, "%+v", found)
			var differ []string
			for _, d := range found.Differences {
				differ = append(differ, d.Kind+" "+d.Path)
			}
			for _, want := range c.differ {
				require.Contains(t, differ, want)
			}
			require.Equal(t, c.failed == "", len(differ) > 0)
			if c.failed != "" {
				require.Equal(t, 1, w.counted(t, "diglot_shadow_failed_total", "reason", c.failed))
			}
		})
	}
}

func TestAPeerThatIsDownIsCountedAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rule(core.CometChat, "http://"+closedPort(t)))
	require.Equal(t, http.StatusOK, w.comet(t, http.MethodGet, cometServers, "").status)
	require.Equal(t, "connect", w.records(t, 1)[0].Failed)
}

// Where a name leads is looked at each time it is connected to.
func TestNoUnsafeAddressIsConnectedTo(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, answers := range []string{shadow.Diglot, shadow.Peer} {
		config := "shadows:\n  - {tenant: acme, dialect: refold, peer: 'http://localhost:" + port + "', insecure_http: true, answers: " + answers + "}\n"
		w := newWorld(t, config)
		r := w.refold(t, http.MethodGet, servers, "")
		if answers == shadow.Peer {
			require.Equal(t, http.StatusServiceUnavailable, r.status)
			require.NotContains(t, r.body, "127.0.0.1")
			require.Equal(t, 1, w.counted(t, "diglot_shadow_failed_total", "reason", "address"))
			continue
		}
		require.Equal(t, http.StatusOK, r.status)
		require.Equal(t, "address", w.records(t, 1)[0].Failed)
	}
	require.Empty(t, asked)
}
