package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
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
			s.settleRevision(cmd.Flags().Changed)
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
	limitMemory(ctx, logger)
	admins, err := c.readAdmins(logger)
	if err != nil {
		return err
	}
	m := newMetrics()
	p := c.parts(logger)
	b, err := c.openBackend(ctx, logger, m, admins != nil || c.test.on, p.now)
	if err != nil {
		return err
	}
	defer b.close(logger)
	p.service = append(p.service, core.WithLimits(c.rateLimits.Others))
	service := core.NewService(b.store, b.secret, p.now, p.newID, p.service...)
	tokens := refold.NewTokens(b.secret, c.lifetimes)
	p.dialects.Observe, p.dialects.Proxies = m.observe, c.proxies
	shadow, err := c.shadow.open(logger, m)
	if err != nil {
		return err
	}
	if shadow != nil {
		p.dialects.Relay = shadow.Shadow
	}
	g := gateway.New(service, tokens, c.rateLimits, p.dialects, refold.WithUnknownIn(c.revision))
	var operator *core.Operator // nil: nobody asks for one
	if b.directory != nil {
		operator = core.NewOperator(b.directory, b.secret, p.now, append(p.operator, core.WithService(service))...)
	}
	var api *admin.Handler // nil: it is not served
	if admins != nil {
		api = admin.New(admin.Options{
			Operator: operator, Tokens: tokens, Admins: admins, Logger: logger, Observe: m.observe,
			Proxies: c.proxies, KeepImagesFor: c.keepImages,
		})
		b.closers = append(b.closers, api.Close)
	}
	handler, err := p.serve(ctx, g, testmode.Backend{Gateway: g, Service: service, Operator: operator, Tokens: tokens}, b.store)
	if err != nil {
		return err
	}
	handler = shadow.around(handler)

	main, err := listen(ctx, "--addr", c.addr)
	if err != nil {
		return errors.Join(err, p.end())
	}
	servers := []*listening{newListening(handler, main, logger)}
	if c.servesOperations() {
		ops, err := listen(ctx, "--ops-addr", c.opsAddr)
		if err != nil {
			return errors.Join(err, main.Close(), p.end())
		}
		servers = append(servers, newListening(newOperations(g, m, api, shadow), ops, logger))
	}
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx)) // until the last request has been served
	var wg sync.WaitGroup
	wg.Go(func() { service.Watch(watching) })
	wg.Go(func() {
		service.KeepKeyUses(watching, func(err error) {
			logger.WarnContext(ctx, "write when keys were last used, or their hashes; it is tried again", slog.String("error", err.Error()))
		})
	})
	wg.Go(func() { shadow.follow(watching, &c.shadow, logger) })
	stop, err := c.run(ctx, logger, g, func(addr net.Addr) error { return errors.Join(b.demo.print(out, addr, g.Now()), p.print(out, addr)) }, servers, api != nil)
	stop.step(1, func() { shadow.end(logger); stopWatching(); wg.Wait() }, func() string { return "the last note of when keys were used" })
	stop.step(2+p.endBy(stop), b.disconnect(logger), b.inUse)
	return errors.Join(err, stop.err())
}

// run serves until ctx ends or a server fails, and then as long as requests are
// under way.
func (c *serveConfig) run(
	ctx context.Context, logger *slog.Logger, g *gateway.Gateway, ready func(net.Addr) error, servers []*listening, administered bool,
) (*stopping, error) {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- s.server.Serve(s.listener) }()
	}
	addr := servers[0].listener.Addr()
	opsAddr := "off"
	if len(servers) > 1 {
		opsAddr = servers[1].listener.Addr().String()
	}
	logger.InfoContext(ctx, "serving", slog.String("addr", addr.String()), slog.String("ops_addr", opsAddr), slog.Bool("admin_api", administered),
		slog.String("version", version))
	if err := ready(addr); err != nil {
		logger.WarnContext(ctx, "print what to begin with", slog.String("error", err.Error()))
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	g.Drain()
	logger.InfoContext(ctx, "stopping", slog.String("drain_timeout", c.drainTimeout.String()))
	stop := beginStop(logger, c.drainTimeout)
	stop.servers(servers)
	return stop, err
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
	demo      *demo          // nil: not asked for
	closers   []func() error // of connections to the database
	cluster   io.Closer      // the private one; nil: there is none
}

func (b *backend) close(logger *slog.Logger) {
	b.disconnect(logger)()
	if b.cluster != nil {
		logClose(logger, b.cluster.Close)
	}
}

// disconnect gives what closes all connections; nobody else will.
func (b *backend) disconnect(logger *slog.Logger) func() {
	closers := b.closers
	b.closers = nil
	return func() {
		for _, c := range slices.Backward(closers) {
			logClose(logger, c)
		}
	}
}

func logClose(logger *slog.Logger, c func() error) {
	if err := c(); err != nil {
		logger.Error("close", slog.String("error", err.Error()))
	}
}

// inUse says how many connections serve requests.
func (b *backend) inUse() string {
	n := int32(0)
	if s, ok := b.store.(*store.Store); ok {
		n = s.Stat().AcquiredConns()
	}
	return fmt.Sprintf("connections to the database, %d in use", n)
}

// openBackend opens what is served from, and the directory of an admin API
// where there is to be one.
func (c *serveConfig) openBackend(ctx context.Context, logger *slog.Logger, m *metrics, administered bool, now core.Clock) (*backend, error) {
	if os.Getenv(envPooledURL) != "" && os.Getenv(envDatabaseURL) == "" {
		return nil, withHint(errors.New(envPooledURL+" is given without "+envDatabaseURL),
			"name the way past the pooler too: migrations and the watch for revoked credentials need it")
	}
	if c.memory {
		return c.openMemory(ctx, now)
	}
	db, err := c.openDatabase(ctx, localpg.Serve, orNew, logger, func(what string) { logger.InfoContext(ctx, what) })
	if err != nil {
		return nil, err
	}
	b := &backend{cluster: db}
	err = c.openPostgres(ctx, b, db, logger)
	if err == nil && administered {
		err = b.openDirectory(ctx, db, logger)
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

func (c *serveConfig) openMemory(ctx context.Context, now core.Clock) (*backend, error) {
	if os.Getenv(envDatabaseURL) != "" {
		return nil, withHint(errors.New("--memory and "+envDatabaseURL+" are both given"), "leave one of them out")
	}
	material, _, err := secretMaterial()
	if err != nil {
		return nil, err
	}
	switch {
	case material != nil:
	case c.test.on:
		material = []byte(testmode.SecretMaterial)
	default:
		material = core.RandomMaterial()
	}
	secret, err := core.NewSecret(material)
	if err != nil {
		return nil, err
	}
	s := memstore.New(memstore.WithClock(now))
	b := &backend{store: s, directory: s, secret: secret}
	return b, c.makeDemo(ctx, b, core.NewOperator(s, secret, now))
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
