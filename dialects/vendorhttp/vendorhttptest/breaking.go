package vendorhttptest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
)

// Breaking serves as next does, but for the requests that it is told of: those it
// has next do, and breaks the connection in place of the answer.
type Breaking struct {
	Next  http.Handler
	Which func(*http.Request) bool

	Broken atomic.Int32 // how many it broke
	Reused atomic.Int32 // how many of those came on a connection that was used before
	used   atomic.Pointer[string]
}

// ServeHTTP implements [http.Handler].
func (b *Breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	used := b.used.Swap(&r.RemoteAddr)
	if !b.Which(r) {
		b.Next.ServeHTTP(w, r)
		return
	}
	b.Next.ServeHTTP(httptest.NewRecorder(), r)
	b.Broken.Add(1)
	if used != nil && *used == r.RemoteAddr {
		b.Reused.Add(1)
	}
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // nothing depends on it
	}
}
