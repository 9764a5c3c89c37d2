// Package faultproxy stands between a program and its PostgreSQL, for tests,
// and does to their connections what networks do: it delays, resets,
// swallows, refuses, half-closes and cuts them.
package faultproxy

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy forwards TCP connections on loopback to one address. Each fault may be
// set at any moment, by any goroutine.
type Proxy struct {
	network, target string
	address         string

	toServer, toClient atomic.Int64 // latency, nanoseconds
	running            sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil: connections are refused
	pairs    map[*pair]struct{}
	hole     bool  // what connects is swallowed
	limit    int64 // bytes that a new connection may send; math.MaxInt64: no limit
	closed   bool
}

// Start gives a proxy to a server, "tcp" or "unix". It ends with the test.
func Start(t testing.TB, network, target string) *Proxy {
	t.Helper()
	p := &Proxy{network: network, target: target, pairs: map[*pair]struct{}{}, limit: math.MaxInt64}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start a proxy: %v", err)
	}
	p.address = l.Addr().String()
	p.accept(l)
	t.Cleanup(p.close)
	return p
}

// Before gives a proxy to the server of a database's URL, and the URL of the
// database through it.
func Before(t testing.TB, databaseURL string) (*Proxy, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		t.Fatalf("read the database's URL: %v", err)
	}
	p := Start(t, networkOf(config.Host), addressOf(config))
	host, port, _ := net.SplitHostPort(p.Address()) // it is a listener's
	u, err := url.Parse(databaseURL)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return p, fmt.Sprintf("%s host=%s port=%s sslmode=disable", databaseURL, host, port) // the last one counts
	}
	u.Host = p.Address()
	query := u.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return p, u.String()
}

func networkOf(host string) string {
	if strings.HasPrefix(host, "/") {
		return "unix"
	}
	return "tcp"
}

func addressOf(c *pgconn.Config) string {
	if networkOf(c.Host) == "unix" {
		return fmt.Sprintf("%s/.s.PGSQL.%d", c.Host, c.Port)
	}
	return net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.address }

// Connections gives how many connections are forwarded or swallowed.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// SetLatency has each byte arrive that much later, in either direction.
func (p *Proxy) SetLatency(toServer, toClient time.Duration) {
	p.toServer.Store(int64(toServer))
	p.toClient.Store(int64(toClient))
}

// Reset ends all connections with RST. New ones are forwarded.
func (p *Proxy) Reset() { p.each((*pair).reset) }

// BlackHole swallows whatever comes on any connection, in both directions, and
// tells nobody; new ones are accepted and swallowed. A connection that lost
// bytes stays lost after [Proxy.Lift].
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	p.hole = true
	p.mu.Unlock()
	p.each((*pair).swallow)
}

// Forget swallows whatever comes on the connections there are, as a firewall
// does that lost its state. New ones are forwarded.
func (p *Proxy) Forget() { p.each((*pair).swallow) }

// Refuse has new connections refused and resets those there are.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close() // there is nothing to lose
		p.listener = nil
	}
	p.mu.Unlock()
	p.Reset()
}

// HalfClose ends the server's half of all connections: the client reads their
// end, and may go on writing to nobody.
func (p *Proxy) HalfClose() {
	p.each(func(c *pair) {
		c.swallow()
		_ = c.server.Close()
		_ = c.client.CloseWrite()
	})
}

// CloseAfter swallows whatever comes on the connections there are, and closes
// them after a while.
func (p *Proxy) CloseAfter(d time.Duration) {
	p.each(func(c *pair) {
		c.swallow()
		time.AfterFunc(d, c.close)
	})
}

// CutAfter ends each connection with RST once it has sent n more bytes to the
// server, whether or not they end a message; new ones too.
func (p *Proxy) CutAfter(n int64) {
	p.mu.Lock()
	p.limit = n
	p.mu.Unlock()
	p.each(func(c *pair) { c.left.Store(n) })
}

// Lift ends all faults, for new connections and those that lost nothing.
func (p *Proxy) Lift() error {
	p.SetLatency(0, 0)
	p.each(func(c *pair) { c.left.Store(math.MaxInt64) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole, p.limit = false, math.MaxInt64
	if p.listener != nil || p.closed {
		return nil
	}
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("listen again: %w", err)
	}
	p.accept(l)
	return nil
}

// each does something to the connections there are.
func (p *Proxy) each(do func(*pair)) {
	p.mu.Lock()
	pairs := make([]*pair, 0, len(p.pairs))
	for c := range p.pairs {
		pairs = append(pairs, c)
	}
	p.mu.Unlock()
	for _, c := range pairs {
		do(c)
	}
}

// accept takes connections from now on. p.mu is held, or nobody else has p.
func (p *Proxy) accept(l net.Listener) {
	p.listener = l
	p.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.forward(client.(*net.TCPConn)) })
		}
	})
}

// close ends the proxy and all that it runs.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.running.Wait()
}

// forward serves one connection until both of its ends are closed.
func (p *Proxy) forward(client *net.TCPConn) {
	server, err := net.Dial(p.network, p.target)
	if err != nil { // the server is down: so is the proxy
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	c := newPair(client, server.(halfCloser))
	p.mu.Lock()
	c.left.Store(p.limit)
	c.lost.Store(p.hole)
	p.pairs[c] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		c.reset()
	}
	c.run(&p.toServer, &p.toClient)
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}
