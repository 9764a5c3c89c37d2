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
	const secondsAMinute = 60
	minute := now.Unix() / secondsAMinute
	q.Reset = (minute + 1) * secondsAMinute
	stamp := uint64(minute & 0xffffffff) // the low 32 bits last for 8000 years
	w := l.window(tenant)
	for {
		// The minute's stamp, and how many requests it has had.
		was := w.Load()
		count := uint32(was) //nolint:gosec // the low half
		if was>>32 != stamp {
			count = 0
		}
		if count >= l.limit {
			return q, false
		}
		if w.CompareAndSwap(was, stamp<<32|uint64(count+1)) {
			q.Remaining = int(l.limit - count - 1)
			return q, true
		}
	}
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
