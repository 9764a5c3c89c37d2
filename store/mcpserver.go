package store

import (
	"context"
	"slices"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// A statement that finds servers otherwise than by id repeats the condition of
// the index it is for (slug <> '', name_digest <> '', place >= 0), or it can't
// use it. The migration that makes the indexes says why they have conditions.

// mcpServerColumns are read by [row.toMCPServer], in this order.
const mcpServerColumns = `id, slug, name, description, url, icon,
	suggestions, associated_apps, resources, notebooks, chains,
	agent_name, primary_color, secondary_color, base_prompt, safe_mode,
	place, created_at, updated_at, revision`

// listedColumns are as many, without what no list shows: it may be megabytes.
const listedColumns = `id, slug, name, description, url, icon,
	NULL::json, NULL::json, NULL::json, NULL::json, NULL::json,
	NULL::text, NULL::text, NULL::text, NULL::text, NULL::boolean,
	place, created_at, updated_at, revision`

func (r *row) toMCPServer() (s core.MCPServer, err error) {
	copy(s.ID[:], r.next())
	s.Slug, s.Name, s.Description, s.URL, s.Icon = r.text(), r.text(), r.optText(), r.text(), r.text()
	s.Suggestions, s.AssociatedApps, s.Resources, s.Notebooks = r.json(), r.json(), r.json(), r.json()
	if s.Chains, err = image.ParseChains(r.next()); err != nil {
		return core.MCPServer{}, err
	}
	s.Branding = core.Branding{
		AgentName: r.optText(), PrimaryColor: r.optText(), SecondaryColor: r.optText(), BasePrompt: r.optText(),
		SafeMode: r.optBool(),
	}
	s.Place = core.Place(r.int())
	s.CreatedAt, s.UpdatedAt, s.Revision = r.time(), r.time(), r.int()
	return s, nil
}

// serversCall runs a statement that gives servers, to be found in the result
// once it ran.
func serversCall(stmt *statement, args ...[]byte) (*call, *[]core.MCPServer) {
	var servers records[core.MCPServer]
	return &call{stmt: stmt, args: args, read: &servers, each: func(r *row) error {
		s, err := r.toMCPServer()
		servers = append(servers, s)
		return err
	}}, (*[]core.MCPServer)(&servers)
}

// byRef gives the one of two statements that finds a server by what the
// reference has, and the argument for it.
func byRef(ref core.MCPServerRef, byID, bySlug *statement) (*statement, []byte) {
	switch {
	case ref.Slug == "":
		return byID, ref.ID[:]
	case !core.ValidText(ref.Slug):
		return bySlug, textArg("") // no server has it, and PostgreSQL would call the text an error
	default:
		return bySlug, textArg(ref.Slug)
	}
}

var (
	mcpServerByID = preparedRead("mcp_server_by_id",
		`SELECT `+mcpServerColumns+` FROM mcp_server WHERE tenant_id = $1 AND id = $2`)
	mcpServerBySlug = prepared("mcp_server_by_slug",
		`SELECT `+mcpServerColumns+` FROM mcp_server WHERE tenant_id = $1 AND slug = $2 AND slug <> ''`)
)

// MCPServer implements [core.Store].
func (s *Store) MCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	stmt, arg := byRef(ref, mcpServerByID, mcpServerBySlug)
	get, servers := serversCall(stmt, uuidArg(tenant), arg)
	if err := s.inTenant(ctx, tenant, beginRead, get); err != nil {
		return core.MCPServer{}, wrap(err, "mcp_server", "select mcp_server")
	}
	return one(*servers)
}

// one gives the only server, or NotFound.
func one(servers []core.MCPServer) (core.MCPServer, error) {
	if len(servers) == 0 {
		return core.MCPServer{}, notFound("mcp_server")
	}
	return servers[0], nil
}

