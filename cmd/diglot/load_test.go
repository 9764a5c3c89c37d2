package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

const (
	// patience is how long a request may take, whatever is the matter: 10 s and
	// what a busy machine adds.
	patience = 11 * time.Second

	// backAfter is how soon after a fault's end requests are served again, and
	// idleAfter how soon after the last request no connection is in use.
	backAfter = 5 * time.Second
	idleAfter = time.Second

	// loadPause keeps the load light.
	loadPause = 60 * time.Millisecond
)

// faulty is a gateway, something that goes wrong about it, and clients of both
// dialects and of two tenants who use it all the time.
type faulty struct {
	url     string
	log     func() string
	g       *gatewayProcess   // nil: it is in this process
	proxy   *faultproxy.Proxy // before the database; nil: there is none
	db      string            // past the proxy
	dir     string            // of its cluster, where it has one of its own
	cluster *localpg.Cluster  // where the test runs it
	clock   atomic.Int64      // how far the gateway's is ahead, where that is in this process
	env     []string
	args    []string // of a gateway that runs its database itself
	tenants []loadTenant
	clients []*loadClient

	gate   sync.RWMutex // who has it to himself has the clients pause
	pause  atomic.Int64 // between what a client does
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	storm  func() error // ends the one there is
}

type loadTenant struct {
	id          core.TenantID
	name        string // in whatever is the tenant's
	credentials credentials
	book        *loadBook
}

// makeTenants makes them past whatever goes wrong.
func (f *faulty) makeTenants(t *testing.T) {
	t.Helper()
	operator, err := store.Open(t.Context(), store.Config{URL: f.db, Role: store.Operator})
	require.NoError(t, err)
	defer operator.Close()
	directory := newInProcess(t, operator, operator)
	for i, name := range []string{"acme", "globex"} {
		tenant, c := directory.tenant(t, name, fmt.Sprintf("6698b77a733c5ebd8908189%d", i), name+"-app")
		f.tenants = append(f.tenants, loadTenant{tenant.ID, name, c, &loadBook{asked: map[string]bool{}, acked: map[string]bool{}}})
	}
}

// start starts a gateway as a process, again at the same address.
func (f *faulty) start(t *testing.T) {
	t.Helper()
	args := append([]string{"--" + cometChatLimitFlag, "0", "--" + concurrencyFlag, "0"}, f.args...)
	if f.url != "" {
		args = append(args, "--addr", strings.TrimPrefix(f.url, "http://"))
	}
	f.g = startGateway(t, f.env, args...)
	f.url, f.log = f.g.url, f.g.logged
	if f.proxy == nil { // it runs it
		f.db = localpg.Running(f.dir).URL("diglot")
	}
}

// withPool gives a database's URL with a size for the pool: fewer than there
// are clients, so that one who waits in vain is in others' way.
func withPool(databaseURL string, conns int) string {
	switch {
	case !strings.HasPrefix(databaseURL, "postgres"):
		return fmt.Sprintf("%s pool_max_conns=%d", databaseURL, conns)
	case strings.Contains(databaseURL, "?"):
		return fmt.Sprintf("%s&pool_max_conns=%d", databaseURL, conns)
	default:
		return fmt.Sprintf("%s?pool_max_conns=%d", databaseURL, conns)
	}
}

// load starts a client for each noun of each tenant.
func (f *faulty) load(t *testing.T) {
	t.Helper()
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(t.Context()))
	f.pause.Store(int64(loadPause))
	t.Cleanup(f.stop)
	for i, tenant := range f.tenants {
		for n, noun := range loadNouns {
			c := &loadClient{
				loadNoun: noun, f: f, book: tenant.book, headers: append(slices.Clone(noun.headers), tenant.credentials[noun.way]...),
				foreign: f.tenants[1-i].name, prefix: fmt.Sprintf("%s-%d", tenant.name, n),
			}
			f.clients = append(f.clients, c)
			f.done.Go(func() { c.run(f.ctx) })
		}
	}
	f.serves(t)
}

func (f *faulty) stop() {
	f.cancel()
	f.done.Wait()
	http.DefaultClient.CloseIdleConnections() // one that was never used would keep the gateway from stopping
}

