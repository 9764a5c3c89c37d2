package store_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// twoTenants gives a database with two tenants, a and b, of two servers each.
func twoTenants(t *testing.T) (databaseURL string, a, b core.TenantID) {
	t.Helper()
	databaseURL = storetest.New(t)
	operator, runtime := open(t, databaseURL, store.Operator), open(t, databaseURL, store.Runtime)
	var ids []core.TenantID
	for _, name := range []string{"a", "b"} {
		tenant := newTenant(t, operator, name)
		ids = append(ids, tenant.ID)
		require.NoError(t, operator.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: name, CreatedAt: epoch}))
		for range 2 {
			_, err := runtime.CreateMCPServer(t.Context(), tenant.ID, core.Creation{Server: newServer(name)})
			require.NoError(t, err)
		}
	}
	return databaseURL, ids[0], ids[1]
}

// asRuntime begins a transaction as the runtime role, of the tenant unless it is "".
func asRuntime(t *testing.T, databaseURL string, tenant core.TenantID) *pgx.Conn {
	t.Helper()
	conn := connect(t, databaseURL)
	exec(t, conn, "SET ROLE diglot_runtime; BEGIN")
	if tenant != "" {
		exec(t, conn, "SET LOCAL app.tenant_id = '"+string(tenant)+"'")
	}
	return conn
}

func TestRowSecurityHoldsWithoutATenantPredicate(t *testing.T) {
	t.Parallel()
	databaseURL, a, b := twoTenants(t)
	admin := connect(t, databaseURL)
	untouched := func() int {
		return query[int](t, admin, "SELECT count(*)::int FROM mcp_server WHERE tenant_id = '"+string(b)+"' AND name = 'b'")[0]
	}

	conn := asRuntime(t, databaseURL, a)
	require.Equal(t, []string{"a", "a"}, query[string](t, conn, "SELECT name FROM mcp_server"))
	require.Equal(t, []string{"a"}, query[string](t, conn, "SELECT id FROM linked_account"))
	tag, err := conn.Exec(t.Context(), "UPDATE mcp_server SET name = 'changed'")
	require.NoError(t, err)
	require.EqualValues(t, 2, tag.RowsAffected())
	tag, err = conn.Exec(t.Context(), "DELETE FROM mcp_server")
	require.NoError(t, err)
	require.EqualValues(t, 2, tag.RowsAffected())
	tag, err = conn.Exec(t.Context(), "UPDATE linked_account SET name = 'changed'")
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
	tag, err = conn.Exec(t.Context(), "DELETE FROM linked_account")
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
	exec(t, conn, "COMMIT")
	require.Equal(t, 2, untouched())
	require.Equal(t, []string{"b"}, query[string](t, admin, "SELECT id FROM linked_account WHERE name IS NULL"))

	const insert = `INSERT INTO mcp_server (tenant_id, id, slug, name, name_digest, place, created_at, updated_at)
		VALUES ($1, decode('00112233445566778899aabb', 'hex'), 'new', 'new', sha256('new'), 1, now(), now())`
	conn = asRuntime(t, databaseURL, a)
	_, err = conn.Exec(t.Context(), insert, string(b))
	require.ErrorContains(t, err, "row-level security")
	conn = asRuntime(t, databaseURL, a)
	_, err = conn.Exec(t.Context(), insert, string(a))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE mcp_server SET tenant_id = $1", string(b))
	require.ErrorContains(t, err, "row-level security")
	require.Equal(t, 2, untouched())
}

func TestWithoutATenantEveryStatementFails(t *testing.T) {
	t.Parallel()
	databaseURL, a, _ := twoTenants(t)
	for name, conn := range map[string]func() *pgx.Conn{
		"never set": func() *pgx.Conn { return asRuntime(t, databaseURL, "") },
		"set for the transaction before": func() *pgx.Conn {
			conn := asRuntime(t, databaseURL, a)
			exec(t, conn, "COMMIT; BEGIN")
			return conn
		},
	} {
		for _, sql := range []string{
			"SELECT count(*) FROM mcp_server", "UPDATE mcp_server SET name = 'changed'", "DELETE FROM mcp_server",
			"SELECT count(*) FROM linked_account", "UPDATE linked_account SET name = 'changed'", "DELETE FROM linked_account",
			"SELECT count(*) FROM agent", "UPDATE agent SET name = 'changed'", "DELETE FROM agent",
		} {
			_, err := conn().Exec(t.Context(), sql)
			require.Error(t, err, "%s: %s", name, sql)
		}
	}
}

