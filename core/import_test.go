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
		Slug: "not a slug", URL: "ftp://x", Icon: "x", Description: new("\x00"), CreatedAt: start, UpdatedAt: ms.Add(-time.Hour),
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
