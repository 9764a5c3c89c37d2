package refold

import (
	"net/http"

	"github.com/diglot/diglot/dialects"
)

func (d *dialect) routes(k *dialects.Kit) {
	const servers = Prefix + "/mcp-servers"
	dialects.Route(k, http.MethodGet, servers, "list_mcp_servers", http.StatusOK, d.listMCPServers)
	dialects.Route(k, http.MethodPost, servers, "create_mcp_server", http.StatusCreated, d.createMCPServer)
	dialects.Route(k, http.MethodGet, servers+"/:mcp_server_id", "get_mcp_server", http.StatusOK, d.mcpServer)
	dialects.Route(k, http.MethodPut, servers+"/:mcp_server_id", "update_mcp_server", http.StatusOK, d.updateMCPServer)
	dialects.Route(k, http.MethodDelete, servers+"/:mcp_server_id", "delete_mcp_server", http.StatusNoContent, d.deleteMCPServer)
}
