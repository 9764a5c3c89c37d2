package testmode

import (
	"sync"
	"time"
)

// Clock tells the gateway's time. It runs, at the real clock's pace, or stands
// still. It is safe for concurrent use.
type Clock struct {
	real  func() time.Time
	start time.Time // where it was frozen at first; zero: it ran

	mu     sync.RWMutex
	frozen bool
	at     time.Time     // when it is frozen: the time
	ahead  time.Duration // when it runs: of the real one
}

func newClock(start time.Time) *Clock {
	c := &Clock{real: time.Now, start: start}
	c.Reset()
	return c
}

// Now gives the time. It is a [core.Clock].
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.frozen {
		return c.at
	}
	return c.real().Add(c.ahead)
}

// Frozen reports whether it stands still.
func (c *Clock) Frozen() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.frozen
}

// Set makes it that time. A clock that runs goes on from there.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(t)
}

func (c *Clock) set(t time.Time) {
	c.at = t
	c.ahead = t.Sub(c.real())
}

// Advance moves the time on, or back where d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.now().Add(d))
}

// Freeze has the time stand still.
func (c *Clock) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.frozen = c.now(), true
}

// Run has the time go on from what it is.
func (c *Clock) Run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.now())
	c.frozen = false
}

// Reset makes it what it was at the start: frozen there, or the real time.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen, c.at, c.ahead = !c.start.IsZero(), c.start, 0
}
