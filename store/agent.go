package store

import (
	"context"
	"slices"

	"github.com/diglot/diglot/core"
)

// As with servers, a statement that finds agents otherwise than by uid repeats
// the condition of the index it is for (place >= 0).

// agentColumns are read by [row.toAgent], in this order.
const agentColumns = `uid, name, icon, active, description, instruction, model, mcp_servers,
	tools, api_tools, frontend_actions, files, websites, other_kb_integrations, metadata, model_metadata,
	place, created_at, updated_at, revision`

func (r *row) toAgent() core.Agent {
	return core.Agent{
		UID: core.AgentUID(r.uuid()), Name: r.text(), Icon: r.text(), Active: r.bool(),
		Description: r.optText(), Instruction: r.optText(), Model: r.optText(), MCPServers: r.texts(),
		Tools: r.json(), APITools: r.json(), FrontendActions: r.json(), Files: r.json(), Websites: r.json(),
		OtherKBIntegrations: r.json(), Metadata: r.json(), ModelMetadata: r.json(),
		Place: core.Place(r.int()), CreatedAt: r.time(), UpdatedAt: r.time(), Revision: r.int(),
	}
}

// agentsCall runs a statement that gives agents, to be found in the result
// once it ran.
func agentsCall(stmt *statement, args ...[]byte) (*call, *[]core.Agent) {
	var agents records[core.Agent]
	return &call{stmt: stmt, args: args, read: &agents, each: func(r *row) error {
		agents = append(agents, r.toAgent())
		return nil
	}}, (*[]core.Agent)(&agents)
}

// oneAgent gives the only agent, or NotFound.
func oneAgent(agents []core.Agent) (core.Agent, error) {
	if len(agents) == 0 {
		return core.Agent{}, notFound("agent")
	}
	return agents[0], nil
}

// agentUIDArg gives null, which nothing equals, for a uid that no agent has.
func agentUIDArg(uid core.AgentUID) []byte { return uuidArg(core.TenantID(uid)) }

var agentByUID = prepared("agent_by_uid",
	`SELECT `+agentColumns+` FROM agent WHERE tenant_id = $1 AND uid = $2`)

// Agent implements [core.Store].
func (s *Store) Agent(ctx context.Context, tenant core.TenantID, uid core.AgentUID) (core.Agent, error) {
	get, agents := agentsCall(agentByUID, uuidArg(tenant), agentUIDArg(uid))
	if err := s.inTenant(ctx, tenant, beginRead, get); err != nil {
		return core.Agent{}, wrap(err, "agent", "select agent")
	}
	return oneAgent(*agents)
}

// A search walks the tenant's agents in order of place until it has found
// enough: no index finds a text within a name and begins with the tenant.
var (
	agentsAfter = prepared("agents_after",
		`SELECT `+agentColumns+` FROM agent WHERE tenant_id = $1 AND place > $2 AND place >= 0
		AND ($4::text = '' OR strpos(name_folded, $4::text) > 0)
		ORDER BY place LIMIT $3`)
	agentsBefore = prepared("agents_before",
		`SELECT `+agentColumns+` FROM agent WHERE tenant_id = $1 AND place < $2 AND place >= 0
		AND ($4::text = '' OR strpos(name_folded, $4::text) > 0)
		ORDER BY place DESC LIMIT $3`)
)

// AgentsFrom implements [core.Store].
func (s *Store) AgentsFrom(ctx context.Context, tenant core.TenantID, q core.AgentQuery) ([]core.Agent, error) {
	stmt := agentsAfter
	if q.Dir == core.Before {
		stmt = agentsBefore
	}
	list, agents := agentsCall(stmt, uuidArg(tenant),
		intArg(int64(q.From)), intArg(int64(max(q.Limit, 0))), textArg(core.FoldText(q.Search)))
	if err := s.inTenant(ctx, tenant, beginRead, list); err != nil {
		return nil, wrap(err, "agent", "select agents from place")
	}
	if q.Dir == core.Before {
		slices.Reverse(*agents)
	}
	return *agents, nil
}

// serversThere holds where the tenant has each of the servers that an array
// names. It is asked by the statement that writes the list, after
// [holdServers] made sure that the answer stays true.
func serversThere(array string) string {
	return `(SELECT count(*) FROM unnest(` + array + `::text[]) AS named(slug)
		JOIN mcp_server s ON s.tenant_id = $1::uuid AND s.slug = named.slug AND s.slug <> '')
		= cardinality(` + array + `::text[])`
}

// holdServers locks servers against their deletion until the transaction ends,
// and gives the slugs of those that are there.
var holdServers = prepared("hold_mcp_servers", `
	SELECT s.slug FROM unnest($2::text[]) AS named(slug)
	JOIN mcp_server s ON s.tenant_id = $1::uuid AND s.slug = named.slug AND s.slug <> ''
	FOR KEY SHARE OF s`)

// holdCall gives nil where no servers are named.
func holdCall(tenant core.TenantID, named []string) (hold *call, missing func() error) {
	there := map[string]bool{}
	missing = func() error {
		var slugs []string
		for _, slug := range named {
			if !there[slug] {
				slugs = append(slugs, slug)
			}
		}
		if slugs == nil {
			return nil
		}
		return &core.MissingServersError{Slugs: slugs}
	}
	if len(named) == 0 {
		return nil, missing
	}
	return &call{stmt: holdServers, args: [][]byte{uuidArg(tenant), slugsArg(named)}, each: func(r *row) error {
		there[r.text()] = true
		return nil
	}}, missing
}

