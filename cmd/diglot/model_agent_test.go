package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
)

const agentsPath = "/v3/ai-agents/agent-builder/agents"

func (tn *modelTenant) agent(uid string) *core.Agent {
	for _, a := range tn.agents {
		if string(a.UID) == uid {
			return a
		}
	}
	return nil
}

// asAgent is how an agent is read.
func asAgent(a *core.Agent) map[string]any {
	slugs := []any{}
	for _, slug := range a.MCPServers {
		slugs = append(slugs, slug)
	}
	v := map[string]any{
		"uid": string(a.UID), "name": a.Name, "isActive": a.Active, "tools": []any{}, "files": []any{}, "websites": []any{},
		"otherKbIntegrations": []any{}, "apiTools": []any{}, "mcpServers": slugs, "frontendActions": []any{},
		"ragVersion": "v2", "lastMessageAt": nil, "metaData": map[string]any{}, "modelMetaData": map[string]any{},
		"createdAt": float64(a.CreatedAt.UnixMilli()), "updatedAt": float64(a.UpdatedAt.UnixMilli()),
	}
	if a.Instruction != nil {
		v["instruction"], v["formattedInstruction"] = *a.Instruction, *a.Instruction
	}
	return v
}

func (tn *modelTenant) asChangedAgent(a *core.Agent) map[string]any {
	v := asAgent(a)
	v["appId"] = tn.CometChat.AppID
	return v
}

// slugs gives some that servers of any tenant may have, as JSON too, and reports
// whether this tenant has all of them.
func (m *model) slugs(t *rapid.T, tn *modelTenant) (slugs []string, text string, there bool) {
	there = true
	for range rapid.IntRange(0, 3).Draw(t, "slugs") {
		slug := m.aSlug(t, tn)
		there = there && tn.bySlug(slug) != nil
		if !slices.Contains(slugs, slug) {
			slugs = append(slugs, slug)
		}
	}
	b, err := json.Marshal(append([]string{}, slugs...))
	require.NoError(t, err)
	return slugs, string(b), there
}

func (m *model) createAgent(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byKey(t, tn, core.CometChat)
	name := modelNames.Draw(t, "name")
	slugs, text, there := m.slugs(t, tn)
	r, isNew, keep := m.once(t, c, "create_agent", agentsPath, `{"name":"`+name+`","instruction":"`+tn.mark+`","mcpServers":`+text+`}`)
	if !isNew || !done(t, r, there, true) {
		return
	}
	require.Equal(t, http.StatusCreated, r.status)
	var body struct{ Agent struct{ UID core.AgentUID } }
	require.NoError(t, json.Unmarshal([]byte(r.body), &body))
	uid := body.Agent.UID
	require.True(t, uid.Valid())
	require.NotContains(t, m.agentUIDs, string(uid))
	m.agentUIDs = append(m.agentUIDs, string(uid))
	a := &core.Agent{
		UID: uid, Name: name, Active: true, Instruction: new(tn.mark), MCPServers: append([]string{}, slugs...),
		Place: core.PlaceAt(m.now()), CreatedAt: m.today(), UpdatedAt: m.today(), Revision: 1,
	}
	for slices.ContainsFunc(tn.agents, func(other *core.Agent) bool { return other.Place == a.Place }) {
		a.Place++
	}
	tn.agents = append(tn.agents, a)
	slices.SortFunc(tn.agents, func(a, b *core.Agent) int { return cmp.Compare(a.Place, b.Place) })
	tn.changed(core.CreateAction, core.AgentNoun, string(uid))
	requireBody(t, map[string]any{"agent": tn.asChangedAgent(a)}, r)
	keep()
}

// byUID gives the uid of an agent of any tenant, or of none, and the tenant's
// agent of that uid, else nil.
func (m *model) byUID(t *rapid.T, tn *modelTenant) (uid string, a *core.Agent) {
	const nobodys = "018f3f5e-0000-7000-8000-000000000000"
	var own []string
	for _, a := range tn.agents {
		own = append(own, string(a.UID))
	}
	uid = anyOf(t, own, append([]string{nobodys}, m.agentUIDs[max(0, len(m.agentUIDs)-8):]...), "uid")
	return uid, tn.agent(uid)
}

func versionOfAgent(a *core.Agent) core.Version {
	if a == nil {
		return ""
	}
	return a.Version()
}

func (m *model) changedAgent(t *rapid.T, tn *modelTenant, a *core.Agent, r reply) {
	a.UpdatedAt = later(a.UpdatedAt, m.today())
	a.Revision++
	tn.changed(core.UpdateAction, core.AgentNoun, string(a.UID))
	require.Equal(t, `"`+string(a.Version())+`"`, r.header.Get("ETag"))
}

func (m *model) changeAgent(t *rapid.T) {
	tn := m.tenant(t)
	uid, a := m.byUID(t, tn)
	header, holds := condition(t, versionOfAgent(a))
	name := modelNames.Draw(t, "name")
	slugs, text, there := m.slugs(t, tn)
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodPatch, agentsPath+"/"+uid,
		`{"name":"`+name+`","mcpServers":`+text+`}`, append(header, strong, "strong")...)
	if !known || !done(t, r, a != nil && (there || !holds), holds) {
		return
	}
	a.Name, a.MCPServers = name, append([]string{}, slugs...)
	m.changedAgent(t, tn, a, r)
	requireBody(t, map[string]any{"success": true}, r)
}

func (m *model) addOrRemoveServers(t *rapid.T) {
	tn := m.tenant(t)
	uid, a := m.byUID(t, tn)
	header, holds := condition(t, versionOfAgent(a))
	slugs, text, there := m.slugs(t, tn)
	what := rapid.SampledFrom([]string{"add", "remove"}).Draw(t, "what")
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodPatch, agentsPath+"/"+uid+"/mcp/"+what,
		`{"mcps":`+text+`}`, append(header, strong, "strong")...)
	if !known || !done(t, r, a != nil && (there || !holds), holds) {
		return
	}
	for _, slug := range slugs {
		a.MCPServers = slices.DeleteFunc(a.MCPServers, func(s string) bool { return s == slug && what == "remove" })
		if what == "add" && !slices.Contains(a.MCPServers, slug) {
			a.MCPServers = append(a.MCPServers, slug)
		}
	}
	m.changedAgent(t, tn, a, r)
	requireBody(t, map[string]any{"success": true, "data": tn.asChangedAgent(a)}, r)
}

func (m *model) readAgent(t *rapid.T) {
	tn := m.tenant(t)
	uid, a := m.byUID(t, tn)
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodGet, agentsPath+"/"+uid, "")
	if known && done(t, r, a != nil, true) {
		requireBody(t, asAgent(a), r)
	}
}

func (m *model) deleteAgent(t *rapid.T) {
	tn := m.tenant(t)
	uid, a := m.byUID(t, tn)
	header, holds := condition(t, versionOfAgent(a))
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodDelete, agentsPath+"/"+uid, "", header...)
	if known && done(t, r, a != nil, holds) {
		tn.agents = slices.DeleteFunc(tn.agents, func(other *core.Agent) bool { return other == a })
		tn.changed(core.DeleteAction, core.AgentNoun, uid)
	}
}

func (m *model) walkAgents(t *rapid.T) {
	tn := m.tenant(t)
	want := []any{}
	for _, a := range tn.agents {
		want = append(want, asAgent(a))
	}
	m.walked(t, tn, agentsPath, want)
}
