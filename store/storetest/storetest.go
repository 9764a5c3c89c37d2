// Package storetest gives tests a PostgreSQL database of their own.
//
// The server is DIGLOT_TEST_DATABASE_URL, else a container where a Docker
// engine answers, else one from the installed binaries; one per test binary,
// started when the first test asks. None of them is a failure, so that nobody
// takes tests for passed that didn't run: only -short skips.
package storetest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
)

// startTimeout bounds the start of the server, pulling an image included.
const startTimeout = 3 * time.Minute

// Main runs the tests and then stops the server. Packages whose tests use
// [New] or [NewEmpty] have it as their TestMain's only line.
func Main(m *testing.M) {
	mainRuns = true
	code := m.Run()
	if err := stop(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "storetest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// New gives the URL of a database with the whole schema and no rows; its
// login sees everything. The database is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	s := serverFor(t)
	return s.create(t, "TEMPLATE "+s.template)
}

// NewEmpty gives the URL of a database without a schema, else as [New].
func NewEmpty(t testing.TB) string {
	t.Helper()
	return serverFor(t).create(t, emptyUTF8)
}

// emptyUTF8 makes a database without a schema in the encoding that the store
// needs, whatever the server's own is.
const emptyUTF8 = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"

var (
	mainRuns bool
	started  atomic.Bool
	start    = sync.OnceValues(func() (*server, error) {
		started.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		return startServer(ctx)
	})
)

func stop() error {
	if !started.Load() {
		return nil
	}
	s, _ := start() // the tests have told of an error
	if s == nil {
		return nil
	}
	return s.close()
}

func serverFor(t testing.TB) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: this test needs a PostgreSQL server")
	}
	require.True(t, mainRuns, "nothing would stop the server: add func TestMain(m *testing.M) { storetest.Main(m) }")
	s, err := start()
	require.NoError(t, err)
	return s
}

// server is where the databases are made.
type server struct {
	url      func(database string) string
	stop     func() error // of the server itself
	admin    *pgx.Conn    // holds the run's lock, see [claimRun]
	mu       sync.Mutex   // of admin
	run      int32
	template string
	made     atomic.Int64
}

func startServer(ctx context.Context) (*server, error) {
	s, err := findServer(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		_ = s.stop() // the first error counts
		return nil, err
	}
	return s, nil
}

// prepare makes the template that tests' databases are copies of.
func (s *server) prepare(ctx context.Context) (err error) {
	if s.admin, err = pgx.Connect(ctx, s.url("")); err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	if s.run, err = claimRun(ctx, s.admin); err != nil {
		return err
	}
	if err := dropLeftovers(ctx, s.admin); err != nil {
		return err
	}
	s.template = databaseName(s.run, "template")
	if err := s.exec(ctx, "CREATE DATABASE "+s.template+" "+emptyUTF8); err != nil {
		return err
	}
	return store.Up(ctx, s.url(s.template))
}

func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := s.exec(ctx, "DROP DATABASE IF EXISTS "+s.template+" WITH (FORCE)")
	_ = s.admin.Close(ctx) // the server is stopped next, or goes on without us
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	return err
}

// create makes a database for the test. Names are the package's own: nothing
// in them needs quoting.
func (s *server) create(t testing.TB, options string) string {
	t.Helper()
	name := databaseName(s.run, fmt.Sprint(s.made.Add(1)))
	require.NoError(t, s.exec(t.Context(), "CREATE DATABASE "+name+" "+options))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, s.exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"))
	})
	return s.url(name)
}

func (s *server) exec(ctx context.Context, sql string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.admin.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%.40s…: %w", sql, err)
	}
	return nil
}
