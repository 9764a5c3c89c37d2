package coretest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var serverIsolation = []guarantee{
	{"a second tenant reads nothing of the first's", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		full := s.create(t, s.full())
		for _, ref := range []core.MCPServerRef{core.ByID(full.ID), core.BySlug(full.Slug)} {
			_, err := b.MCPServer(t.Context(), other.tenant.ID, ref)
			requireNotFound(t, err)
		}
		list, total, err := b.MCPServerPage(t.Context(), other.tenant.ID, core.OldestFirst, 0, 100)
		require.NoError(t, err)
		require.Empty(t, list)
		require.Zero(t, total)
		require.Empty(t, other.walk(t, core.After, 100))
		require.Empty(t, other.walk(t, core.Before, 100))
	}},
	{"a second tenant changes nothing of the first's", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		full := s.create(t, s.full())
		for _, ref := range []core.MCPServerRef{core.ByID(full.ID), core.BySlug(full.Slug)} {
			_, err := b.UpdateMCPServer(t.Context(), other.tenant.ID, ref, core.Modification{UpdatedAt: epoch})
			requireNotFound(t, err)
			requireNotFound(t, b.DeleteMCPServer(t.Context(), other.tenant.ID, ref, core.Precondition{}))
		}
		equalServers(t, []core.MCPServer{full}, s.all(t))
	}},
	{"names, slugs, ids and places collide in one tenant only", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		mine := s.create(t, s.full())
		theirs := mine
		theirs.Description = new("theirs")
		created, err := b.CreateMCPServer(t.Context(), other.tenant.ID, core.Creation{
			Server: theirs, FallbackSlug: "not-needed", RefuseSameName: true,
		})
		require.NoError(t, err)
		equalServer(t, theirs, created)

		theirs = other.update(t, core.BySlug(theirs.Slug), core.Modification{UpdatedAt: epoch})
		equalServers(t, []core.MCPServer{mine}, s.all(t))
		require.NoError(t, b.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(mine.ID), core.Precondition{}))
		equalServers(t, []core.MCPServer{theirs}, other.all(t))
		require.Empty(t, s.all(t))
	}},
	{"tenants that write at once don't mix", func(t *testing.T, b Backend) {
		suites := []*suite{newSuite(t, b, "a"), newSuite(t, b, "b"), newSuite(t, b, "c")}
		const each = 15
		requireNoErrors(t, together(each*len(suites), func(i int) error {
			s := suites[i%len(suites)]
			server := s.server(s.tenant.Name)
			_, err := b.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server})
			return err
		}))
		for _, s := range suites {
			list := s.all(t)
			require.Len(t, list, each)
			for _, server := range list {
				require.Equal(t, s.tenant.Name, server.Name)
			}
		}
	}},
}

var refusals = []guarantee{
	{"a tenant that does not exist owns nothing and gets nothing", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		never := core.NewTenantID()
		for method, call := range tenantMethods(b, server) {
			switch err := call(t.Context(), never); method {
			case "MCPServer", "UpdateMCPServer", "DeleteMCPServer", "Account", "DeleteAccount", "IssueSession", "RevokeSession", "RevokeSessions", "Agent", "UpdateAgent", "DeleteAgent":
				requireNotFound(t, err)
			case "MCPServerPage", "MCPServersFrom", "AgentsFrom", "AccountPage", "AccountsAfter", "SessionsAfter":
				require.NoError(t, err)
			default:
				require.Error(t, err, method)
			}
		}
		list, total, err := b.MCPServerPage(t.Context(), never, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list)
		require.Zero(t, total)
	}},
	{"a tenant id that is not a UUID is refused", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		for _, id := range []core.TenantID{
			"", "one", "' or true --", s.tenant.ID + "'", "'" + s.tenant.ID[1:], s.tenant.ID[:35], s.tenant.ID + "\x00",
		} {
			for method, call := range tenantMethods(b, server) {
				require.Error(t, call(t.Context(), id), method)
			}
			tenant := newTenant("other")
			tenant.ID = id
			require.Error(t, b.CreateTenant(t.Context(), tenant))
		}
		equalServers(t, []core.MCPServer{server}, s.all(t))
	}},
	{"a cancelled request does nothing and says so", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		server := s.create(t, s.server("server"))
		key := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), key))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for method, call := range tenantMethods(b, server) {
			require.ErrorIs(t, call(ctx, s.tenant.ID), context.Canceled, method)
		}
		_, _, err := b.KeyOwner(ctx, core.Refold, key.Hash)
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.SessionOwner(ctx, *s.tenant.Refold, core.SessionID{Account: "user"})
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.SigningKeys(ctx)
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.CreateSigningKey(ctx, core.SigningKey{ID: "k1", CreatedAt: epoch})
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.RetireSigningKey(ctx, "", epoch)
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.Tenant(ctx, s.tenant.Name)
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.Tenants(ctx)
		require.ErrorIs(t, err, context.Canceled)
		_, err = b.UpdateTenant(ctx, s.tenant.Name, core.TenantUpdate{URLTemplate: new("")})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, b.CreateTenant(ctx, newTenant("other")), context.Canceled)
		_, err = b.Tenant(t.Context(), "other")
		requireNotFound(t, err)
		equalServers(t, []core.MCPServer{server}, s.all(t))
	}},
	{"a fresh store is ready", func(t *testing.T, b Backend) {
		require.NoError(t, b.Ready(t.Context()))
	}},
}

