package main

import (
	"context"
	"encoding/json"
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

// gateway is the main port's handler: each dialect at its path, health and the
// documentation beside them.
type gateway struct {
	service   *core.Service
	refold    http.Handler
	cometchat http.Handler
	draining  atomic.Bool
}

// rateLimits are how many requests of a dialect a tenant may send this instance
// in a minute, 0: any number, and what else it may do that has no limit of its own.
type rateLimits struct {
	refold, cometchat int
	others            core.Limits
}

// of gives the limits of a dialect. Where they are to be the vendor's, they are as
// far as nothing else is said.
func (l rateLimits) of(rate int, vendor core.Limits) core.Limits {
	limits := l.others
	limits.Rate = &rate
	if limits.Vendor {
		limits = limits.Or(vendor)
	}
	return limits
}

func newGateway(service *core.Service, tokens *refold.Tokens, l rateLimits, o dialects.Options) *gateway {
	g := &gateway{service: service}
	o.Slots = dialects.NewSlots()
	o.Limits = l.of(l.refold, refold.VendorLimits)
	g.refold = refold.New(service, tokens, o)
	o.Limits = l.of(l.cometchat, cometchat.VendorLimits)
	g.cometchat = cometchat.New(service, o)
	return g
}

// ServeHTTP implements [http.Handler]. Everything below the first segment of a
// dialect's prefix is the dialect's, so that its unknown paths are answered in
// its own shape.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/v3/"), path == "/v3":
		g.cometchat.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/api/"), path == "/api":
		g.refold.ServeHTTP(w, r)
	case path == "/healthz":
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	case path == "/readyz":
		g.ready(w, r)
	case isDocs(path):
		publicDocs.serve(w, r)
	default:
		noSuchPath(w)
	}
}

func noSuchPath(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, map[string]string{
		"error": "no such path", "refold": refold.Prefix, "cometchat": cometchat.Prefix, "docs": docsPath,
	})
}

// ready answers whether requests can be served. What stands in the way is for
// the log, not for whoever asks.
func (g *gateway) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if g.draining.Load() || g.service.Ready(ctx) != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "unavailable"})
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
