package shadow

import (
	"io"
	"sync"
	"time"
)

// clock measures how long a peer takes. What the client takes to send its body is
// not the peer's.
type clock struct {
	mu    sync.Mutex
	left  time.Duration
	since time.Time
	timer *time.Timer
}

func newClock(most time.Duration, late func()) *clock {
	return &clock{left: most, since: time.Now(), timer: time.AfterFunc(most, late)}
}

func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer.Stop() {
		c.left -= time.Since(c.since)
	}
}

func (c *clock) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = time.Now()
	c.timer.Reset(c.left)
}

// clocked is a client's body: the clock stands while it is read.
type clocked struct {
	io.ReadCloser

	clock *clock
}

// Read implements [io.Reader].
func (b *clocked) Read(p []byte) (int, error) {
	b.clock.pause()
	defer b.clock.goOn()
	return b.ReadCloser.Read(p)
}
