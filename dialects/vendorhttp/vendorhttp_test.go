package vendorhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
)

const key = "tkb5b9f358-4160-4fea-a926-cf52b271489d"

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func newClient(t *testing.T, o vendorhttp.Options) *vendorhttp.Client {
	t.Helper()
	c, err := vendorhttp.New("vendor", o, func(body []byte) (string, string) {
		var f struct{ Code, Message string }
		_ = json.Unmarshal(body, &f)
		return f.Code, f.Message
	}, vendorhttp.Credential{Header: "x-api-key", Prefix: "Key ", Secret: key})
	require.NoError(t, err)
	return c
}

func failureOf(t *testing.T, err error) *vendorhttp.Error {
	t.Helper()
	var e *vendorhttp.Error
	require.ErrorAs(t, err, &e)
	return e
}

func get(path ...string) vendorhttp.Request {
	return vendorhttp.Request{Method: http.MethodGet, Path: path}
}

func post(path ...string) vendorhttp.Request {
	return vendorhttp.Request{Method: http.MethodPost, Path: path, Body: map[string]int{"n": 1}}
}

func TestARequestGoesOutWithItsCredentialPathAndQuery(t *testing.T) {
	t.Parallel()
	var got *http.Request
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte("\uFEFF {\"n\":9007199254740993} \n"))
	})
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL+"/base/"))
	r := get("api", "a/b c%2F")
	r.Query = url.Values{"q": {"ä&"}}
	res, err := c.Do(t.Context(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{"n":9007199254740993}`, string(res.Body))
	require.Equal(t, "Key "+key, got.Header.Get("X-Api-Key"))
	require.Equal(t, "/base/api/a%2Fb%20c%252F", got.URL.EscapedPath())
	require.Equal(t, "ä&", got.URL.Query().Get("q"))
}

func TestNoSegmentOfAPathIsEmptyOrDots(t *testing.T) {
	t.Parallel()
	asked := 0
	s := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL))
	for _, segment := range []string{"", ".", ".."} {
		_, err := c.Do(t.Context(), vendorhttp.Request{Method: http.MethodDelete, Path: []string{"servers", segment}})
		require.Error(t, err)
	}
	require.Zero(t, asked)
}

// The answer of express-rate-limit: contract refold 2.10, library.
func TestAHTMLRefusalForThePaceIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]vendorhttp.Request{"a read": get("x"), "a write": post("x")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked <= 2 {
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					w.Header().Set("Retry-After", "15")
					w.WriteHeader(http.StatusTooManyRequests)
					_, _ = w.Write([]byte("Too many requests, please try again later."))
				}
			})
			clock := vendorhttptest.NewClock()
			res, err := newClient(t, clock.Options(s.URL)).Do(t.Context(), r)
			require.NoError(t, err)
			require.Empty(t, res.Body)
			require.Equal(t, []time.Duration{15250 * time.Millisecond, 15250 * time.Millisecond}, clock.Waits())
		})
	}
}

func TestADateInRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	clock, asked := vendorhttptest.NewClock(), 0
	at := clock.Now().Add(40 * time.Second).Format(http.TimeFormat)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", at)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	_, err := newClient(t, clock.Options(s.URL)).Do(t.Context(), post("x"))
	require.NoError(t, err)
	require.Equal(t, []time.Duration{40250 * time.Millisecond}, clock.Waits())
}

func TestAVendorThatAsksForMoreTimeThanThereIsIsGivenUp(t *testing.T) {
	t.Parallel()
	asked := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	clock := vendorhttptest.NewClock()
	_, err := newClient(t, clock.Options(s.URL)).Do(t.Context(), get("x"))
	require.Equal(t, time.Hour, failureOf(t, err).RetryAfter)
	require.Equal(t, 1, asked)
	require.Empty(t, clock.Waits())
}

// What may have happened is not done again; what a server without more to say
// fails at, is read again with growing pauses.
func TestOnlyWhatIsSafeToRepeatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for status, again := range map[int]struct{ read, write bool }{
		429: {true, true}, 500: {true, false}, 502: {true, false}, 503: {true, false}, 504: {true, false},
		400: {}, 401: {}, 403: {}, 404: {}, 409: {}, 417: {}, 422: {}, 501: {},
	} {
		for _, r := range []vendorhttp.Request{get("x"), post("x")} {
			t.Run(fmt.Sprint(r.Method, status), func(t *testing.T) {
				t.Parallel()
				asked := 0
				s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					asked++
					w.WriteHeader(status)
				})
				clock := vendorhttptest.NewClock()
				_, err := newClient(t, clock.Options(s.URL)).Do(t.Context(), r)
				e := failureOf(t, err)
				require.Equal(t, status, vendorhttp.StatusOf(err))
				want := 1
				if r.Method == http.MethodGet && again.read || r.Method == http.MethodPost && again.write {
					want = vendorhttp.DefaultAttempts
				}
				require.Equal(t, want, asked)
				require.Equal(t, want, e.Attempts)
				if want > 1 {
					ms := time.Millisecond
					require.Equal(t, []time.Duration{375 * ms, 750 * ms, 1500 * ms, 3000 * ms, 6000 * ms}, clock.Waits())
				}
			})
		}
	}
}

// A connection that breaks after the request was sent says nothing of whether
// the write happened; one that was never made does.
func TestAWriteIsSentAgainOnlyWhereNoneWasSent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL))
	_, err := c.Do(t.Context(), post("x"))
	require.Error(t, err)
	require.EqualValues(t, 1, asked.Load())
	_, err = c.Do(t.Context(), get("x"))
	require.Error(t, err)
	require.Equal(t, vendorhttp.DefaultAttempts, failureOf(t, err).Attempts)

	refuses := vendorhttptest.NewClock()
	o := refuses.Options(s.URL)
	dials := 0
	o.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials < 3 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	asked.Store(0)
	_, err = newClient(t, o).Do(t.Context(), post("x"))
	require.Equal(t, 3, failureOf(t, err).Attempts)
	require.EqualValues(t, 1, asked.Load())
}

func TestThePaceIsKept(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	clock := vendorhttptest.NewClock()
	c := newClient(t, clock.Options(s.URL))
	began := clock.Now()
	for range 105 {
		_, err := c.Do(t.Context(), get("x"))
		require.NoError(t, err)
	}
	took := clock.Now().Sub(began)
	require.InDelta(t, 5, took.Seconds(), 0.001, "5 at once, then 20 a second")
	require.Len(t, clock.Waits(), 100)
}

func TestARedirectLeavesNeitherTheHostNorAWriteBehind(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	var here []string
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		here = append(here, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Api-Key"))
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/?token="+key, http.StatusFound)
		case "/here":
			http.Redirect(w, r, s.URL+"/there", http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			_, _ = w.Write([]byte(`{"there":true}`))
		}
	})
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL))
	_, err := c.Do(t.Context(), get("away"))
	require.ErrorIs(t, err, vendorhttp.ErrRedirect)
	require.NotContains(t, err.Error(), key)
	_, err = c.Do(t.Context(), post("here"))
	require.ErrorIs(t, err, vendorhttp.ErrRedirect)
	_, err = c.Do(t.Context(), get("round"))
	require.ErrorIs(t, err, vendorhttp.ErrRedirect)
	res, err := c.Do(t.Context(), get("here"))
	require.NoError(t, err)
	require.JSONEq(t, `{"there":true}`, string(res.Body))
	require.Zero(t, elsewhere.Load())
	require.NotContains(t, here, "POST /there Key "+key)
	require.Contains(t, here, "GET /there Key "+key)
}

func TestAnswersThatCannotBeReadSaySo(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a page":         "<html><body>Sign in, Key " + key + "</body></html>",
		"half an answer": `{"docs":[`,
		"two answers":    `{}{}`,
		"too much":       `"` + strings.Repeat("x", 1000) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				_, _ = w.Write([]byte(body))
			})
			o := vendorhttptest.NewClock().Options(s.URL)
			o.MaxBody = 1000
			_, err := newClient(t, o).Do(t.Context(), get("x"))
			require.ErrorIs(t, err, vendorhttp.ErrAnswer)
			require.Equal(t, http.StatusOK, vendorhttp.StatusOf(err))
			require.NotContains(t, err.Error(), key)
			require.Equal(t, 1, asked)
		})
	}
}

