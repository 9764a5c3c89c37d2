package shadow_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/core"
)

// The client gets what the peer sends and nothing of Diglot's.
func TestWhereThePeerAnswersTheClientGetsItByteForByte(t *testing.T) {
	t.Parallel()
	const page = "{ \"name\" :\"Peer's\" }\n"
	var head http.Header
	var host, path string
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		head, host, path = r.Header.Clone(), r.Host, r.URL.RequestURI()
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Request-Id", "of-the-peer")
		w.Header().Set("X-Ratelimit-Remaining", "7")
		w.Header().Add("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, page)
	})
	w := newWorld(t, rule(core.CometChat, peer+"/below", "answers: peer"))
	r := w.comet(t, http.MethodGet, cometServers+"/a%2Fb/?q=1&q=%20", "", "Diglot-ETag", "strong", "X-Forwarded-For", "203.0.113.9")
	r.header.Del("Date")
	require.Equal(t, reply{http.StatusTeapot, http.Header{
		"Content-Type": {"text/plain"}, "X-Request-Id": {"of-the-peer"}, "X-Ratelimit-Remaining": {"7"}, "Set-Cookie": {"a=b"}, "Content-Length": {"21"},
	}, page}, r)
	require.Equal(t, "/below"+cometServers+"/a%2Fb/?q=1&q=%20", path)
	require.Equal(t, strings.TrimPrefix(peer, "http://"), host)
	require.Equal(t, cometKey, head.Get("Apikey"), "the client's own")
	require.Empty(t, head.Get("Diglot-Etag"))
	require.Empty(t, head.Get("X-Forwarded-For"))
	require.Contains(t, w.access.String(), `"status":418`)
	require.Equal(t, []shadow.Difference{{Kind: shadow.Status, Ours: "404", Theirs: "418"}}, w.records(t, 1)[0].Differences)
}

func TestWhereThePeerAnswersAPackedAnswerStaysPackedAndIsCompared(t *testing.T) {
	t.Parallel()
	behind := newWorld(t, "")
	behind.server(t, oneID, "weather", "Weather")
	var packed bytes.Buffer
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answered := behind.refold(t, r.Method, r.URL.RequestURI(), "")
		packed.Reset()
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, answered.body)
		_ = z.Close()
		w.Header().Set("Content-Type", answered.header.Get("Content-Type"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer"))
	w.server(t, oneID, "weather", "Weather")
	r := w.refold(t, http.MethodGet, servers+"/"+oneID, "", "Accept-Encoding", "gzip")
	require.Equal(t, packed.String(), r.body)
	require.True(t, w.records(t, 1)[0].Equal)
}

func TestAPeerThatAnswersAndIsDownIsWordedByTheDialect(t *testing.T) {
	t.Parallel()
	hangs := newBlocked(t)
	for name, peer := range map[string]string{"refuses": "http://" + closedPort(t), "hangs": hangs.url, "unsafe": "http://127.0.0.1.nip.invalid"} {
		w := newWorld(t, rule(core.Refold, peer, "answers: peer", "timeout: 100ms"))
		r := w.refold(t, http.MethodGet, servers, "")
		require.Equal(t, http.StatusServiceUnavailable, r.status, name)
		require.Contains(t, r.body, `"http_error_type":"SERVICE_UNAVAILABLE"`)
		require.Equal(t, "1", r.header.Get("Retry-After"))
		require.NotEmpty(t, r.header.Get("X-Request-Id"))
		require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, 1, w.counted(t, "diglot_shadow_failed_total"))
		require.NotContains(t, w.access.String(), refoldKey)
	}
}

