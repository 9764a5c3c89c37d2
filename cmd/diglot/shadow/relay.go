package shadow

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// maxRelayed is how many requests a rule has the peer answer at once: as many as a
// tenant may have under way where nothing else is said. They hold nothing but
// memory, so that a peer that hangs can't take it all.
const maxRelayed = gateway.DefaultConcurrency

var (
	errBusy     = &core.Error{Kind: core.Unavailable, Noun: "service", Message: "the peer answers too slowly for any more"}
	errProtocol = errors.New("the peer changes to another protocol, or speaks none")
)

// discarded is for what the proxy logs, which may have an address in it. Failures
// are given to the dialect.
var discarded = log.New(io.Discard, "", 0)

// newProxy makes what has the peer answer clients: what they get is what the peer
// sends, but for what is the connection's.
func (l *lane) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: l.transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL, p.Out.Host = l.rule.at(p.In.URL), ""
			p.Out.Header.Del("Connection") // nothing is upgraded to another protocol
			p.Out.Header.Del("Upgrade")
			l.passOn(p.Out.Header, l.shadow.via)
			vendorhttp.SendOnce(p.Out)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { w.(*relayed).failed = err },
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode < http.StatusOK { // a change of the protocol, or no status at all
				return errProtocol
			}
			out := r.Request.Context().Value(relayedKey{}).(*relayed)
			if out.looped = l.shadow.isLoop(r.Header); out.looped {
				r.Header.Del("Via") // which was for this instance
			}
			r.Body = &noted{ReadCloser: r.Body, failed: &out.broken}
			return nil
		},
		ErrorLog: discarded,
	}
}

// relay has the peer answer. A peer that doesn't is worded by the dialect: then
// nothing was sent to the client. One that breaks off has the client's connection
// broken off.
func (l *lane) relay(w http.ResponseWriter, x *exchange) (answered bool, failed error) {
	defer l.relaying.Add(-1)
	if l.relaying.Add(1) > maxRelayed {
		x.lane = nil
		return false, errBusy
	}
	// Who leaves, or closes its half of the connection, has its request answered: it
	// may be a write.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(x.original.Context()))
	defer cancel(nil)
	out := &relayed{ResponseWriter: w, header: http.Header{}}
	clock := newClock(l.rule.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer clock.pause()
	r := x.original.WithContext(context.WithValue(ctx, relayedKey{}, out))
	r.Body = &clocked{ReadCloser: &x.body, clock: clock}
	defer func() {
		if p := recover(); p != nil { // which is how the proxy breaks off
			l.brokeOff(ctx, x, out)
			panic(p)
		}
	}()
	l.proxy.ServeHTTP(out, r)
	if out.looped {
		l.fail(x, errLoop)
		l.sayLooped()
	}
	if out.failed == nil {
		return true, nil
	}
	l.fail(x, cmp.Or(context.Cause(ctx), out.failed))
	return false, &core.Error{Kind: core.Unavailable, Noun: "service", Message: "the peer does not answer", Err: out.failed}
}

// fail counts what a request that is relayed failed for. It is not asked a second
// time.
func (l *lane) fail(x *exchange, err error) {
	x.lane = nil
	l.shadow.metrics.failed.WithLabelValues(whyFailed(err)).Inc()
}

// brokeOff counts an answer that the client has no end of: the peer has broken it
// off, or the client has left.
func (l *lane) brokeOff(ctx context.Context, x *exchange, out *relayed) {
	if x.lane != nil {
		l.drop(droppedBrokenOff)
	}
	x.lane = nil
	if err := cmp.Or(context.Cause(ctx), out.broken); err != nil {
		l.fail(x, err)
	}
}

type relayedKey struct{}

// noted is an answer's body, of which it is noted what it fails for.
type noted struct {
	io.ReadCloser

	failed *error
}

// Read implements [io.Reader].
func (n *noted) Read(b []byte) (int, error) {
	read, err := n.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		*n.failed = err
	}
	return read, err
}

// relayed is where the peer's answer goes. What the dialect would have said beside
// its own answer is gone when there is one.
type relayed struct {
	http.ResponseWriter

	header http.Header
	began  bool
	looped bool  // it is this instance's own
	failed error // there was none
	broken error // it was broken off
}

// Header implements [http.ResponseWriter].
func (w *relayed) Header() http.Header {
	if w.began {
		return w.ResponseWriter.Header()
	}
	return w.header
}

// WriteHeader implements [http.ResponseWriter]. A word ahead of the answer, as 103,
// is not passed on.
func (w *relayed) WriteHeader(status int) {
	if w.began || status < http.StatusOK {
		return
	}
	w.began = true
	h := w.ResponseWriter.Header()
	clear(h)
	for name, values := range w.header {
		h[name] = values
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // else the server would guess one
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *relayed) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *relayed) Unwrap() http.ResponseWriter { return w.ResponseWriter }
