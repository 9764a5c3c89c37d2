package dialecttest

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Direct sends requests to a dialect without a connection: for fuzzing, which
// needs many of them.
type Direct struct {
	World   *World
	Handler http.Handler
	auth    http.Header
}

// NewDirect makes a world and its handler. Requests carry the headers of the
// dialect's [Dialect.Read].
func NewDirect(t testing.TB, d Dialect) *Direct {
	t.Helper()
	w := NewWorld(t, d.Name, d.NewStore(), Setting{})
	h := d.Handler(w)
	c := &Client{world: w}
	return &Direct{World: w, Handler: h, auth: c.request(t, c.fill(t, d.Read)).Header}
}

// Sendable gives the path that a server sees of a target; ok is false where
// no server would come to see it.
func Sendable(target string) (path string, ok bool) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.0\r\n\r\n")))
	if err != nil {
		return "", false
	}
	return r.URL.Path, true
}

// Do sends a request with a JSON body, none where it is empty.
func (d *Direct) Do(method, target, body string) Reply { return d.DoAt("", method, target, body) }

// DoAt is [Direct.Do] with a Host header; empty: a host that names nobody.
func (d *Direct) DoAt(host, method, target, body string) Reply {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	for name, values := range d.auth {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	d.Handler.ServeHTTP(w, r)
	return Reply{w.Code, w.Header(), w.Body.Bytes()}
}