// slugsArg gives an empty slug, which no server has, for one that PostgreSQL
// would call an error.
func slugsArg(slugs []string) []byte {
	good := make([]string, len(slugs))
	for i, slug := range slugs {
		if core.ValidText(slug) {
			good[i] = slug
		}
	}
	return textsArg(good)
}

// agentVersion is mcpServerVersion for agents: [core.Agent.Version] in SQL.
func agentVersion(array string) string {
	return ` AND (` + array + `::text[] IS NULL
		OR uid || '-r' || revision || '.' || cardinality(mcp_servers) = ANY (` + array + `::text[]))`
}

// updateAgent's list of servers is what [core.AgentUpdate.Servers] gives.
var updateAgent = prepared("update_agent", `
	UPDATE agent SET
		name                  = COALESCE($3, name),
		name_folded           = COALESCE($4, name_folded),
		icon                  = COALESCE($5, icon),
		active                = COALESCE($6, active),
		description           = COALESCE($7, description),
		instruction           = COALESCE($8, instruction),
		model                 = COALESCE($9, model),
		tools                 = COALESCE($10, tools),
		api_tools             = COALESCE($11, api_tools),
		frontend_actions      = COALESCE($12, frontend_actions),
		files                 = COALESCE($13, files),
		websites              = COALESCE($14, websites),
		other_kb_integrations = COALESCE($15, other_kb_integrations),
		metadata              = COALESCE($16, metadata),
		model_metadata        = COALESCE($17, model_metadata),
		mcp_servers = ARRAY(
			SELECT listed.slug
			FROM unnest(COALESCE($18::text[], mcp_servers) || $19::text[]) WITH ORDINALITY AS listed(slug, i)
			WHERE listed.slug <> ALL ($20::text[])
			GROUP BY listed.slug ORDER BY min(listed.i)),
		updated_at = GREATEST(created_at, updated_at, $21),
		revision   = revision + 1
	WHERE tenant_id = $1 AND uid = $2 AND `+serversThere("$22")+agentVersion("$23")+`
	RETURNING `+agentColumns)

// UpdateAgent implements [core.Store].
func (s *Store) UpdateAgent(
	ctx context.Context, tenant core.TenantID, uid core.AgentUID, m core.AgentModification,
) (core.Agent, error) {
	var folded, servers []byte
	if m.Name != nil {
		folded = textArg(core.FoldText(*m.Name))
	}
	if m.MCPServers != nil {
		servers = slugsArg(*m.MCPServers)
	}
	named := m.Named()
	update, agents := agentsCall(updateAgent, uuidArg(tenant), agentUIDArg(uid),
		optTextArg(m.Name), folded, optTextArg(m.Icon), optBoolArg(m.Active),
		optTextArg(m.Description), optTextArg(m.Instruction), optTextArg(m.Model),
		jsonArg(m.Tools), jsonArg(m.APITools), jsonArg(m.FrontendActions), jsonArg(m.Files), jsonArg(m.Websites),
		jsonArg(m.OtherKBIntegrations), jsonArg(m.Metadata), jsonArg(m.ModelMetadata),
		servers, slugsArg(m.AddMCPServers), slugsArg(m.RemoveMCPServers), timeArg(m.UpdatedAt), slugsArg(named),
		versionsArg(m.If))
	calls := []*call{update}
	hold, missing := holdCall(tenant, named)
	if hold != nil {
		calls = []*call{hold, update}
	}
	if err := s.inTenant(ctx, tenant, begin, calls...); err != nil {
		return core.Agent{}, wrap(err, "agent", "update agent")
	}
	if len(*agents) == 0 {
		return core.Agent{}, s.agentUnchanged(ctx, tenant, uid, m.If, missing())
	}
	return oneAgent(*agents)
}

// agentUnchanged says why no agent was changed or removed: it is not there, it
// doesn't meet the condition, or else because of what was missing, if anything was.
func (s *Store) agentUnchanged(
	ctx context.Context, tenant core.TenantID, uid core.AgentUID, p core.Precondition, missing error,
) error {
	if p.OneOf == nil && missing == nil {
		return notFound("agent")
	}
	a, err := s.Agent(ctx, tenant, uid)
	switch {
	case err != nil:
		return err
	case missing == nil || !p.Holds(a.Version()):
		return p.Failed("agent")
	}
	return missing
}

var deleteAgent = prepared("delete_agent", `DELETE FROM agent WHERE tenant_id = $1 AND uid = $2`+agentVersion("$3"))

// DeleteAgent implements [core.Store].
func (s *Store) DeleteAgent(ctx context.Context, tenant core.TenantID, uid core.AgentUID, p core.Precondition) error {
	del := &call{stmt: deleteAgent, args: [][]byte{uuidArg(tenant), agentUIDArg(uid), versionsArg(p)}}
	if err := s.inTenant(ctx, tenant, begin, del); err != nil {
		return wrap(err, "agent", "delete agent")
	}
	if del.tag.RowsAffected() == 0 {
		return s.agentUnchanged(ctx, tenant, uid, p, nil)
	}
	return nil
}
