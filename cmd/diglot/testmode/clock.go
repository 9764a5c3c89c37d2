package testmode

import (
	"fmt"
	"math"
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

// Earliest and Latest are where the clock can be set to: object ids, as Refold's are,
// have no other times.
var (
	Earliest = time.Unix(0, 0).UTC()
	Latest   = time.Unix(math.MaxUint32, 0).UTC()
)

// checkTime reports why the clock can't be set to a time; nil: it can.
func checkTime(t time.Time) error {
	if t.Before(Earliest) || t.After(Latest) {
		return fmt.Errorf("the clock can't be set to %s: it goes from %s to %s",
			t.UTC().Format(time.RFC3339), Earliest.Format(time.RFC3339), Latest.Format(time.RFC3339))
	}
	return nil
}

// Set makes it that time, of [Earliest] to [Latest]: with another it panics. A clock
// that runs goes on from there.
func (c *Clock) Set(t time.Time) { must(c.turn(func(time.Time) time.Time { return t })) }

// Advance moves the time on, or back where d is negative. It panics where that leads
// beyond what [Clock.Set] takes.
func (c *Clock) Advance(d time.Duration) {
	must(c.turn(func(now time.Time) time.Time { return now.Add(d) }))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// turn sets the clock to what becomes of the time, unless it can't be set to that.
func (c *Clock) turn(to func(now time.Time) time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := to(c.now())
	if err := checkTime(t); err != nil {
		return err
	}
	c.set(t)
	return nil
}

func (c *Clock) set(t time.Time) {
	c.at = t
	c.ahead = t.Sub(c.real())
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
