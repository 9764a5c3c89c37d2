package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestEachUseCaseOfAKnownTenantIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	p := newProxy(t, url)
	requireOneRoundTrip(t, url, p, store.Config{URL: p.url})
}

// requireOneRoundTrip wants one by way of the proxy, whatever a store is asked.
func requireOneRoundTrip(t *testing.T, url string, p *proxy, cfg store.Config) {
	t.Helper()
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	cfg.MaxConns = 1
	s, err := store.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.StopChaining() // which is not the use cases' doing
	server, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.NoError(t, err)

	agent, err := s.CreateAgent(t.Context(), tenant, newAgent(server.Slug))
	require.NoError(t, err)

	other, guarded := newServer("two"), newServer("guarded")
	other.Place++
	guarded.Place--
	_, err = s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: guarded})
	require.NoError(t, err)
	otherAgent, doomed := newAgent(server.Slug), newAgent()
	otherAgent.Place++
	doomed.Place--
	_, err = s.CreateAgent(t.Context(), tenant, doomed)
	require.NoError(t, err)
	require.NoError(t, s.CreateAccount(t.Context(), core.Account{Tenant: tenant, ID: "user", CreatedAt: epoch}))
	var sessions [2]core.Session
	for i := range sessions {
		request := sessionRequest("user")
		request.IssuedAt += int64(i) // or they are one
		sessions[i], err = s.IssueSession(t.Context(), tenant, request)
		require.NoError(t, err)
	}
	for name, use := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := s.CreateMCPServer(ctx, tenant, core.Creation{Server: other, RefuseSameName: true})
			return err
		},
		"create once": func(ctx context.Context) error {
			created := newServer("once")
			created.Place -= 2
			_, err := s.CreateMCPServer(core.WithOnce(ctx, &core.Once{Scope: "s", Key: "k", At: epoch, Answer: func(any) (core.KeptAnswer, error) {
				return core.KeptAnswer{Status: 201, Body: []byte("{}")}, nil
			}}), tenant, core.Creation{Server: created})
			return err
		},
		"read a kept answer": func(ctx context.Context) error {
			if _, err := s.KeptAnswer(ctx, tenant, "s", "none", epoch); core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
		"read by id": func(ctx context.Context) error {
			_, err := s.MCPServer(ctx, tenant, core.ByID(server.ID))
			return err
		},
		"read by slug": func(ctx context.Context) error {
			_, err := s.MCPServer(ctx, tenant, core.BySlug(server.Slug))
			return err
		},
		"page": func(ctx context.Context) error {
			_, _, err := s.MCPServerPage(ctx, tenant, core.OldestFirst, 0, 10)
			return err
		},
		"page, newest first": func(ctx context.Context) error {
			_, _, err := s.MCPServerPage(ctx, tenant, core.NewestFirst, 0, 10)
			return err
		},
		"list": func(ctx context.Context) error {
			_, err := s.MCPServersFrom(ctx, tenant, 0, core.After, 10)
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := s.UpdateMCPServer(ctx, tenant, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
			return err
		},
		"update on a condition": func(ctx context.Context) error {
			m := core.Modification{UpdatedAt: epoch}
			m.If = core.Precondition{OneOf: []core.Version{guarded.Version()}}
			_, err := s.UpdateMCPServer(ctx, tenant, core.ByID(guarded.ID), m)
			return err
		},
		"create agent": func(ctx context.Context) error {
			_, err := s.CreateAgent(ctx, tenant, otherAgent)
			return err
		},
		"read agent": func(ctx context.Context) error {
			_, err := s.Agent(ctx, tenant, agent.UID)
			return err
		},
		"list agents": func(ctx context.Context) error {
			_, err := s.AgentsFrom(ctx, tenant, core.AgentQuery{Limit: 10, Search: "agent"})
			return err
		},
		"update agent": func(ctx context.Context) error {
			_, err := s.UpdateAgent(ctx, tenant, agent.UID, core.AgentModification{UpdatedAt: epoch})
			return err
		},
		"give agent a server": func(ctx context.Context) error {
			m := core.AgentModification{UpdatedAt: epoch}
			m.AddMCPServers = []string{server.Slug}
			_, err := s.UpdateAgent(ctx, tenant, agent.UID, m)
			return err
		},
		"create account": func(ctx context.Context) error {
			return s.CreateAccount(ctx, core.Account{Tenant: tenant, ID: "created", CreatedAt: epoch})
		},
		"upsert account": func(ctx context.Context) error {
			_, err := s.UpsertAccount(ctx, core.Account{Tenant: tenant, ID: "user", CreatedAt: epoch, UpdatedAt: epoch})
			return err
		},
		"issue session": func(ctx context.Context) error {
			_, err := s.IssueSession(ctx, tenant, sessionRequest("user"))
			return err
		},
		"issue session, of no account": func(ctx context.Context) error {
			_, err := s.IssueSession(ctx, tenant, sessionRequest("nobody"))
			if core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
		"revoke session": func(ctx context.Context) error {
			return s.RevokeSession(ctx, tenant, sessions[0].SessionID, epoch)
		},
		"read by session": func(ctx context.Context) error {
			_, err := s.MCPServer(core.WithSession(ctx, &core.SessionUse{ID: sessions[1].SessionID}), tenant, core.ByID(server.ID))
			return err
		},
		"change by session": func(ctx context.Context) error {
			_, err := s.UpdateMCPServer(core.WithSession(ctx, &core.SessionUse{ID: sessions[1].SessionID}), tenant,
				core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
			return err
		},
		"list by session": func(ctx context.Context) error {
			_, _, err := s.MCPServerPage(core.WithSession(ctx, &core.SessionUse{ID: sessions[1].SessionID}), tenant, core.OldestFirst, 0, 10)
			return err
		},
		"walk accounts": func(ctx context.Context) error {
			_, err := s.AccountsAfter(ctx, tenant, core.AccountPosition{}, 10)
			return err
		},
		"walk sessions": func(ctx context.Context) error {
			_, err := s.SessionsAfter(ctx, tenant, core.SessionQuery{Account: "user", Limit: 10})
			return err
		},
		"revoke an account's sessions": func(ctx context.Context) error {
			if _, err := s.RevokeSessions(ctx, tenant, "nobody", epoch); core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
		"list accounts": func(ctx context.Context) error {
			_, _, err := s.AccountPage(ctx, tenant, core.OldestFirst, 0, 10)
			return err
		},
		"delete agent": func(ctx context.Context) error { return s.DeleteAgent(ctx, tenant, doomed.UID, core.Precondition{}) },
		"read what is not there": func(ctx context.Context) error {
			_, err := s.MCPServer(ctx, tenant, core.BySlug("nothing"))
			if core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
		"delete what is not there": func(ctx context.Context) error {
			if err := s.DeleteMCPServer(ctx, tenant, core.BySlug("nothing"), core.Precondition{}); core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
	} {
		before := p.ready.Load()
		require.NoError(t, use(t.Context()), name)
		require.Equal(t, before+1, p.ready.Load(), name)
	}
}

func TestAFailedTransactionLeavesItsConnectionUsable(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	made := s.Stat().NewConnsCount()

	for range 3 {
		server := newServer("one")
		server.Suggestions = core.JSON(`not JSON`)
		_, err = s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: server})
		require.Equal(t, core.Internal, core.KindOf(err))
		require.ErrorContains(t, err, "insert mcp_server")
		_, total, err := s.MCPServerPage(t.Context(), tenant, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Zero(t, total)
	}
	require.Equal(t, made, s.Stat().NewConnsCount(), "no connection was made anew")
}

func TestALostServerIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator := open(t, url, store.Operator)
	tenant := newTenant(t, operator, "one").ID
	admin := connect(t, url)
	p := newProxy(t, url)
	s := open(t, p.url, store.Runtime)
	server, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.NoError(t, err)

	read := func() error {
		_, err := s.MCPServer(t.Context(), tenant, core.ByID(server.ID))
		return err
	}
	require.NoError(t, read())
	exec(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	for err := read(); err != nil; err = read() { // one for each connection that was lost
		require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
	}
	require.NoError(t, s.Ready(t.Context()))

	p.cut()
	for range 3 {
		require.Equal(t, core.Unavailable, core.KindOf(read()))
		require.Equal(t, core.Unavailable, core.KindOf(s.Ready(t.Context())))
		_, _, err = s.KeyOwner(t.Context(), core.Refold, core.KeyHash{})
		require.Equal(t, core.Unavailable, core.KindOf(err))
	}
	_, err = store.Open(t.Context(), store.Config{URL: p.url})
	require.Equal(t, core.Unavailable, core.KindOf(err))
	s.Close()
	require.Equal(t, core.Unavailable, core.KindOf(read()), "a closed store is no internal error")
}

func TestARequestThatRunsOutOfTimeIsUnavailable(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	s := open(t, url, store.Runtime)
	blocker := connect(t, url)
	exec(t, blocker, "BEGIN; LOCK TABLE mcp_server IN ACCESS EXCLUSIVE MODE")

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := s.MCPServer(ctx, tenant, core.BySlug("any"))
	require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
	exec(t, blocker, "ROLLBACK")
	_, err = s.MCPServer(t.Context(), tenant, core.BySlug("any"))
	require.Equal(t, core.NotFound, core.KindOf(err))
}

func TestTextThatPostgresCantKeepIsTheClientsError(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	s := open(t, url, store.Runtime)
	for _, bad := range []string{"\x00", "a\xff", "\xed\xa0\x80"} {
		_, err := s.MCPServer(t.Context(), tenant, core.BySlug(bad))
		require.Equal(t, core.NotFound, core.KindOf(err), "%v", err)
		require.Equal(t, core.NotFound, core.KindOf(s.DeleteMCPServer(t.Context(), tenant, core.BySlug(bad), core.Precondition{})))
		server := newServer("one")
		server.Suggestions = core.JSON(`["` + bad + `"]`)
		_, err = s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: server})
		require.Equal(t, core.Invalid, core.KindOf(err), "%v", err)
	}
}

func TestANameOfAMegabyteIsKeptAndRefusedTwice(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	s := open(t, url, store.Runtime)
	long := strings.Repeat("näme 🚀 ", 1<<20/len("näme 🚀 "))
	created, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer(long), RefuseSameName: true})
	require.NoError(t, err)
	got, err := s.MCPServer(t.Context(), tenant, core.ByID(created.ID))
	require.NoError(t, err)
	require.Len(t, got.Name, len(long))
	require.Equal(t, sha256.Sum256([]byte(long)), sha256.Sum256([]byte(got.Name)), "a difference would fill the screen")
	_, err = s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer(long), RefuseSameName: true})
	require.True(t, core.IsConflictOn(err, "name"))
}
