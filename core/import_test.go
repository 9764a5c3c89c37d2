package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAnImportSaysWhatOfItCannotBeKept(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "one")
	ms := start.Truncate(time.Millisecond)
	_, err := g.ImportMCPServer(t.Context(), tenant, core.MCPServer{
		Slug: "not a slug", URL: "ftp://\x00", Icon: "\x00", Description: new("\x00"), CreatedAt: start, UpdatedAt: ms.Add(-time.Hour),
		Revision: -1,
	})
	requireInvalid(t, err, "mcp_server", "created_at", "description", "icon", "name", "revision", "slug", "updated_at", "url")
	_, err = g.ImportMCPServer(t.Context(), tenant, core.MCPServer{Name: "n", CreatedAt: time.Time{}, UpdatedAt: ms.AddDate(9000, 0, 0)})
	requireInvalid(t, err, "mcp_server", "created_at", "updated_at")
	_, err = g.ImportAgent(t.Context(), tenant, core.Agent{
		UID: "agent-uuid-1234", Name: strings.Repeat("x", core.MaxAgentNameChars+1), CreatedAt: ms, UpdatedAt: ms,
	})
	requireInvalid(t, err, "agent", "name", "uid")
	_, err = g.ImportAccount(t.Context(), tenant, core.Account{ID: " x", CreatedAt: ms, UpdatedAt: ms, Version: -1})
	requireInvalid(t, err, "account", "id", "version")
}

// What the API would refuse of a client, or could not go on from, is refused.
func TestAnImportTakesWhatTheAPITakes(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "one")
	ms := start.Truncate(time.Millisecond)
	nested := func(levels int) core.JSON {
		return core.JSON(strings.Repeat("[", levels) + strings.Repeat("]", levels))
	}
	object := func(levels int) core.JSON { return core.JSON(`{"a":` + string(nested(levels-1)) + "}") }
	server := func(over int) core.MCPServer {
		return core.MCPServer{
			Name: "n", URL: "stdio:weather", CreatedAt: ms, UpdatedAt: ms, Revision: 1<<53 - 1 + int64(over), Suggestions: nested(99 + over), AssociatedApps: nested(99 + over),
			Resources: nested(99 + over), Notebooks: nested(99 + over), Chains: []core.Chain{{ID: core.NewIDSource()(ms), Fields: object(98 + over)}},
		}
	}
	agent := func(over int) core.Agent {
		return core.Agent{
			UID: core.AgentUID(core.NewUUID()), Name: "n", CreatedAt: ms, UpdatedAt: ms, Revision: 1<<53 - 1 + int64(over),
			Tools: nested(99 + over), APITools: nested(99 + over), FrontendActions: nested(99 + over), Files: nested(99 + over),
			Websites: nested(99 + over), OtherKBIntegrations: nested(99 + over), Metadata: object(99 + over), ModelMetadata: object(99 + over),
		}
	}
	account := func(over int) core.Account {
		return core.Account{
			ID: "a", CreatedAt: ms, UpdatedAt: ms, Version: 1<<53 - 1 + int64(over),
			Fields: []core.AccountField{{Name: "f", Value: nested(98 + over), CreatedAt: ms}},
		}
	}
	_, err := g.ImportMCPServer(t.Context(), tenant, server(0))
	require.NoError(t, err)
	_, err = g.ImportMCPServer(t.Context(), tenant, server(1))
	requireInvalid(t, err, "mcp_server", "associated_apps", "chains.0", "notebooks", "resources", "revision", "suggestions")
	_, err = g.ImportAgent(t.Context(), tenant, agent(0))
	require.NoError(t, err)
	_, err = g.ImportAgent(t.Context(), tenant, agent(1))
	requireInvalid(t, err, "agent", "api_tools", "files", "frontend_actions", "metadata", "model_metadata", "other_kb_integrations",
		"revision", "tools", "websites")
	_, err = g.ImportAccount(t.Context(), tenant, account(0))
	require.NoError(t, err)
	_, err = g.ImportAccount(t.Context(), tenant, account(1))
	requireInvalid(t, err, "account", "fields.0", "version")

	_, err = g.ImportMCPServer(t.Context(), tenant, core.MCPServer{
		Name: "n", CreatedAt: ms, UpdatedAt: ms, Suggestions: core.JSON(`"x"`), AssociatedApps: core.JSON(`{"a":1}`), Resources: core.JSON("null"),
		Notebooks: core.JSON("1"), Chains: []core.Chain{{Fields: core.JSON("[]")}, {}},
	})
	requireInvalid(t, err, "mcp_server", "associated_apps", "chains.0", "chains.1", "notebooks", "resources", "suggestions")
	_, err = g.ImportAgent(t.Context(), tenant, core.Agent{
		UID: core.AgentUID(core.NewUUID()), Name: "n", CreatedAt: ms, UpdatedAt: ms, Tools: core.JSON("{}"), Metadata: core.JSON("[]"),
	})
	requireInvalid(t, err, "agent", "metadata", "tools")
	_, err = g.ImportAccount(t.Context(), tenant, core.Account{ID: "a", CreatedAt: ms, UpdatedAt: ms, Fields: []core.AccountField{{Name: "f"}}})
	requireInvalid(t, err, "account", "fields.0")
}

func TestNothingIsImportedIntoATenantThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant, err := g.BeginTenantDeletion(t.Context(), g.demo(t, "one").Name)
	require.NoError(t, err)
	ms := start.Truncate(time.Millisecond)
	_, err = g.ImportMCPServer(t.Context(), tenant, core.MCPServer{Name: "n", CreatedAt: ms, UpdatedAt: ms})
	require.ErrorIs(t, err, core.ErrTenantDeleting)
	_, err = g.ImportAgent(t.Context(), tenant, core.Agent{UID: core.AgentUID(core.NewUUID()), Name: "n", CreatedAt: ms, UpdatedAt: ms})
	require.ErrorIs(t, err, core.ErrTenantDeleting)
	_, err = g.ImportAccount(t.Context(), tenant, core.Account{ID: "a", CreatedAt: ms, UpdatedAt: ms})
	require.ErrorIs(t, err, core.ErrTenantDeleting)
}

// A list's cursor is a place or a time, as one number: what is imported is from
// between the moments at which the two could be taken for each other.
func TestThePlaceOfAnImportIsNoTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "one")
	for _, at := range []time.Time{core.EarliestTime, core.LatestTime} {
		s, err := g.ImportMCPServer(t.Context(), tenant, core.MCPServer{Name: "n", CreatedAt: at, UpdatedAt: at})
		require.NoError(t, err)
		require.GreaterOrEqual(t, int64(s.Place), int64(core.FirstPlace))
		require.Less(t, s.CreatedAt.UnixMilli(), int64(core.FirstPlace))
	}
	for _, at := range []time.Time{core.EarliestTime.Add(-time.Millisecond), core.LatestTime.Add(time.Millisecond)} {
		_, err := g.ImportMCPServer(t.Context(), tenant, core.MCPServer{Name: "n", CreatedAt: at, UpdatedAt: at})
		require.Equal(t, core.Invalid, core.KindOf(err), "%v", at)
	}
}
