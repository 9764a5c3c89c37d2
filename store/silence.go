package store

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// answerTimeout is how long PostgreSQL may say nothing to what it was asked,
// which may be to prove that an idle connection lives. Past it the connection
// is given up: TCP itself takes a quarter of an hour to notice that nobody is
// there, and a few connections that wait in vain are the whole pool. It is
// less than a request's patience, so that those who come behind are served.
const answerTimeout = 3 * time.Second

// impatient makes connections that end when PostgreSQL falls silent.
func impatient(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatientConn{Conn: conn}, nil
	}
}

// impatientConn is a connection that fails, and closes, when nothing comes for
// answerTimeout after something was written, or in the middle of an answer.
type impatientConn struct {
	net.Conn

	mu       sync.Mutex
	given    time.Time // the deadline that pgx set; zero: none
	extended time.Time // when the own one was last set
}

// Write implements [net.Conn].
func (c *impatientConn) Write(p []byte) (int, error) {
	c.wait(time.Now(), 0) //nolint:forbidigo // a deadline is set, not a time stored
	return c.Conn.Write(p)
}

// Read implements [net.Conn].
func (c *impatientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	switch {
	case n > 0:
		c.wait(time.Now(), answerTimeout/10) //nolint:forbidigo // a deadline is set, not a time stored
	case isTimeout(err) && c.ownDeadline():
		_ = c.Close() // or pgx would wait for more while it clears up
	}
	return n, err
}

// SetDeadline implements [net.Conn]. pgx sets a passed one to interrupt, and a
// far one to wait for the rest of what was interrupted: not so far.
func (c *impatientConn) SetDeadline(t time.Time) error {
	now := time.Now() //nolint:forbidigo // a deadline is set, not a time stored
	if last := now.Add(answerTimeout); t.After(last) {
		t = last
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given, c.extended = t, time.Time{}
	return c.Conn.SetDeadline(t)
}

// wait gives PostgreSQL answerTimeout from now, unless that was done a moment
// ago or pgx set a deadline.
func (c *impatientConn) wait(now time.Time, moment time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.given.IsZero() || now.Sub(c.extended) < moment {
		return
	}
	c.extended = now
	_ = c.Conn.SetDeadline(now.Add(answerTimeout)) // where it fails, so does what follows
}

func (c *impatientConn) ownDeadline() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.given.IsZero()
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // what a connection gives is not wrapped
	return ok && e.Timeout()
}
