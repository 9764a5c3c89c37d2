package store_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestATenantIsForgottenWithItsTransaction(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	tenant := newTenant(t, open(t, url, store.Operator), "one").ID
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.NoError(t, s.CreateAccount(t.Context(), core.Account{Tenant: tenant, ID: "user", CreatedAt: epoch}))
	lives, err := s.IssueSession(t.Context(), tenant, sessionRequest("user"))
	require.NoError(t, err)
	ended := lives
	ended.ExpiresAt++
	made := s.Stat().NewConnsCount()
	for _, session := range []core.Session{lives, ended} {
		for name, use := range map[string]func() error{
			"read": func() error { _, err := s.Account(bySession(t, session), tenant, "user"); return err },
			"page": func() error {
				_, _, err := s.AccountPage(bySession(t, session), tenant, core.OldestFirst, 0, 1)
				return err
			},
			"change": func() error {
				_, err := s.UpsertAccount(bySession(t, session), core.Account{Tenant: tenant, ID: "user"})
				return err
			},
		} {
			if err := use(); session == ended {
				require.ErrorIs(t, err, core.ErrSessionEnded, name)
			} else {
				require.NoError(t, err, name)
			}
			setting, err := s.TenantSetting(t.Context())
			require.NoError(t, err)
			require.Empty(t, setting, name)
		}
	}
	require.Equal(t, made, s.Stat().NewConnsCount(), "no connection was made anew")
}

// newAccount makes an account with an id of its own.
func newAccount(t *testing.T, s core.Directory, tenant core.TenantID, id string) core.Account {
	t.Helper()
	a := core.Account{Tenant: tenant, ID: id, ObjectID: newID(epoch), CreatedAt: epoch, UpdatedAt: epoch}
	require.NoError(t, s.CreateAccount(t.Context(), a))
	return a
}

// What a program that knows no sessions does to accounts ends them too.
func TestSessionsEndWithTheirAccountWhoeverDeletesIt(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator, conn := open(t, url, store.Operator), connect(t, url)
	tenant := newTenant(t, operator, "one")
	s := open(t, url, store.Runtime)
	for _, sql := range []string{
		"DELETE FROM linked_account", "UPDATE linked_account SET id = 'another'",
		"BEGIN; DELETE FROM linked_account; INSERT INTO linked_account (tenant_id, id, created_at) SELECT id, 'user', now() FROM tenant; COMMIT",
		"DELETE FROM tenant",
	} {
		_, err := s.UpsertAccount(t.Context(), core.Account{
			Tenant: tenant.ID, ID: "user", ObjectID: newID(epoch), CreatedAt: epoch, UpdatedAt: epoch,
		})
		require.NoError(t, err)
		issued, err := s.IssueSession(t.Context(), tenant.ID, sessionRequest("user"))
		require.NoError(t, err)
		_, err = s.SessionOwner(t.Context(), *tenant.Refold, issued.SessionID)
		require.NoError(t, err)
		exec(t, conn, sql)
		_, err = s.SessionOwner(t.Context(), *tenant.Refold, issued.SessionID)
		require.Equal(t, core.NotFound, core.KindOf(err), sql)
		_, err = s.MCPServer(bySession(t, issued), tenant.ID, core.BySlug("any"))
		require.ErrorIs(t, err, core.ErrSessionEnded, sql)
	}
	require.Equal(t, []int{0}, query[int](t, conn, "SELECT count(*)::int FROM session_token"), "they went with the tenant")
}

