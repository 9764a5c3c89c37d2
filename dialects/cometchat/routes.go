package cometchat

import (
	"net/http"

	"github.com/diglot/diglot/dialects"
)

func (d *dialect) routes(k *dialects.Kit) {
	const servers = Prefix + "/mcp-servers"
	dialects.Route(k, http.MethodGet, servers, "list_mcp_servers", http.StatusOK, d.listMCPServers)
	dialects.Create(k, servers, "create_mcp_server", http.StatusCreated, d.createMCPServer)
	dialects.Route(k, http.MethodGet, servers+"/:slug", "get_mcp_server", http.StatusOK, d.mcpServer)
	dialects.Route(k, http.MethodPatch, servers+"/:slug", "update_mcp_server", http.StatusOK, d.updateMCPServer)
	dialects.Route(k, http.MethodDelete, servers+"/:slug", "delete_mcp_server", http.StatusOK, d.deleteMCPServer)

	const agents = Prefix + "/agents"
	dialects.Route(k, http.MethodGet, agents, "list_agents", http.StatusOK, d.listAgents)
	dialects.Create(k, agents, "create_agent", http.StatusCreated, d.createAgent)
	dialects.Route(k, http.MethodGet, agents+"/:uid", "get_agent", http.StatusOK, d.agent)
	dialects.Route(k, http.MethodPatch, agents+"/:uid", "update_agent", http.StatusOK, d.updateAgent)
	dialects.Route(k, http.MethodDelete, agents+"/:uid", "delete_agent", http.StatusOK, d.deleteAgent)
	dialects.Route(k, http.MethodPatch, agents+"/:uid/mcp/add", "add_mcp_servers", http.StatusOK, d.addMCPServers)
	dialects.Route(k, http.MethodPatch, agents+"/:uid/mcp/remove", "remove_mcp_servers", http.StatusOK, d.removeMCPServers)
}