// watchHealth asks /healthz all the time; what it gives ends that and says
// what was wrong.
func (f *faulty) watchHealth() func() error {
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	f.done.Go(func() {
		for ctx.Err() == nil {
			asking, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			r, err := try(asking, http.MethodGet, f.url+"/healthz", "")
			stop()
			if err != nil || r.status != http.StatusOK {
				ended <- fmt.Errorf("/healthz: %d %w", r.status, err)
				return
			}
			pause(ctx, 20*time.Millisecond)
		}
		ended <- nil
	})
	return func() error { cancel(); return <-ended }
}

// sum adds up something of all clients.
func (f *faulty) sum(of func(*loadClient) int) (total int) {
	for _, c := range f.clients {
		c.mu.Lock()
		total += of(c)
		c.mu.Unlock()
	}
	return total
}

// each does something to every client.
func (f *faulty) each(do func(*loadClient)) {
	f.sum(func(c *loadClient) int { do(c); return 0 })
}

// all waits until something holds of every client, and requires that none was
// answered what it never may be.
func (f *faulty) all(t *testing.T, within time.Duration, what string, holds func(*loadClient) bool) {
	t.Helper()
	start := time.Now()
	require.Eventually(t, func() bool {
		missing := func(c *loadClient) int {
			if len(c.problems) == 0 && !holds(c) {
				return 1
			}
			return 0
		}
		return f.sum(missing) == 0
	}, within, 5*time.Millisecond, "%s\n%s", what, lazy(f.log))
	t.Logf("%s: %s", what, time.Since(start).Round(time.Millisecond))
	var problems []string
	f.each(func(c *loadClient) { problems = append(problems, c.problems...) })
	require.Empty(t, problems, lazy(f.log))
}

// lazy is a text that is made when it is printed.
type lazy func() string

// String gives the text's end.
func (l lazy) String() string {
	s := l()
	return s[max(0, len(s)-4000):]
}

// serves requires that every client is served, several times in a row, soon.
func (f *faulty) serves(t *testing.T) {
	t.Helper()
	f.each(func(c *loadClient) { c.consecutive = 0 })
	f.all(t, backAfter, "served again", func(c *loadClient) bool { return c.consecutive >= 4 })
}

// refuses waits until every client was answered 503.
func (f *faulty) refuses(t *testing.T) {
	t.Helper()
	before := map[*loadClient]int{}
	f.each(func(c *loadClient) { before[c] = c.refused })
	f.all(t, patience, "refused", func(c *loadClient) bool { return c.refused > before[c] })
}

// goesOn waits until every client was served, though that may take long.
func (f *faulty) goesOn(t *testing.T) {
	t.Helper()
	before := map[*loadClient]int{}
	f.each(func(c *loadClient) { before[c] = c.served })
	f.all(t, 2*patience, "served meanwhile", func(c *loadClient) bool { return c.served > before[c]+1 })
}

// hurry has the clients write without a pause, until what ends it is called.
func (f *faulty) hurry(t *testing.T) (end func()) {
	t.Helper()
	f.pause.Store(0)
	f.serves(t)
	return func() { f.pause.Store(int64(loadPause)) }
}

// answers waits until PostgreSQL takes connections.
func (f *faulty) answers(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), f.db)
		return err == nil && conn.Close(t.Context()) == nil
	}, startLimit, 10*time.Millisecond)
}

// connect gives a connection past the proxy, for as long as the test lasts.
func (f *faulty) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.db)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// exec does something past the proxy.
func (f *faulty) exec(t *testing.T, sql string) {
	t.Helper()
	_, err := f.connect(t).Exec(t.Context(), sql)
	require.NoError(t, err)
}

// rests requires that, as nobody asks, soon none of the gateway's connections is
// in use.
func (f *faulty) rests(t *testing.T) {
	t.Helper()
	conn := f.connect(t)
	const q = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'diglot' AND state <> 'idle'`
	require.Eventually(t, func() bool {
		busy := -1
		return conn.QueryRow(t.Context(), q).Scan(&busy) == nil && busy == 0
	}, idleAfter, 5*time.Millisecond)
}
