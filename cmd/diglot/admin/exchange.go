package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/diglot/diglot/dialects"
)

// exchange is a request on its way to its answer.
type exchange struct {
	http.ResponseWriter

	id, operation, operator, tenant string
	start                           time.Time
	status                          int
	err                             error // why it failed, for the log
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// unhurried takes the server's limits of time from a request, that of reading
// too: it would end the request's context. Test servers have none.
func (x *exchange) unhurried() {
	c := http.NewResponseController(x.ResponseWriter)
	_ = c.SetReadDeadline(time.Time{}) // where it can't be done the server's limits hold
	_ = c.SetWriteDeadline(time.Time{})
}

// streamPatience is how long a client may take to read what is sent at once.
const streamPatience = time.Minute

// stream answers with JSON lines. What fails before any was sent is answered as
// all that fails; behind that the answer breaks off, so that the client can tell.
func (x *exchange) stream(write func(io.Writer) error) {
	b := bufio.NewWriterSize(lines{x}, 1<<16)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	switch {
	case err == nil && x.status == 0:
		x.begin()
	case err != nil && x.status == 0:
		x.fail(err)
	case err != nil:
		x.err = err
		panic(http.ErrAbortHandler)
	}
}

func (x *exchange) begin() {
	x.Header().Set("Content-Type", "application/x-ndjson")
	x.WriteHeader(http.StatusOK)
}

// lines begins the answer with the first lines.
type lines struct{ *exchange }

func (l lines) Write(text []byte) (int, error) {
	if l.status == 0 {
		l.begin()
	}
	// Where it can't be set, the client has all the time it wants.
	_ = http.NewResponseController(l.ResponseWriter).SetWriteDeadline(time.Now().Add(streamPatience))
	return l.ResponseWriter.Write(text)
}

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(status int) {
	x.status = status
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) write(status int, contentType string, body any) {
	x.Header().Set("Content-Type", contentType)
	x.WriteHeader(status)
	e := json.NewEncoder(x)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client may be gone
}

// errPanic is why a request failed that panicked; the log has a line of its own
// that says more.
var errPanic = errors.New("panic")

// finish logs and measures a request. Nothing of a token, a query or a body is
// logged. Who only tries tokens fills no log.
func (h *Handler) finish(r *http.Request, x *exchange) {
	if p := recover(); p != nil {
		if p != http.ErrAbortHandler { //nolint:errorlint // the very value is the signal
			x.err = errPanic
			h.Logger.LogAttrs(r.Context(), slog.LevelError, "panic",
				append(dialects.PanicAttrs(p), slog.String("request_id", x.id), slog.String("operation", x.operation))...)
		}
		if x.status == 0 {
			x.fail(x.err)
		} else {
			defer panic(http.ErrAbortHandler) // the answer is half sent
		}
	}
	took := time.Since(x.start)
	if h.Observe != nil {
		h.Observe(dialects.Observation{Dialect: "admin", Operation: x.operation, Status: x.status, Duration: took})
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", x.id), slog.String("operation", x.operation), slog.String("operator", x.operator),
		slog.String("tenant", x.tenant), slog.String("client", h.Proxies.Client(r)), slog.String("method", r.Method), slog.Int("status", x.status),
		slog.Int64("duration_us", took.Microseconds()),
	}
	switch {
	case x.err != nil && x.err != errPanic && r.Context().Err() != nil: //nolint:errorlint // the very value is the signal
		attrs = append(attrs, slog.String("left", x.err.Error())) // the client did, or read too slowly
	case x.status >= http.StatusInternalServerError, x.status < http.StatusBadRequest && x.err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", x.err.Error()))
	case x.status == http.StatusTooManyRequests:
		level = slog.LevelDebug
	}
	h.Logger.LogAttrs(r.Context(), level, "admin request", attrs...)
}
