package vendorhttp

import (
	"net/http"
	"strings"

	"github.com/diglot/diglot/core"
)

// Once has a creation be made once however often it is sent, by a server that
// knows the header: Diglot does, and the vendors overlook it.
func (r Request) Once() Request {
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = map[string][]string{}
	}
	r.Header["Idempotency-Key"] = []string{core.NewUUID()}
	return r
}

// SendOnce keeps net/http from sending a write again by itself when a connection
// that was used before breaks, which may be behind the server's doing: it does so
// with one that has one of these headers. By their other spelling it doesn't know
// them, and servers do. It still sends one again of which nothing was sent.
func SendOnce(r *http.Request) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := r.Header[name]; ok {
			delete(r.Header, name)
			r.Header[strings.ToLower(name)] = values
		}
	}
}

// HTTP1 is what a transport speaks that sends a write once: over HTTP/2 net/http
// sends a request without a body again as often as the peer resets its stream, a
// DELETE too.
func HTTP1() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	return p
}
