package memstore

import (
	"context"
	"slices"
	"strings"

	"github.com/diglot/diglot/core"
)

// CreateAgent implements [core.Store].
func (s *Store) CreateAgent(ctx context.Context, id core.TenantID, a core.Agent) (core.Agent, error) {
	a = cloneAgent(&a)
	err := s.write(ctx, id, func(t *tenant) error {
		if err := t.serves(); err != nil {
			return err
		}
		if err := t.listable(a.MCPServers); err != nil {
			return err
		}
		if _, taken := t.byUID[a.UID]; taken {
			return conflict("agent", "uid")
		}
		if err := t.once(ctx, &a, func() error {
			t.agents = insert(t.agents, &a)
			t.byUID[a.UID] = &a
			return nil
		}); err != nil {
			return err
		}
		s.recordAgent(ctx, id, nil, &a)
		return nil
	})
	if err != nil {
		return core.Agent{}, err
	}
	return cloneAgent(&a), nil
}

// listable gives an error that names those of the servers that are not there.
func (t *tenant) listable(slugs []string) error {
	var missing []string
	for _, slug := range slugs {
		if _, ok := t.bySlug[slug]; !ok {
			missing = append(missing, slug)
		}
	}
	if missing == nil {
		return nil
	}
	return &core.MissingServersError{Slugs: missing}
}

// Agent implements [core.Store].
func (s *Store) Agent(ctx context.Context, id core.TenantID, uid core.AgentUID) (core.Agent, error) {
	var found *core.Agent
	err := s.read(ctx, id, func(t *tenant) (err error) {
		found, err = t.agent(uid)
		return err
	})
	if err == nil {
		err = count(ctx, agentBytes, found)
	}
	if err != nil {
		return core.Agent{}, err
	}
	return cloneAgent(found), nil
}

func (t *tenant) agent(uid core.AgentUID) (*core.Agent, error) {
	a, ok := t.byUID[uid]
	if !ok {
		return nil, notFound("agent")
	}
	return a, nil
}

// AgentsFrom implements [core.Store].
func (s *Store) AgentsFrom(ctx context.Context, id core.TenantID, q core.AgentQuery) ([]core.Agent, error) {
	var page []*core.Agent
	err := s.read(ctx, id, func(t *tenant) error {
		list := t.agents
		if wanted := core.FoldText(q.Search); wanted != "" {
			list = slices.DeleteFunc(slices.Clone(list), func(a *core.Agent) bool {
				return !strings.Contains(core.FoldText(a.Name), wanted)
			})
		}
		page = window(list, q.From, q.Dir, q.Limit)
		return nil
	})
	if err == nil {
		err = count(ctx, agentBytes, page...)
	}
	out := make([]core.Agent, len(page))
	for i, a := range page {
		out[i] = cloneAgent(a)
	}
	return out, err
}

// UpdateAgent implements [core.Store].
func (s *Store) UpdateAgent(
	ctx context.Context, id core.TenantID, uid core.AgentUID, m core.AgentModification,
) (core.Agent, error) {
	var changed core.Agent
	err := s.write(ctx, id, func(t *tenant) error {
		old, err := t.agent(uid)
		if err != nil {
			return err
		}
		if !m.If.Holds(old.Version()) {
			return m.If.Failed("agent")
		}
		if err := t.listable(m.Named()); err != nil {
			return err
		}
		changed = cloneAgent(old)
		applyToAgent(&changed, &m)
		t.replaceAgent(&changed)
		s.recordAgent(ctx, id, old, &changed)
		return count(ctx, agentBytes, &changed) // owed
	})
	if err != nil {
		return core.Agent{}, err
	}
	return cloneAgent(&changed), nil
}

func (t *tenant) replaceAgent(changed *core.Agent) {
	i, _ := indexOf(t.agents, changed.Place)
	t.agents[i], t.byUID[changed.UID] = changed, changed
}

func applyToAgent(a *core.Agent, m *core.AgentModification) {
	set(&a.Name, m.Name)
	set(&a.Icon, m.Icon)
	set(&a.Active, m.Active)
	setPointer(&a.Description, m.Description)
	setPointer(&a.Instruction, m.Instruction)
	setPointer(&a.Model, m.Model)
	setJSON(&a.Tools, m.Tools)
	setJSON(&a.APITools, m.APITools)
	setJSON(&a.FrontendActions, m.FrontendActions)
	setJSON(&a.Files, m.Files)
	setJSON(&a.Websites, m.Websites)
	setJSON(&a.OtherKBIntegrations, m.OtherKBIntegrations)
	setJSON(&a.Metadata, m.Metadata)
	setJSON(&a.ModelMetadata, m.ModelMetadata)
	a.MCPServers = m.Servers(a.MCPServers)
	if m.UpdatedAt.After(a.UpdatedAt) {
		a.UpdatedAt = m.UpdatedAt // another clock's time may be behind: the update time never goes back
	}
	a.Revision++
}

// DeleteAgent implements [core.Store].
func (s *Store) DeleteAgent(ctx context.Context, id core.TenantID, uid core.AgentUID, p core.Precondition) error {
	return s.write(ctx, id, func(t *tenant) error {
		a, err := t.agent(uid)
		if err != nil {
			return err
		}
		if !p.Holds(a.Version()) {
			return p.Failed("agent")
		}
		i, _ := indexOf(t.agents, a.Place)
		t.agents = slices.Delete(t.agents, i, i+1)
		delete(t.byUID, uid)
		s.recordAgent(ctx, id, a, nil)
		return nil
	})
}

// unlist takes a server that is gone off every agent's list, and tells of each
// agent that had it.
func (t *tenant) unlist(slug string, changed func(was, is *core.Agent)) {
	for _, a := range t.agents {
		if slices.Contains(a.MCPServers, slug) {
			without := cloneAgent(a)
			without.MCPServers = slices.DeleteFunc(without.MCPServers, func(s string) bool { return s == slug })
			t.replaceAgent(&without)
			changed(a, &without)
		}
	}
}
