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
	server, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.NoError(t, err)

	agent, err := s.CreateAgent(t.Context(), tenant, newAgent(server.Slug))
	require.NoError(t, err)

	other := newServer("two")
	other.Place++
	otherAgent, doomed := newAgent(server.Slug), newAgent()
	otherAgent.Place++
	doomed.Place--
	_, err = s.CreateAgent(t.Context(), tenant, doomed)
	require.NoError(t, err)
	for name, use := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := s.CreateMCPServer(ctx, tenant, core.Creation{Server: other, RefuseSameName: true})
			return err
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
		"list accounts": func(ctx context.Context) error {
			_, _, err := s.AccountPage(ctx, tenant, core.OldestFirst, 0, 10)
			return err
		},
		"delete agent": func(ctx context.Context) error { return s.DeleteAgent(ctx, tenant, doomed.UID) },
		"read what is not there": func(ctx context.Context) error {
			_, err := s.MCPServer(ctx, tenant, core.BySlug("nothing"))
			if core.KindOf(err) != core.NotFound {
				return errors.Join(errors.New("want not found"), err)
			}
			return nil
		},
		"delete what is not there": func(ctx context.Context) error {
			if err := s.DeleteMCPServer(ctx, tenant, core.BySlug("nothing")); core.KindOf(err) != core.NotFound {
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
		require.Equal(t, core.NotFound, core.KindOf(s.DeleteMCPServer(t.Context(), tenant, core.BySlug(bad))))
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

// Each statement must find its rows by the index that has all of its columns,
// also where tenants have about one server each and the tenant alone seems
// enough: see the migration that makes the indexes.
func TestEachStatementIsServedByItsIndex(t *testing.T) {
	t.Parallel()
	wanted := map[string]string{
		"mcp_server_by_id": "mcp_server_pkey", "mcp_server_by_slug": "mcp_server_slug_key",
		"update_mcp_server_by_id": "mcp_server_pkey", "update_mcp_server_by_slug": "mcp_server_slug_key",
		"delete_mcp_server_by_id": "mcp_server_pkey", "delete_mcp_server_by_slug": "mcp_server_slug_key",
		"mcp_server_count": "mcp_server_place_key", "mcp_server_page": "mcp_server_place_key", "mcp_server_page_back": "mcp_server_place_key",
		"mcp_servers_after": "mcp_server_place_key", "mcp_servers_before": "mcp_server_place_key",
		"insert_mcp_server_at":   "mcp_server_name_key tenant_pkey",
		"insert_mcp_server_next": "mcp_server_name_key mcp_server_place_key mcp_server_place_key tenant_pkey",
		"mcp_server_taken":       "mcp_server_pkey mcp_server_name_key mcp_server_slug_key mcp_server_place_key tenant_pkey",

		"account_by_id": "linked_account_pkey", "delete_account": "linked_account_pkey",
		"create_account": "", "upsert_account": "",
		"account_count": "linked_account_order_idx", "account_page": "linked_account_order_idx",
		"account_page_back": "linked_account_order_idx",

		"agent_by_uid": "agent_pkey", "delete_agent": "agent_pkey",
		"agents_after": "agent_place_key", "agents_before": "agent_place_key",
		"hold_mcp_servers":  "mcp_server_slug_key",
		"update_agent":      "agent_pkey mcp_server_slug_key",
		"insert_agent_at":   "mcp_server_slug_key tenant_pkey",
		"insert_agent_next": "mcp_server_slug_key agent_place_key agent_place_key tenant_pkey",
		"agent_taken":       "agent_pkey agent_place_key tenant_pkey",
	}
	statements := store.Statements()
	conn := connect(t, storetest.New(t))
	check := func(t *testing.T) {
		t.Helper()
		for name, indexes := range wanted {
			exec(t, conn, "BEGIN; SET LOCAL ROLE diglot_runtime; SET LOCAL plan_cache_mode = force_generic_plan; "+
				"SET LOCAL app.tenant_id = '"+string(core.NewTenantID())+"'")
			description, err := conn.Prepare(t.Context(), name, statements[name])
			require.NoError(t, err, name)
			nulls := strings.TrimSuffix(strings.Repeat("NULL,", len(description.ParamOIDs)), ",")
			var used []string
			plan := query[string](t, conn, "EXPLAIN EXECUTE "+name+"("+nulls+")")
			for _, line := range plan {
				require.NotContains(t, line, "Seq Scan")
				if _, index, ok := strings.Cut(line, " using "); ok {
					used = append(used, strings.Fields(index)[0])
				}
			}
			require.ElementsMatch(t, strings.Fields(indexes), used, "%s:\n%s", name, strings.Join(plan, "\n"))
			exec(t, conn, "ROLLBACK; DEALLOCATE ALL")
			require.NoError(t, conn.DeallocateAll(t.Context()))
		}
	}
	check(t) // an empty table
	exec(t, conn, `INSERT INTO tenant (id, name, refold_org_id, refold_environment, created_at)
		SELECT gen_random_uuid(), i, i, 'test', now() FROM generate_series(1, 3000) i`)
	exec(t, conn, `INSERT INTO mcp_server (tenant_id, id, slug, name, name_digest, place, created_at, updated_at)
		SELECT t.id, decode(lpad(i::text, 24, '0'), 'hex'), i, i, sha256(i::text::bytea), i, now(), now()
		FROM tenant t, LATERAL generate_series(1, CASE WHEN t.name = '1' THEN 1000 ELSE 1 END) i`)
	exec(t, conn, `INSERT INTO agent (tenant_id, uid, name, name_folded, active, mcp_servers, place, created_at, updated_at)
		SELECT tenant_id, gen_random_uuid(), name, name, true, ARRAY[slug], place, now(), now() FROM mcp_server`)
	exec(t, conn, `INSERT INTO linked_account (tenant_id, id, created_at) SELECT tenant_id, name, now() FROM mcp_server`)
	exec(t, conn, "ANALYZE")
	check(t) // small tenants and a big one
}