// closedPort gives an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestAnAnswerThatThePeerBreaksOffIsBrokenOffForTheClientToo(t *testing.T) {
	t.Parallel()
	for reason, more := range map[string]func(*http.Request){
		"truncated": func(*http.Request) { panic(http.ErrAbortHandler) },
		"timeout":   func(r *http.Request) { <-r.Context().Done() },
	} {
		peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"name":`)
			_ = http.NewResponseController(w).Flush()
			more(r)
		})
		timeout := "timeout: 20s"
		if reason == "timeout" {
			timeout = "timeout: 500ms"
		}
		w := newWorld(t, rule(core.Refold, peer, "answers: peer", "writes: mirror", timeout))
		for i, method := range []string{http.MethodGet, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, w.url+servers, strings.NewReader(`{"name":"Weather","description":"d"}`))
			require.NoError(t, err)
			r.Header.Set("X-Api-Key", refoldKey)
			r.Header.Set("Linked_account_id", account)
			res, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				require.NoError(t, res.Body.Close())
			}
			require.Error(t, err)
			w.counts(t, i+1, "diglot_shadow_failed_total", "reason", reason)
			w.counts(t, i+1, "diglot_shadow_dropped_total", "reason", "broken_off")
			require.Eventually(t, func() bool { return strings.Count(w.access.String(), "the answer was broken off") == i+1 }, patience, time.Millisecond)
		}
		require.Zero(t, w.shadow.Close(patience))
		require.Empty(t, w.log.String())
		n, err := w.operator.TenantCounts(t.Context(), w.tenant)
		require.NoError(t, err)
		require.Zero(t, n.Servers, "it is not known what was done")
	}
}

// The client has the peer's answer while Diglot's own is not there yet: its store
// is asked in the shadow alone.
func TestWhereThePeerAnswersWritesReachDiglotOnlyWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	for writes, want := range map[string]int{shadow.Never: 0, shadow.Mirror: 1} {
		peer := newWorld(t, "")
		w := newWorld(t, rule(core.Refold, peer.url, "answers: peer", "writes: "+writes))
		r := w.refold(t, http.MethodPost, servers, `{"name":"Weather","description":"d"}`)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		id := between(r.body, `"_id":"`, `"`)
		r = w.refold(t, http.MethodGet, servers+"/"+id, "")
		require.Equal(t, http.StatusOK, r.status, "the peer has it")
		list := w.records(t, 1+want)
		require.Equal(t, want == 1, list[want].Equal, "%+v", list)
		there, err := peer.operator.TenantCounts(t.Context(), peer.tenant)
		require.NoError(t, err)
		require.Equal(t, 1, there.Servers)
		here, err := w.operator.TenantCounts(t.Context(), w.tenant)
		require.NoError(t, err)
		require.Equal(t, want, here.Servers)
	}
}

// Whom Diglot doesn't know, and what it doesn't serve, the peer answers where the
// rule says so.
func TestThePeerAnswersUnknownCredentialsOnlyWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	peer := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for config, want := range map[string][]int{
		rule(core.Refold, peer, "answers: peer"):                              {http.StatusUnauthorized, http.StatusNotFound, http.StatusTeapot, http.StatusTeapot},
		rule(core.Refold, peer, "answers: peer", "unknown_credentials: true"): {http.StatusTeapot, http.StatusTeapot, http.StatusTeapot, http.StatusTeapot},
	} {
		w := newWorld(t, config)
		require.Equal(t, want[0], send(t, http.MethodGet, w.url+servers, "", "Authorization", "Bearer of.the.peer").status)
		require.Equal(t, want[1], send(t, http.MethodGet, w.url+servers, "").status)
		require.Equal(t, want[2], w.refold(t, http.MethodGet, "/api/v2/public/application", "").status, "not served by Diglot")
		require.Equal(t, want[3], w.refold(t, http.MethodPost, "/api/v2/public/nothing", "").status, "known to nobody")
		require.Zero(t, w.shadow.Close(patience))
		require.Empty(t, w.log.String(), "there is nothing of Diglot's to compare")
	}
}

func TestWhereThePeerAnswersNoProtocolIsChanged(t *testing.T) {
	t.Parallel()
	var upgrade []string
	var mu sync.Mutex
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		upgrade = append(upgrade, r.Header.Get("Upgrade")+r.Header.Get("Connection"))
		mu.Unlock()
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer"))
	r := w.refold(t, http.MethodGet, servers, "", "Connection", "Upgrade", "Upgrade", "websocket")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{""}, upgrade)
}

// A client that closes its half behind its request gets the peer's answer.
func TestWhereThePeerAnswersAHalfClosedConnectionIsAnswered(t *testing.T) {
	t.Parallel()
	arrived, half := make(chan struct{}), make(chan struct{})
	peer := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-half
		w.WriteHeader(http.StatusTeapot)
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer"))
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // nothing depends on it
	r := httptest.NewRequest(http.MethodGet, servers, nil)
	r.Header.Set("X-Api-Key", refoldKey)
	r.Header.Set("Linked_account_id", account)
	require.NoError(t, r.Write(conn))
	<-arrived
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	close(half)
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusTeapot, res.StatusCode)
}

// What the peer has sent the client has, though there is more to come.
func TestWhereThePeerAnswersAnAnswerIsPassedOnAsItComes(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-read:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "second")
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+servers, nil)
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", refoldKey)
	r.Header.Set("Linked_account_id", account)
	res, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	first := make([]byte, len("first "))
	_, err = io.ReadFull(res.Body, first)
	require.NoError(t, err)
	close(read)
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "first second", string(first)+string(rest))
	require.Contains(t, w.records(t, 1)[0].Differences, shadow.Difference{Kind: shadow.Type, Ours: "object of 10", Theirs: "not JSON, 12 bytes"})
}

// What is too long to be kept is passed on all the same, and not asked a second
// time.
func TestWhereThePeerAnswersNothingIsTooLong(t *testing.T) {
	t.Parallel()
	const long = 20 << 20
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n > 0 && n != long {
			w.WriteHeader(http.StatusBadRequest)
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(make([]byte, long))
		}
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer", "writes: mirror"))
	require.Equal(t, http.StatusOK, w.refold(t, http.MethodPost, servers, strings.Repeat("x", long)).status)
	require.Len(t, w.refold(t, http.MethodGet, servers, "").body, long)
	w.counts(t, 2, "diglot_shadow_dropped_total", "reason", "body")
}

// A peer that hangs holds no more requests than so many.
func TestThePeerIsAskedNoMoreAtOnceThanSoMany(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	w := newWorld(t, rule(core.Refold, peer.url, "answers: peer", "timeout: 50s"))
	var waiting sync.WaitGroup
	for range shadow.MaxRelayed {
		waiting.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+servers, nil)
			if err != nil {
				return
			}
			r.Header.Set("X-Api-Key", refoldKey)
			r.Header.Set("Linked_account_id", account)
			if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
				_ = res.Body.Close() // what it says is another test's
			}
		})
	}
	require.Eventually(t, func() bool { return peer.asked.Load() == shadow.MaxRelayed }, patience, time.Millisecond)
	require.Equal(t, http.StatusServiceUnavailable, w.refold(t, http.MethodGet, servers, "").status)
	require.Equal(t, http.StatusOK, w.comet(t, http.MethodGet, cometServers, "").status)
	peer.release()
	waiting.Wait()
	require.Equal(t, http.StatusNotFound, w.refold(t, http.MethodGet, servers, "").status)
}

// A peer could take dots for another path than Diglot has judged.
func TestNoPathWithDotsIsPassedOn(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{shadow.Diglot, shadow.Peer} {
		peer := newCounting(t)
		w := newWorld(t, rule(core.Refold, peer.front, "writes: mirror", "answers: "+answers))
		for _, path := range []string{servers + "/..", servers + "/%2e%2e", servers + "/%2e%2e%2fapplication", servers + "/./x", "/api/v2/public/%2E%2E/nothing"} {
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				r := w.refold(t, method, path, "")
				require.Equal(t, http.StatusNotFound, r.status, "%s %s: %s", method, path, r.body)
			}
		}
		require.Zero(t, w.shadow.Close(patience))
		require.Empty(t, peer.requests())
	}
}

func TestAPeerWithoutAStatusIsWordedByTheDialect(t *testing.T) {
	t.Parallel()
	peer := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 042 Odd\r\nContent-Length: 2\r\n\r\n{}")
			_ = conn.Close()
		}
	})
	w := newWorld(t, rule(core.Refold, peer, "answers: peer"))
	require.Equal(t, http.StatusServiceUnavailable, w.refold(t, http.MethodGet, servers, "").status)
}
