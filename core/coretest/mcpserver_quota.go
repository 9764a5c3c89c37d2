package coretest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// createUpTo adds a server where the tenant has fewer than most.
func (s *suite) createUpTo(t *testing.T, most int, server core.MCPServer) error {
	t.Helper()
	_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server, MaxServers: most})
	return err
}

func requireOverQuota(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, core.OverQuota, core.KindOf(err), "%v", err)
}

var serverQuotas = []guarantee{
	{"a tenant has as many servers as it may, and one more when one was removed", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		other.fill(t, 5) // another tenant's don't count
		existing := s.fill(t, 2)
		require.NoError(t, s.createUpTo(t, 3, s.server("third")))
		requireOverQuota(t, s.createUpTo(t, 3, s.server("fourth")))
		requireOverQuota(t, s.createUpTo(t, 1, s.server("fourth")))
		require.Len(t, s.all(t), 3)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(existing[0].ID), core.Precondition{}))
		require.NoError(t, s.createUpTo(t, 3, s.server("fourth")))
		requireOverQuota(t, s.createUpTo(t, 3, s.server("fifth")))
		require.NoError(t, s.createUpTo(t, 0, s.server("fifth")), "without a limit there is none")
	}},
	{"of many creations at once as many succeed as there is room for", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.fill(t, 2)
		errs := together(20, func(i int) error { return s.createUpTo(t, 7, s.server(fmt.Sprint("server ", i))) })
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			requireOverQuota(t, err)
		}
		require.Equal(t, 5, made)
		require.Len(t, s.all(t), 7)
	}},
	{"whatever else is in a creation's way is told first", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		existing := s.fill(t, 1)[0]
		again := s.server("another")
		again.Slug = existing.Slug
		requireConflict(t, s.createUpTo(t, 1, again), "mcp_server", "slug")
		again = s.server("another")
		again.ID = existing.ID
		requireConflict(t, s.createUpTo(t, 1, again), "mcp_server", "id")
		_, err := b.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{
			Server: s.server(existing.Name), RefuseSameName: true, MaxServers: 1,
		})
		requireConflict(t, err, "mcp_server", "name")
		again = s.server("another")
		again.Slug = existing.Slug
		_, err = b.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: again, FallbackSlug: "free", MaxServers: 1})
		requireOverQuota(t, err)
		requireNotFound(t, func() error {
			_, err := b.CreateMCPServer(t.Context(), core.NewTenantID(), core.Creation{Server: again, MaxServers: 1})
			return err
		}())
	}},
}