func TestAFailureNamesTheRequestAndNoCredential(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": "E_KEY", "message": "The key " + r.Header.Get("X-Api-Key") + " does not exist"})
	})
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL+"/v3"))
	r := get("servers", "weather")
	r.Query = url.Values{"token": {"of-somebody"}}
	_, err := c.Do(t.Context(), r)
	e := failureOf(t, err)
	require.Equal(t, "E_KEY", e.Code)
	require.Equal(t, "/v3/servers/weather", e.Path)
	require.Equal(t, "vendor: GET /v3/servers/weather: 401 Unauthorized: E_KEY: The key Key [redacted] does not exist", err.Error())

	dead := vendorhttptest.NewClock().Options("http://127.0.0.1:1")
	dead.Attempts = 1
	_, err = newClient(t, dead).Do(t.Context(), r)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "of-somebody")

	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	text, encodes := json.Marshal(vendorhttp.Credential{Header: "h", Secret: key})
	require.NoError(t, encodes)
	logger.Info("all of it", slog.Any("client", c), slog.Any("secret", vendorhttp.Secret(key)), slog.Any("err", err))
	for _, shown := range []string{
		log.String(), string(text), fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c, c, c),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", *c, *c, *c, vendorhttp.Secret(key), vendorhttp.Secret(key), vendorhttp.Secret(key), vendorhttp.Secret(key)),
		fmt.Sprintf("%+v", struct{ C vendorhttp.Credential }{vendorhttp.Credential{Secret: key}}),
	} {
		require.NotContains(t, shown, key)
		require.NotContains(t, shown, fmt.Sprintf("%x", key))
	}
}

