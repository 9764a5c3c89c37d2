package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/core/coretest"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// openPooled opens a store whose requests go by way of a PgBouncer, with more
// connections than that has.
func openPooled(t testing.TB, b *storetest.Bouncer, url, login string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, login), MaxConns: 5 * storetest.BouncerPoolSize})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestPostgresBehindPgBouncerKeepsTheContract(t *testing.T) {
	t.Parallel()
	b := storetest.NewBouncer(t, storetest.NewEmpty(t))
	coretest.Run(t, func(t *testing.T) coretest.Backend {
		url := storetest.New(t)
		return backend{openPooled(t, b, url, url), open(t, url, store.Operator)}
	})
}

// eachPooledLogin runs a test with each kind of login that a gateway may come
// to its PgBouncer with.
func eachPooledLogin(t *testing.T, run func(t *testing.T, databaseURL, loginURL string)) {
	t.Helper()
	for name, grant := range map[string]string{
		"the owner's":            "",
		"the runtime's alone":    "GRANT diglot_runtime TO $role",
		"a member's of both":     "GRANT diglot_runtime, diglot_operator TO $role",
		"one that inherits none": "ALTER ROLE $role NOINHERIT; GRANT diglot_runtime TO $role",
		"one that could be both": "ALTER ROLE $other NOINHERIT; GRANT diglot_operator TO $other; GRANT diglot_runtime, $other TO $role",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := storetest.New(t)
			loginURL := databaseURL
			if grant != "" {
				var login string
				login, loginURL = newLogin(t, databaseURL, "")
				other, _ := newLogin(t, databaseURL, "")
				exec(t, connect(t, databaseURL), strings.NewReplacer("$role", login, "$other", other).Replace(grant))
			}
			run(t, databaseURL, loginURL)
		})
	}
}

func TestBehindPgBouncerEachUseCaseIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	eachPooledLogin(t, func(t *testing.T, databaseURL, loginURL string) {
		p := newProxy(t, storetest.NewBouncer(t, loginURL).URL(t, loginURL))
		requireOneRoundTrip(t, databaseURL, p, store.Config{URL: databaseURL, PooledURL: p.url})

		s, err := store.Open(t.Context(), store.Config{URL: databaseURL, PooledURL: p.url, MaxConns: 1})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		before := p.ready.Load()
		_, _, err = s.KeyOwner(t.Context(), core.Refold, core.KeyHash{})
		require.Equal(t, core.NotFound, core.KindOf(err))
		_, err = s.SessionOwner(t.Context(), core.RefoldAddress{OrgID: "org-one", Environment: core.Test}, core.SessionID{Account: "user"})
		require.Equal(t, core.NotFound, core.KindOf(err))
		require.Equal(t, before+2, p.ready.Load(), "look-ups too")
	})
}

// What row security knows of a tenant has to be right where no predicate of
// ours makes up for it, whoever had the server connection before and whatever
// was left there. And we leave nothing.
func TestRowSecurityHoldsBehindPgBouncer(t *testing.T) {
	t.Parallel()
	eachPooledLogin(t, func(t *testing.T, databaseURL, loginURL string) {
		b := storetest.NewBouncer(t, loginURL)
		s := openPooled(t, b, databaseURL, loginURL)
		operator := open(t, databaseURL, store.Operator)
		var tenants []core.Tenant
		for _, name := range []string{"a", "b", "c"} {
			tenant := newTenant(t, operator, name)
			tenants = append(tenants, tenant)
			_, err := s.CreateMCPServer(t.Context(), tenant.ID, core.Creation{Server: newServer(name)})
			require.NoError(t, err)
		}
		requireApart(t, s, tenants)
		pooledURL := b.URL(t, loginURL)
		var held []*pgx.Conn
		for range storetest.BouncerPoolSize { // each in a transaction: each on a server connection of its own
			conn := connect(t, pooledURL)
			exec(t, conn, "BEGIN")
			require.Equal(t, []bool{true}, query[bool](t, conn, `SELECT COALESCE(current_setting('app.tenant_id', true), '') = ''
				AND current_user = session_user AND current_setting('plan_cache_mode') = 'auto'`))
			held = append(held, conn)
			exec(t, conn, "SET app.tenant_id = '"+string(tenants[0].ID)+"'; SET plan_cache_mode = force_custom_plan")
			exec(t, conn, `SELECT set_config('role', 'diglot_operator', false) WHERE pg_has_role(session_user, 'diglot_operator', 'MEMBER')`)
		}
		for _, conn := range held {
			exec(t, conn, "COMMIT")
		}
		require.Equal(t, []string{string(tenants[0].ID)}, query[string](t, connect(t, pooledURL), "SHOW app.tenant_id"), "it is left")
		requireApart(t, s, tenants)
		s.Close()
		requireApart(t, openPooled(t, b, databaseURL, loginURL), tenants)
	})
}

