// Package gateway puts the program's handlers together: which dialect answers at
// which path, health and documentation beside them, and the limits of a
// connection. `diglot serve` and the test kit serve what it makes.
package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// The limits of one connection. A body of 1 MiB over a slow link and a page of
// 100 large servers both fit in them.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second // from the request's header on: a body that took all its time is answered too
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	readyTimeout      = 2 * time.Second
)

// Gateway is the main port's handler: each dialect at its path, health and the
// documentation beside them.
type Gateway struct {
	// Refold and CometChat serve the dialects alone.
	Refold, CometChat *dialects.Kit
	// Answers is the memory that answers may take; nil: as much as they do.
	Answers *dialects.Answers

	service  *core.Service
	draining atomic.Bool
}

// Limits are how many requests of a dialect a tenant may send this instance
// in a minute, 0: any number, and what else it may do that has no limit of its own.
type Limits struct {
	Refold, CometChat int
	Others            core.Limits
	// BodyMemory is what bodies of requests may take of memory, of all tenants
	// together, in bytes; 0: as much as they do.
	BodyMemory int
	// AnswerMemory is the same of answers.
	AnswerMemory int
}

// DefaultConcurrency is how many requests a tenant may have under way where
// nothing else is said: more than clients that behave have, and a tenth of what
// would be felt in memory.
const DefaultConcurrency = 500

// DefaultLimits are what `diglot serve` has without a setting.
func DefaultLimits() Limits {
	return Limits{
		CometChat: cometchat.DefaultRateLimit,
		Others:    core.Limits{Concurrency: new(DefaultConcurrency), BodyBytes: new(core.DefaultMaxBytes)},

		BodyMemory: dialects.DefaultBodyMemory, AnswerMemory: dialects.DefaultAnswerMemory,
	}
}

// of gives the limits of a dialect. Where they are to be the vendor's, they are as
// far as nothing else is said.
func (l Limits) of(rate int, vendor core.Limits) core.Limits {
	limits := l.Others
	limits.Rate = &rate
	if limits.Vendor {
		limits = limits.Or(vendor)
	}
	return limits
}

// New puts a gateway together. The options' limits, slots and memory are
// taken from the limits that are given; those behind are of the Refold dialect alone.
func New(service *core.Service, tokens *refold.Tokens, l Limits, o dialects.Options, ofRefold ...refold.Option) *Gateway {
	g := &Gateway{service: service}
	o.Slots = dialects.NewSlots()
	if l.BodyMemory > 0 {
		o.Bodies = dialects.NewBodies(l.BodyMemory)
	}
	if l.AnswerMemory > 0 {
		g.Answers = dialects.NewAnswers(l.AnswerMemory)
		o.Answers = g.Answers
	}
	o.Limits = l.of(l.Refold, refold.VendorLimits)
	g.Refold = refold.New(service, tokens, o, ofRefold...)
	o.Limits = l.of(l.CometChat, cometchat.VendorLimits)
	g.CometChat = cometchat.New(service, o)
	return g
}

// NewServer makes the server of a listener, with the limits of a connection.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// Now gives the time of the service behind it.
func (g *Gateway) Now() time.Time { return g.service.Now() }

// Drain has /readyz say from now on that no more requests should come.
func (g *Gateway) Drain() { g.draining.Store(true) }

// ServeHTTP implements [http.Handler]. Everything below the first segment of a
// dialect's prefix is the dialect's, so that its unknown paths are answered in
// its own shape.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch dialect := DialectAt(path); {
	case dialect == core.CometChat:
		g.CometChat.ServeHTTP(w, r)
	case dialect == core.Refold:
		g.Refold.ServeHTTP(w, r)
	case path == "/healthz":
		Answer(w, http.StatusOK, map[string]string{"status": "ok"})
	case path == "/readyz":
		g.ready(w, r)
	case IsDocs(path):
		publicDocs.Serve(w, r)
	default:
		noSuchPath(w)
	}
}

// DialectAt names the dialect that answers at a path, "" for none.
func DialectAt(path string) core.DialectName {
	switch {
	case isBelow(path, "/v3"):
		return core.CometChat
	case isBelow(path, "/api"):
		return core.Refold
	}
	return ""
}

// isBelow reports whether a path is a folder or below it, in whatever case: the
// vendors' stacks take either.
func isBelow(path, folder string) bool {
	n := len(folder)
	return len(path) >= n && (len(path) == n || path[n] == '/') && strings.EqualFold(path[:n], folder)
}

func noSuchPath(w http.ResponseWriter) {
	Answer(w, http.StatusNotFound, map[string]string{
		"error": "no such path", "refold": refold.Prefix, "cometchat": cometchat.Prefix, "docs": DocsPath,
	})
}

// ready answers whether requests can be served. What stands in the way is for
// the log, not for whoever asks.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if g.draining.Load() || g.service.Ready(ctx) != nil {
		Answer(w, http.StatusServiceUnavailable, map[string]string{"status": "unavailable"})
		return
	}
	Answer(w, http.StatusOK, map[string]string{"status": "ready"})
}

// Answer writes a JSON object of texts.
func Answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
