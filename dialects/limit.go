package dialects

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
)

// Limiter counts each tenant's requests of the current minute, by the clock's
// minutes: a window that is fixed. It is one process's; nothing is shared
// between instances. It is safe for concurrent use.
type Limiter struct {
	limit  uint32 // requests a minute
	seed   maphash.Seed
	shards [64]limiterShard
}

// limiterShard has some of the tenants. Its lock is taken for writing once a
// tenant.
type limiterShard struct {
	mu      sync.RWMutex
	windows map[core.TenantID]*atomic.Uint64
}

// MaxRateLimit is the highest limit that there can be, in requests a minute.
const MaxRateLimit = 1_000_000_000

// NewLimiter makes a limiter that lets each tenant send so many requests a
// minute, 1 to [MaxRateLimit]. With 0 there is none: nil.
func NewLimiter(perMinute int) *Limiter {
	if perMinute <= 0 {
		return nil
	}
	return &Limiter{limit: uint32(min(perMinute, MaxRateLimit)), seed: maphash.MakeSeed()} //nolint:gosec // bounded right here
}

// Quota is what a tenant has of its minute.
type Quota struct {
	Remaining int
	Reset     int64 // when the next minute begins, in Unix seconds
}

// Take counts a request at a moment. ok is false where the tenant had sent as
// many as it may: then the request is not counted, and nothing remains.
func (l *Limiter) Take(tenant core.TenantID, now time.Time) (q Quota, ok bool) {
	w := l.window(tenant)
	for {
		was := w.Load()
		stamp, count := minuteOf(was, now)
		q.Reset = resetOf(stamp)
		if count >= l.limit {
			return q, false
		}
		if w.CompareAndSwap(was, stamp<<32|uint64(count+1)) {
			q.Remaining = int(l.limit - count - 1)
			return q, true
		}
	}
}

// Peek gives what a tenant has of its minute and counts nothing.
func (l *Limiter) Peek(tenant core.TenantID, now time.Time) Quota {
	stamp, count := minuteOf(l.window(tenant).Load(), now)
	return Quota{Remaining: int(l.limit - min(count, l.limit)), Reset: resetOf(stamp)}
}

const secondsAMinute = 60

// minuteOf gives the minute that counts at a moment and the requests that it
// has had, of a window: the high half is the minute, the low one the count. A
// clock that went back gives nobody a new minute.
func minuteOf(window uint64, now time.Time) (stamp uint64, count uint32) {
	current := uint64(now.Unix() / secondsAMinute & 0xffffffff) // the low 32 bits last for 8000 years
	if stamp = window >> 32; stamp < current {
		return current, 0
	}
	return stamp, uint32(window) //nolint:gosec // the low half
}

func resetOf(stamp uint64) int64 {
	return (int64(stamp) + 1) * secondsAMinute //nolint:gosec // 32 bits of it
}

func (l *Limiter) window(tenant core.TenantID) *atomic.Uint64 {
	s := &l.shards[maphash.String(l.seed, string(tenant))%uint64(len(l.shards))]
	s.mu.RLock()
	w := s.windows[tenant]
	s.mu.RUnlock()
	if w != nil {
		return w
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w = s.windows[tenant]; w == nil {
		if s.windows == nil {
			s.windows = make(map[core.TenantID]*atomic.Uint64)
		}
		w = new(atomic.Uint64)
		s.windows[tenant] = w
	}
	return w
}