func TestTheRuntimeHasNoRightsBeyondServersAgentsAndAccounts(t *testing.T) {
	t.Parallel()
	databaseURL, a, _ := twoTenants(t)
	for _, sql := range []string{
		"SELECT name FROM tenant", "SELECT status FROM tenant", "UPDATE tenant SET status = 'active'",
		"SELECT hash FROM api_key", "SELECT last_used_at FROM api_key", "UPDATE api_key SET last_used_at = now()",
		"UPDATE api_key SET revoked_at = NULL", "INSERT INTO api_key DEFAULT VALUES", "SELECT material FROM secret",
		"DELETE FROM tenant", "DELETE FROM api_key", "TRUNCATE linked_account", "ALTER TABLE linked_account DISABLE ROW LEVEL SECURITY", "DELETE FROM secret",
		"UPDATE schema_migrations SET version = 0", "TRUNCATE mcp_server", "TRUNCATE agent", "CREATE TABLE mine (id int)",
		"ALTER TABLE mcp_server DISABLE ROW LEVEL SECURITY", "ALTER TABLE agent DISABLE TRIGGER ALL",
		"DROP FUNCTION unlist_mcp_server CASCADE", "SET ROLE diglot_operator",
	} {
		conn := connect(t, databaseURL)
		exec(t, conn, "SET SESSION AUTHORIZATION diglot_runtime") // SET ROLE would leave the login's right to change it
		exec(t, conn, "BEGIN; SET LOCAL app.tenant_id = '"+string(a)+"'")
		_, err := conn.Exec(t.Context(), sql)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr, sql)
		require.Equal(t, "42501", pgErr.Code, sql)
	}
}

// The functions that find a tenant run with their owner's rights: whoever
// calls them must not be able to have them find something else.
func TestTheDirectoryFunctionsCantBeMisled(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	operator := open(t, databaseURL, store.Operator)
	tenant := newTenant(t, operator, "one")
	require.NoError(t, operator.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: "user", CreatedAt: epoch}))

	conn := connect(t, databaseURL)
	exec(t, conn, "GRANT TEMPORARY ON DATABASE "+conn.Config().Database+" TO diglot_runtime; SET ROLE diglot_runtime")
	exec(t, conn, `CREATE TEMPORARY TABLE tenant AS SELECT gen_random_uuid() AS id, 'fake' AS name, 'org-one' AS refold_org_id,
		'test' AS refold_environment, NULL AS cometchat_app_id, NULL AS cometchat_region, '' AS url_template,
		'v3' AS refold_revision, false AS require_accounts, false AS protect_servers,
		true AS strong_etags, true AS require_if_match, now() AS created_at`)
	exec(t, conn, "SET search_path = pg_temp, public")
	for _, function := range []string{"refold_tenant", "tenant_of_account", "tenant_by_account"} {
		require.Equal(t, []string{"one"}, query[string](t, conn, "SELECT name FROM public."+function+"('org-one', 'test', 'user')"))
	}
	require.Equal(t, []bool{false}, query[bool](t, conn, "SELECT require_if_match FROM public.tenant_write_settings('"+string(tenant.ID)+"')"))
	nobody, _ := newLogin(t, databaseURL, "")
	exec(t, conn, "RESET ROLE")
	exec(t, conn, "SET ROLE "+nobody)
	for _, call := range []string{
		"refold_tenant('org-one', 'test', 'user')", "key_owner('refold', '')",
		"tenant_of_account('org-one', 'test', 'user')", "tenant_of_key('refold', '')",
		"tenant_by_account('org-one', 'test', 'user')", "tenant_by_key('refold', '')",
		"tenant_of_live_key('refold', '')", "note_key_uses('{}', '{}', '{}') AS name",
		"tenant_write_settings('00000000-0000-4000-8000-000000000001')",
	} {
		_, err := conn.Exec(t.Context(), "SELECT FROM public."+call)
		require.ErrorContains(t, err, "permission denied")
	}
}

