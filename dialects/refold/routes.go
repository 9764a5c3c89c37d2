package refold

import (
	"net/http"

	"github.com/diglot/diglot/dialects"
)

func (d *dialect) routes(k *dialects.Kit) {
	const servers = Prefix + "/mcp-servers"
	dialects.Route(k, http.MethodGet, servers, "list_mcp_servers", http.StatusOK, d.listMCPServers)
	dialects.Create(k, servers, "create_mcp_server", http.StatusCreated, d.createMCPServer)
	dialects.Route(k, http.MethodGet, servers+"/:mcp_server_id", "get_mcp_server", http.StatusOK, d.mcpServer)
	dialects.Route(k, http.MethodPut, servers+"/:mcp_server_id", "update_mcp_server", http.StatusOK, d.updateMCPServer)
	dialects.Route(k, http.MethodDelete, servers+"/:mcp_server_id", "delete_mcp_server", http.StatusNoContent, d.deleteMCPServer)
	d.accountRoutes(k)
	d.sessionRoutes(k)
}

// accountRoutes are of the org, not of a linked account: what they take as a
// credential differs from route to route, and no linked account beside a key.
func (d *dialect) accountRoutes(k *dialects.Kit) {
	const accounts = Prefix + "/linked-account"
	byKey, byEither := k.With(d.onlyByKey), k.With(d.byKeyOrToken)
	dialects.Route(byKey, http.MethodGet, accounts, "list_linked_accounts", http.StatusOK, d.listLinkedAccounts)
	dialects.Create(byKey, accounts, "create_linked_account", http.StatusOK, d.createLinkedAccount)
	dialects.Route(byEither, http.MethodPut, accounts, "upsert_linked_account", http.StatusOK, d.upsertLinkedAccount)
	dialects.Route(byEither, http.MethodGet, accounts+"/:linked_account_id", "get_linked_account", http.StatusOK, d.linkedAccount)
	dialects.Route(byKey, http.MethodDelete, accounts+"/:linked_account_id", "delete_linked_account", http.StatusOK, d.deleteLinkedAccount)
}

// sessionRoutes make a session with a key and use it up with its token.
func (d *dialect) sessionRoutes(k *dialects.Kit) {
	const tokens = Prefix + "/session-token"
	byKey, byToken := k.With(d.onlyByKey), k.With(d.onlyByToken)
	dialects.Route(byKey, http.MethodPost, tokens, "create_session_token", http.StatusOK, d.createSessionToken)
	dialects.Route(byToken, http.MethodPost, tokens+"/revoke", "revoke_session_token", http.StatusOK, d.revokeSessionToken)
	dialects.Route(byToken, http.MethodGet, Prefix+"/session/active-linked-account", "get_active_linked_account", http.StatusOK, d.activeLinkedAccount)
}
