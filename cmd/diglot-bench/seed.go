package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

// cluster is the PostgreSQL that both sides use, with its durable settings.
type cluster struct {
	pg  *localpg.Cluster
	dir string
}

func startCluster(ctx context.Context) (*cluster, error) {
	dir, err := os.MkdirTemp("", "diglot-bench")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL may run as another user
		return nil, err
	}
	pg, err := localpg.Start(ctx, localpg.Options{Dir: filepath.Join(dir, "data"), Purpose: localpg.Serve, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c := &cluster{pg, dir}
	if err := c.enlarge(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// enlarge gives PostgreSQL room for all rows, so that the gateway is measured
// and not the disk's cache, on either side.
func (c *cluster) enlarge(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.pg.URL("postgres"))
	if err != nil {
		return err
	}
	for _, set := range []string{"shared_buffers = '4GB'", "max_wal_size = '8GB'"} {
		if _, e := conn.Exec(ctx, "ALTER SYSTEM SET "+set); e != nil {
			err = errors.Join(err, e)
		}
	}
	if err := errors.Join(err, conn.Close(ctx), c.pg.Close()); err != nil {
		return err
	}
	c.pg, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(c.dir, "data"), Purpose: localpg.Serve, Logger: slog.New(slog.DiscardHandler)})
	return err
}

func (c *cluster) close() {
	if err := errors.Join(c.pg.Close(), os.RemoveAll(c.dir)); err != nil {
		say("clean up: %v", err)
	}
}

// database is a seeded database with both sides serving it.
type database struct {
	url        string
	gatewayURL string
	floorURL   string
	tenants    []tenant
	perTenant  int
	closers    []func()
}

// tenant is what a client of one has.
type tenant struct {
	headers map[string][]string
}

// pick gives a random tenant and the number of one of its servers.
func (db *database) pick(r *rand.Rand) (tenant, int) {
	t := r.IntN(len(db.tenants))
	return db.tenants[t], t*db.perTenant + r.IntN(db.perTenant) + 1
}

func idOf(n int) string { return fmt.Sprintf("%024x", n) }

func (db *database) close() {
	for i := len(db.closers) - 1; i >= 0; i-- {
		db.closers[i]()
	}
}

func (c *cluster) database(ctx context.Context, name string, tenants, perTenant int) (*database, error) {
	conn, err := pgx.Connect(ctx, c.pg.URL("postgres"))
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return nil, err
	}
	url := c.pg.URL(name)
	if err := store.Up(ctx, url); err != nil {
		return nil, err
	}
	db := &database{url: url, perTenant: perTenant}
	secret, err := core.NewSecret([]byte("the secret of the benchmark"))
	if err != nil {
		return nil, err
	}
	if err := db.seedTenants(ctx, url, secret, tenants); err != nil {
		return nil, err
	}
	if err := seedServers(ctx, url, perTenant); err != nil {
		return nil, err
	}
	return db, errors.Join(db.serveDiglot(ctx, url, secret), db.serveFloor(ctx, url))
}

func (db *database) seedTenants(ctx context.Context, url string, secret *core.Secret, n int) error {
	s, err := store.Open(ctx, store.Config{URL: url, Role: store.Operator})
	if err != nil {
		return err
	}
	defer s.Close()
	o, tokens := core.NewOperator(s, secret, time.Now), refold.NewTokens(secret, refold.DefaultLifetimes)
	for i := range n {
		t, err := o.CreateTenant(ctx, core.Tenant{
			Name: fmt.Sprintf("tenant-%d", i), Refold: &core.RefoldAddress{OrgID: idOf(i), Environment: core.Test},
			CometChat: &core.CometChatAddress{AppID: fmt.Sprintf("app-%d", i), Region: "us"},
		})
		if err != nil {
			return err
		}
		const account = "customer@example.com"
		key, apikey := refold.NewAPIKey(core.Test), cometchat.NewAPIKey()
		_, e1 := o.CreateKey(ctx, t, core.Refold, key)
		_, e2 := o.CreateKey(ctx, t, core.CometChat, apikey)
		_, e3 := o.CreateAccount(ctx, t, account)
		session, e4 := o.IssueSession(ctx, t, core.NewSession{Account: account, Lifetime: 24 * time.Hour})
		token, e5 := tokens.Token(*t.Refold, session.SessionID)
		if err := errors.Join(e1, e2, e3, e4, e5); err != nil {
			return err
		}
		db.tenants = append(db.tenants, tenant{map[string][]string{
			"key":    {"x-api-key", key, "linked_account_id", account},
			"token":  {"Authorization", "Bearer " + token},
			"apikey": {"apikey", apikey},
		}})
	}
	return nil
}

