package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/migrations"
)

// Status is how far a database's schema is.
type Status struct {
	Version uint // 0: no migration has run
	Head    uint // what this build needs
	Dirty   bool // a migration began and didn't finish
}

// AtHead reports whether this build can work with the schema. A newer one is
// fine: migrations are additive.
func (s Status) AtHead() bool { return !s.Dirty && s.Version >= s.Head }

// notReady says why the schema can't be worked with, "" when it can.
func (s Status) notReady() string {
	switch {
	case s.Dirty:
		return fmt.Sprintf("migration %d of the database began and didn't finish", s.Version)
	case s.Version < s.Head:
		return fmt.Sprintf("the database's schema is at version %d and this build needs %d: run diglot migrate up", s.Version, s.Head)
	default:
		return ""
	}
}

func (s Status) errDirty() error {
	return fmt.Errorf("migration %d of the database began and didn't finish. Look at what it did, finish or undo it by hand, "+
		"then tell: UPDATE schema_migrations SET dirty = false (and version = the one before, if you undid it)", s.Version)
}

// Up migrates the schema to what this build needs; a newer one is left alone.
// Any number of instances may do so at once: one migrates, the others wait for
// it until ctx ends.
func Up(ctx context.Context, url string) error {
	err := migrated(ctx, url, Status.AtHead, func(m *migrate.Migrate) error { return m.Up() })
	if isSQLState(err, insufficientPrivilege) {
		return fmt.Errorf("the schema is not the one that this build needs and this login may not move it; "+
			"run diglot migrate up as the database's owner: %w", err)
	}
	return err
}

// All is for [Down]: all the way.
const All = 0

// Down undoes the last steps migrations, or [All].
func Down(ctx context.Context, url string, steps int) error {
	nothingLeft := func(s Status) bool { return !s.Dirty && s.Version == 0 }
	return migrated(ctx, url, nothingLeft, func(m *migrate.Migrate) error {
		if steps == All {
			return m.Down()
		}
		err := m.Steps(-steps)
		if _, short := errors.AsType[migrate.ErrShortLimit](err); short {
			return nil // there were fewer
		}
		return err
	})
}

// StatusOf tells how far a database's schema is.
func StatusOf(ctx context.Context, url string) (Status, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return Status{}, err
	}
	defer closeConn(ctx, conn)
	st, err := status(ctx, conn)
	return st, wrap(err, "database", "read schema version")
}

// querier asks for one row, outside of any tenant.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func status(ctx context.Context, db querier) (Status, error) {
	const q = `SELECT version, dirty FROM schema_migrations`
	st := Status{Head: head}
	err := db.QueryRow(ctx, q).Scan(&st.Version, &st.Dirty)
	if errors.Is(err, pgx.ErrNoRows) || isSQLState(err, undefinedTable) {
		err = nil
	}
	return st, err
}

// head is the version of the newest migration that is built in.
var head = func() (newest uint) {
	names, err := fs.Glob(migrations.FS, "*.up.sql")
	if err != nil {
		panic(err) // impossible: the pattern is well-formed
	}
	for _, name := range names {
		m, err := source.Parse(name)
		if err != nil {
			panic(err) // impossible: the migrations' test reads them all
		}
		newest = max(newest, m.Version)
	}
	return newest
}()

const (
	// migrationLock is the advisory lock that a migrating session holds.
	migrationLock = int64(0x6469676c6f74) // "diglot"

	lockPoll = 100 * time.Millisecond
)

// migrated runs the migrations that run says unless done holds already, which
// it asks before it takes the lock and again when it has it.
func migrated(ctx context.Context, url string, done func(Status) bool, run func(*migrate.Migrate) error) error {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn) // releases the lock too
	st, err := status(ctx, conn)
	if err != nil {
		return wrap(err, "database", "read schema version")
	}
	if done(st) {
		return nil
	}
	if err := lockMigrations(ctx, conn); err != nil {
		return wrap(err, "database", "wait for another instance's migration")
	}
	st, err = status(ctx, conn)
	switch {
	case err != nil:
		return wrap(err, "database", "read schema version")
	case st.Dirty:
		return st.errDirty()
	case done(st):
		return nil
	}
	return wrap(runMigrations(ctx, conn, run), "database", "migrate")
}

func runMigrations(ctx context.Context, conn *pgx.Conn, run func(*migrate.Migrate) error) error {
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return err
	}
	driver, err := newMigrationDriver(ctx, conn)
	if err != nil {
		return err
	}
	m, err := migrate.NewWithInstance("iofs", files, "postgres", driver)
	if err != nil {
		return err
	}
	err = run(m)
	if errors.Is(err, migrate.ErrNoChange) || errors.Is(err, os.ErrNotExist) { // nothing to do; no step left to undo
		return nil
	}
	return err
}

// lockMigrations polls: golang-migrate's own way is to wait in the database,
// where giving up leaves the wait behind.
func lockMigrations(ctx context.Context, conn *pgx.Conn) error {
	const q = `SELECT pg_try_advisory_lock($1)`
	for {
		var locked bool
		if err := conn.QueryRow(ctx, q, migrationLock).Scan(&locked); err != nil || locked {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// connect makes a connection outside of any pool, as the login itself.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, unreadable(url, err)
	}
	if err := requireHost(cc); err != nil {
		return nil, err
	}
	delete(cc.RuntimeParams, "pool_max_conns")
	prepareConnConfig(cc)
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, wrap(err, "database", "open database")
	}
	if err := requireUTF8(conn); err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// closeConn closes the connection even when ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // what mattered has been committed
}
