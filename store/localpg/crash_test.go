package localpg

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestKilledServerComesBackWithEveryAcknowledgedRow(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	c := open(t, Options{Dir: dir})
	run(t, c, `CREATE TABLE kept (n int PRIMARY KEY)`)

	ctx, stop := context.WithCancel(within(t))
	defer stop()
	var acknowledged atomic.Int64
	written := make(chan struct{})
	go func() {
		defer close(written)
		for n := 0; ctx.Err() == nil; {
			conn, err := pgx.Connect(ctx, c.URL("diglot"))
			if err != nil {
				_ = sleep(ctx, 5*time.Millisecond)
				continue
			}
			for err == nil {
				n++ // never the same again: one that failed may be there, or not
				if _, err = conn.Exec(ctx, `INSERT INTO kept VALUES ($1)`, n); err == nil {
					acknowledged.Add(1)
				}
			}
			_ = conn.Close(context.Background())
		}
	}()
	more := func() {
		atLeast := acknowledged.Load() + 50
		require.Eventually(t, func() bool { return acknowledged.Load() >= atLeast }, time.Minute, time.Millisecond)
	}
	for range 2 {
		more()
		data := filepath.Join(dir, "pg")
		killed := postmaster(t, data)
		require.NoError(t, kill(killed, syscall.SIGKILL))
		// Its backends may acknowledge some more before they notice.
		require.Eventually(t, func() bool {
			pid, _, err := readPID(data)
			return err == nil && pid != killed && isPostmaster(pid, data)
		}, time.Minute, time.Millisecond)
	}
	more()
	stop()
	<-written
	require.GreaterOrEqual(t, ask[int64](t, c, `SELECT count(*) FROM kept`), acknowledged.Load())
}

func TestWhatAKilledGatewayLeavesIsTakenOver(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	data := filepath.Join(dir, "pg")
	for n, tc := range []struct {
		next        Purpose
		alsoKillsPG bool
	}{
		{next: Serve},
		{next: Use},
		{next: Serve, alsoKillsPG: true},
	} {
		gateway := startHelper(t, dir)
		used := open(t, Options{Dir: dir, Purpose: Use})
		require.Nil(t, used.own)
		run(t, used, `CREATE TABLE IF NOT EXISTS kept (n int)`)
		run(t, used, `INSERT INTO kept VALUES (1)`)
		connect(t, used) // its backend holds the shared memory on for a moment
		orphan := postmaster(t, data)

		require.NoError(t, gateway.Process.Kill())
		if tc.alsoKillsPG {
			require.NoError(t, kill(orphan, syscall.SIGKILL))
		}
		_ = gateway.Wait()
		if !tc.alsoKillsPG {
			require.True(t, isPostmaster(orphan, data))
		}

		c := open(t, Options{Dir: dir, Purpose: tc.next})
		require.NotNil(t, c.own)
		require.NotEqual(t, orphan, postmaster(t, data))
		require.False(t, isPostmaster(orphan, data))
		require.Equal(t, n+1, ask[int](t, c, `SELECT count(*) FROM kept`))
		require.NoError(t, c.Close())
	}
}

func TestCloseWhileTheServerIsDown(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	data := filepath.Join(dir, "pg")
	c := open(t, Options{Dir: dir, Fast: true})
	require.NoError(t, kill(postmaster(t, data), syscall.SIGKILL))
	require.NoError(t, c.Close())
	// Whether or not it was started again before that, nothing runs now.
	again, _, err := readPID(data)
	require.NoError(t, err)
	require.False(t, again != 0 && isPostmaster(again, data))
	open(t, Options{Dir: dir, Fast: true})
}

func TestStalePIDFileOfAReusedNumberDoesNotHinder(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	data := filepath.Join(dir, "pg")
	c := open(t, Options{Dir: dir, Fast: true})
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	require.NoError(t, err)
	require.NoError(t, c.Close())

	// PostgreSQL takes any process of its own user under that number for a postmaster.
	acct, err := accountFor(data)
	require.NoError(t, err)
	other := exec.Command("sleep", "60")
	other.SysProcAttr = acct.attributes()
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Wait() })
	t.Cleanup(func() { _ = other.Process.Kill() })
	number := strconv.Itoa(other.Process.Pid)
	_, rest, _ := strings.Cut(string(raw), "\n")
	stale := filepath.Join(data, "postmaster.pid")
	require.NoError(t, os.WriteFile(stale, []byte(number+"\n"+rest), 0o600))
	require.NoError(t, acct.own(stale))
	socketLock := filepath.Join(dir, "run", ".s.PGSQL.5432.lock")
	require.NoError(t, os.WriteFile(socketLock, []byte(number+"\n"+rest), 0o600))
	require.NoError(t, acct.own(socketLock))

	open(t, Options{Dir: dir, Fast: true})
	require.True(t, alive(other.Process.Pid))
}

func TestInterruptedInitdbDoesNotHinder(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := newDir(t)
	half := filepath.Join(dir, "pg.tmp-123")
	require.NoError(t, os.MkdirAll(filepath.Join(half, "base"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))

	ctx, cancel := context.WithCancel(t.Context())
	begun := func() bool { return len(matches(t, dir, "pg.tmp-*/base")) > 0 && !exists(half) }
	failed := make(chan error)
	go func() {
		_, err := Start(ctx, Options{Dir: dir})
		failed <- err
	}()
	require.Eventually(t, begun, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, matches(t, dir, "pg*"+string(filepath.Separator)))

	open(t, Options{Dir: dir, Fast: true})
	require.Len(t, matches(t, dir, "pg*"), 1)
}

func matches(t *testing.T, dir, glob string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, glob))
	require.NoError(t, err)
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
