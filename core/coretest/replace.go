package coretest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var replacements = []guarantee{
	{"a server is what it is given, and keeps its id, slug, place and creation time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := s.create(t, s.full())
		for _, to := range []core.MCPServer{
			{ID: old.ID, Slug: "other", Name: "bare", Place: 5, CreatedAt: long, UpdatedAt: epoch.Add(time.Minute), Revision: 70},
			old,
		} {
			want := to
			want.Slug, want.Place, want.CreatedAt = old.Slug, old.Place, old.CreatedAt
			want.Revision = s.read(t, core.ByID(old.ID)).Revision + 1
			got, err := b.ReplaceMCPServer(t.Context(), s.tenant.ID, to, core.Precondition{})
			require.NoError(t, err)
			equalServer(t, want, got)
			equalServer(t, want, s.read(t, core.BySlug(old.Slug)))
		}
		equalTime(t, old.UpdatedAt, s.read(t, core.ByID(old.ID)).UpdatedAt)
	}},
	{"a server is replaced in the version that is asked for alone", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := s.create(t, s.server("old"))
		p := core.Precondition{OneOf: []core.Version{old.Version()}}
		to := old
		to.Name = "new"
		_, err := b.ReplaceMCPServer(t.Context(), s.tenant.ID, to, p)
		require.NoError(t, err)
		to.Name = "late"
		_, err = b.ReplaceMCPServer(t.Context(), s.tenant.ID, to, p)
		require.Equal(t, core.PreconditionFailed, core.KindOf(err), "%v", err)
		require.Equal(t, "new", s.read(t, core.ByID(old.ID)).Name)
		to.ID = s.newID(epoch)
		_, err = b.ReplaceMCPServer(t.Context(), s.tenant.ID, to, p)
		requireNotFound(t, err)
	}},
	{"an agent is what it is given, and keeps its uid, place and creation time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := fullAgent()
		old.MCPServers = s.slugs(t, 3)
		old = s.createAgent(t, old)
		bare := newAgent("bare")
		bare.UID, bare.Active, bare.Place, bare.CreatedAt, bare.UpdatedAt, bare.Revision = old.UID, false, 5, long, epoch.Add(time.Minute), 70
		turned := old
		turned.MCPServers = []string{old.MCPServers[2], old.MCPServers[0]}
		for _, to := range []core.Agent{bare, turned, old} {
			want := to
			want.Place, want.CreatedAt = old.Place, old.CreatedAt
			want.Revision = s.readAgent(t, old.UID).Revision + 1
			got, err := b.ReplaceAgent(t.Context(), s.tenant.ID, to, core.Precondition{})
			require.NoError(t, err)
			equalAgent(t, want, got)
			equalAgent(t, want, s.readAgent(t, old.UID))
		}
		require.Len(t, s.walkAgents(t, core.After, 9, "full"), 1)
		bare.Name = "BARE"
		_, err := b.ReplaceAgent(t.Context(), s.tenant.ID, bare, core.Precondition{})
		require.NoError(t, err)
		require.Len(t, s.walkAgents(t, core.After, 9, "bare"), 1, "it is found by its name")
	}},
	{"an agent is replaced in the version that is asked for alone", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := s.createAgent(t, newAgent("old"))
		p := core.Precondition{OneOf: []core.Version{old.Version()}}
		to := old
		to.Name = "new"
		_, err := b.ReplaceAgent(t.Context(), s.tenant.ID, to, p)
		require.NoError(t, err)
		to.Name, to.MCPServers = "late", []string{"gone"}
		_, err = b.ReplaceAgent(t.Context(), s.tenant.ID, to, p)
		require.Equal(t, core.PreconditionFailed, core.KindOf(err), "%v", err)
		require.Equal(t, "new", s.readAgent(t, old.UID).Name)
		to.UID = someAgent
		_, err = b.ReplaceAgent(t.Context(), s.tenant.ID, to, p)
		requireNotFound(t, err)
	}},
	{"an agent that would list a server which is not there stays as it is", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := s.agentWith(t, s.slugs(t, 1)...)
		to := old
		to.Name, to.MCPServers = "other", append([]string{"gone"}, old.MCPServers...)
		_, err := b.ReplaceAgent(t.Context(), s.tenant.ID, to, core.Precondition{})
		requireMissing(t, err, "gone")
		equalAgent(t, old, s.readAgent(t, old.UID))
		to.UID = someAgent
		_, err = b.ReplaceAgent(t.Context(), s.tenant.ID, to, core.Precondition{})
		requireNotFound(t, err)
		require.NotErrorAs(t, err, new(*core.MissingServersError))
	}},
	{"an account is what it is given, and keeps its ids, creation time and sessions", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		old := s.fullAccount("user")
		require.NoError(t, b.CreateAccount(t.Context(), old))
		session := s.issue(t, request("user"))
		for _, to := range []core.Account{
			{Tenant: s.tenant.ID, ID: "user", ObjectID: s.newID(long), CreatedAt: long, UpdatedAt: epoch.Add(time.Minute), Version: 9},
			{Tenant: s.tenant.ID, ID: "user", Name: new(""), Fields: []core.AccountField{}, UpdatedAt: epoch.Add(time.Minute)},
			old,
		} {
			want := to
			want.ObjectID, want.CreatedAt = old.ObjectID, old.CreatedAt
			got, err := b.ReplaceAccount(t.Context(), to)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, want, s.readAccount(t, "user"))
		}
		s.requireLives(t, session.SessionID)
		_, err := b.ReplaceAccount(t.Context(), newAccount(s.tenant.ID, "nobody"))
		requireNotFound(t, err)
	}},
	{"an update time is never before the creation time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server, agent, account := s.create(t, s.server("server")), s.createAgent(t, newAgent("agent")), s.account("user")
		require.NoError(t, b.CreateAccount(t.Context(), account))
		server.UpdatedAt, agent.UpdatedAt, account.UpdatedAt = long, long, long
		gotServer, err := b.ReplaceMCPServer(t.Context(), s.tenant.ID, server, core.Precondition{})
		require.NoError(t, err)
		equalTime(t, server.CreatedAt, gotServer.UpdatedAt)
		gotAgent, err := b.ReplaceAgent(t.Context(), s.tenant.ID, agent, core.Precondition{})
		require.NoError(t, err)
		equalTime(t, agent.CreatedAt, gotAgent.UpdatedAt)
		gotAccount, err := b.ReplaceAccount(t.Context(), account)
		require.NoError(t, err)
		equalTime(t, account.CreatedAt, gotAccount.UpdatedAt)
	}},
	{"another tenant's are not there", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		server, agent, account := s.create(t, s.server("server")), s.createAgent(t, newAgent("agent")), s.account("user")
		require.NoError(t, b.CreateAccount(t.Context(), account))
		theirs := account
		theirs.Tenant = other.tenant.ID
		for _, replace := range []func() error{
			func() error {
				_, err := b.ReplaceMCPServer(t.Context(), other.tenant.ID, server, core.Precondition{})
				return err
			},
			func() error {
				_, err := b.ReplaceAgent(t.Context(), other.tenant.ID, agent, core.Precondition{})
				return err
			},
			func() error {
				_, err := b.ReplaceAccount(t.Context(), theirs)
				return err
			},
		} {
			requireNotFound(t, replace())
		}
		require.EqualValues(t, 1, s.read(t, core.ByID(server.ID)).Revision)
	}},
	{"a replacement is entered as its operator's update", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server, agent, account := s.create(t, s.server("server")), s.createAgent(t, newAgent("agent")), s.account("user")
		require.NoError(t, b.CreateAccount(t.Context(), account))
		server.Name, agent.Name, account.Name = "new", "new", new("new")
		ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
		replaced(ctx, t, s, server, agent, account)
		entries := history(t, b, s.tenant.ID)[3:]
		require.Equal(t, []string{"update mcp_server", "update agent", "update linked_account"}, said(entries))
		for _, c := range entries {
			require.Equal(t, core.OperatorActor, c.Kind)
			require.Equal(t, "alice", c.ID)
			require.Contains(t, string(c.After), `"name":"new"`)
		}
	}},
}

func replaced(ctx context.Context, t *testing.T, s *suite, server core.MCPServer, agent core.Agent, account core.Account) {
	t.Helper()
	_, err := s.ReplaceMCPServer(ctx, s.tenant.ID, server, core.Precondition{})
	require.NoError(t, err)
	_, err = s.ReplaceAgent(ctx, s.tenant.ID, agent, core.Precondition{})
	require.NoError(t, err)
	_, err = s.ReplaceAccount(ctx, account)
	require.NoError(t, err)
}