func TestServeRefusesARoleThatCouldSeeOtherTenants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes string
		prepare    string // with $role for the login
		want       string
	}{
		"BYPASSRLS":                {attributes: "BYPASSRLS", want: "it has BYPASSRLS"},
		"a BYPASSRLS runtime user": {attributes: "BYPASSRLS", prepare: "GRANT diglot_operator TO $role", want: "diglot_operator"},
		"operator":                 {prepare: "GRANT diglot_operator TO $role", want: "diglot_operator"},
		"owner without force": {
			prepare: "GRANT CREATE ON SCHEMA public TO $role; ALTER TABLE mcp_server OWNER TO $role; " +
				"ALTER TABLE mcp_server NO FORCE ROW LEVEL SECURITY",
			want: "owns mcp_server and row security isn't forced",
		},
		"heir of the owner without force": {
			prepare: "GRANT CREATE ON SCHEMA public TO diglot_operator; ALTER TABLE mcp_server OWNER TO diglot_operator; " +
				"ALTER TABLE mcp_server NO FORCE ROW LEVEL SECURITY; GRANT diglot_operator TO $role",
			want: "owns mcp_server and row security isn't forced",
		},
		"row security off": {
			prepare: "GRANT diglot_runtime TO $role; ALTER TABLE mcp_server DISABLE ROW LEVEL SECURITY",
			want:    "row security is off for mcp_server",
		},
		"row security off for a new table": {
			prepare: "GRANT diglot_runtime TO $role; CREATE TABLE later (tenant_id uuid)",
			want:    "row security is off for later",
		},
		"no rights": {want: "GRANT diglot_runtime"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := storetest.New(t)
			login, loginURL := newLogin(t, databaseURL, c.attributes)
			if c.prepare != "" {
				exec(t, connect(t, databaseURL), strings.ReplaceAll(c.prepare, "$role", login))
			}
			for _, cfg := range []store.Config{
				{URL: loginURL},
				{URL: databaseURL, PooledURL: storetest.NewBouncer(t, loginURL).URL(t, loginURL)},
			} {
				_, err := store.Open(t.Context(), cfg)
				require.ErrorContains(t, err, c.want)
				require.ErrorContains(t, err, "GRANT diglot_runtime", "what to do about it")
			}
		})
	}
}

