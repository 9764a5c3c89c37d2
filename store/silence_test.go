package store_test

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

// asked gives a connection over which something was asked, and its other end.
func asked(t *testing.T) (conn, server net.Conn) {
	t.Helper()
	inner, server := net.Pipe()
	conn = store.Impatient(inner)
	t.Cleanup(func() { _ = conn.Close() })
	go func() { _, _ = conn.Write([]byte("ask")) }()
	_, err := io.ReadFull(server, make([]byte, 3))
	require.NoError(t, err)
	return conn, server
}

func TestAConnectionThatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, server := asked(t)
		start := time.Now()
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, store.AnswerTimeout, time.Since(start))
		_, err = server.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "it was closed")
	})
}

func TestAnAnswerThatKeepsComingIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, server := asked(t)
		go func() {
			for range 10 {
				time.Sleep(store.AnswerTimeout * 8 / 10) // the bubble's own clock
				_, _ = server.Write([]byte("x"))
			}
		}()
		_, err := io.ReadFull(conn, make([]byte, 10))
		require.NoError(t, err)
	})
}

func TestAConnectionMayBeIdleForAnyTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, server := asked(t)
		for range 2 {
			go func() { _, _ = server.Write([]byte("answer")) }()
			_, err := io.ReadFull(conn, make([]byte, 6))
			require.NoError(t, err)
			time.Sleep(time.Hour) // the bubble's own clock
			go func() { _, _ = conn.Write([]byte("ask")) }()
			_, err = io.ReadFull(server, make([]byte, 3))
			require.NoError(t, err)
		}
	})
}

// pgx interrupts with a deadline, and then waits a while for the rest.
func TestAnInterruptedConnectionIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, _ := asked(t)
		start := time.Now()
		require.NoError(t, conn.SetDeadline(start))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, time.Since(start))
		require.NoError(t, conn.SetDeadline(start.Add(time.Hour)))
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, store.AnswerTimeout, time.Since(start))
	})
}

// A firewall forgot the connections while they were idle, and one client
// comes: it is not to try them one by one.
func TestForgottenIdleConnectionsAreReplacedSoon(t *testing.T) {
	t.Parallel()
	const conns = 8
	databaseURL := storetest.New(t)
	tenant := newTenant(t, open(t, databaseURL, store.Operator), "one").ID
	proxy, proxied := faultproxy.Before(t, databaseURL)
	s, err := store.Open(t.Context(), store.Config{URL: proxied, Role: store.Runtime, MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	requireEvent(t, events(t, s), core.DirectoryEvent{Connected: true})
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a request's patience
		defer cancel()
		_, _, err := s.MCPServerPage(ctx, tenant, core.OldestFirst, 0, 1)
		return err
	}
	proxy.SetLatency(0, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() { _ = s.Ready(t.Context()) }) // which is no tenant's, and so has all of them
		}
		wg.Wait()
		return s.Stat().IdleConns() == conns
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, proxy.Lift())

	proxy.Forget()
	start := time.Now()
	for err = ask(); err != nil; err = ask() {
		require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
		require.Less(t, time.Since(start), 10*time.Second)
	}
	require.Less(t, time.Since(start), 5*time.Second)
}

// A lock that is held for long: whoever waits for it is answered, and waits in
// PostgreSQL no longer either.
func TestAStatementThatIsGivenUpIsCancelled(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	tenant := newTenant(t, open(t, databaseURL, store.Operator), "one").ID
	s, admin := open(t, databaseURL, store.Runtime), connect(t, databaseURL)
	exec(t, admin, "BEGIN; LOCK TABLE mcp_server")
	_, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
	require.Eventually(t, func() bool {
		return query[int](t, admin, `SELECT count(*)::int FROM pg_locks
			WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)[0] == 0
	}, 2*time.Second, 5*time.Millisecond)
	exec(t, admin, "ROLLBACK")
	_, total, err := s.MCPServerPage(t.Context(), tenant, core.OldestFirst, 0, 1)
	require.NoError(t, err)
	require.Zero(t, total)
}

// longEnough is how long a test waits for what would never happen else.
const longEnough = time.Minute

// An operator's statements may take their time; what is done behind his back may
// not, or his commands would never end.
func TestAnOperatorsStoreIsClosedWhileTheNetworkSwallowsWhatItAsks(t *testing.T) {
	t.Parallel()
	proxy, proxied := faultproxy.Before(t, storetest.New(t))
	s, err := store.Open(t.Context(), store.Config{URL: proxied, Role: store.Operator})
	require.NoError(t, err)
	tenant := newTenant(t, s, "one")
	ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
	require.NoError(t, s.CreateAccount(ctx, core.Account{Tenant: tenant.ID, ID: "someone", ObjectID: core.ObjectID{1}, CreatedAt: epoch, UpdatedAt: epoch, Version: 1}))
	proxy.BlackHole()
	require.Eventually(t, func() bool { return s.Stat().AcquiredConns() == 1 }, longEnough, time.Millisecond, "changes are put into their chain")
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(longEnough):
		require.Fail(t, "it waits for the network")
	}
}
