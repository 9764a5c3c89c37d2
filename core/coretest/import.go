package coretest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// importer is an operator over a suite's backend.
func (s *suite) importer(t *testing.T) *core.Operator {
	t.Helper()
	return operate(t, s.Backend, afterwards)
}

func (s *suite) importServer(t *testing.T, server core.MCPServer) core.MCPServer {
	t.Helper()
	got, err := s.importer(t).ImportMCPServer(t.Context(), s.tenant, server)
	require.NoError(t, err)
	return got
}

// long is a moment long before the epoch, as a vendor's records are from.
var long = time.Date(2023, time.June, 13, 7, 58, 9, 7*int(time.Millisecond), time.UTC)

var imports = []guarantee{
	{"a server keeps its id, slug, times and revision, and all else", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.fill(t, 2)
		want := s.full()
		want.CreatedAt, want.UpdatedAt, want.Revision = long, long.Add(time.Hour), 7
		want.Place = core.PlaceAt(long)
		equalServer(t, want, s.importServer(t, want))
		equalServer(t, want, s.read(t, core.ByID(want.ID)))
		equalServer(t, want, s.read(t, core.BySlug(want.Slug)))
		require.Equal(t, want.ID, s.all(t)[0].ID, "it is listed by its own time")
	}},
	{"a server without an id or a slug gets them from its time and name", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		in := core.MCPServer{Name: "Größe 12", CreatedAt: long, UpdatedAt: long}
		first := s.importServer(t, in)
		require.Equal(t, long.Truncate(time.Second), first.ID.Time())
		require.Equal(t, core.SlugFor(in.Name), first.Slug)
		require.EqualValues(t, 1, first.Revision)
		second := s.importServer(t, in)
		require.Equal(t, first.Slug+"-"+second.ID.String(), second.Slug)
	}},
	{"servers and agents of one millisecond keep it and have places of their own", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		servers, agents := map[core.Place]bool{}, map[core.Place]bool{}
		for range 5 {
			server, agent := s.server("same"), newAgent("same")
			server.CreatedAt, server.UpdatedAt, agent.CreatedAt, agent.UpdatedAt = long, long, long, long
			imported := s.importServer(t, server)
			equalTime(t, long, s.read(t, core.ByID(imported.ID)).CreatedAt)
			servers[imported.Place] = true
			a, err := s.importer(t).ImportAgent(t.Context(), s.tenant, agent)
			require.NoError(t, err)
			equalTime(t, long, s.readAgent(t, a.UID).CreatedAt)
			agents[a.Place] = true
		}
		require.Len(t, servers, 5)
		require.Len(t, agents, 5)
	}},
	{"an agent keeps its uid, times and revision, and all else", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := fullAgent()
		want.MCPServers = s.slugs(t, 2)
		want.Active = false
		want.CreatedAt, want.UpdatedAt, want.Revision, want.Place = long, long.Add(time.Hour), 7, core.PlaceAt(long)
		in := want
		in.MCPServers = append(in.MCPServers, in.MCPServers[0])
		_, err := s.importer(t).ImportAgent(t.Context(), s.tenant, in)
		require.NoError(t, err)
		require.Equal(t, want, s.readAgent(t, want.UID))
	}},
	{"an account keeps its object id, times, fields and version", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := core.Account{
			ID: "user", Name: new("Ñ"), ObjectID: s.newID(long), CreatedAt: long, UpdatedAt: long.Add(time.Hour), Version: 326,
			Fields: []core.AccountField{{ID: s.newID(long), Name: "n", Value: core.JSON("12345678901234567890"), CreatedAt: long}},
		}
		_, err := s.importer(t).ImportAccount(t.Context(), s.tenant, want)
		require.NoError(t, err)
		want.Tenant = s.tenant.ID
		got, err := s.Account(t.Context(), s.tenant.ID, "user")
		require.NoError(t, err)
		require.Equal(t, want, got)
		made, err := s.importer(t).ImportAccount(t.Context(), s.tenant, core.Account{ID: "other", CreatedAt: long, UpdatedAt: long})
		require.NoError(t, err)
		require.Equal(t, long.Truncate(time.Second), made.ObjectID.Time())
	}},
	{"what is there already stays as it is, and the conflict says what of it is taken", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		server := s.importServer(t, s.full())
		o := s.importer(t)
		again := server
		again.Slug, again.Name = "another", "another"
		_, err := o.ImportMCPServer(t.Context(), s.tenant, again)
		requireConflict(t, err, "mcp_server", "id")
		again = s.server("another")
		again.Slug = server.Slug
		_, err = o.ImportMCPServer(t.Context(), s.tenant, again)
		requireConflict(t, err, "mcp_server", "slug")
		equalServer(t, server, s.read(t, core.ByID(server.ID)))
		require.Len(t, s.all(t), 1)
		other.importServer(t, server) // another tenant's are nobody else's

		agent := s.createAgent(t, fullAgent())
		_, err = o.ImportAgent(t.Context(), s.tenant, agent)
		requireConflict(t, err, "agent", "uid")
		account := core.Account{ID: "user", CreatedAt: long, UpdatedAt: long}
		_, err = o.ImportAccount(t.Context(), s.tenant, account)
		require.NoError(t, err)
		_, err = o.ImportAccount(t.Context(), s.tenant, account)
		requireConflict(t, err, "account", "id")
	}},
	{"names may repeat, and a creation that refuses that is refused", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for range 2 {
			s.importServer(t, s.server("twice"))
		}
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: s.server("twice"), RefuseSameName: true})
		requireConflict(t, err, "mcp_server", "name")
	}},
	{"an import is entered as its operator's", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
		_, err := s.importer(t).ImportMCPServer(ctx, s.tenant, s.full())
		require.NoError(t, err)
		_, err = s.importer(t).ImportAgent(ctx, s.tenant, newAgent("agent"))
		require.NoError(t, err)
		_, err = s.importer(t).ImportAccount(ctx, s.tenant, core.Account{ID: "user", CreatedAt: long, UpdatedAt: long})
		require.NoError(t, err)
		entries := history(t, b, s.tenant.ID)
		require.Equal(t, []string{"create mcp_server", "create agent", "create linked_account"}, said(entries))
		for _, c := range entries {
			require.Equal(t, core.OperatorActor, c.Kind)
			require.Equal(t, "alice", c.ID)
		}
	}},
	{"an agent that lists a server that is not there is not imported", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := newAgent("agent")
		a.MCPServers = []string{"gone"}
		_, err := s.importer(t).ImportAgent(t.Context(), s.tenant, a)
		var missing *core.MissingServersError
		require.ErrorAs(t, err, &missing)
		require.Equal(t, []string{"gone"}, missing.Slugs)
	}},
	{"a tenant has as many servers as it may", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.tenant.Limits.Servers = new(1)
		s.importServer(t, s.server("first"))
		_, err := s.importer(t).ImportMCPServer(t.Context(), s.tenant, s.server("second"))
		requireOverQuota(t, err)
	}},
	{"a rehearsal holds imports to every rule, to each other too, and leaves nothing", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		there := s.importServer(t, s.server("there"))
		planned := s.server("planned")
		err := s.importer(t).Rehearse(t.Context(), s.tenant, func(o *core.Operator, _ core.Backend) error {
			same := there
			same.Slug = "another"
			_, err := o.ImportMCPServer(t.Context(), s.tenant, same)
			requireConflict(t, err, "mcp_server", "id")
			_, err = o.ImportMCPServer(t.Context(), s.tenant, planned)
			require.NoError(t, err)
			again := s.server("again")
			again.Slug = planned.Slug
			_, err = o.ImportMCPServer(t.Context(), s.tenant, again)
			requireConflict(t, err, "mcp_server", "slug")
			a := newAgent("agent")
			a.MCPServers = []string{planned.Slug}
			_, err = o.ImportAgent(t.Context(), s.tenant, a)
			require.NoError(t, err)
			a.MCPServers = nil
			_, err = o.ImportAgent(t.Context(), s.tenant, a)
			requireConflict(t, err, "agent", "uid")
			account := core.Account{ID: "user", CreatedAt: long, UpdatedAt: long}
			_, err = o.ImportAccount(t.Context(), s.tenant, account)
			require.NoError(t, err)
			_, err = o.ImportAccount(t.Context(), s.tenant, account)
			requireConflict(t, err, "account", "id")
			_, err = s.MCPServer(t.Context(), s.tenant.ID, core.ByID(planned.ID))
			requireNotFound(t, err)
			return nil
		})
		require.NoError(t, err)
		require.Len(t, s.all(t), 1)
		require.Equal(t, planned.ID, s.importServer(t, planned).ID, "nothing of it is in the way")
	}},
	{"a rehearsal within one takes back its own, and keeps nobody waiting who changes the same", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		there := s.importServer(t, s.server("there"))
		ref := core.ByID(there.ID)
		err := s.importer(t).Rehearse(t.Context(), s.tenant, func(o *core.Operator, tried core.Backend) error {
			planned, err := o.ImportMCPServer(t.Context(), s.tenant, s.server("planned"))
			require.NoError(t, err)
			for _, slugs := range [][]string{{planned.Slug}, {"gone"}} {
				failed := errors.New("within")
				err = o.Rehearse(t.Context(), s.tenant, func(within *core.Operator, b core.Backend) error {
					changed := there
					changed.Name = "Another"
					_, err := b.ReplaceMCPServer(t.Context(), s.tenant.ID, changed, core.Precondition{})
					require.NoError(t, err)
					now, err := b.MCPServer(t.Context(), s.tenant.ID, ref)
					require.NoError(t, err)
					require.Equal(t, "Another", now.Name)
					a := newAgent("agent")
					a.MCPServers = slugs
					_, err = within.ImportAgent(t.Context(), s.tenant, a)
					require.Equal(t, slugs[0] == "gone", err != nil)
					return failed
				})
				require.ErrorIs(t, err, failed)
			}
			now, err := tried.MCPServer(t.Context(), s.tenant.ID, ref)
			require.NoError(t, err)
			equalServer(t, there, now)
			_, err = tried.MCPServer(t.Context(), s.tenant.ID, core.ByID(planned.ID))
			require.NoError(t, err, "what was done around it stays")

			waits, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = s.UpdateMCPServer(waits, s.tenant.ID, ref, core.Modification{
				UpdatedAt: long, MCPServerUpdate: core.MCPServerUpdate{Name: new("Client's")},
			})
			return err
		})
		require.NoError(t, err)
		require.Equal(t, "Client's", s.read(t, ref).Name)
	}},
}