// A database whose owner is no superuser: the usual case with a hosted
// PostgreSQL. Its owner migrates, operates and serves.
func TestAnOwnerWithoutSuperuserCanDoEverything(t *testing.T) {
	t.Parallel()
	empty := storetest.NewEmpty(t)
	login, loginURL := newLogin(t, empty, "CREATEROLE")
	admin := connect(t, empty)
	exec(t, admin, "GRANT CREATE ON SCHEMA public TO "+login)
	storetest.New(t) // the roles are there now
	if query[int](t, admin, "SELECT current_setting('server_version_num')::int")[0] >= 160000 {
		// What a login has from then on of a role that it made itself.
		exec(t, admin, "GRANT diglot_runtime, diglot_operator TO "+login+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}

	require.NoError(t, store.Up(t.Context(), loginURL))
	operator, runtime := open(t, loginURL, store.Operator), open(t, loginURL, store.Runtime)
	one, other := newTenant(t, operator, "one"), newTenant(t, operator, "other")
	tenants, err := operator.Tenants(t.Context())
	require.NoError(t, err)
	require.Len(t, tenants, 2)
	server, err := runtime.CreateMCPServer(t.Context(), one.ID, core.Creation{Server: newServer("one")})
	require.NoError(t, err)
	_, err = runtime.MCPServer(t.Context(), one.ID, core.ByID(server.ID))
	require.NoError(t, err)
	_, err = runtime.MCPServer(t.Context(), other.ID, core.ByID(server.ID))
	require.Equal(t, core.NotFound, core.KindOf(err))
	key := core.Key{ID: core.NewUUID(), Tenant: one.ID, Dialect: core.Refold, Scope: core.FullAccess, CreatedAt: epoch}
	require.NoError(t, operator.CreateKey(t.Context(), key))
	owner, got, err := runtime.KeyOwner(t.Context(), core.Refold, key.Hash)
	require.NoError(t, err)
	require.Equal(t, key.ID, got.ID)
	require.Equal(t, one, owner)
	requireSessionsWork(t, runtime, operator, one)
	_, err = runtime.Tenants(t.Context())
	require.Error(t, err, "it has stepped down")
	require.NoError(t, runtime.NoteKeyUses(t.Context(), []core.KeyUse{{Tenant: one.ID, KeyID: key.ID, At: epoch}}))
	_, got, err = operator.Key(t.Context(), key.ID)
	require.NoError(t, err)
	require.NotNil(t, got.LastUsedAt)
	deleteTenant(t, operator, other.Name)
	require.NoError(t, operator.CreateTenant(t.Context(), other), "nothing is left of it")
	deleteTenant(t, operator, one.Name)
	_, err = operator.Secret(t.Context(), nil)
	require.NoError(t, err)
	runtime.Close()
	operator.Close()
	require.NoError(t, store.Down(t.Context(), loginURL, store.All))
}

// deleteTenant deletes a tenant as an operator does.
func deleteTenant(t *testing.T, d core.Directory, name string) {
	t.Helper()
	tenant, err := d.SetTenantStatus(t.Context(), name, core.TenantDeleting)
	require.NoError(t, err)
	for done := false; !done; {
		_, done, err = d.DeleteTenantPart(t.Context(), tenant.ID, 100)
		require.NoError(t, err)
	}
}

// A login for the runtime alone: what someone serves with who keeps the rights
// to migrate and operate elsewhere.
func TestALoginForTheRuntimeAloneServes(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	tenant := newTenant(t, open(t, databaseURL, store.Operator), "one").ID
	login, loginURL := newLogin(t, databaseURL, "")
	exec(t, connect(t, databaseURL), "GRANT diglot_runtime TO "+login)
	require.NoError(t, store.Up(t.Context(), loginURL), "at head there is nothing to do")

	s := open(t, loginURL, store.Runtime)
	_, err := s.CreateMCPServer(t.Context(), tenant, core.Creation{Server: newServer("one")})
	require.NoError(t, err)
	require.NoError(t, s.Ready(t.Context()))
	_, err = store.Open(t.Context(), store.Config{URL: loginURL, Role: store.Operator})
	require.ErrorContains(t, err, "GRANT diglot_operator")
	_, err = s.Secret(t.Context(), nil)
	require.ErrorContains(t, err, "DIGLOT_SECRET or DIGLOT_SECRET_FILE")
	given := core.RandomMaterial()
	secret, err := s.Secret(t.Context(), given)
	require.NoError(t, err)
	want, err := core.NewSecret(given)
	require.NoError(t, err)
	require.Equal(t, want.Derive("test"), secret.Derive("test"))
}

func TestAnotherSchemaOnTheSearchPathIsUsed(t *testing.T) {
	t.Parallel()
	empty := storetest.NewEmpty(t)
	conn := connect(t, empty)
	exec(t, conn, `CREATE SCHEMA "Other Schema"`)
	inSchema := changeURL(t, empty, func(_ *url.URL, query url.Values) { query.Set("search_path", `"Other Schema"`) })
	require.NoError(t, store.Up(t.Context(), inSchema))
	require.Equal(t, []string{"Other Schema"}, query[string](t, conn,
		"SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('tenant', 'mcp_server', 'schema_migrations')"))

	operator, runtime := open(t, inSchema, store.Operator), open(t, inSchema, store.Runtime)
	tenant := newTenant(t, operator, "one")
	require.NoError(t, operator.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: "user", CreatedAt: epoch}))
	issued, err := runtime.IssueSession(t.Context(), tenant.ID, sessionRequest("user"))
	require.NoError(t, err)
	require.Equal(t, core.NotFound, core.KindOf(runtime.DeleteAccount(bySession(t, issued), tenant.ID, "nobody")))
	got, err := runtime.SessionOwner(t.Context(), *tenant.Refold, issued.SessionID)
	require.NoError(t, err)
	require.Equal(t, tenant, got)
	_, err = store.Open(t.Context(), store.Config{URL: empty})
	require.ErrorContains(t, err, "diglot migrate up", "there is nothing in public")
	runtime.Close()
	operator.Close()
	require.NoError(t, store.Down(t.Context(), inSchema, store.All))
}
