package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// clientsName is what the names begin with of what the clients of a story make or change.
const clientsName = "Client's "

const (
	// touches are how many of a move's records each client changes, and how many
	// it removes.
	touches = 1

	// clientsLimit bounds how long they may take to.
	clientsLimit = 10 * time.Minute
)

// clients are a tenant's clients of both kinds, who write while it moves: they make,
// change and remove records of their own, and a few of those that moved, whatever
// vendor they came from.
type clients struct {
	refold *refoldclient.Client
	chat   *cometclient.Client
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	err     error
	movers  []*mover             // whose records they write to
	servers map[string]string    // the names that were acknowledged, by what a server is asked for by; "": it was removed
	made    int                  // servers of their own, less those removed
	touched map[string]*touching // by the record's id at its source
}

// touching is what was done to a record that a move had moved.
type touching struct {
	by      *mover // whose it was
	client  int
	removed bool
}

// startClients has clients write to a gateway of the tenant's, so many requests a
// second each.
func startClients(t *testing.T, s *story) *clients {
	t.Helper()
	g := startGateway(t, s.env)
	key := func(dialect string) vendorhttp.Secret {
		return vendorhttp.Secret(diglotJSON(t, s.env, "key", "create", "--tenant", "acme", "--dialect", dialect)["key"].(string))
	}
	rate := float64(s.rate) / 40
	c := &clients{servers: map[string]string{}, touched: map[string]*touching{}}
	var err error
	c.refold, err = refoldclient.New(vendorhttp.Options{Base: g.url, Rate: rate, Burst: 1, Now: time.Now},
		refoldclient.Credentials{APIKey: key("refold"), LinkedAccount: "client"})
	require.NoError(t, err)
	c.chat, err = cometclient.New(vendorhttp.Options{Base: g.url, Rate: rate, Burst: 1, Now: time.Now},
		cometclient.Credentials{APIKey: key("cometchat")})
	require.NoError(t, err)
	_, err = c.refold.UpsertLinkedAccount(t.Context(), refoldclient.AccountInput{AccountID: "client"})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	for i, w := range []serverClient{refoldWriter{c.refold}, chatWriter{c.chat}} {
		c.ended.Go(func() { c.fail(c.write(ctx, i, w)) })
	}
	t.Cleanup(func() { stop(); c.ended.Wait() })
	return c
}

func (c *clients) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && err != nil {
		c.err = err
	}
}

// write writes until it is stopped, which it is between two rounds.
func (c *clients) write(ctx context.Context, who int, w serverClient) error {
	var own []string
	for n := 0; ctx.Err() == nil; n++ {
		ctx := context.WithoutCancel(ctx)
		id, name, err := w.create(ctx, n)
		if err != nil {
			return fmt.Errorf("make: %w", err)
		}
		c.acknowledge(id, name, 1)
		own = append(own, id)
		if old := own[n/2]; n%2 == 1 { // each once
			name = fmt.Sprintf("%s%s, changed", clientsName, old)
			if err := w.rename(ctx, old, name); err != nil {
				return fmt.Errorf("change %s: %w", old, err)
			}
			c.acknowledge(old, name, 0)
		}
		if old := own[n/3]; n%6 == 5 {
			if err := w.remove(ctx, old); err != nil {
				return fmt.Errorf("remove %s: %w", old, err)
			}
			c.acknowledge(old, "", -1)
		}
		if err := c.touch(ctx, who, w); err != nil {
			return fmt.Errorf("write to what moved: %w", err)
		}
	}
	return nil
}

// acknowledge keeps what a client was told.
func (c *clients) acknowledge(id, name string, made int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers[id] = name
	c.made += made
}

// touch writes to one server that was moved, and that nobody wrote to.
func (c *clients) touch(ctx context.Context, who int, w serverClient) error {
	c.mu.Lock()
	movers := c.movers
	c.mu.Unlock()
	for _, m := range movers {
		done := c.touchedOf(m, who)
		if done >= 2*touches {
			continue
		}
		for _, e := range m.settled() {
			t := &touching{m, who, done%2 == 1}
			if !c.claim(e.Record.ID, e.Record.Name, t) {
				continue
			}
			id, err := w.id(m, e), error(nil)
			name := clientsName + "now: " + e.Record.Name
			if t.removed {
				name, err = "", w.remove(ctx, id)
			} else {
				err = w.rename(ctx, id, name)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			c.acknowledge(id, name, 0)
			c.settle(e.Record.ID, t)
			break
		}
	}
	return nil
}

// claim reports whether a client may write to a record: nobody does, and no agent
// lists it.
func (c *clients) claim(id, name string, t *touching) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, is := c.touched[id]; is || strings.HasSuffix(name, "0") || strings.HasPrefix(name, clientsName) {
		return false
	}
	c.touched[id] = &touching{removed: t.removed} // of nobody's as long as it isn't done
	return true
}

func (c *clients) settle(id string, t *touching) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touched[id] = t
}

// touchedOf counts a move's records that a client wrote to; of all clients where
// who is negative.
func (c *clients) touchedOf(m *mover, who int) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count(m, who)
}

func (c *clients) count(m *mover, who int) (n int) {
	for _, t := range c.touched {
		if t.by == m && (who < 0 || t.client == who) {
			n++
		}
	}
	return n
}

// writeTo has the clients write to what moves have moved.
func (c *clients) writeTo(movers ...*mover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.movers = movers
}

// wait waits until the clients have written to all the records of a move that
// they write to, and gives those, with whether they were removed.
func (c *clients) wait(t *testing.T, m *mover) map[string]bool {
	t.Helper()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err != nil || c.count(m, -1) == 2*2*touches
	}, clientsLimit, 10*time.Millisecond, "what moved is to be written to")
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NoError(t, c.err)
	out := map[string]bool{}
	for id, touched := range c.touched {
		if touched.by == m {
			out[id] = touched.removed
		}
	}
	return out
}

// removedOf counts what the clients removed of a move's records.
func (c *clients) removedOf(m *mover) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.touched {
		if t.by == m && t.removed {
			n++
		}
	}
	return n
}

// wrote reports whether the clients have written to a record that a verification
// names.
func (c *clients) wrote(r *move.Verified) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, touched := c.touched[r.Record.ID]
	return touched || strings.HasPrefix(r.Record.Name, clientsName) || r.Verdict == move.NotMoved
}

// end stops the clients, and asks for each server that they were told of.
func (c *clients) end(t *testing.T) {
	t.Helper()
	c.stop()
	c.ended.Wait()
	require.NoError(t, c.err)
	kept := 0
	ctx := t.Context()
	names := map[string]string{}
	for s, err := range c.refold.MCPServers(ctx) {
		require.NoError(t, err)
		names[s.ID.Value] = s.Name.Value
	}
	for s, err := range c.chat.MCPServers(ctx) {
		require.NoError(t, err)
		names[s.Slug.Value] = s.Name.Value
	}
	for id, name := range c.servers {
		require.Equal(t, name, names[id], "the last that was acknowledged of %s", id)
		if name != "" {
			kept++
		}
	}
	t.Logf("%d servers that clients made or changed are as they were told, %d are gone", kept, len(c.servers)-kept)
}
