package memstore

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/diglot/diglot/core"
)

// CreateMCPServer implements [core.Store].
func (s *Store) CreateMCPServer(ctx context.Context, id core.TenantID, c core.Creation) (core.MCPServer, error) {
	server := clone(&c.Server)
	if err := s.write(ctx, id, func(t *tenant) error { return t.add(&server, c) }); err != nil {
		return core.MCPServer{}, err
	}
	return clone(&server), nil
}

func (t *tenant) add(server *core.MCPServer, c core.Creation) error {
	if err := t.exists(); err != nil {
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
	at := t.settle(server)
	t.byPlace = slices.Insert(t.byPlace, at, server)
	t.byID[server.ID], t.bySlug[server.Slug] = server, server
	t.named[server.Name]++
	return nil
}

// settle moves the server's place to the next free one, and gives its index in
// the list. The places from an index on rise by one or more each, so the first
// gap in a run of taken ones is found by bisection too.
func (t *tenant) settle(server *core.MCPServer) int {
	i, taken := t.at(server.Place)
	if !taken {
		return i
	}
	run := sort.Search(len(t.byPlace)-i, func(n int) bool {
		return t.byPlace[i+n].Place > server.Place+core.Place(n)
	})
	server.Place += core.Place(run)
	return i + run
}

// at gives the index of the first server at the place or after it.
func (t *tenant) at(place core.Place) (index int, exact bool) {
	return slices.BinarySearchFunc(t.byPlace, place, func(s *core.MCPServer, p core.Place) int {
		return cmp.Compare(s.Place, p)
	})
}

// MCPServer implements [core.Store].
func (s *Store) MCPServer(ctx context.Context, id core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	var found *core.MCPServer
	err := s.read(ctx, id, func(t *tenant) (err error) {
		found, err = t.find(ref)
		return err
	})
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
	return cloneAll(page), total, err
}

// MCPServersFrom implements [core.Store].
func (s *Store) MCPServersFrom(
	ctx context.Context, id core.TenantID, from core.Place, dir core.Direction, limit int,
) ([]core.MCPServer, error) {
	var page []*core.MCPServer
	err := s.read(ctx, id, func(t *tenant) error {
		i, exact := t.at(from)
		if dir == core.Before {
			page = lastOf(t.byPlace[:i], limit)
			return nil
		}
		if exact {
			i++
		}
		page = firstOf(t.byPlace[i:], limit)
		return nil
	})
	return cloneAll(page), err
}

// firstOf copies, since writers shift the list that it is given.
func firstOf(list []*core.MCPServer, limit int) []*core.MCPServer {
	return slices.Clone(list[:min(max(limit, 0), len(list))])
}

// lastOf is firstOf from the other end.
func lastOf(list []*core.MCPServer, limit int) []*core.MCPServer {
	return slices.Clone(list[len(list)-min(max(limit, 0), len(list)):])
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
		changed = clone(old)
		apply(&changed, &m)
		t.replace(old, &changed)
		return nil
	})
	if err != nil {
		return core.MCPServer{}, err
	}
	return clone(&changed), nil
}

func (t *tenant) replace(old, changed *core.MCPServer) {
	i, _ := t.at(old.Place)
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
	setPointer(&s.Description, m.Description)
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
func (s *Store) DeleteMCPServer(ctx context.Context, id core.TenantID, ref core.MCPServerRef) error {
	return s.write(ctx, id, func(t *tenant) error {
		server, err := t.find(ref)
		if err != nil {
			return err
		}
		i, _ := t.at(server.Place)
		t.byPlace = slices.Delete(t.byPlace, i, i+1)
		delete(t.byID, server.ID)
		delete(t.bySlug, server.Slug)
		t.forgetName(server.Name)
		return nil
	})
}
