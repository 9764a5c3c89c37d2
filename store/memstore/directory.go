package memstore

import (
	"context"

	"github.com/diglot/diglot/core"
)

// KeyOwner implements [core.Store].
func (s *Store) KeyOwner(
	ctx context.Context, dialect core.DialectName, hash core.KeyHash,
) (owner core.Tenant, key core.Key, err error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, core.Key{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.keys[hash]
	if !ok || k.Dialect != dialect {
		return core.Tenant{}, core.Key{}, notFound("key")
	}
	return cloneTenant(&s.tenants[k.Tenant].Tenant), k, nil
}

// CreateTenant implements [core.Directory].
func (s *Store) CreateTenant(ctx context.Context, in core.Tenant) error {
	if err := check(ctx, in.ID); err != nil {
		return err
	}
	t := &tenant{
		Tenant:   cloneTenant(&in),
		accounts: map[string]core.Account{},
		sessions: map[string][]*session{},
		byID:     map[core.ObjectID]*core.MCPServer{},
		bySlug:   map[string]*core.MCPServer{},
		named:    map[string]int{},
		byUID:    map[core.AgentUID]*core.Agent{},
		kept:     map[answerKey]keptAnswer{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.collides(t); err != nil {
		return err
	}
	s.tenants[t.ID], s.names[t.Name] = t, t
	if t.Refold != nil {
		s.refold[*t.Refold] = t
	}
	if t.CometChat != nil {
		s.cometchat[*t.CometChat] = t
	}
	s.changed(t.ID)
	return nil
}

// UpdateTenant implements [core.Directory].
func (s *Store) UpdateTenant(ctx context.Context, name string, u core.TenantUpdate) (core.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.names[name]
	if !ok {
		return core.Tenant{}, notFound("tenant")
	}
	set(&t.URLTemplate, u.URLTemplate)
	set(&t.RefoldRevision, u.RefoldRevision)
	set(&t.RequireAccounts, u.RequireAccounts)
	set(&t.ProtectServers, u.ProtectServers)
	set(&t.StrongETags, u.StrongETags)
	set(&t.RequireIfMatch, u.RequireIfMatch)
	s.changed(t.ID)
	return cloneTenant(&t.Tenant), nil
}

func (s *Store) collides(t *tenant) error {
	if _, taken := s.tenants[t.ID]; taken {
		return conflict("tenant", "id")
	}
	if _, taken := s.names[t.Name]; taken {
		return conflict("tenant", "name")
	}
	if t.Refold != nil {
		if _, taken := s.refold[*t.Refold]; taken {
			return conflict("tenant", "refold")
		}
	}
	if t.CometChat != nil {
		if _, taken := s.cometchat[*t.CometChat]; taken {
			return conflict("tenant", "cometchat")
		}
	}
	return nil
}

// Tenants implements [core.Directory].
func (s *Store) Tenants(ctx context.Context) ([]core.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sortedTenants(), nil
}

// Tenant implements [core.Directory].
func (s *Store) Tenant(ctx context.Context, name string) (core.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.names[name]
	if !ok {
		return core.Tenant{}, notFound("tenant")
	}
	return cloneTenant(&t.Tenant), nil
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
		s.keys[k.Hash] = k
		s.changed(k.Tenant)
		return nil
	})
}