var (
	mcpServerCount = prepared("mcp_server_count",
		`SELECT count(*) FROM mcp_server WHERE tenant_id = $1 AND place >= 0`)
	mcpServerPage = prepared("mcp_server_page",
		`SELECT `+listedColumns+` FROM mcp_server WHERE tenant_id = $1 AND place >= 0
		ORDER BY place OFFSET $2 LIMIT $3`)
	mcpServerPageBack = prepared("mcp_server_page_back",
		`SELECT `+listedColumns+` FROM mcp_server WHERE tenant_id = $1 AND place >= 0
		ORDER BY place DESC OFFSET $2 LIMIT $3`)
)

// MCPServerPage implements [core.Store].
func (s *Store) MCPServerPage(
	ctx context.Context, tenant core.TenantID, order core.Order, offset, limit int,
) ([]core.MCPServer, int, error) {
	stmt := mcpServerPage
	if order == core.NewestFirst {
		stmt = mcpServerPageBack
	}
	total := 0
	count := &call{stmt: mcpServerCount, args: [][]byte{uuidArg(tenant)}, each: func(r *row) error {
		total = int(r.int())
		return nil
	}}
	list, servers := serversCall(stmt, uuidArg(tenant), intArg(int64(max(offset, 0))), intArg(int64(max(limit, 0))))
	// A snapshot for both, or the total could be of another moment than the page.
	if err := s.inTenant(ctx, tenant, beginSnapshot, count, list); err != nil {
		return nil, 0, wrap(err, "mcp_server", "select page of mcp_server")
	}
	return *servers, total, nil
}

var (
	mcpServersAfter = prepared("mcp_servers_after",
		`SELECT `+listedColumns+` FROM mcp_server WHERE tenant_id = $1 AND place > $2 AND place >= 0
		ORDER BY place LIMIT $3`)
	mcpServersBefore = prepared("mcp_servers_before",
		`SELECT `+listedColumns+` FROM mcp_server WHERE tenant_id = $1 AND place < $2 AND place >= 0
		ORDER BY place DESC LIMIT $3`)
)

// MCPServersFrom implements [core.Store].
func (s *Store) MCPServersFrom(
	ctx context.Context, tenant core.TenantID, from core.Place, dir core.Direction, limit int,
) ([]core.MCPServer, error) {
	stmt := mcpServersAfter
	if dir == core.Before {
		stmt = mcpServersBefore
	}
	list, servers := serversCall(stmt, uuidArg(tenant), intArg(int64(from)), intArg(int64(max(limit, 0))))
	if err := s.inTenant(ctx, tenant, beginRead, list); err != nil {
		return nil, wrap(err, "mcp_server", "select mcp_server from place")
	}
	if dir == core.Before {
		slices.Reverse(*servers)
	}
	return *servers, nil
}

// updateMCPServer has its condition added. A new name ends the server's claim
// on the old one; renames may repeat names, so it gets none on the new.
const updateMCPServer = `
	UPDATE mcp_server SET
		name_claimed    = CASE WHEN $4::bytea IS NULL OR $4 = name_digest THEN name_claimed END,
		name            = COALESCE($3, name),
		name_digest     = COALESCE($4, name_digest),
		description     = COALESCE(CASE WHEN $17 AND description IS NULL THEN NULLIF($5, '') ELSE $5 END, description),
		url             = COALESCE($6, url),
		icon            = COALESCE($7, icon),
		suggestions     = COALESCE($8, suggestions),
		associated_apps = COALESCE($9, associated_apps),
		chains          = COALESCE($10, chains),
		agent_name      = COALESCE($11, agent_name),
		primary_color   = COALESCE($12, primary_color),
		secondary_color = COALESCE($13, secondary_color),
		base_prompt     = COALESCE($14, base_prompt),
		safe_mode       = COALESCE($15, safe_mode),
		updated_at      = GREATEST(created_at, updated_at, $16),
		revision        = revision + 1`

