package store

import (
	"context"
	"sync"

	"github.com/diglot/diglot/core"
)

// turns shares the pool's connections between tenants. While there are some to
// spare nobody waits; else tenants are served in turns, however many requests
// each has waiting, and one tenant never has more than half of them: a tenant
// that asks too much waits for itself. The pool itself serves in the order of
// asking, so that who asks most gets most.
type turns struct {
	each int // connections that one tenant may have

	mu     sync.Mutex
	free   int // connections that no tenant has
	lanes  map[core.TenantID]*lane
	spare  []*lane // for tenants to come: those of before
	next   []*lane // those to be served, the longest waiting first: each has a waiter and may have one more
	waited int64
}

// lane is one tenant's: there is none for one that has nothing and wants nothing.
type lane struct {
	tenant core.TenantID
	has    int
	wants  []*waiter // in the order of asking
	queued bool      // it is in next
}

type waiter struct{ served chan struct{} } // has one, once

// anybody is who look-ups are for that find a tenant: not known yet.
const anybody core.TenantID = ""

// sharedConns says how a pool's connections are shared. An eighth is for
// look-ups of credentials, of which there may be any number that name nobody; one
// is for what is nobody's, so that whether the store is ready is told however
// busy tenants keep it; the rest is the tenants'. A pool that is too small for
// that is everybody's.
func sharedConns(conns int) (tenants, lookUps int) {
	lookUps = max(1, conns/8)
	if conns < 4 {
		return conns, lookUps
	}
	return conns - lookUps - 1, lookUps
}

// newTurns shares so many connections.
func newTurns(conns int) *turns {
	return &turns{each: max(1, conns/2), free: conns, lanes: map[core.TenantID]*lane{}}
}

// take waits for a connection of the pool to be the tenant's, until ctx ends.
func (t *turns) take(ctx context.Context, tenant core.TenantID) (*lane, error) {
	if t == nil {
		return nil, nil //nolint:nilnil // nobody waits
	}
	t.mu.Lock()
	l := t.lane(tenant)
	if t.free > 0 && l.has < t.each { // so nobody waits who could have it
		l.has++
		t.free--
		t.mu.Unlock()
		return l, nil
	}
	w := &waiter{make(chan struct{}, 1)}
	l.wants = append(l.wants, w)
	t.waited++
	t.queue(l)
	t.mu.Unlock()
	select {
	case <-w.served:
		return l, nil
	case <-ctx.Done():
		t.leave(l, w)
		return nil, ctx.Err()
	}
}

// end gives a connection back, to whoever is next.
func (t *turns) end(l *lane) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l.has--
	t.free++
	t.queue(l)
	t.serve()
	t.drop(l)
}

// leave is for a waiter that waits no longer; what it got meanwhile goes back.
func (t *turns) leave(l *lane, w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range l.wants {
		if other == w {
			l.wants = append(l.wants[:i], l.wants[i+1:]...)
			t.drop(l)
			return
		}
	}
	l.has--
	t.free++
	t.queue(l)
	t.serve()
	t.drop(l)
}

// lane gives a tenant's, or makes it.
func (t *turns) lane(tenant core.TenantID) *lane {
	if l := t.lanes[tenant]; l != nil {
		return l
	}
	var l *lane
	if n := len(t.spare); n > 0 {
		l, t.spare = t.spare[n-1], t.spare[:n-1]
	} else {
		l = new(lane)
	}
	l.tenant = tenant
	t.lanes[tenant] = l
	return l
}

// queue puts a lane behind the others that are to be served, if it is one.
func (t *turns) queue(l *lane) {
	if !l.queued && len(l.wants) > 0 && l.has < t.each {
		l.queued = true
		t.next = append(t.next, l)
	}
}

// serve gives what is free, one to each lane in turn.
func (t *turns) serve() {
	for t.free > 0 && len(t.next) > 0 {
		l := t.next[0]
		t.next = append(t.next[:0], t.next[1:]...) // it stays where it is, and is short
		l.queued = false
		if len(l.wants) == 0 { // they left
			t.drop(l)
			continue
		}
		w := l.wants[0]
		l.wants = append(l.wants[:0], l.wants[1:]...)
		l.has++
		t.free--
		w.served <- struct{}{}
		t.queue(l)
	}
}

// maxSpareLanes bounds what is kept of lanes that nobody is in.
const maxSpareLanes = 256

// drop forgets a lane that nobody is in.
func (t *turns) drop(l *lane) {
	if l.has > 0 || len(l.wants) > 0 || l.queued || t.lanes[l.tenant] != l {
		return
	}
	delete(t.lanes, l.tenant)
	if len(t.spare) < maxSpareLanes {
		t.spare = append(t.spare, l)
	}
}

func (t *turns) waits() int64 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waited
}
