package memstore

import (
	"context"

	"github.com/diglot/diglot/core"
)

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
	s.index(t)
	s.changed(t.ID)
	s.recordTenant(ctx, nil, &t.Tenant)
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
	old := cloneTenant(&t.Tenant)
	if err := s.move(t, u.Refold, u.CometChat); err != nil {
		return core.Tenant{}, err
	}
	t.Tenant = cloneTenant(new(t.With(u)))
	s.changed(t.ID)
	s.recordTenant(ctx, &old, &t.Tenant)
	return cloneTenant(&t.Tenant), nil
}

// move gives a tenant other addresses, or none of them where one is taken.
func (s *Store) move(t *tenant, refold *core.RefoldAddress, cometchat *core.CometChatAddress) error {
	if refold != nil {
		if other, taken := s.refold[*refold]; taken && other != t {
			return conflict("tenant", "refold")
		}
	}
	if cometchat != nil {
		if other, taken := s.cometchat[*cometchat]; taken && other != t {
			return conflict("tenant", "cometchat")
		}
	}
	if refold != nil {
		if t.Refold != nil {
			delete(s.refold, *t.Refold)
		}
		s.refold[*refold], t.Refold = t, clonePointer(refold)
	}
	if cometchat != nil {
		if t.CometChat != nil {
			delete(s.cometchat, *t.CometChat)
		}
		s.cometchat[*cometchat], t.CometChat = t, clonePointer(cometchat)
	}
	return nil
}

func (s *Store) collides(t *tenant) error {
	if _, taken := s.tenants[t.ID]; taken {
		return conflict("tenant", "id")
	}
	if _, taken := s.names[t.Name]; taken {
		return conflict("tenant", "name")
	}
	return s.addressTaken(t, nil)
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
