package core

import (
	"container/heap"
	"container/list"
	"sync"
	"time"
)

// maxCached bounds the credential cache. Past it the tenant of which most is
// remembered starts afresh: simpler than ageing, and one with this many live
// credentials pays one look-up for each of them now and then. A tenant of which
// less is remembered than of the others on average loses nothing.
const maxCached = 50_000

// cacheTTL bounds how long a decision is used even though nothing was heard
// against it.
const cacheTTL = time.Minute

// credentialKey is what a decision is remembered by: the keyed hash of an API
// key, the session that a token's claims name, or an account beside a tenant's
// key, which is a session's account alone.
type credentialKey struct {
	hash    KeyHash
	address RefoldAddress
	session SessionID
	tenant  TenantID
}

type cachedPrincipal struct {
	key       credentialKey
	principal *Principal
	until     time.Time
	use       *keyUse // nil: it is no key
	of        *tenantCredentials
	next      *cachedPrincipal // of the same tenant's, or of what was dropped
}

// credentialCache remembers whose a credential is. It answers only while the
// store's watch is connected, and was heard to be so lately: no decision is
// used that may have been revoked unheard for [MaxUnheard].
//
// One lock is everybody's, so nothing is done behind it that takes longer the more
// is remembered: what a tenant's event drops is out of use at once, and is taken
// out of entries a few at a time.
type credentialCache struct {
	most int // entries, but for a few

	mu         sync.RWMutex
	connected  bool
	heardUntil time.Time // see [DirectoryEvent]; zero: no limit

	// What a look-up under way must not put back: what an event removed.
	events   uint64              // so many there were
	everyone uint64              // the last one that was about all tenants
	last     map[TenantID]uint64 // the last one about each

	entries map[credentialKey]*cachedPrincipal
	tenants map[TenantID]*tenantCredentials
	largest bySize           // of all of them, the one with the most comes first
	idlest  list.List        // of all of them, the one that was added to last comes last
	count   int              // what they have
	dropped *cachedPrincipal // what is no more in use and may be in entries still
}

// get gives what is remembered, or nil, and how many events there were, for
// [credentialCache.put].
func (c *credentialCache) get(key credentialKey, now time.Time) (p *Principal, events uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.entries[key]; e != nil && !e.of.gone && now.Before(e.until) && c.heard(now) {
		e.use.touch(now)
		return e.principal, c.events
	}
	return nil, c.events
}

// heard reports whether every change has been heard of that was made
// [MaxUnheard] ago.
func (c *credentialCache) heard(now time.Time) bool {
	return c.connected && (c.heardUntil.IsZero() || now.Before(c.heardUntil))
}

// put remembers p, until it expires, unless an event about its tenant or about
// all came behind so many.
func (c *credentialCache) put(key credentialKey, p *Principal, use *keyUse, events uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.connected || c.everyone > events || c.last[p.Tenant.ID] > events {
		return
	}
	c.tidy(now)
	e := c.entries[key]
	if e == nil || e.of.gone || e.of.tenant != p.Tenant.ID {
		if c.count >= c.most {
			c.drop(c.largest[0])
		}
		e = c.add(key, p.Tenant.ID)
	}
	until := now.Add(cacheTTL)
	e.of.until = until
	c.idlest.MoveToBack(e.of.place)
	if p.ExpiresAt != nil && p.ExpiresAt.Before(until) {
		until = *p.ExpiresAt
	}
	e.principal, e.until, e.use = p, until, use
}

func (c *credentialCache) add(key credentialKey, tenant TenantID) *cachedPrincipal {
	of := c.tenants[tenant]
	if of == nil {
		if c.tenants == nil {
			c.tenants, c.entries = make(map[TenantID]*tenantCredentials), make(map[credentialKey]*cachedPrincipal)
		}
		of = &tenantCredentials{tenant: tenant}
		c.tenants[tenant] = of
		of.place = c.idlest.PushBack(of)
		heap.Push(&c.largest, of)
	}
	e := &cachedPrincipal{key: key, of: of, next: of.newest}
	if of.newest == nil {
		of.oldest = e
	}
	of.newest = e
	of.count++
	c.count++
	heap.Fix(&c.largest, of.index)
	c.entries[key] = e
	return e
}

// tidy lets go of a little that is of no more use: more than one put adds.
func (c *credentialCache) tidy(now time.Time) {
	const some = 2
	for range some {
		if idle := c.idlest.Front(); idle != nil {
			if of := idle.Value.(*tenantCredentials); !now.Before(of.until) {
				c.drop(of)
			}
		}
	}
	for range some {
		if e := c.dropped; e != nil {
			if c.entries[e.key] == e { // else it is known anew
				delete(c.entries, e.key)
			}
			c.dropped, e.next = e.next, nil
		}
	}
}

func (c *credentialCache) tell(e DirectoryEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.heardUntil = e.Connected, e.Until
	switch {
	case e.Connected && e.Quiet:
	case e.Connected && e.Changed != "":
		c.changed(e.Changed)
	default:
		c.allChanged()
	}
}

// forget drops what is known of a tenant's credentials.
func (c *credentialCache) forget(tenant TenantID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed(tenant)
}

// forgetAll drops what is known of everybody's.
func (c *credentialCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allChanged()
}

func (c *credentialCache) changed(tenant TenantID) {
	if len(c.last) >= c.most {
		c.last, c.everyone = nil, c.events // what came before is remembered no more: it may have been about anybody
	}
	if c.last == nil {
		c.last = make(map[TenantID]uint64)
	}
	c.events++
	c.last[tenant] = c.events
	if of := c.tenants[tenant]; of != nil {
		c.drop(of)
	}
}

func (c *credentialCache) allChanged() {
	c.events++
	c.everyone, c.last = c.events, nil
	c.entries, c.tenants, c.largest, c.count, c.dropped = nil, nil, nil, 0, nil
	c.idlest.Init()
}

// drop has nothing of a tenant's be used any more.
func (c *credentialCache) drop(of *tenantCredentials) {
	of.gone = true
	delete(c.tenants, of.tenant)
	heap.Remove(&c.largest, of.index)
	c.idlest.Remove(of.place)
	c.count -= of.count
	of.oldest.next, c.dropped = c.dropped, of.newest
}

// tenantCredentials is what is remembered of one tenant, one entry at least.
type tenantCredentials struct {
	tenant TenantID
	newest *cachedPrincipal // the first of them all
	oldest *cachedPrincipal // the last
	count  int
	until  time.Time // when none is of use any more
	gone   bool      // it has changed, or there was no room

	index int           // in [bySize]
	place *list.Element // in credentialCache.idlest
}

// bySize is a heap of tenants.
type bySize []*tenantCredentials

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (b bySize) Len() int           { return len(b) }
func (b bySize) Less(i, j int) bool { return b[i].count > b[j].count }

func (b bySize) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].index, b[j].index = i, j
}

// Push implements [heap.Interface].
func (b *bySize) Push(x any) {
	of := x.(*tenantCredentials)
	of.index = len(*b)
	*b = append(*b, of)
}

// Pop implements [heap.Interface].
func (b *bySize) Pop() any {
	last := len(*b) - 1
	of := (*b)[last]
	(*b)[last], *b = nil, (*b)[:last]
	return of
}
