package dialects

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
)

// Limiter counts each tenant's requests, of one dialect: those of the current
// minute, by the clock's minutes, a window that is fixed, and how fast they
// come. It is one process's; nothing is shared between instances. It is safe for
// concurrent use.
//
// Limits come with each request, so that one that changes holds from the next
// request on; what is kept of a tenant is two numbers that mean the same under
// any limit. That, and that nothing is locked, is why it is not x/time/rate's.
type Limiter struct{ perTenant[counted] }

type counted struct {
	window atomic.Uint64 // the minute and its requests
	due    atomic.Int64  // when the next request would be due at an even pace, in Unix nanoseconds
}

// Slots counts each tenant's requests under way, in all dialects that share it.
type Slots struct{ perTenant[atomic.Int64] }

// perTenant has something for each tenant, made when it is first asked for. Its
// zero value is not ready: see newPerTenant.
type perTenant[V any] struct {
	seed   maphash.Seed
	shards [64]tenantShard[V]
}

// tenantShard has some of the tenants. Its lock is taken for writing once a
// tenant.
type tenantShard[V any] struct {
	mu sync.RWMutex
	of map[core.TenantID]*V
}

func (p *perTenant[V]) get(tenant core.TenantID) *V {
	s := &p.shards[maphash.String(p.seed, string(tenant))%uint64(len(p.shards))]
	s.mu.RLock()
	v := s.of[tenant]
	s.mu.RUnlock()
	if v != nil {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v = s.of[tenant]; v == nil {
		if s.of == nil {
			s.of = make(map[core.TenantID]*V)
		}
		v = new(V)
		s.of[tenant] = v
	}
	return v
}

// clear forgets what there is of every tenant.
func (p *perTenant[V]) clear() {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		s.of = nil
		s.mu.Unlock()
	}
}

func newPerTenant[V any]() perTenant[V] { return perTenant[V]{seed: maphash.MakeSeed()} }

// NewLimiter makes a limiter that has counted nothing.
func NewLimiter() *Limiter { return &Limiter{newPerTenant[counted]()} }

// NewSlots makes slots that nobody has.
func NewSlots() *Slots { return &Slots{newPerTenant[atomic.Int64]()} }

// Quota is what a tenant has of its minute.
type Quota struct {
	Limit     int // requests a minute
	Remaining int
	Reset     int64 // when the next minute begins, in Unix seconds
}

// Take counts a request at a moment, of so many that a tenant may send in a
// minute, 1 to [core.MaxLimit]. ok is false where it had sent as many: then the
// request is not counted, and nothing remains.
func (l *Limiter) Take(tenant core.TenantID, limit int, now time.Time) (q Quota, ok bool) {
	w := &l.get(tenant).window
	for {
		was := w.Load()
		stamp, count := minuteOf(was, now)
		q = Quota{Limit: limit, Reset: resetOf(stamp)}
		if int64(count) >= int64(limit) {
			return q, false
		}
		if w.CompareAndSwap(was, stamp<<32|uint64(count+1)) {
			q.Remaining = limit - int(count) - 1
			return q, true
		}
	}
}

// Peek gives what a tenant has of its minute and counts nothing.
func (l *Limiter) Peek(tenant core.TenantID, limit int, now time.Time) Quota {
	stamp, count := minuteOf(l.get(tenant).window.Load(), now)
	return Quota{Limit: limit, Remaining: limit - min(int(count), limit), Reset: resetOf(stamp)}
}

// Pace lets a request pass at a moment, of a tenant that may send so many a
// minute, 1 to [core.MaxLimit], at an even pace, but for a burst of 1 to
// [core.MaxBurst] that may come at once: the generic cell rate algorithm. Where
// it may not pass, wait is how long it would have to, and it isn't counted.
func (l *Limiter) Pace(tenant core.TenantID, limit, burst int, now time.Time) (wait time.Duration, ok bool) {
	interval := int64(time.Minute) / int64(limit)
	slack, at := interval*int64(burst-1), now.UnixNano()
	d := &l.get(tenant).due
	for {
		was := d.Load()
		// Never later than after a burst that has just passed: the limit may have been
		// another one, and the clock may have gone back.
		due := min(max(was, at), at+slack+interval)
		if ahead := due - at - slack; ahead > 0 {
			if due != was && !d.CompareAndSwap(was, due) {
				continue
			}
			return time.Duration(ahead), false
		}
		if d.CompareAndSwap(was, due+interval) {
			return 0, true
		}
	}
}

// Take counts a request of a tenant's that begins, where it has fewer than limit
// under way. To end it, take one off what it gives.
func (s *Slots) Take(tenant core.TenantID, limit int) (slot *atomic.Int64, ok bool) {
	slot = s.get(tenant)
	if slot.Add(1) > int64(limit) {
		slot.Add(-1)
		return nil, false
	}
	return slot, true
}

// leave ends a request that has a slot, if it has one.
func leave(slot *atomic.Int64) {
	if slot != nil {
		slot.Add(-1)
	}
}

const secondsAMinute = 60

// minuteOf gives the minute that counts at a moment and the requests that it
// has had, of a window: the high half is the minute, the low one the count. A
// clock that went back gives nobody a new minute. The next one stays, so that a
// clock that goes to and fro around its beginning doesn't either; one further
// ahead is of a clock that was wrong, and counts as the current one.
func minuteOf(window uint64, now time.Time) (stamp uint64, count uint32) {
	current := uint64(now.Unix() / secondsAMinute & 0xffffffff) // the low 32 bits last for 8000 years
	stamp, count = window>>32, uint32(window)                   //nolint:gosec // the low half
	switch {
	case stamp < current:
		return current, 0
	case stamp > current+1:
		return current, count
	}
	return stamp, count
}

// wait is how long a request that was refused is to wait: until the next minute
// begins, but no longer than one.
func (q Quota) wait(now time.Time) time.Duration {
	return time.Duration(min(q.Reset-now.Unix(), secondsAMinute)) * time.Second
}

func resetOf(stamp uint64) int64 {
	return (int64(stamp) + 1) * secondsAMinute //nolint:gosec // 32 bits of it
}
