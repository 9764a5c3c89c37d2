package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// This file is what differs by way of a pooler in transaction mode, such as
// PgBouncer: the server connection behind ours may be another one in each
// transaction, and others use it in between. So nothing may be left on it and
// nothing be expected there: no SET, no role, no prepared statement, no lock,
// no LISTEN. Statements are parsed anew each time, without a name, in the same
// round trip.

const (
	// stepDown is [takeRole]'s SET ROLE for one transaction.
	stepDown = "SET LOCAL ROLE diglot_runtime"

	// planGeneric is what [prepareStatements] sets, and here isn't about planning
	// less. Planned with its values, a slug that many tenants have seems to be
	// found often in one of them too, so often that all servers are read for it.
	planGeneric = "SET LOCAL plan_cache_mode = force_generic_plan"
)

func (s *Store) stepsDown() bool { return slices.Contains(s.prelude, stepDown) }

// usePooler has the pool's connections leave no session state, and finds out
// whether the pooler's login is held by row security as it is.
func (s *Store) usePooler(ctx context.Context, directURL string, pc *pgxpool.Config) error {
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // unnamed, one round trip
	pc.ConnConfig.StatementCacheCapacity, pc.ConnConfig.DescriptionCacheCapacity = 0, 0
	pooled, err := pgx.ConnectConfig(ctx, pc.ConnConfig.Copy())
	if err != nil {
		return wrap(err, "database", "open database by way of the pooler")
	}
	defer closeConn(ctx, pooled)
	if err := requireUTF8(pooled); err != nil {
		return err
	}
	if err := requireSameDatabase(ctx, directURL, pooled); err != nil {
		return err
	}
	s.prelude = []string{planGeneric}
	switch must, err := mustStepDown(ctx, pooled); {
	case err != nil:
		return wrap(err, "database", "read rights of the pooled login")
	case must:
		s.prelude = append(s.prelude, stepDown)
	}
	if err := s.checkPooled(ctx, pooled); err != nil {
		return err
	}
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := requireUTF8(conn); err != nil {
			return err
		}
		return s.checkPooled(ctx, conn)
	}
	return checkStatements(ctx, pooled)
}

// mustStepDown reports whether transactions have to take diglot_runtime's role.
// A login that has its rights and can become nobody else does without: whatever
// the pooler's other clients left behind, it is held by row security.
func mustStepDown(ctx context.Context, conn *pgx.Conn) (bool, error) {
	const q = `SELECT EXISTS (SELECT FROM pg_roles
		WHERE rolname NOT IN (session_user, 'diglot_runtime') AND pg_has_role(session_user, oid, 'MEMBER'))`
	r, err := actingRole(ctx, conn)
	if err != nil || r.checkRuntime() != nil {
		return true, err
	}
	var others bool
	err = conn.QueryRow(ctx, q).Scan(&others)
	return others, err
}

// checkPooled makes sure that what the connection's transactions act as can't
// bypass row security. Each connection is checked, as [takeRole] does.
func (s *Store) checkPooled(ctx context.Context, conn *pgx.Conn) error {
	var db querier = conn
	if s.stepsDown() {
		db = steppedDown{conn}
	}
	r, err := actingRole(ctx, db)
	if s.stepsDown() && isSQLState(err, insufficientPrivilege, invalidParameterValue) { // not a member; no such role
		undo(ctx, conn.PgConn())
		return s.whyNotDown(ctx, conn)
	}
	switch {
	case err != nil:
		return err
	case len(r.tables) == 0:
		return errNoSchema
	default:
		return r.checkRuntime()
	}
}

// whyNotDown gives the error of a login that can't step down.
func (s *Store) whyNotDown(ctx context.Context, conn *pgx.Conn) error {
	r, err := actingRole(ctx, conn)
	switch {
	case err != nil:
		return err
	case len(r.tables) == 0:
		return errNoSchema
	}
	if err := r.checkRuntime(); err != nil {
		return err
	}
	return fmt.Errorf("database role %s is a member of other roles and may not step down: GRANT diglot_runtime TO %s, "+
		"or use a login that is a member of that role alone", r.name, r.name)
}

// checkStatements has the server parse all statements and keep none, so that a
// schema which isn't the one that they need is noticed before a request does.
func checkStatements(ctx context.Context, conn *pgx.Conn) error {
	pipeline := conn.PgConn().StartPipeline(ctx)
	for _, st := range statements {
		pipeline.SendPrepare("", st.sql, nil)
	}
	err := pipeline.Sync()
	for _, st := range statements {
		if err != nil {
			break
		}
		if _, err = pipeline.GetResults(); err != nil {
			err = fmt.Errorf("prepare %s: %w", st.name, err)
		}
	}
	if closeErr := pipeline.Close(); err == nil {
		err = closeErr
	}
	return explainSchema(err)
}

// requireSameDatabase refuses a pooler that leads elsewhere: what is changed
// there would be heard of here, or nowhere.
func requireSameDatabase(ctx context.Context, directURL string, pooled *pgx.Conn) error {
	same, err := sameDatabase(ctx, directURL, pooled)
	if err == nil && !same {
		err = errors.New("the pooler leads to another database than the direct connection")
	}
	return err
}

func sameDatabase(ctx context.Context, directURL string, conn *pgx.Conn) (bool, error) {
	const q = `SELECT pg_postmaster_start_time()::text || ' ' || oid FROM pg_database WHERE datname = current_database()`
	direct, err := connect(ctx, directURL)
	if err != nil {
		return false, err
	}
	defer closeConn(ctx, direct)
	var here, there string
	if err := direct.QueryRow(ctx, q, pgx.QueryExecModeExec).Scan(&here); err != nil {
		return false, wrap(err, "database", "tell which database it is")
	}
	if err := conn.QueryRow(ctx, q).Scan(&there); err != nil {
		return false, wrap(err, "database", "tell which database another way leads to")
	}
	return here == there, nil
}

// LeadsTo reports whether the store is of the database that the URL leads to,
// past any pooler.
func (s *Store) LeadsTo(ctx context.Context, url string) (same bool, err error) {
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		same, err = sameDatabase(ctx, url, conn.Conn())
		return err
	})
	return same, wrap(err, "database", "compare databases")
}

// directoryDB is what is asked outside of any tenant.
type directoryDB interface {
	querier
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// steppedDown asks for one row as diglot_runtime, in a transaction of its own,
// in one round trip.
type steppedDown struct {
	db interface {
		SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	}
}

// QueryRow is pgx's.
func (d steppedDown) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	var b pgx.Batch
	b.Queue("BEGIN")
	b.Queue(stepDown)
	b.Queue(sql, args...)
	b.Queue("COMMIT")
	return batchedRow{d.db.SendBatch(ctx, &b), 2}
}

var errLooksUpOnly = errors.New("by way of a pooler a store serves tenants and manages none")

// Query is an operator's.
func (steppedDown) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errLooksUpOnly
}

// Exec is an operator's.
func (steppedDown) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errLooksUpOnly
}

// batchedRow is the row of a question behind some statements.
type batchedRow struct {
	results pgx.BatchResults
	before  int
}

// Scan is pgx's.
func (r batchedRow) Scan(dest ...any) error {
	var err error
	for range r.before {
		if _, e := r.results.Exec(); err == nil {
			err = e
		}
	}
	if e := r.results.QueryRow().Scan(dest...); err == nil {
		err = e
	}
	if e := r.results.Close(); err == nil {
		err = e
	}
	return err
}
