// Package store keeps everything in PostgreSQL: [Store] is core's Store and
// Directory, [Up] and its like migrate the schema.
//
// A tenant's statements run in a transaction that first says whose it is
// (SET LOCAL app.tenant_id, or enter_session, which also makes sure that the
// session lives), sent together in one round trip; row security
// holds the rows that they see to that tenant. A [Runtime] store steps down to
// a role that can't bypass it, and refuses to open where it can't.
//
// Config.URL leads to PostgreSQL itself, or to PgBouncer in session mode: such
// connections are a store's own while they are open. Config.PooledURL may lead
// to PgBouncer in transaction mode.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/diglot/diglot/core"
)

var (
	_ core.Store     = (*Store)(nil)
	_ core.Directory = (*Store)(nil)
)

// Role is what a store may do.
type Role int

const (
	// Runtime serves tenants, one at a time: it has core's Store and can't see
	// two tenants in one transaction. The methods of core's Directory fail.
	Runtime Role = iota
	// Operator sees all tenants: it has the Directory, the secret, and the
	// Store too.
	Operator
)

// Config says which database to open and how.
type Config struct {
	URL string // what PostgreSQL's own clients take

	// PooledURL leads a [Runtime] store's requests to the same database by way
	// of a pooler that lends a server connection for a transaction at a time.
	// URL is then for what needs a session: the watch. "": all goes to URL.
	PooledURL string

	Role     Role
	MaxConns int          // 0: the URL's pool_max_conns, else a default by role
	Logger   *slog.Logger // nil: nothing is logged
}

// connectTimeout bounds a connection attempt where the URL has no
// connect_timeout; without it a host that swallows packets holds a request
// for as long as its client waits.
const connectTimeout = 5 * time.Second

// operatorConns is how many connections an operator's store has: twice what the
// admin API's long operations may hold.
const operatorConns = 8

// Store is core's Store and Directory on PostgreSQL.
type Store struct {
	pool    *pgxpool.Pool
	db      directoryDB     // the pool, for what is no tenant's
	prelude []string        // what else a transaction begins with
	direct  *pgx.ConnConfig // past any pooler
	role    Role
	turns   *turns // between tenants; nil: an operator's, who waits for nobody
	lookUps *turns // between credentials that were nobody's; nil as well
	owners  owners
	chainer *chainer
	log     *slog.Logger

	rehearsing *pgconn.PgConn // is in the transaction of a [Store.Rehearse]; nil: it is none

	secretVersion atomic.Int64 // see [Store.TellSecretVersion]
}

// Open connects to a migrated database. It fails when the database doesn't
// answer (Unavailable), when its schema is not there, or when a [Runtime]
// store could bypass row security.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{role: cfg.Role, log: cfg.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	pc, err := s.configure(ctx, cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s.pool, s.db = pool, pool
	if cfg.Role == Runtime {
		tenants, lookUps := sharedConns(int(pc.MaxConns))
		s.turns, s.lookUps = newTurns(tenants), &turns{each: lookUps, free: lookUps, lanes: map[core.TenantID]*lane{}}
	}
	switch {
	case s.stepsDown():
		s.db = steppedDown{pool}
	case cfg.Role == Operator:
		s.db = acting{pool, func() { s.chainer.changed() }}
	}
	// A pool connects on first use; this one is to fail now.
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, wrap(err, "database", "open database")
	}
	s.chainer = startChainer(s.db, s.log)
	return s, nil
}

// configure says how the pool's connections are made, and where to.
func (s *Store) configure(ctx context.Context, cfg Config) (*pgxpool.Config, error) {
	pc, err := poolConfig(cfg, cfg.URL)
	if err != nil {
		return nil, err
	}
	s.direct = pc.ConnConfig
	if cfg.PooledURL == "" {
		return pc, nil
	}
	if cfg.Role != Runtime {
		return nil, errors.New("only what serves requests goes by way of a pooler")
	}
	if pc, err = poolConfig(cfg, cfg.PooledURL); err != nil {
		return nil, fmt.Errorf("pooled: %w", err)
	}
	return pc, s.usePooler(ctx, cfg.URL, pc)
}

func poolConfig(cfg Config, url string) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable(url, err)
	}
	if err := requireHost(pc.ConnConfig); err != nil {
		return nil, err
	}
	switch {
	case cfg.MaxConns > 0:
		pc.MaxConns = int32(min(cfg.MaxConns, 1<<20)) //nolint:gosec // bounded right here
	case strings.Contains(url, "pool_max_conns"):
	case cfg.Role == Runtime:
		pc.MaxConns = int32(min(max(16, 4*runtime.NumCPU()), 64)) //nolint:gosec // bounded right here
	default:
		pc.MaxConns = operatorConns
	}
	if pc.PingTimeout == 0 { // the pool's own waits for as long as who wants the connection, or longer
		pc.PingTimeout = answerTimeout
	}
	prepareConnConfig(pc.ConnConfig)
	if cfg.Role == Runtime { // an operator's statements may take their time
		pc.ConnConfig.DialFunc = impatient(pc.ConnConfig.DialFunc)
	}
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := requireUTF8(conn); err != nil {
			return err
		}
		if err := takeRole(ctx, conn, cfg.Role); err != nil {
			return err
		}
		return prepareStatements(ctx, conn)
	}
	return pc, nil
}

// requireUTF8 refuses a database in another encoding: it would keep bytes that
// are no text, or refuse text that is.
func requireUTF8(conn *pgx.Conn) error {
	if encoding := conn.PgConn().ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s and must be UTF8: create it with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// prepareConnConfig sets what every connection has, unless the URL says otherwise.
func prepareConnConfig(cc *pgx.ConnConfig) {
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectTimeout
	}
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = "diglot"
	}
}

// Close closes all connections, waiting for those in use.
func (s *Store) Close() {
	s.chainer.close()
	s.pool.Close()
}

// Stat gives the pool's figures, for metrics.
func (s *Store) Stat() *pgxpool.Stat { return s.pool.Stat() }

// Waits is how many requests waited for a connection, or for one to be made.
func (s *Store) Waits() int64 {
	return s.pool.Stat().EmptyAcquireCount() + s.turns.waits() + s.lookUps.waits()
}

// Ready reports Unavailable when the database doesn't answer, or has a schema
// that is older than this build or half migrated, or takes no writes.
func (s *Store) Ready(ctx context.Context) error {
	st, err := status(ctx, s.db)
	if err != nil {
		return wrap(err, "database", "read schema version")
	}
	reason := st.notReady()
	var readOnly bool
	if err := s.db.QueryRow(ctx, `SELECT current_setting('transaction_read_only')::boolean`).Scan(&readOnly); err != nil {
		return wrap(err, "database", "read whether the database takes writes")
	}
	if readOnly && reason == "" {
		reason = "the database takes no writes"
	}
	if reason != "" {
		return &core.Error{Kind: core.Unavailable, Noun: "database", Message: reason}
	}
	return nil
}
