package core

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// usesInterval is how often is written when keys were used, at most.
	usesInterval = 30 * time.Second
	// usesTimeout bounds the last time, as a gateway stops.
	usesTimeout = 5 * time.Second
)

// keyUse is when a key was last used. The credential cache has it beside the
// key's principal, so that to note a use takes no look-up and no lock.
type keyUse struct {
	tenant TenantID
	keyID  string

	at      atomic.Int64 // seconds since the epoch
	written int64        // what the store knows of; guarded by keyUses
}

// touch notes a use. It writes once a second: a busy key's requests would
// otherwise take the line of memory from each other.
func (u *keyUse) touch(now time.Time) {
	if u == nil {
		return
	}
	if at := now.Unix(); u.at.Load() < at {
		u.at.Store(at)
	}
}

// keyUses is the keys that were used lately.
type keyUses struct {
	mu       sync.Mutex
	byKey    map[string]*keyUse   // by the key's id
	rehashes map[string]KeyRehash // likewise: those that were used by an older version's hash, and not written yet
}

// rehash notes that a key needs a hash under the newest version of the secret.
func (k *keyUses) rehash(r KeyRehash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rehashes == nil {
		k.rehashes = make(map[string]KeyRehash)
	}
	k.rehashes[r.KeyID] = r
}

// unwrittenHashes gives the hashes that the store doesn't have yet.
func (k *keyUses) unwrittenHashes() []KeyRehash {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.rehashes))
}

func (k *keyUses) wroteHashes(rehashes []KeyRehash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range rehashes {
		delete(k.rehashes, r.KeyID)
	}
}

// of notes the use of a key that was just looked up; nil: p is of no key.
func (k *keyUses) of(p *Principal, now time.Time) *keyUse {
	if p.KeyID == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	use := k.byKey[p.KeyID]
	if use == nil {
		if k.byKey == nil {
			k.byKey = make(map[string]*keyUse)
		}
		use = &keyUse{tenant: p.Tenant.ID, keyID: p.KeyID}
		k.byKey[p.KeyID] = use
	}
	use.touch(now)
	return use
}

// unwritten gives what the store doesn't know yet. It forgets the keys that no
// cached decision can touch any more.
func (k *keyUses) unwritten(now time.Time) (uses []KeyUse) {
	forgotten := now.Add(-2 * cacheTTL).Unix()
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, use := range k.byKey {
		switch at := use.at.Load(); {
		case at > use.written:
			uses = append(uses, KeyUse{use.tenant, use.keyID, time.Unix(at, 0).UTC()})
		case at < forgotten:
			delete(k.byKey, id)
		}
	}
	slices.SortFunc(uses, func(a, b KeyUse) int {
		return cmp.Or(strings.Compare(string(a.Tenant), string(b.Tenant)), strings.Compare(a.KeyID, b.KeyID))
	})
	return uses
}

func (k *keyUses) wrote(uses []KeyUse) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, u := range uses {
		if use := k.byKey[u.KeyID]; use != nil {
			use.written = max(use.written, u.At.Unix())
		}
	}
}

// WriteKeyUses writes when keys were used, in seconds, where that has not been
// written yet, and the hashes of those that were used by an older version of the
// secret. What could not be written is the next time.
func (s *Service) WriteKeyUses(ctx context.Context) error {
	if uses := s.uses.unwritten(s.now()); len(uses) > 0 {
		if err := s.store.NoteKeyUses(ctx, uses); err != nil {
			return err
		}
		s.uses.wrote(uses)
	}
	if rehashes := s.uses.unwrittenHashes(); len(rehashes) > 0 {
		if err := s.store.RehashKeys(ctx, rehashes); err != nil {
			return err
		}
		s.uses.wroteHashes(rehashes)
	}
	return nil
}

// KeepKeyUses writes when keys were used every half minute, and when ctx ends.
// What goes wrong is reported; it is no reason to stop.
func (s *Service) KeepKeyUses(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(usesInterval)
	defer ticker.Stop()
	write := func(ctx context.Context) {
		if err := s.WriteKeyUses(ctx); err != nil {
			report(err)
		}
	}
	for {
		select {
		case <-ticker.C:
			write(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), usesTimeout)
			defer cancel()
			write(last)
			return
		}
	}
}
