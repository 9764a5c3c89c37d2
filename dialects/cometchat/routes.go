package cometchat

import (
	"net/http"

	"github.com/diglot/diglot/dialects"
)

func (d *dialect) routes(k *dialects.Kit) {
	const servers = Prefix + "/mcp-servers"
	dialects.Route(k, http.MethodGet, servers, "list_mcp_servers", http.StatusOK, d.listMCPServers)
	dialects.Route(k, http.MethodPost, servers, "create_mcp_server", http.StatusCreated, d.createMCPServer)
	dialects.Route(k, http.MethodGet, servers+"/:slug", "get_mcp_server", http.StatusOK, d.mcpServer)
	dialects.Route(k, http.MethodPatch, servers+"/:slug", "update_mcp_server", http.StatusOK, d.updateMCPServer)
	dialects.Route(k, http.MethodDelete, servers+"/:slug", "delete_mcp_server", http.StatusOK, d.deleteMCPServer)
}
