package store_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// connect makes a plain connection, for what no store does.
func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	require.NoError(t, err, sql)
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return out
}

// newLogin makes a login role with the given attributes and gives the URL with
// which it comes to the same database. Roles are the cluster's, so it has a
// name of its own and goes with the test.
func newLogin(t *testing.T, databaseURL, attributes string) (name, loginURL string) {
	t.Helper()
	admin := connect(t, databaseURL)
	name = "diglot_test_" + strings.ReplaceAll(core.NewUUID(), "-", "")
	exec(t, admin, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'test' %s", name, attributes))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, sql := range []string{
			"REASSIGN OWNED BY " + name + " TO CURRENT_USER", "DROP OWNED BY " + name, "DROP ROLE " + name,
		} {
			_, err := admin.Exec(ctx, sql)
			require.NoError(t, err, sql)
		}
	})
	return name, changeURL(t, databaseURL, func(u *url.URL, _ url.Values) { u.User = url.UserPassword(name, "test") })
}

func changeURL(t *testing.T, databaseURL string, change func(*url.URL, url.Values)) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err, "the tests need DIGLOT_TEST_DATABASE_URL in its URL form")
	query := u.Query()
	change(u, query)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String()
}

// proxy stands between a store and the server. It counts round trips, and can
// cut the store off.
type proxy struct {
	url   string
	ready atomic.Int64 // ReadyForQuery messages: one ends each round trip

	frozen atomic.Bool // what comes is lost, and nobody is told

	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
}

func newProxy(t *testing.T, databaseURL string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	require.NoError(t, err)
	protocol, address := "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	if strings.HasPrefix(config.Host, "/") {
		protocol, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener}
	p.url = changeURL(t, databaseURL, func(u *url.URL, query url.Values) {
		u.Host = listener.Addr().String()
		query.Del("host")
		query.Del("port")
		query.Set("sslmode", "disable")
	})
	t.Cleanup(p.cut)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(protocol, address)
			if err != nil {
				_ = client.Close()
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(p.lossy(server), client); _ = server.Close() }()
			go func() { p.count(p.lossy(client), server); _ = client.Close() }()
		}
	}()
	return p
}

// lossy writes to a connection until the proxy is frozen.
func (p *proxy) lossy(conn net.Conn) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if p.frozen.Load() {
			return len(b), nil
		}
		return conn.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// count passes on the server's messages: a type, a length that counts itself, the rest.
func (p *proxy) count(client io.Writer, server io.Reader) {
	var head [5]byte
	for {
		if _, err := io.ReadFull(server, head[:]); err != nil {
			return
		}
		length := int64(head[1])<<24 | int64(head[2])<<16 | int64(head[3])<<8 | int64(head[4])
		if head[0] == 'Z' {
			p.ready.Add(1)
		}
		if _, err := client.Write(head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(client, server, length-4); err != nil {
			return
		}
	}
}

// cut ends all connections and takes no more.
func (p *proxy) cut() {
	_ = p.listener.Close()
	p.drop()
}

// drop ends all connections.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// A standby that was failed over to, or an administrator's precaution.
func TestADatabaseThatTakesNoWritesIsNotReady(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	tenant := newTenant(t, open(t, databaseURL, store.Operator), "one").ID
	admin := connect(t, databaseURL)
	exec(t, admin, "ALTER DATABASE "+admin.Config().Database+" SET default_transaction_read_only = on")
	s := open(t, databaseURL, store.Runtime)
	require.Equal(t, core.Unavailable, core.KindOf(s.Ready(t.Context())))
	_, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
	_, _, err = s.MCPServerPage(t.Context(), tenant, core.OldestFirst, 0, 1)
	require.NoError(t, err, "what is there can be read")
}
