package store

import (
	"context"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// replaceMCPServer ends the server's claim on its name as updateMCPServer does.
var replaceMCPServer = prepared("replace_mcp_server", `
	UPDATE mcp_server SET
		name_claimed    = CASE WHEN $4 = name_digest THEN name_claimed END,
		name            = $3,
		name_digest     = $4,
		description     = $5,
		url             = $6,
		icon            = $7,
		suggestions     = $8,
		associated_apps = $9,
		resources       = $10,
		notebooks       = $11,
		chains          = $12,
		agent_name      = $13,
		primary_color   = $14,
		secondary_color = $15,
		base_prompt     = $16,
		safe_mode       = $17,
		updated_at      = GREATEST(created_at, $18),
		revision        = revision + 1
	WHERE tenant_id = $1 AND id = $2`+mcpServerVersion("$19")+` RETURNING `+mcpServerColumns)

// ReplaceMCPServer implements [core.Directory].
func (s *Store) ReplaceMCPServer(
	ctx context.Context, tenant core.TenantID, v core.MCPServer, p core.Precondition,
) (core.MCPServer, error) {
	replace, servers := serversCall(replaceMCPServer, uuidArg(tenant), v.ID[:],
		textArg(v.Name), nameDigest(v.Name), optTextArg(v.Description), textArg(v.URL), textArg(v.Icon),
		jsonArg(v.Suggestions), jsonArg(v.AssociatedApps), jsonArg(v.Resources), jsonArg(v.Notebooks), image.Chains(v.Chains),
		optTextArg(v.Branding.AgentName), optTextArg(v.Branding.PrimaryColor), optTextArg(v.Branding.SecondaryColor),
		optTextArg(v.Branding.BasePrompt), optBoolArg(v.Branding.SafeMode), timeArg(v.UpdatedAt), versionsArg(p))
	if err := s.inTenant(ctx, tenant, begin, replace); err != nil {
		return core.MCPServer{}, wrap(err, "mcp_server", "replace mcp_server")
	}
	if len(*servers) == 0 {
		return core.MCPServer{}, s.unchanged(ctx, tenant, core.ByID(v.ID), p)
	}
	return one(*servers)
}

var replaceAgent = prepared("replace_agent", `
	UPDATE agent SET
		name                  = $3,
		name_folded           = $4,
		icon                  = $5,
		active                = $6,
		description           = $7,
		instruction           = $8,
		model                 = $9,
		tools                 = $10,
		api_tools             = $11,
		frontend_actions      = $12,
		files                 = $13,
		websites              = $14,
		other_kb_integrations = $15,
		metadata              = $16,
		model_metadata        = $17,
		mcp_servers           = $18,
		updated_at            = GREATEST(created_at, $19),
		revision              = revision + 1
	WHERE tenant_id = $1 AND uid = $2 AND `+serversThere("$18")+agentVersion("$20")+`
	RETURNING `+agentColumns)

// ReplaceAgent implements [core.Directory].
func (s *Store) ReplaceAgent(ctx context.Context, tenant core.TenantID, a core.Agent, p core.Precondition) (core.Agent, error) {
	replace, agents := agentsCall(replaceAgent, uuidArg(tenant), agentUIDArg(a.UID),
		textArg(a.Name), textArg(core.FoldText(a.Name)), textArg(a.Icon), boolArg(a.Active),
		optTextArg(a.Description), optTextArg(a.Instruction), optTextArg(a.Model),
		jsonArg(a.Tools), jsonArg(a.APITools), jsonArg(a.FrontendActions), jsonArg(a.Files), jsonArg(a.Websites),
		jsonArg(a.OtherKBIntegrations), jsonArg(a.Metadata), jsonArg(a.ModelMetadata),
		slugsArg(a.MCPServers), timeArg(a.UpdatedAt), versionsArg(p))
	calls := []*call{replace}
	hold, missing := holdCall(tenant, a.MCPServers)
	if hold != nil {
		calls = []*call{hold, replace}
	}
	if err := s.inTenant(ctx, tenant, begin, calls...); err != nil {
		return core.Agent{}, wrap(err, "agent", "replace agent")
	}
	if len(*agents) == 0 {
		return core.Agent{}, s.agentUnchanged(ctx, tenant, a.UID, p, missing())
	}
	return oneAgent(*agents)
}

var replaceAccount = prepared("replace_account", `
	UPDATE linked_account SET
		name       = $3,
		udf        = $4,
		updated_at = GREATEST(created_at, $5),
		version    = $6
	WHERE tenant_id = $1 AND id = $2
	RETURNING `+accountColumns)

// ReplaceAccount implements [core.Directory].
func (s *Store) ReplaceAccount(ctx context.Context, a core.Account) (core.Account, error) {
	udf, err := fieldsArg(a.Fields)
	if err != nil {
		return core.Account{}, wrap(err, "account", "replace linked_account")
	}
	replace, accounts := accountsCall(a.Tenant, replaceAccount, uuidArg(a.Tenant), accountIDArg(a.ID),
		optTextArg(a.Name), udf, timeArg(a.UpdatedAt), intArg(a.Version))
	if err := s.inTenant(ctx, a.Tenant, begin, replace); err != nil {
		return core.Account{}, wrap(err, "account", "replace linked_account")
	}
	return oneAccount(*accounts)
}
