package store_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// What holds for servers holds for agents, and for the trigger that takes a
// server off their lists.
func TestRowSecurityHoldsForAgents(t *testing.T) {
	t.Parallel()
	databaseURL, a, b := twoTenants(t)
	runtime, admin := open(t, databaseURL, store.Runtime), connect(t, databaseURL)
	for _, tenant := range []core.TenantID{a, b} {
		server := newServer("listed")
		server.Slug, server.Place = "listed", 1
		_, err := runtime.CreateMCPServer(t.Context(), tenant, core.Creation{Server: server})
		require.NoError(t, err)
		_, err = runtime.CreateAgent(t.Context(), tenant, newAgent("listed"))
		require.NoError(t, err)
	}
	untouched := func() {
		t.Helper()
		require.Equal(t, []int{1}, query[int](t, admin, "SELECT count(*)::int FROM agent WHERE tenant_id = '"+string(b)+
			"' AND name = 'agent' AND mcp_servers = '{listed}'"))
	}

	conn := asRuntime(t, databaseURL, a)
	require.Len(t, query[string](t, conn, "SELECT name FROM agent"), 1)
	exec(t, conn, "UPDATE agent SET name = 'changed'; DELETE FROM mcp_server")
	require.Equal(t, []string{"{}"}, query[string](t, conn, "SELECT mcp_servers::text FROM agent"))
	exec(t, conn, "DELETE FROM agent; COMMIT")
	untouched()

	conn = asRuntime(t, databaseURL, a)
	_, err := conn.Exec(t.Context(), `INSERT INTO agent (tenant_id, uid, name, name_folded, active, place, created_at, updated_at)
		VALUES ($1, gen_random_uuid(), 'new', 'new', true, 5, now(), now())`, string(b))
	require.ErrorContains(t, err, "row-level security")
	exec(t, admin, "DELETE FROM mcp_server WHERE tenant_id = '"+string(a)+"'")
	untouched()
}

func TestADeletedServerLeavesItsAgentsInAnySchema(t *testing.T) {
	t.Parallel()
	empty := storetest.NewEmpty(t)
	exec(t, connect(t, empty), `CREATE SCHEMA "Other Schema"`)
	inSchema := changeURL(t, empty, func(_ *url.URL, query url.Values) { query.Set("search_path", `"Other Schema"`) })
	require.NoError(t, store.Up(t.Context(), inSchema))
	tenant := newTenant(t, open(t, inSchema, store.Operator), "one").ID
	s := open(t, inSchema, store.Runtime)
	server, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("server")})
	require.NoError(t, err)
	agent, err := s.CreateAgent(t.Context(), tenant, newAgent(server.Slug))
	require.NoError(t, err)
	require.Equal(t, []string{server.Slug}, agent.MCPServers)
	require.NoError(t, s.DeleteMCPServer(t.Context(), tenant, core.ByID(server.ID), core.Precondition{}))
	agent, err = s.Agent(t.Context(), tenant, agent.UID)
	require.NoError(t, err)
	require.Empty(t, agent.MCPServers)
}
