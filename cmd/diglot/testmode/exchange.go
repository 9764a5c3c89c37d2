package testmode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/dialects"
)

// exchange is a request on its way through the gateway, as a test mode watches it.
// It is also where the answer goes: it is held until the request is in the
// journal, so that who has the answer finds it there.
type exchange struct {
	http.ResponseWriter

	entry  Request
	body   *tee
	rule   *Rule // the fault that it meets; nil: none
	status int   // of the answer, 0: none
	held   bytes.Buffer
}

type exchangeKey struct{}

// observe serves a request of a dialect's, notes it, and does to it what a fault
// says.
func (m *Mode) observe(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, body: &tee{ReadCloser: r.Body}}
	x.entry = Request{
		At: m.Clock.Now().UTC(), Dialect: string(gateway.DialectAt(r.URL.Path)), Operation: "none", Method: r.Method,
	}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	r.Body = x.body
	w.Header().Set("Date", x.entry.At.Format(http.TimeFormat)) // else the server's own would be the real one
	if aborted := x.serve(m.backend.Gateway, r); aborted {
		x.answer()
	}
	if x.rule != nil {
		x.body.drain() // the fault may have been met before it was read
	}
	x.entry.fill(r, x.body.seen.Bytes(), x.body.more)
	x.entry.ID, x.entry.Status = w.Header().Get(dialects.RequestIDHeader), x.status
	m.journal.add(x.entry)
	x.send()
}

// serve has the gateway answer. It reports whether a fault kept it from that.
func (x *exchange) serve(h http.Handler, r *http.Request) (aborted bool) {
	defer func() {
		p := recover()
		if aborted = p != nil && isAbort(p) && x.rule != nil; p != nil && !aborted {
			panic(p)
		}
	}()
	h.ServeHTTP(x, r)
	return false
}

func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// exchangeOf gives the exchange of a call; nil: nobody watches, it is a seed's.
func exchangeOf(c *dialects.Call) *exchange {
	x, _ := c.Request.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// Note notes whose request it is and what it asks. It implements
// [dialects.Interceptor].
func (m *Mode) Note(c *dialects.Call) {
	x := exchangeOf(c)
	if x == nil {
		return
	}
	x.entry.Operation = c.Operation
	if c.Who != nil {
		x.entry.Tenant, x.entry.revision = c.Who.Tenant.Name, c.Who.Tenant.RefoldRevision
	}
}

// Meet has a request meet its fault. It implements [dialects.Interceptor].
func (m *Mode) Meet(c *dialects.Call) error {
	x := exchangeOf(c)
	if x == nil {
		return nil
	}
	rule, index, latency := m.faults.meet(c)
	if rule == nil {
		return nil
	}
	x.rule, x.entry.Fault = rule, &index
	if latency > 0 {
		m.options.Sleep(c.Request.Context(), latency)
	}
	switch {
	case rule.Reset, rule.Body != nil:
		panic(http.ErrAbortHandler)
	case rule.Status != 0:
		return c.Failure(rule.Status)
	}
	return nil
}

// answer answers in the gateway's place.
func (x *exchange) answer() {
	if x.rule.Body == nil { // the connection is reset
		return
	}
	x.Header().Set("Content-Type", contentType(*x.rule.Body))
	for name, value := range x.rule.Headers {
		x.Header().Set(name, value)
	}
	x.status = x.rule.Status
	x.held.WriteString(*x.rule.Body)
}

// send sends the answer, as far as the fault lets it be sent.
func (x *exchange) send() {
	switch {
	case x.rule != nil && x.rule.Reset:
		x.reset()
		panic(http.ErrAbortHandler) // which has the server let go of the connection
	case x.status == 0:
		return
	case x.rule == nil || x.rule.Truncate == nil:
		x.ResponseWriter.WriteHeader(x.status)
		if x.held.Len() > 0 {
			_, _ = x.ResponseWriter.Write(x.held.Bytes()) // the client may be gone
		}
		return
	}
	body := x.held.Bytes()
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.ResponseWriter.WriteHeader(x.status)
	_, _ = x.ResponseWriter.Write(body[:min(*x.rule.Truncate, len(body))])
	_ = http.NewResponseController(x.ResponseWriter).Flush() // likewise
	panic(http.ErrAbortHandler)
}

// reset closes the connection so that the client's kernel is told of an error,
// not of an end.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		return // it is closed, as whoever panics has it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed like any other
	}
	_ = conn.Close() // nobody is left to tell
}

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(status int) { x.status = status }

// Write implements [http.ResponseWriter].
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.held.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// tee is a request's body of which the beginning is remembered.
type tee struct {
	io.ReadCloser

	seen bytes.Buffer
	more bool // there was more than is remembered
}

// Read implements [io.Reader].
func (t *tee) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	room := max(maxRemembered-t.seen.Len(), 0)
	t.seen.Write(b[:min(n, room)])
	t.more = t.more || n > room
	return n, err
}

// drain reads what nobody read, as far as it would be remembered.
func (t *tee) drain() {
	_, _ = io.Copy(io.Discard, io.LimitReader(t, int64(max(maxRemembered-t.seen.Len(), 0)))) // what can't be read is not remembered
}
