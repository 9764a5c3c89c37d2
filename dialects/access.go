package dialects

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
)

// state is what is known of a request on its way.
type state struct {
	id        string
	sent      *url.URL // as the client has it
	operation string
	who       *core.Principal
	err       error
	brokenOff bool // the connection was, before the answer's end
	body      incoming
	slot      *atomic.Int64 // see admit; nil: it has none
}

var errBrokenOff = errors.New("the answer was broken off")

func (s *state) tenant() string {
	if s.who == nil {
		return ""
	}
	return s.who.Tenant.Name
}

// leave ends the request for the tenant's limits, if it has not ended for them.
func (s *state) leave() {
	leave(s.slot)
	s.slot = nil
}

type stateKey struct{}

func callOf(r *http.Request) *state { return r.Context().Value(stateKey{}).(*state) }

// recorder notes the status on its way out.
type recorder struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish logs and measures a request. Neither credentials nor bodies nor query
// strings are logged.
func (k *Kit) finish(r *http.Request, status int, s *state, d time.Duration) {
	if s.brokenOff {
		s.err = errors.Join(errBrokenOff, s.err)
	} else if status == 0 {
		status = http.StatusOK
	}
	if k.options.Observe != nil && !s.brokenOff {
		k.options.Observe(Observation{Dialect: k.Name, Operation: s.operation, Status: status, Duration: d, Refused: refusalOf(s.err)})
	}
	level := slog.LevelInfo
	attrs := [8]slog.Attr{
		slog.String("request_id", s.id),
		slog.String("operation", s.operation),
		slog.String("tenant", s.tenant()),
		slog.String("client", k.options.Proxies.Client(r)),
		slog.String("method", r.Method),
		slog.Int("status", status),
		slog.Int64("duration_us", d.Microseconds()),
	}
	n := 7
	ours := s.brokenOff || status >= http.StatusInternalServerError && core.KindOf(s.err) != core.Unserved // a failure of ours
	if s.err != nil && (ours || k.log.Enabled(r.Context(), slog.LevelDebug)) {
		attrs[n] = slog.String("error", s.err.Error())
		n++
	}
	if ours {
		level = slog.LevelError
	}
	k.log.LogAttrs(r.Context(), level, "request", attrs[:n]...)
}