// tenantMethods is every method of the ports that takes a tenant's id. The
// server is one that the call would find, or collide with only where the
// tenant is its own.
func tenantMethods(b Backend, server core.MCPServer) map[string]func(context.Context, core.TenantID) error {
	fresh := server
	fresh.ID, fresh.Slug = core.NewIDSource()(epoch), "fresh"
	return map[string]func(context.Context, core.TenantID) error{
		"CreateMCPServer": func(ctx context.Context, id core.TenantID) error {
			_, err := b.CreateMCPServer(ctx, id, core.Creation{Server: fresh})
			return err
		},
		"MCPServer": func(ctx context.Context, id core.TenantID) error {
			_, err := b.MCPServer(ctx, id, core.ByID(server.ID))
			return err
		},
		"MCPServerPage": func(ctx context.Context, id core.TenantID) error {
			_, _, err := b.MCPServerPage(ctx, id, core.NewestFirst, 0, 10)
			return err
		},
		"MCPServersFrom": func(ctx context.Context, id core.TenantID) error {
			_, err := b.MCPServersFrom(ctx, id, 0, core.After, 10)
			return err
		},
		"UpdateMCPServer": func(ctx context.Context, id core.TenantID) error {
			_, err := b.UpdateMCPServer(ctx, id, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
			return err
		},
		"DeleteMCPServer": func(ctx context.Context, id core.TenantID) error {
			return b.DeleteMCPServer(ctx, id, core.ByID(server.ID), core.Precondition{})
		},
		"CreateAgent": func(ctx context.Context, id core.TenantID) error {
			_, err := b.CreateAgent(ctx, id, newAgent("fresh"))
			return err
		},
		"Agent": func(ctx context.Context, id core.TenantID) error {
			_, err := b.Agent(ctx, id, someAgent)
			return err
		},
		"AgentsFrom": func(ctx context.Context, id core.TenantID) error {
			_, err := b.AgentsFrom(ctx, id, core.AgentQuery{Limit: 10})
			return err
		},
		"UpdateAgent": func(ctx context.Context, id core.TenantID) error {
			_, err := b.UpdateAgent(ctx, id, someAgent, core.AgentModification{UpdatedAt: epoch})
			return err
		},
		"DeleteAgent": func(ctx context.Context, id core.TenantID) error {
			return b.DeleteAgent(ctx, id, someAgent, core.Precondition{})
		},
		"CreateKey": func(ctx context.Context, id core.TenantID) error {
			return b.CreateKey(ctx, newKey(core.Tenant{ID: id}, core.Refold))
		},
		"CreateAccount": func(ctx context.Context, id core.TenantID) error {
			return b.CreateAccount(ctx, newAccount(id, "fresh"))
		},
		"UpsertAccount": func(ctx context.Context, id core.TenantID) error {
			_, err := b.UpsertAccount(ctx, newAccount(id, "upserted"))
			return err
		},
		"AccountPage": func(ctx context.Context, id core.TenantID) error {
			_, _, err := b.AccountPage(ctx, id, core.OldestFirst, 0, 10)
			return err
		},
		"AccountsAfter": func(ctx context.Context, id core.TenantID) error {
			_, err := b.AccountsAfter(ctx, id, core.AccountPosition{}, 10)
			return err
		},
		"SessionsAfter": func(ctx context.Context, id core.TenantID) error {
			_, err := b.SessionsAfter(ctx, id, core.SessionQuery{Account: "user", Limit: 10})
			return err
		},
		"RevokeSessions": func(ctx context.Context, id core.TenantID) error {
			_, err := b.RevokeSessions(ctx, id, "user", epoch)
			return err
		},
		"DeleteAccount": func(ctx context.Context, id core.TenantID) error {
			return b.DeleteAccount(ctx, id, "user")
		},
		"IssueSession": func(ctx context.Context, id core.TenantID) error {
			_, err := b.IssueSession(ctx, id, freshRequest("user"))
			return err
		},
		"RevokeSession": func(ctx context.Context, id core.TenantID) error {
			return b.RevokeSession(ctx, id, core.SessionID{Account: "user"}, epoch)
		},
		"Account": func(ctx context.Context, id core.TenantID) error {
			_, err := b.Account(ctx, id, "user")
			return err
		},
	}
}
