package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
	"github.com/diglot/diglot/store/memstore"
)

func newServeCommand(c *common) *cobra.Command {
	s := &serveConfig{common: c}
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve both dialects", Args: cobra.NoArgs,
		Long: "Serve both dialects until SIGTERM or an interrupt. Every flag can be set as DIGLOT_ and its name in capitals, " +
			"--ops-addr as DIGLOT_OPS_ADDR. " + envDatabaseURL + " names a PostgreSQL server to use; without it, a private one is kept in --data-dir. " +
			envPooledURL + " is the way to the same database through PgBouncer, for requests. " + envSecret + " or " + envSecretFile + " is what key hashes and token signatures come from. " +
			envAdminToken + " or " + envAdminTokenFile + " has the admin API be served beside /metrics, at " + admin.Prefix + ".",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := newLogger(s.logLevel)
			if err != nil {
				return err
			}
			s.settleLimits(cmd.Flags().Changed)
			if err := s.validate(); err != nil {
				return err
			}
			return explain(s.serve(cmd.Context(), logger, cmd.OutOrStdout()))
		},
	}
	s.flags(cmd.Flags())
	return cmd
}

// gcPercent lets the heap, some 10 MB, grow to five times what is alive before
// it is collected: a gateway's garbage is all short-lived, and the default
// spends a tenth of its time on looking. GOGC overrides it.
const gcPercent = 400

// serve runs until ctx ends and everything that it started is stopped.
func (c *serveConfig) serve(ctx context.Context, logger *slog.Logger, out io.Writer) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	admins, err := c.readAdmins(logger)
	if err != nil {
		return err
	}
	m := newMetrics()
	b, err := c.openBackend(ctx, logger, m, admins != nil)
	if err != nil {
		return err
	}
	defer b.close(logger)
	service := core.NewService(b.store, b.secret, time.Now, core.NewIDSource(), core.WithLimits(c.rateLimits.others))
	tokens := refold.NewTokens(b.secret, c.lifetimes)
	g := newGateway(service, tokens, c.rateLimits, dialects.Options{Logger: logger, Observe: m.observe, Proxies: c.proxies})
	var api *admin.Handler // nil: it is not served
	if admins != nil {
		api = admin.New(admin.Options{
			Operator: core.NewOperator(b.directory, b.secret, time.Now, core.WithService(service)),
			Tokens:   tokens, Admins: admins, Logger: logger, Observe: m.observe, Proxies: c.proxies, KeepImagesFor: c.keepImages,
		})
		b.closers = append(b.closers, api.Close)
	}

	main, err := listen(ctx, "--addr", c.addr)
	if err != nil {
		return err
	}
	servers := []*listening{{newServer(g, logger), main}}
	if c.servesOperations() {
		ops, err := listen(ctx, "--ops-addr", c.opsAddr)
		if err != nil {
			return errors.Join(err, main.Close())
		}
		servers = append(servers, &listening{newServer(newOperations(g, m, api), logger), ops})
	}
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx)) // until the last request has been served
	var wg sync.WaitGroup
	wg.Go(func() { service.Watch(watching) })
	wg.Go(func() {
		service.KeepKeyUses(watching, func(err error) {
			logger.WarnContext(ctx, "write when keys were last used, or their hashes; it is tried again", slog.String("error", err.Error()))
		})
	})
	defer func() { stopWatching(); wg.Wait() }()
	return c.run(ctx, logger, out, g, b.demo, servers)
}

// listening is a server and what it listens on.
type listening struct {
	server   *http.Server
	listener net.Listener
}

func (c *serveConfig) run(ctx context.Context, logger *slog.Logger, out io.Writer, g *gateway, d *demo, servers []*listening) error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- s.server.Serve(s.listener) }()
	}
	addr := servers[0].listener.Addr()
	logger.InfoContext(ctx, "serving", slog.String("addr", addr.String()), slog.String("version", version))
	if d != nil {
		if err := d.print(out, addr, g.service.Now()); err != nil {
			logger.WarnContext(ctx, "print the demo", slog.String("error", err.Error()))
		}
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	g.draining.Store(true)
	logger.InfoContext(ctx, "stopping", slog.String("drain_timeout", c.drainTimeout.String()))
	return errors.Join(err, drain(servers, c.drainTimeout))
}

