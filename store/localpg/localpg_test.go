package localpg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDataSurvivesCloseAndStart(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Start(ctx, Options{Dir: dir, Fast: true})
	require.NoError(t, err)
	run(t, c, `CREATE TABLE kept AS SELECT 42 AS n`)
	info, err := os.Stat(c.sockets)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	pid := postmaster(t, filepath.Join(dir, "pg"))

	cancel() // bounds the start alone, and must not hinder Close
	require.Equal(t, 42, ask[int](t, c, `SELECT n FROM kept`))
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	require.False(t, alive(pid))

	c = open(t, Options{Dir: dir, Fast: true})
	require.Equal(t, 42, ask[int](t, c, `SELECT n FROM kept`))
	require.Equal(t, "diglot UTF8 C", ask[string](t, c,
		`SELECT current_user || ' ' || pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()`))
	require.Empty(t, ask[string](t, c, `SHOW listen_addresses`))
}

func TestServeSharesWithUseAndRefusesServe(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	c := open(t, Options{Dir: dir, Fast: true})
	run(t, c, `CREATE TABLE kept (n int)`)

	_, err := Start(within(t), Options{Dir: dir, Fast: true})
	inUse, ok := errors.AsType[*InUseError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, &InUseError{Dir: dir, PID: os.Getpid()}, inUse)
	require.ErrorContains(t, err, "is serving from "+dir)

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			used, err := Start(within(t), Options{Dir: dir, Purpose: Use})
			if err == nil {
				run(t, used, `INSERT INTO kept VALUES (1)`)
				err = used.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 4, ask[int](t, c, `SELECT count(*) FROM kept`))
}

func TestUsesOfAStoppedClusterTakeTurns(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			c, err := Start(within(t), Options{Dir: dir, Purpose: Use, Fast: true})
			if err == nil {
				run(t, c, `CREATE TABLE IF NOT EXISTS kept (n int)`)
				run(t, c, `INSERT INTO kept VALUES (1)`)
				err = c.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	used := open(t, Options{Dir: dir, Purpose: Use, Fast: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "wait for a diglot command")

	// Serve waits for a command, and does not refuse because of it.
	all.Go(func() {
		c, err := Start(within(t), Options{Dir: dir, Fast: true})
		if err != nil {
			t.Error(err)
			return
		}
		if n := ask[int](t, c, `SELECT count(*) FROM kept`); n != 3 {
			t.Errorf("%d rows", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	require.Equal(t, 3, ask[int](t, used, `SELECT count(*) FROM kept`))
	require.NoError(t, used.Close())
	all.Wait()
}

func TestServerThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	require.NoError(t, open(t, Options{Dir: dir, Fast: true}).Close())
	conf := filepath.Join(dir, "pg", "postgresql.conf")
	require.NoError(t, os.WriteFile(conf, []byte("no_such_setting = 1\n"), 0o600))
	_, err := Start(within(t), Options{Dir: dir, Fast: true})
	require.ErrorContains(t, err, `unrecognized configuration parameter "no_such_setting"`)

	// and gives up the folder
	require.NoError(t, os.WriteFile(conf, nil, 0o600))
	open(t, Options{Dir: dir, Fast: true})
}

func TestOddAndLongPaths(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	parent := filepath.Dir(newDir(t))
	var former string
	// One cluster that is renamed, which it has to survive as well.
	for _, tc := range []struct {
		folder string
		moved  bool // the socket
	}{
		{folder: `it's "50%" & more`},
		{folder: "a,b", moved: true},
		{folder: strings.Repeat("long", 30), moved: true},
	} {
		dir := filepath.Join(parent, tc.folder)
		if former != "" {
			require.NoError(t, os.Rename(former, dir))
		}
		former = dir
		c := open(t, Options{Dir: dir, Fast: true})
		require.Equal(t, 1, ask[int](t, c, `SELECT 1`))
		require.Equal(t, tc.moved, filepath.Dir(c.sockets) != dir)

		used := open(t, Options{Dir: dir, Purpose: Use})
		require.Equal(t, c.URL("x"), used.URL("x"))
		require.NoError(t, c.Close())
		if tc.moved {
			require.NoDirExists(t, c.sockets)
		}
	}
}

func TestNoClusterIsMadeWhereNoneIsAskedFor(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	root := newDir(t)
	for name, begin := range map[string]func(dir string) error{
		"nothing":         func(string) error { return nil },
		"an empty folder": func(dir string) error { return os.MkdirAll(dir, 0o700) },
		"one that was begun": func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
		},
	} {
		dir := filepath.Join(root, name)
		require.NoError(t, begin(dir))
		before, _ := filepath.Glob(filepath.Join(dir, "*"))
		_, err := Start(within(t), Options{Dir: dir, Purpose: Use, Existing: true, Fast: true})
		none, ok := errors.AsType[*NoClusterError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, dir, none.Dir)
		after, _ := filepath.Glob(filepath.Join(dir, "*"))
		require.Equal(t, before, after, name)
	}
	dir := filepath.Join(root, "made")
	c, err := Start(within(t), Options{Dir: dir, Purpose: Use, Fast: true})
	require.NoError(t, err)
	require.Equal(t, dir, c.Made())
	require.NoError(t, c.Close())
	c, err = Start(within(t), Options{Dir: dir, Purpose: Use, Existing: true, Fast: true})
	require.NoError(t, err)
	require.Empty(t, c.Made())
	require.NoError(t, c.Close())
}
