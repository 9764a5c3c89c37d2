package memstore

import (
	"context"
	"slices"

	"github.com/diglot/diglot/core"
)

// CreateMCPServer implements [core.Store].
func (s *Store) CreateMCPServer(ctx context.Context, id core.TenantID, c core.Creation) (core.MCPServer, error) {
	server := clone(&c.Server)
	if err := s.write(ctx, id, func(t *tenant) error {
		if err := t.once(ctx, &server, func() error { return t.add(&server, c) }); err != nil {
			return err
		}
		action := core.CreateAction
		if c.Undeletes {
			action = core.UndeleteAction
		}
		s.recordServer(ctx, id, action, nil, &server)
		return nil
	}); err != nil {
		return core.MCPServer{}, err
	}
	return clone(&server), nil
}

func (t *tenant) add(server *core.MCPServer, c core.Creation) error {
	serves := t.serves
	if c.Undeletes { // that an operator does, who sees tenants that are suspended too
		serves = t.exists
	}
	if err := serves(); err != nil {
		return err
	}
	if c.RefuseSameName && t.named[server.Name] > 0 {
		return conflict("mcp_server", "name")
	}
	if _, taken := t.bySlug[server.Slug]; taken {
		if _, taken = t.bySlug[c.FallbackSlug]; taken || c.FallbackSlug == "" {
			return conflict("mcp_server", "slug")
		}
		server.Slug = c.FallbackSlug
	}
	if _, taken := t.byID[server.ID]; taken {
		return conflict("mcp_server", "id")
	}
	if c.MaxServers > 0 && len(t.byID) >= c.MaxServers {
		return core.QuotaReached("mcp_server")
	}
	t.byPlace = insert(t.byPlace, server)
	t.byID[server.ID], t.bySlug[server.Slug] = server, server
	t.named[server.Name]++
	return nil
}

// MCPServer implements [core.Store].
func (s *Store) MCPServer(ctx context.Context, id core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	var found *core.MCPServer
	err := s.read(ctx, id, func(t *tenant) (err error) {
		found, err = t.find(ref)
		return err
	})
	if err == nil {
		err = count(ctx, serverBytes, found)
	}
	if err != nil {
		return core.MCPServer{}, err
	}
	return clone(found), nil
}

func (t *tenant) find(ref core.MCPServerRef) (*core.MCPServer, error) {
	server, ok := t.byID[ref.ID]
	if ref.Slug != "" {
		server, ok = t.bySlug[ref.Slug]
	}
	if !ok {
		return nil, notFound("mcp_server")
	}
	return server, nil
}

// MCPServerPage implements [core.Store].
func (s *Store) MCPServerPage(
	ctx context.Context, id core.TenantID, order core.Order, offset, limit int,
) (servers []core.MCPServer, total int, err error) {
	var page []*core.MCPServer
	err = s.read(ctx, id, func(t *tenant) error {
		total = len(t.byPlace)
		skipped := min(max(offset, 0), total)
		if order == core.NewestFirst {
			page = lastOf(t.byPlace[:total-skipped], limit)
			slices.Reverse(page)
			return nil
		}
		page = firstOf(t.byPlace[skipped:], limit)
		return nil
	})
	if err == nil {
		err = count(ctx, listedBytes, page...)
	}
	return cloneAll(page), total, err
}

// MCPServersFrom implements [core.Store].
func (s *Store) MCPServersFrom(
	ctx context.Context, id core.TenantID, from core.Place, dir core.Direction, limit int,
) ([]core.MCPServer, error) {
	var page []*core.MCPServer
	err := s.read(ctx, id, func(t *tenant) error {
		page = window(t.byPlace, from, dir, limit)
		return nil
	})
	if err == nil {
		err = count(ctx, listedBytes, page...)
	}
	return cloneAll(page), err
}

// UpdateMCPServer implements [core.Store].
func (s *Store) UpdateMCPServer(
	ctx context.Context, id core.TenantID, ref core.MCPServerRef, m core.Modification,
) (core.MCPServer, error) {
	var changed core.MCPServer
	err := s.write(ctx, id, func(t *tenant) error {
		old, err := t.find(ref)
		if err != nil {
			return err
		}
		if !m.If.Holds(old.Version()) {
			return m.If.Failed("mcp_server")
		}
		changed = clone(old)
		apply(&changed, &m)
		t.replace(old, &changed)
		s.recordServer(ctx, id, core.UpdateAction, old, &changed)
		return count(ctx, serverBytes, &changed) // owed
	})
	if err != nil {
		return core.MCPServer{}, err
	}
	return clone(&changed), nil
}

func (t *tenant) replace(old, changed *core.MCPServer) {
	i, _ := indexOf(t.byPlace, old.Place)
	t.byPlace[i], t.byID[old.ID], t.bySlug[old.Slug] = changed, changed, changed
	t.forgetName(old.Name)
	t.named[changed.Name]++
}

func (t *tenant) forgetName(name string) {
	if t.named[name]--; t.named[name] == 0 {
		delete(t.named, name)
	}
}

func apply(s *core.MCPServer, m *core.Modification) {
	set(&s.Name, m.Name)
	set(&s.URL, m.URL)
	set(&s.Icon, m.Icon)
	if s.Description != nil || m.Description == nil || *m.Description != "" || !m.KeepNoDescription {
		setPointer(&s.Description, m.Description)
	}
	setJSON(&s.Suggestions, m.Suggestions)
	setJSON(&s.AssociatedApps, m.AssociatedApps)
	if m.Chains != nil {
		s.Chains = cloneChains(*m.Chains)
		if s.Chains == nil {
			s.Chains = []core.Chain{} // a list was sent, and it was empty
		}
	}
	setPointer(&s.Branding.AgentName, m.Branding.AgentName)
	setPointer(&s.Branding.PrimaryColor, m.Branding.PrimaryColor)
	setPointer(&s.Branding.SecondaryColor, m.Branding.SecondaryColor)
	setPointer(&s.Branding.BasePrompt, m.Branding.BasePrompt)
	setPointer(&s.Branding.SafeMode, m.Branding.SafeMode)
	if m.UpdatedAt.After(s.UpdatedAt) {
		s.UpdatedAt = m.UpdatedAt // another clock's time may be behind: the update time never goes back
	}
	s.Revision++
}

// DeleteMCPServer implements [core.Store].
func (s *Store) DeleteMCPServer(ctx context.Context, id core.TenantID, ref core.MCPServerRef, p core.Precondition) error {
	return s.write(ctx, id, func(t *tenant) error {
		server, err := t.find(ref)
		if err != nil {
			return err
		}
		if !p.Holds(server.Version()) {
			return p.Failed("mcp_server")
		}
		i, _ := indexOf(t.byPlace, server.Place)
		t.byPlace = slices.Delete(t.byPlace, i, i+1)
		delete(t.byID, server.ID)
		delete(t.bySlug, server.Slug)
		t.forgetName(server.Name)
		s.recordServer(ctx, id, core.DeleteAction, server, nil)
		t.unlist(server.Slug, func(was, is *core.Agent) { s.recordAgent(ctx, id, was, is) })
		return nil
	})
}
