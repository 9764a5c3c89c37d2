package memstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/diglot/diglot/core"
)

// KeyOwner implements [core.Store].
func (s *Store) KeyOwner(
	ctx context.Context, dialect core.DialectName, hashes ...core.KeyHash,
) (owner core.Tenant, key core.Key, err error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, core.Key{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var k core.Key
	ok := false
	for _, hash := range hashes {
		if !ok {
			k, ok = s.keys[hash]
		}
	}
	if !ok || k.Dialect != dialect || k.RevokedAt != nil || s.tenants[k.Tenant].Status != core.TenantActive {
		return core.Tenant{}, core.Key{}, notFound("key")
	}
	key = cloneKey(&k)
	key.LastUsedAt = nil
	return cloneTenant(&s.tenants[k.Tenant].Tenant), key, nil
}

// NoteKeyUses implements [core.Store].
func (s *Store) NoteKeyUses(ctx context.Context, uses []core.KeyUse) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range uses {
		k, ok := s.keyByID(u.KeyID)
		if ok && k.Tenant == u.Tenant && (k.LastUsedAt == nil || k.LastUsedAt.Before(u.At)) {
			k.LastUsedAt = new(u.At.UTC())
			s.keys[k.Hash] = k
		}
	}
	return nil
}

// RehashKeys implements [core.Store].
func (s *Store) RehashKeys(ctx context.Context, rehashes []core.KeyRehash) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rehashes {
		k, ok := s.keys[r.From]
		if ok && k.Tenant == r.Tenant && k.ID == r.KeyID && k.Next == nil && k.HashVersion < r.Next.Version {
			k.Next = new(r.Next)
			s.keys[k.Hash] = k
		}
	}
	return nil
}

// CreateKey implements [core.Directory].
func (s *Store) CreateKey(ctx context.Context, k core.Key) error {
	return s.write(ctx, k.Tenant, func(t *tenant) error {
		if err := t.exists(); err != nil {
			return err
		}
		if _, taken := s.keys[k.Hash]; taken {
			return conflict("key", "key")
		}
		s.putKey(ctx, nil, k)
		return nil
	})
}

// CreateKeys implements [core.Directory].
func (s *Store) CreateKeys(ctx context.Context, keys []core.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range keys {
		if err := check(ctx, k.Tenant); err != nil {
			return err
		}
		if err := s.tenant(k.Tenant).exists(); err != nil {
			return err
		}
		if _, taken := s.keys[k.Hash]; taken {
			return core.KeyTaken(i)
		}
	}
	for _, k := range keys {
		s.putKey(ctx, nil, k)
	}
	return nil
}

// Keys implements [core.Directory].
func (s *Store) Keys(ctx context.Context, tenant core.TenantID) ([]core.Key, error) {
	if err := check(ctx, tenant); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := []core.Key{}
	for _, k := range s.keys {
		if k.Tenant == tenant {
			keys = append(keys, cloneKey(&k))
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys, nil
}

func compareKeys(a, b core.Key) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// Key implements [core.Directory].
func (s *Store) Key(ctx context.Context, id string) (core.Tenant, core.Key, error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, core.Key{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.keyByID(id)
	if !ok {
		return core.Tenant{}, core.Key{}, notFound("key")
	}
	return cloneTenant(&s.tenants[k.Tenant].Tenant), cloneKey(&k), nil
}

// RotateKey implements [core.Directory].
func (s *Store) RotateKey(ctx context.Context, id string, endsAt *time.Time, next core.Key) (core.Key, error) {
	if err := ctx.Err(); err != nil {
		return core.Key{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keyByID(id)
	_, taken := s.keys[next.Hash]
	old := cloneKey(&k)
	switch {
	case !ok || k.Tenant != next.Tenant:
		return core.Key{}, notFound("key")
	case k.RevokedAt != nil:
		return core.Key{}, core.ErrKeyEnded
	case taken:
		return core.Key{}, conflict("key", "key")
	case endsAt == nil:
		k.RevokedAt = new(next.CreatedAt)
	case k.ExpiresAt == nil || endsAt.Before(*k.ExpiresAt):
		k.ExpiresAt = new(*endsAt)
	}
	s.putKey(ctx, &old, k)
	s.putKey(ctx, nil, next)
	return cloneKey(&k), nil
}

// RevokeKey implements [core.Directory].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (core.Key, error) {
	if err := ctx.Err(); err != nil {
		return core.Key{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keyByID(id)
	if !ok {
		return core.Key{}, notFound("key")
	}
	if k.RevokedAt == nil {
		old := cloneKey(&k)
		k.RevokedAt = new(at)
		s.putKey(ctx, &old, k)
	}
	return cloneKey(&k), nil
}

// putKey keeps a key that may be kept and tells of it; old is what it was, nil
// for a new one.
func (s *Store) putKey(ctx context.Context, old *core.Key, k core.Key) {
	s.keys[k.Hash] = cloneKey(&k)
	s.recordKey(ctx, old, &k)
	s.changed(k.Tenant)
}

func (s *Store) keyByID(id string) (core.Key, bool) {
	for _, k := range s.keys {
		if k.ID == id {
			return k, true
		}
	}
	return core.Key{}, false
}

func cloneKey(k *core.Key) core.Key {
	c := *k
	c.Next = clonePointer(k.Next)
	c.ExpiresAt, c.RevokedAt, c.LastUsedAt = clonePointer(k.ExpiresAt), clonePointer(k.RevokedAt), clonePointer(k.LastUsedAt)
	return c
}
