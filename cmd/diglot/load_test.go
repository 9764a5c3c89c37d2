package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
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
)

// faulty is a gateway whose database is behind a fault proxy, and clients of
// both dialects and of two tenants who use it all the time.
type faulty struct {
	g       *gatewayProcess
	proxy   *faultproxy.Proxy
	db      string // past the proxy
	env     []string
	tenants []loadTenant
	clients []*loadClient
	healthy func() error // ends the look at /healthz

	cancel context.CancelFunc
	done   sync.WaitGroup
}

type loadTenant struct {
	id          core.TenantID
	name        string // in every slug
	credentials credentials
}

// startFaulty starts a gateway for a migrated database, and its clients.
func startFaulty(t *testing.T, databaseURL string) *faulty {
	t.Helper()
	operator, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(operator.Close)
	directory := newInProcess(t, operator, operator)
	f := &faulty{db: databaseURL}
	for i, name := range []string{"acme", "globex"} {
		tenant, c := directory.tenant(t, name, fmt.Sprintf("6698b77a733c5ebd8908189%d", i), name+"-app")
		f.tenants = append(f.tenants, loadTenant{tenant.ID, name, c})
	}
	proxy, proxied := faultproxy.Before(t, databaseURL)
	f.proxy = proxy
	f.env = []string{envDatabaseURL + "=" + withPool(proxied, 6), envSecret + "=the secret of all tests"}
	f.g = startGateway(t, f.env)
	f.load(t)
	return f
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

// load starts two clients of each dialect for each tenant.
func (f *faulty) load(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	f.cancel = cancel
	t.Cleanup(func() { cancel(); f.done.Wait() })
	for i, tenant := range f.tenants {
		for n := range 4 {
			c := &loadClient{
				dialect: [...]string{"refold", "cometchat"}[n%2], gateway: f.g.url, foreign: f.tenants[1-i].name,
				prefix: fmt.Sprintf("%s-%d", tenant.name, n), tenant: i,
			}
			c.headers = tenant.credentials[map[string]string{"refold": "key", "cometchat": "apikey"}[c.dialect]]
			f.clients = append(f.clients, c)
			f.done.Go(func() { c.run(ctx) })
		}
	}
	f.healthy = watchHealth(ctx, f.g.url, &f.done)
	f.serves(t)
}

// watchHealth asks /healthz all the time; what it gives ends that and says
// what was wrong.
func watchHealth(ctx context.Context, gateway string, done *sync.WaitGroup) func() error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	done.Go(func() {
		for ctx.Err() == nil {
			asking, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			r, err := try(asking, http.MethodGet, gateway+"/healthz", "")
			stop()
			if err != nil || r.status != http.StatusOK {
				ended <- fmt.Errorf("/healthz: %d %w", r.status, err)
				return
			}
			pause(ctx)
		}
		ended <- nil
	})
	return func() error { cancel(); return <-ended }
}

// pause keeps the load light.
func pause(ctx context.Context) {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
	}
}

// all waits until something holds of every client.
func (f *faulty) all(t *testing.T, within time.Duration, what string, holds func(*loadClient) bool) {
	t.Helper()
	held := func() bool {
		return !slices.ContainsFunc(f.clients, func(c *loadClient) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.problems) == 0 && !holds(c)
		})
	}
	start := time.Now()
	require.Eventually(t, held, within, 5*time.Millisecond, "%s\n%s", what, lazy(f.g.logged))
	t.Logf("%s: %s", what, time.Since(start).Round(time.Millisecond))
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
	for _, c := range f.clients {
		c.mu.Lock()
		c.consecutive = 0
		c.mu.Unlock()
	}
	f.all(t, backAfter, "served again", func(c *loadClient) bool { return c.consecutive >= 4 })
}

// refuses waits until every client was answered 503.
func (f *faulty) refuses(t *testing.T) {
	t.Helper()
	before := map[*loadClient]int{}
	for _, c := range f.clients {
		c.mu.Lock()
		before[c] = c.refused
		c.mu.Unlock()
	}
	f.all(t, patience, "refused", func(c *loadClient) bool { return c.refused > before[c] })
}

// answers waits until PostgreSQL takes connections.
func (f *faulty) answers(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), f.db)
		return err == nil && conn.Close(t.Context()) == nil
	}, startLimit, 10*time.Millisecond)
}

// lift ends the proxy's faults and requires service.
func (f *faulty) lift(t *testing.T) {
	t.Helper()
	require.NoError(t, f.proxy.Lift())
	f.serves(t)
}

// end stops the clients and requires what always holds: nothing acknowledged
// is lost or there twice, nobody saw what is another's, each failure was
// worded, health was always told, and the pool comes to rest.
func (f *faulty) end(t *testing.T) {
	t.Helper()
	require.NoError(t, f.healthy())
	f.stop(t)
	f.keptAll(t)
}

// stop ends the clients and requires that nothing was wrong with any answer
// and that nothing of the gateway's is under way any more.
func (f *faulty) stop(t *testing.T) {
	t.Helper()
	f.cancel()
	f.done.Wait()
	http.DefaultClient.CloseIdleConnections() // one that was never used would keep the gateway from stopping
	f.rests(t)
	for _, c := range f.clients {
		require.Empty(t, c.problems, "%s of %s\n%s", c.dialect, c.prefix, lazy(f.g.logged))
	}
}

// keptAll requires that each tenant sees all that was acknowledged, once, and
// nothing of the other's, and that its history is whole and has the creation of
// each that is there, once.
func (f *faulty) keptAll(t *testing.T) {
	t.Helper()
	operator := f.operator(t)
	for i, tenant := range f.tenants {
		slugs := listed(t, f.g.url, tenant.credentials["apikey"])
		for slug, times := range slugs {
			require.Equal(t, 1, times, slug)
			require.True(t, strings.HasPrefix(slug, tenant.name), "%s shows %s", tenant.name, slug)
		}
		for _, c := range f.clients {
			if c.tenant == i {
				requireAll(t, c.acked, slugs)
			}
		}
		require.Equal(t, slugs, created(t, operator, tenant.id, core.MCPServerNoun, "slug"), tenant.name)
	}
}

// operator gives one past the proxy.
func (f *faulty) operator(t *testing.T) *core.Operator {
	t.Helper()
	directory, err := store.Open(t.Context(), store.Config{URL: f.db, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(directory.Close)
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	return core.NewOperator(directory, secret, time.Now)
}

// created verifies a tenant's chain and counts the creations of a noun in it by a
// member of what was created.
func created(t *testing.T, o *core.Operator, tenant core.TenantID, noun, member string) map[string]int {
	t.Helper()
	_, err := o.VerifyChanges(t.Context(), tenant, core.ChainHead{})
	require.NoError(t, err)
	counts := map[string]int{}
	require.NoError(t, o.EachChange(t.Context(), tenant, core.ChangeQuery{Noun: noun, Action: core.CreateAction}, func(c *core.Change) error {
		var after map[string]any
		if err := json.Unmarshal(c.After, &after); err != nil {
			return err
		}
		counts[after[member].(string)]++
		return nil
	}))
	return counts
}

// rests requires that soon none of the gateway's connections is in use.
func (f *faulty) rests(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.db)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing depends on it
	const q = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'diglot' AND state <> 'idle'`
	require.Eventually(t, func() bool {
		busy := -1
		return conn.QueryRow(t.Context(), q).Scan(&busy) == nil && busy == 0
	}, idleAfter, 5*time.Millisecond)
}
