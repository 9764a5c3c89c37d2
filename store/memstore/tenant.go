package memstore

import (
	"context"
	"errors"

	"github.com/diglot/diglot/core"
)

// SetTenantStatus implements [core.Directory].
func (s *Store) SetTenantStatus(ctx context.Context, name string, status core.TenantStatus) (core.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.names[name]
	switch {
	case !ok:
		return core.Tenant{}, notFound("tenant")
	case t.Status == core.TenantDeleting && status != core.TenantDeleting:
		return core.Tenant{}, core.ErrTenantDeleting
	}
	old := cloneTenant(&t.Tenant)
	t.Status = status
	s.changed(t.ID)
	s.recordTenant(ctx, &old, &t.Tenant)
	return cloneTenant(&t.Tenant), nil
}

// TenantCounts implements [core.Directory].
func (s *Store) TenantCounts(ctx context.Context, id core.TenantID) (c core.TenantCounts, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		c = core.TenantCounts{Servers: len(t.byID), Agents: len(t.agents), Accounts: len(t.accounts)}
		for _, k := range s.keys {
			if k.Tenant == id {
				c.Keys++
			}
		}
		return nil
	})
	return c, err
}

// DeleteTenantPart implements [core.Directory]. Memory has no need of parts
// but for the contract: it removes as many as it is told.
func (s *Store) DeleteTenantPart(ctx context.Context, id core.TenantID, limit int) (removed int, done bool, err error) {
	if limit < 1 {
		return 0, false, errors.New("a part of nothing is asked for")
	}
	err = s.write(ctx, id, func(t *tenant) error {
		switch {
		case t.byID == nil: // there is none
			done = true
			return nil
		case t.Status != core.TenantDeleting:
			return core.ErrTenantNotDeleting
		}
		if removed = t.removeSome(limit); removed > 0 {
			return nil
		}
		s.removeTenant(t)
		s.recordTenant(ctx, &t.Tenant, nil)
		done = true
		return nil
	})
	return removed, done, err
}

// removeSome removes agents, servers, sessions, accounts, in this order.
func (t *tenant) removeSome(limit int) int {
	if n := min(limit, len(t.agents)); n > 0 {
		for _, a := range t.agents[:n] {
			delete(t.byUID, a.UID)
		}
		t.agents = t.agents[n:]
		return n
	}
	if n := min(limit, len(t.byPlace)); n > 0 {
		for _, server := range t.byPlace[:n] {
			delete(t.byID, server.ID)
			delete(t.bySlug, server.Slug)
			if t.named[server.Name]--; t.named[server.Name] == 0 {
				delete(t.named, server.Name)
			}
		}
		t.byPlace = t.byPlace[n:]
		return n
	}
	n := 0
	for account, sessions := range t.sessions {
		m := min(limit-n, len(sessions))
		n += m
		if t.sessions[account] = sessions[m:]; len(t.sessions[account]) == 0 {
			delete(t.sessions, account)
		}
	}
	for id := range t.accounts {
		if len(t.sessions) > 0 || n == limit {
			break
		}
		delete(t.accounts, id)
		n++
	}
	return n
}

func (s *Store) removeTenant(t *tenant) {
	for hash, k := range s.keys {
		if k.Tenant == t.ID {
			delete(s.keys, hash)
		}
	}
	delete(s.tenants, t.ID)
	delete(s.chains, t.ID)
	delete(s.names, t.Name)
	if t.Refold != nil {
		delete(s.refold, *t.Refold)
	}
	if t.CometChat != nil {
		delete(s.cometchat, *t.CometChat)
	}
	s.changed(t.ID)
}