// mcpServerVersion holds where a server has one of the versions of an array, or
// that is null: [core.MCPServer.Version] in SQL. A change that waited for another
// looks at what that left.
func mcpServerVersion(array string) string {
	return ` AND (` + array + `::text[] IS NULL OR encode(id, 'hex') || '-r' || revision = ANY (` + array + `::text[]))`
}

var (
	updateMCPServerByID = prepared("update_mcp_server_by_id",
		updateMCPServer+` WHERE tenant_id = $1 AND id = $2`+mcpServerVersion("$18")+` RETURNING `+mcpServerColumns)
	updateMCPServerBySlug = prepared("update_mcp_server_by_slug",
		updateMCPServer+` WHERE tenant_id = $1 AND slug = $2 AND slug <> ''`+mcpServerVersion("$18")+` RETURNING `+mcpServerColumns)
)

// UpdateMCPServer implements [core.Store].
func (s *Store) UpdateMCPServer(
	ctx context.Context, tenant core.TenantID, ref core.MCPServerRef, m core.Modification,
) (core.MCPServer, error) {
	stmt, arg := byRef(ref, updateMCPServerByID, updateMCPServerBySlug)
	var digest, chains []byte
	if m.Name != nil {
		digest = nameDigest(*m.Name)
	}
	if m.Chains != nil {
		chains = image.Chains(append([]core.Chain{}, *m.Chains...)) // sent, so never null
	}
	update, servers := serversCall(stmt, uuidArg(tenant), arg,
		optTextArg(m.Name), digest, optTextArg(m.Description), optTextArg(m.URL), optTextArg(m.Icon),
		jsonArg(m.Suggestions), jsonArg(m.AssociatedApps), chains,
		optTextArg(m.Branding.AgentName), optTextArg(m.Branding.PrimaryColor), optTextArg(m.Branding.SecondaryColor),
		optTextArg(m.Branding.BasePrompt), optBoolArg(m.Branding.SafeMode),
		timeArg(m.UpdatedAt), boolArg(m.KeepNoDescription), versionsArg(m.If))
	if err := s.inTenant(ctx, tenant, begin, update); err != nil {
		return core.MCPServer{}, wrap(err, "mcp_server", "update mcp_server")
	}
	if len(*servers) == 0 {
		return core.MCPServer{}, s.unchanged(ctx, tenant, ref, m.If)
	}
	return one(*servers)
}

// unchanged says why no server was changed or removed. Only where a condition
// was given does it have to look.
func (s *Store) unchanged(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef, p core.Precondition) error {
	if p.OneOf == nil {
		return notFound("mcp_server")
	}
	if _, err := s.MCPServer(ctx, tenant, ref); err != nil {
		return err
	}
	return p.Failed("mcp_server")
}

var (
	deleteMCPServerByID = prepared("delete_mcp_server_by_id",
		`DELETE FROM mcp_server WHERE tenant_id = $1 AND id = $2`+mcpServerVersion("$3"))
	deleteMCPServerBySlug = prepared("delete_mcp_server_by_slug",
		`DELETE FROM mcp_server WHERE tenant_id = $1 AND slug = $2 AND slug <> ''`+mcpServerVersion("$3"))
)

// DeleteMCPServer implements [core.Store].
func (s *Store) DeleteMCPServer(
	ctx context.Context, tenant core.TenantID, ref core.MCPServerRef, p core.Precondition,
) error {
	stmt, arg := byRef(ref, deleteMCPServerByID, deleteMCPServerBySlug)
	del := &call{stmt: stmt, args: [][]byte{uuidArg(tenant), arg, versionsArg(p)}}
	if err := s.inTenant(ctx, tenant, begin, del); err != nil {
		return wrap(err, "mcp_server", "delete mcp_server")
	}
	if del.tag.RowsAffected() == 0 {
		return s.unchanged(ctx, tenant, ref, p)
	}
	return nil
}
