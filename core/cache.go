package core

import (
	"sync"
	"time"
)

// maxCached bounds the credential cache. Past it the cache starts afresh:
// simpler than ageing, and a gateway with this many live credentials pays one
// look-up for each of them now and then.
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
	principal *Principal
	until     time.Time
	use       *keyUse // nil: it is no key
}

// credentialCache remembers whose a credential is. It answers only while the
// store's watch is connected, and was heard to be so lately: no decision is
// used that may have been revoked unheard for [MaxUnheard].
type credentialCache struct {
	mu         sync.RWMutex
	connected  bool
	heardUntil time.Time // see [DirectoryEvent]; zero: no limit
	generation uint64    // moves with every event, so that a look-up under way can't put back what the event removed
	entries    map[credentialKey]cachedPrincipal
}

func (c *credentialCache) get(key credentialKey, now time.Time) (p *Principal, generation uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok := c.entries[key]; ok && now.Before(e.until) && c.heard(now) {
		e.use.touch(now)
		return e.principal, c.generation
	}
	return nil, c.generation
}

// heard reports whether every change has been heard of that was made
// [MaxUnheard] ago.
func (c *credentialCache) heard(now time.Time) bool {
	return c.connected && (c.heardUntil.IsZero() || now.Before(c.heardUntil))
}

// put remembers p, until it expires, unless an event came since generation was
// read.
func (c *credentialCache) put(key credentialKey, p *Principal, use *keyUse, generation uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.connected || generation != c.generation {
		return
	}
	if c.entries == nil || len(c.entries) >= maxCached {
		c.entries = make(map[credentialKey]cachedPrincipal)
	}
	until := now.Add(cacheTTL)
	if p.ExpiresAt != nil && p.ExpiresAt.Before(until) {
		until = *p.ExpiresAt
	}
	c.entries[key] = cachedPrincipal{p, until, use}
}

func (c *credentialCache) tell(e DirectoryEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.heardUntil = e.Connected, e.Until
	if e.Connected && e.Quiet {
		return
	}
	c.generation++
	if !e.Connected || e.Changed == "" {
		c.entries = nil
		return
	}
	c.drop(e.Changed)
}

// forget drops what is known of a tenant's credentials.
func (c *credentialCache) forget(tenant TenantID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.drop(tenant)
}

// forgetAll drops what is known of everybody's.
func (c *credentialCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.entries = nil
}

func (c *credentialCache) drop(tenant TenantID) {
	for key, entry := range c.entries {
		if entry.principal.Tenant.ID == tenant {
			delete(c.entries, key)
		}
	}
}