// seedServers fills both tables with the same rows; servers are numbered from
// 1, tenant after tenant, in the order that the tenants were made.
func seedServers(ctx context.Context, url string, perTenant int) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing depends on it
	for _, sql := range []string{
		`SET session_replication_role = replica`, // no entries in the tenants' histories: they would take longer than the rows
		fmt.Sprintf(`INSERT INTO mcp_server (tenant_id, id, slug, name, name_digest, description, url, icon, suggestions, associated_apps, chains, place, created_at, updated_at)
			SELECT t.id, decode(lpad(to_hex(n), 24, '0'), 'hex'), 'server-' || n, 'Server ' || n, sha256(convert_to('Server ' || n, 'UTF8')),
				'Updated MCP server configuration for enterprise customers', 'https://mcp.example.com/sse', 'https://example.com/icon.png',
				'[{"name":"Customer Onboarding","prompt":"Create a new customer account with complete profile setup"}]',
				'[{"slug":"hubspot","workflows":[{"id":"67fbc1e4954bde0dcae1d51c","name":"Contact Sync Workflow","description":"Synchronize contacts between systems"}],"actions":[]}]',
				'[{"id":"686e2a3f7e7cb9099d06ca40","chain":{"name":"Lead Processing Chain","goals":"Qualify and process incoming leads","steps":"Step 1\nStep 2","precheck":"","onError":""}}]',
				n, now(), now()
			FROM (SELECT id, (substring(name FROM 8)::int) AS i FROM tenant) t, generate_series(t.i * %[1]d + 1, t.i * %[1]d + %[1]d) n`, perTenant),
		`CREATE TABLE bare_server AS SELECT id, slug, name, description, url, icon, suggestions, associated_apps, chains, place, created_at, updated_at FROM mcp_server`,
		`ALTER TABLE bare_server ADD PRIMARY KEY (id)`, // and what else a server is found by, without a tenant
		`CREATE UNIQUE INDEX ON bare_server (slug)`,
		`CREATE INDEX ON bare_server (name)`,
		`CREATE INDEX ON bare_server (place)`,
		`VACUUM ANALYZE mcp_server`,
		`VACUUM ANALYZE session_token`,
		`VACUUM ANALYZE bare_server`,
		`CHECKPOINT`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("seed servers: %w", err)
		}
	}
	return nil
}

func (db *database) serveDiglot(ctx context.Context, url string, secret *core.Secret) error {
	s, err := store.Open(ctx, store.Config{URL: url, Role: store.Runtime})
	if err != nil {
		return err
	}
	service := core.NewService(s, secret, time.Now, core.NewIDSource())
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { service.Watch(watching) })
	db.closers = append(db.closers, func() { stop(); wg.Wait(); s.Close() })
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	o := dialects.Options{Logger: slog.New(slog.NewJSONHandler(null, nil))} // the log is written, to nowhere; no rate is limited
	mux := http.NewServeMux()
	mux.Handle("/api/", refold.New(service, refold.NewTokens(secret, refold.DefaultLifetimes), o))
	mux.Handle("/v3/", cometchat.New(service, o))
	db.gatewayURL, err = db.listen(ctx, mux)
	return err
}

func (db *database) serveFloor(ctx context.Context, url string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return err
	}
	config.MaxConns = 16 // as many as the gateway's pool has
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	db.closers = append(db.closers, pool.Close)
	db.floorURL, err = db.listen(ctx, (&floor{pool, core.NewIDSource()}).handler())
	return err
}

func (db *database) listen(ctx context.Context, h http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()                            // ends with the close below
	db.closers = append(db.closers, func() { _ = server.Close() }) // the process ends after it
	return "http://" + l.Addr().String(), nil
}
