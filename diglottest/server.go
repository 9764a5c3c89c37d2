package diglottest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

// Server is a gateway that serves until its test ends. It has all methods of its
// first [Tenant], whose addresses and credentials are so at hand. It is safe for
// concurrent use.
type Server struct {
	*first

	t    testing.TB
	url  string
	mode *testmode.Mode

	mu      sync.Mutex
	tenants map[string]*Tenant
	clients []*http.Client
}

type first = Tenant

// stopPatience is how long requests under way may take when a test ends, before
// their connections are closed.
const stopPatience = time.Second

// New starts a server on a port of 127.0.0.1 that is free, and stops it when the
// test ends. What keeps it from starting fails the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	c := config{logger: slog.New(slog.DiscardHandler), tenants: []string{testmode.DefaultTenant}}
	for _, o := range options {
		o(&c)
	}
	s, err := start(t, &c)
	if err != nil {
		t.Fatalf("diglottest: %v", err)
	}
	return s
}

func start(t testing.TB, c *config) (*Server, error) {
	t.Helper()
	ctx := t.Context()
	mode := testmode.New(c.mode())
	kept, err := c.open(ctx, t, mode.Clock.Now)
	if err != nil {
		return nil, err
	}
	limits := gateway.DefaultLimits()
	service := core.NewService(kept.store, kept.secret, mode.Clock.Now, mode.IDs.ObjectID, core.WithUUIDs(mode.IDs.UUID), core.WithLimits(limits.Others))
	b := testmode.Backend{
		Service: service, Tokens: refold.NewTokens(kept.secret, refold.DefaultLifetimes), Memory: kept.memory,
		Operator: core.NewOperator(kept.directory, kept.secret, mode.Clock.Now,
			core.WithService(service), core.WithIDs(mode.IDs.ObjectID), core.WithOperatorUUIDs(mode.IDs.UUID)),
	}
	b.Gateway = gateway.New(service, b.Tokens, limits,
		dialects.Options{Logger: c.logger, NewRequestID: mode.IDs.RequestID, Interceptor: mode}, refold.WithUnknownIn(c.revision))
	handler, err := mode.Serve(ctx, b)
	if err != nil {
		return nil, err
	}
	if err := mode.AddFaults(ctx, rules(c.faults)...); err != nil {
		return nil, err
	}
	s := &Server{t: t, mode: mode, tenants: map[string]*Tenant{}}
	s.first = s.Tenant(c.tenants[0])
	return s, s.serve(ctx, gateway.NewServer(handler, c.logger), service)
}

// serve listens, and ends all that it began when the test ends.
func (s *Server) serve(ctx context.Context, server *http.Server, service *core.Service) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String()
	watching, stop := context.WithCancel(context.WithoutCancel(ctx)) // a test's context ends before its cleanup
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) }) // it is told to end
	wg.Go(func() { service.Watch(watching) })
	s.t.Cleanup(func() {
		s.mu.Lock()
		for _, client := range s.clients {
			client.CloseIdleConnections()
		}
		s.mu.Unlock()
		patience, cancel := context.WithTimeout(watching, stopPatience)
		defer cancel()
		if server.Shutdown(patience) != nil {
			_ = server.Close() // the test is over, whatever was under way
		}
		stop()
		wg.Wait()
	})
	return nil
}

// kept is where a server keeps everything.
type kept struct {
	store     core.Store
	directory core.Directory
	memory    *memstore.Store // nil: in PostgreSQL
	secret    *core.Secret
}

// URL is the server's own, without a path: /docs, /openapi/ and /_diglot/ are
// below it.
func (s *Server) URL() string { return s.url }
