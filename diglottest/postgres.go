package diglottest

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
)

// migrateLock is held while a database is made: migrations make roles, which are
// the whole server's.
const migrateLock = 0x6469676c6f74 // "diglot"

// openPostgres makes a database and opens it, as an operator and as the role that
// requests are served as.
func openPostgres(ctx context.Context, t testing.TB, server string, secret *core.Secret) (k kept, err error) {
	t.Helper()
	if server == "" { // as of a variable that is not set
		return k, errors.New("WithPostgres: the URL is empty")
	}
	own, err := url.Parse(server)
	switch {
	case err != nil: // which has the URL in it, and its password
		return k, errors.New("WithPostgres: the URL can't be read")
	case own.Scheme != "postgres" && own.Scheme != "postgresql":
		return k, errors.New("WithPostgres: the URL must begin with postgres://")
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return k, err
	}
	name := "diglottest_" + strings.ReplaceAll(core.NewUUID(), "-", "")
	own.Path = "/" + name
	after := context.WithoutCancel(ctx) // a test's context ends before its cleanup
	t.Cleanup(func() {
		if _, err := conn.Exec(after, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("diglottest: drop the database: %v", err)
		}
		_ = conn.Close(after) // nothing is lost with it
	})
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrateLock)); err != nil {
		return k, err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return k, err
	}
	if err := store.Up(ctx, own.String()); err != nil {
		return k, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(migrateLock)); err != nil {
		return k, err
	}
	open := func(role store.Role) (*store.Store, error) {
		s, err := store.Open(ctx, store.Config{URL: own.String(), Role: role})
		if err == nil {
			t.Cleanup(s.Close)
		}
		return s, err
	}
	operator, err := open(store.Operator)
	if err != nil {
		return k, err
	}
	runtime, err := open(store.Runtime)
	return kept{store: runtime, directory: operator, secret: secret}, err
}