func TestAnotherTenantsSessionsCantBeSeenOrChanged(t *testing.T) {
	t.Parallel()
	databaseURL, a, b := twoTenants(t)
	s := open(t, databaseURL, store.Runtime)
	for tenant, account := range map[core.TenantID]string{a: "a", b: "b"} {
		_, err := s.IssueSession(t.Context(), tenant, sessionRequest(account))
		require.NoError(t, err)
	}
	conn := asRuntime(t, databaseURL, a)
	require.Equal(t, []string{"a"}, query[string](t, conn, "SELECT account FROM session_token"))
	exec(t, conn, "UPDATE session_token SET revoked_at = now()")
	exec(t, conn, "COMMIT")
	admin := connect(t, databaseURL)
	require.Equal(t, []string{"b"}, query[string](t, admin, "SELECT account FROM session_token WHERE revoked_at IS NULL"))
	conn = asRuntime(t, databaseURL, a)
	exec(t, conn, "DELETE FROM session_token")
	exec(t, conn, "COMMIT")
	require.Equal(t, []string{"b"}, query[string](t, admin, "SELECT account FROM session_token"))

	at := epoch.Unix()
	for name, sql := range map[string]string{
		"another tenant's":   fmt.Sprintf("INSERT INTO session_token VALUES ('%s', 'b', 1, 2, '', 3, '')", b),
		"moved to another":   fmt.Sprintf("INSERT INTO session_token VALUES ('%s', 'a', 1, 2, '', 3, ''); UPDATE session_token SET tenant_id = '%s'", a, b),
		"entered, another's": fmt.Sprintf("SELECT enter_session('%s', 'b', %d, %d, 'k')", b, at, at+3600),
	} {
		_, err := asRuntime(t, databaseURL, a).Exec(t.Context(), sql)
		require.Error(t, err, name)
	}
	for _, sql := range []string{"SELECT count(*) FROM session_token", "DELETE FROM session_token"} {
		_, err := asRuntime(t, databaseURL, "").Exec(t.Context(), sql)
		require.Error(t, err, "without a tenant: "+sql)
	}
}

func TestTheRuntimeSeesSigningKeysAndChangesNone(t *testing.T) {
	t.Parallel()
	databaseURL, a, _ := twoTenants(t)
	conn := connect(t, databaseURL)
	exec(t, conn, "SET ROLE diglot_runtime")
	require.Equal(t, []string{""}, query[string](t, conn, "SELECT id FROM signing_key"))
	for _, sql := range []string{
		"UPDATE signing_key SET retired_at = now()", "INSERT INTO signing_key VALUES ('mine', now())", "DELETE FROM signing_key",
		"TRUNCATE session_token", "ALTER TABLE session_token DISABLE TRIGGER ALL", "DROP FUNCTION enter_session CASCADE",
	} {
		_, err := asRuntime(t, databaseURL, a).Exec(t.Context(), sql)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr, sql)
		require.Equal(t, "42501", pgErr.Code, sql)
	}
	nobody, _ := newLogin(t, databaseURL, "")
	exec(t, conn, "RESET ROLE")
	exec(t, conn, "SET ROLE "+nobody)
	for _, function := range []string{"enter_session", "session_lives"} {
		_, err := conn.Exec(t.Context(), "SELECT "+function+"('"+string(a)+"', 'a', 1, 2, '')")
		require.ErrorContains(t, err, "permission denied")
	}
}

// requireSessionsWork issues, uses and ends sessions in every way there is.
func requireSessionsWork(t *testing.T, runtime, operator *store.Store, tenant core.Tenant) {
	t.Helper()
	lives := func(s core.Session) bool {
		_, err := runtime.SessionOwner(t.Context(), *tenant.Refold, s.SessionID)
		_, used := runtime.Account(bySession(t, s), tenant.ID, s.Account)
		require.Equal(t, core.KindOf(err) == core.NotFound, core.KindOf(used) == core.BadCredential, "%v, %v", err, used)
		return err == nil
	}
	for _, end := range []func(core.Session) error{
		func(s core.Session) error { return runtime.RevokeSession(t.Context(), tenant.ID, s.SessionID, epoch) },
		func(s core.Session) error { return runtime.DeleteAccount(t.Context(), tenant.ID, s.Account) },
		func(core.Session) error {
			_, err := operator.CreateSigningKey(t.Context(), core.SigningKey{ID: "k1", CreatedAt: epoch})
			require.NoError(t, err)
			_, err = operator.RetireSigningKey(t.Context(), "", epoch)
			return err
		},
	} {
		_, err := runtime.UpsertAccount(t.Context(), core.Account{
			Tenant: tenant.ID, ID: "session user", ObjectID: newID(epoch), CreatedAt: epoch, UpdatedAt: epoch,
		})
		require.NoError(t, err)
		for _, s := range []*store.Store{runtime, operator} {
			issued, err := s.IssueSession(t.Context(), tenant.ID, sessionRequest("session user"))
			require.NoError(t, err)
			require.True(t, lives(issued))
			if s == operator {
				require.NoError(t, end(issued))
				require.False(t, lives(issued))
			}
		}
	}
}