// drain lets requests under way end, and ends them when they take too long.
func drain(servers []*listening, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var errs []error
	for _, s := range servers {
		if err := s.server.Shutdown(ctx); err != nil {
			_ = s.server.Close() // what it could say is less than that it was needed
			errs = append(errs, fmt.Errorf("requests were still under way after %s: %w", limit, err))
		}
	}
	return errors.Join(errs...)
}

func newServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, withHint(err, "another program has the address; choose another one with "+flag)
	}
	return l, err
}

// backend is the store that requests are served from, and what goes with it.
type backend struct {
	store     core.Store
	directory core.Directory // nil: no admin API is asked for
	secret    *core.Secret
	demo      *demo // nil: not asked for
	closers   []func() error
}

func (b *backend) close(logger *slog.Logger) {
	for i := len(b.closers) - 1; i >= 0; i-- {
		if err := b.closers[i](); err != nil {
			logger.Error("close", slog.String("error", err.Error()))
		}
	}
}

// openBackend opens what is served from, and the directory of an admin API
// where there is to be one.
func (c *serveConfig) openBackend(ctx context.Context, logger *slog.Logger, m *metrics, administered bool) (*backend, error) {
	if os.Getenv(envPooledURL) != "" && os.Getenv(envDatabaseURL) == "" {
		return nil, withHint(errors.New(envPooledURL+" is given without "+envDatabaseURL),
			"name the way past the pooler too: migrations and the watch for revoked credentials need it")
	}
	if c.memory {
		return c.openMemory(ctx)
	}
	db, err := c.openDatabase(ctx, localpg.Serve, logger)
	if err != nil {
		return nil, err
	}
	b := &backend{closers: []func() error{db.Close}}
	err = c.openPostgres(ctx, b, db, logger)
	if err == nil && administered {
		err = b.openDirectory(ctx, db)
	}
	if err != nil {
		b.close(logger)
		return nil, err
	}
	if s, ok := b.store.(*store.Store); ok {
		m.watchPool(s)
	}
	return b, nil
}

func (c *serveConfig) openMemory(ctx context.Context) (*backend, error) {
	if os.Getenv(envDatabaseURL) != "" {
		return nil, withHint(errors.New("--memory and "+envDatabaseURL+" are both given"), "leave one of them out")
	}
	material, _, err := secretMaterial()
	if err != nil {
		return nil, err
	}
	if material == nil {
		material = core.RandomMaterial()
	}
	secret, err := core.NewSecret(material)
	if err != nil {
		return nil, err
	}
	s := memstore.New()
	b := &backend{store: s, directory: s, secret: secret}
	return b, c.makeDemo(ctx, b, core.NewOperator(s, secret, time.Now))
}

// openPostgres prepares the database as an operator, then opens it again as
// the role that cannot see past row security.
func (c *serveConfig) openPostgres(ctx context.Context, b *backend, db *database, logger *slog.Logger) error {
	if err := store.Up(ctx, db.url); err != nil {
		return err
	}
	a, err := openAdministration(ctx, db)
	switch {
	case err == nil:
		b.secret = a.secret
		err = c.makeDemo(ctx, b, a.Operator)
		a.store.Close()
	case errors.Is(err, store.ErrNotOperator) && !c.demo:
		err = nil // a login for the runtime alone: enough to serve
	}
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: db.url, PooledURL: db.pooled, Role: store.Runtime, Logger: logger})
	if err != nil {
		return err
	}
	b.store = s
	b.closers = append(b.closers, func() error { s.Close(); return nil })
	if b.secret == nil {
		b.secret, err = readSecret(ctx, s)
		return err
	}
	s.TellSecretVersion(b.secret.Newest())
	return nil
}

func (c *serveConfig) makeDemo(ctx context.Context, b *backend, o *core.Operator) error {
	if !c.demo {
		return nil
	}
	d, err := makeDemo(core.WithActor(ctx, operator()), o, b.secret)
	b.demo = &d
	return err
}
