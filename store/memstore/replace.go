package memstore

import (
	"context"
	"time"

	"github.com/diglot/diglot/core"
)

// ReplaceMCPServer implements [core.Directory].
func (s *Store) ReplaceMCPServer(
	ctx context.Context, id core.TenantID, v core.MCPServer, p core.Precondition,
) (core.MCPServer, error) {
	changed := clone(&v)
	err := s.write(ctx, id, func(t *tenant) error {
		old, err := t.find(core.ByID(v.ID))
		if err != nil {
			return err
		}
		if !p.Holds(old.Version()) {
			return p.Failed("mcp_server")
		}
		changed.Slug, changed.Place, changed.CreatedAt = old.Slug, old.Place, old.CreatedAt
		changed.UpdatedAt = later(changed.UpdatedAt, old.CreatedAt)
		changed.Revision = old.Revision + 1
		t.replace(old, &changed)
		s.recordServer(ctx, id, core.UpdateAction, old, &changed)
		return nil
	})
	if err != nil {
		return core.MCPServer{}, err
	}
	return clone(&changed), nil
}

// ReplaceAgent implements [core.Directory].
func (s *Store) ReplaceAgent(ctx context.Context, id core.TenantID, a core.Agent, p core.Precondition) (core.Agent, error) {
	changed := cloneAgent(&a)
	err := s.write(ctx, id, func(t *tenant) error {
		old, err := t.agent(a.UID)
		if err != nil {
			return err
		}
		if !p.Holds(old.Version()) {
			return p.Failed("agent")
		}
		if err := t.listable(changed.MCPServers); err != nil {
			return err
		}
		changed.Place, changed.CreatedAt = old.Place, old.CreatedAt
		changed.UpdatedAt = later(changed.UpdatedAt, old.CreatedAt)
		changed.Revision = old.Revision + 1
		t.replaceAgent(&changed)
		s.recordAgent(ctx, id, old, &changed)
		return nil
	})
	if err != nil {
		return core.Agent{}, err
	}
	return cloneAgent(&changed), nil
}

// ReplaceAccount implements [core.Directory].
func (s *Store) ReplaceAccount(ctx context.Context, a core.Account) (core.Account, error) {
	changed := cloneAccount(&a)
	err := s.write(ctx, a.Tenant, func(t *tenant) error {
		old, known := t.accounts[a.ID]
		if !known {
			return notFound("account")
		}
		changed.ObjectID, changed.CreatedAt = old.ObjectID, old.CreatedAt
		changed.UpdatedAt = later(changed.UpdatedAt, old.CreatedAt)
		t.accounts[a.ID] = changed
		s.recordAccount(ctx, a.Tenant, &old, &changed)
		return nil
	})
	if err != nil {
		return core.Account{}, err
	}
	return cloneAccount(&changed), nil
}

// later gives the later one of two moments, in UTC as what is kept.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a.UTC()
	}
	return b
}