// requireApart has tenants look for everything and change everything, all at
// once and often enough to meet on each server connection.
func requireApart(t *testing.T, s *store.Store, tenants []core.Tenant) {
	t.Helper()
	const each = 20
	errs := make([]error, each*len(tenants))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = staysApart(t.Context(), s, tenants[i%len(tenants)]) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	_, err := s.Tenants(t.Context())
	require.Error(t, err)
	_, err = s.Tenant(t.Context(), tenants[0].Name)
	require.Error(t, err)
	require.Error(t, s.CreateKey(t.Context(), core.Key{ID: core.NewUUID(), Tenant: tenants[0].ID, Dialect: core.Refold, Scope: core.FullAccess}))
}

func staysApart(ctx context.Context, s *store.Store, tenant core.Tenant) error {
	for sql, want := range map[string]string{
		"SELECT name FROM mcp_server":                                                                 tenant.Name,
		"UPDATE mcp_server SET revision = revision + 1 RETURNING name":                                tenant.Name,
		"SELECT name FROM mcp_server WHERE current_setting('plan_cache_mode') = 'force_generic_plan'": tenant.Name,
		`SELECT count(*)::text FROM pg_roles
			WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR pg_has_role('diglot_operator', 'USAGE'))`: "0",
	} {
		got, err := s.QueryInTenant(ctx, tenant.ID, sql)
		if err != nil {
			return err
		}
		if !slices.Equal(got, []string{want}) {
			return fmt.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	_, err := s.SessionOwner(ctx, *tenant.Refold, core.SessionID{Account: "nobody"})
	if core.KindOf(err) != core.NotFound {
		return fmt.Errorf("look up nobody: %w", err)
	}
	return nil
}

func TestAPoolerHasToLeadToTheSameDatabase(t *testing.T) {
	t.Parallel()
	url, other := storetest.New(t), storetest.New(t)
	b := storetest.NewBouncer(t, url)
	_, err := store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, other)})
	require.ErrorContains(t, err, "another database")
	empty := storetest.NewEmpty(t)
	_, err = store.Open(t.Context(), store.Config{URL: empty, PooledURL: b.URL(t, empty)})
	require.ErrorContains(t, err, "diglot migrate up")
	exec(t, connect(t, url), "ALTER TABLE agent DROP COLUMN name_folded CASCADE")
	_, err = store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, url)})
	require.ErrorContains(t, err, "diglot migrate up")
	_, err = store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, url), Role: store.Operator})
	require.Error(t, err, "commands go direct")
}

func TestALoginForTheRuntimeAloneServesBehindPgBouncer(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	login, loginURL := newLogin(t, databaseURL, "")
	exec(t, connect(t, databaseURL), "GRANT diglot_runtime TO "+login)
	s := openPooled(t, storetest.NewBouncer(t, loginURL), loginURL, loginURL)
	require.NoError(t, s.Ready(t.Context()))
	_, err := s.Secret(t.Context(), nil)
	require.ErrorContains(t, err, "DIGLOT_SECRET or DIGLOT_SECRET_FILE")
	_, err = s.Secret(t.Context(), core.RandomMaterial())
	require.NoError(t, err)
	told := events(t, s)
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	tenant := newTenant(t, open(t, databaseURL, store.Operator), "one")
	requireEvent(t, told, core.DirectoryEvent{Connected: true, Changed: tenant.ID})
}

func TestALostPgBouncerIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	b := storetest.NewBouncer(t, url)
	s := openPooled(t, b, url, url)
	server, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.NoError(t, err)
	read := func() error {
		_, err := s.MCPServer(t.Context(), tenant, core.ByID(server.ID))
		return err
	}
	b.Kill(t)
	for range 3 {
		require.Equal(t, core.Unavailable, core.KindOf(read()))
		require.Equal(t, core.Unavailable, core.KindOf(s.Ready(t.Context())))
		_, _, err = s.KeyOwner(t.Context(), core.Refold, core.KeyHash{})
		require.Equal(t, core.Unavailable, core.KindOf(err), "%v", err)
	}
	_, err = store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, url)})
	require.Equal(t, core.Unavailable, core.KindOf(err))
	b.Start(t)
	require.NoError(t, read())
	require.NoError(t, s.Ready(t.Context()))
}