func TestWhatAVendorSaysIsOneShortLine(t *testing.T) {
	t.Parallel()
	hostile := "no\x1b[2J\x1b]0;owned\x07\nerror: all is well\u202e\u200b\u2028\u2066\x00\u009b \ufeff"
	var status string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/raw" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte(status))
				_ = conn.Close()
			}
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": "E" + hostile, "message": hostile + strings.Repeat("ü", 5<<20)})
	})
	o := vendorhttptest.NewClock().Options(s.URL)
	o.Attempts, o.MaxBody = 1, 64<<20
	c := newClient(t, o)
	plain := func(text string) {
		for _, r := range text {
			require.True(t, unicode.IsGraphic(r), "%q has %q", text, r)
		}
		require.True(t, utf8.ValidString(text))
	}
	_, err := c.Do(t.Context(), get("mcp-servers", "id"+hostile+strings.Repeat("x", 5000)))
	e := failureOf(t, err)
	plain(err.Error())
	require.Less(t, len(err.Error()), 2000)
	require.True(t, strings.HasPrefix(e.Message, "no\uFFFD[2J\uFFFD]0;owned\uFFFD error: all is well"), e.Message)
	require.True(t, strings.HasSuffix(e.Message, "ü…"))
	require.LessOrEqual(t, len(e.Message), 1000+len("…"))
	require.Contains(t, e.Path, "/mcp-servers/idno\uFFFD[2J")

	status = "HTTP/1.1 200 OK\r\n" + "no header\x1b[2J" + strings.Repeat("x", 5000) + "\r\n\r\n"
	_, err = c.Do(t.Context(), get("raw"))
	require.Error(t, err)
	plain(err.Error())
	require.Less(t, len(err.Error()), 1200)
}

func TestABaseWithACredentialInItIsRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"", "app.refold.ai", "ftp://app.refold.ai", "https://", "https://u:" + key + "@h", "https://h/?k=" + key,
		"https://h/#" + key, "https://h/%zz" + key, "https://" + key + " h/",
	} {
		_, err := vendorhttp.New("vendor", vendorhttptest.NewClock().Options(base), nil)
		require.Error(t, err, base)
		require.NotContains(t, err.Error(), key)
	}
	_, err := vendorhttp.New("vendor", vendorhttp.Options{Base: "https://h"}, nil)
	require.Error(t, err, "without a clock")
}

func TestWhoeverLeavesIsWaitedForNoLonger(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		cancel()
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c := newClient(t, vendorhttptest.NewClock().Options(s.URL))
	_, err := c.Do(ctx, get("x"))
	require.Error(t, err)
	require.LessOrEqual(t, asked, 1)
	_, err = c.Do(ctx, get("x"))
	require.ErrorIs(t, err, context.Canceled)
	require.LessOrEqual(t, asked, 1)
	require.NotErrorIs(t, err, vendorhttp.ErrAnswer)
}

func TestAHostThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(leave) })
	o := vendorhttptest.NewClock().Options(s.URL)
	o.Timeout, o.Attempts = 20*time.Millisecond, 2
	_, err := newClient(t, o).Do(t.Context(), get("x"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 2, failureOf(t, err).Attempts)
}
