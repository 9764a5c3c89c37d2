package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// Programs of before the Refold revision, and of before key scopes, run beside
// one that has them.
func TestTheFunctionsOfBeforeStillAnswer(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	conn := connect(t, databaseURL)
	exec(t, conn, `INSERT INTO tenant (id, name, refold_org_id, refold_environment, cometchat_app_id, cometchat_region, url_template, created_at)
		VALUES ('00000000-0000-4000-8000-000000000001', 'one', 'org', 'test', NULL, NULL, '', now())`)
	exec(t, conn, `INSERT INTO api_key (tenant_id, id, dialect, hash, created_at)
		VALUES ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'refold', sha256('key'), now())`)
	exec(t, conn, `INSERT INTO linked_account (tenant_id, id, created_at) VALUES ('00000000-0000-4000-8000-000000000001', 'user', now())`)
	exec(t, conn, "SET ROLE diglot_runtime")
	const columns = "id, name, refold_org_id, refold_environment, cometchat_app_id, cometchat_region, url_template, created_at"
	for now, after := range map[string]string{
		"tenant_of_key('refold', sha256('key'))":   "tenant_by_key('refold', sha256('key'))",
		"tenant_of_account('org', 'test', 'user')": "tenant_by_account('org', 'test', 'user')",
	} {
		const columns = columns + ", refold_revision"
		old := query[string](t, conn, "SELECT t::text FROM (SELECT "+columns+" FROM "+now+") t")
		require.Len(t, old, 1)
		require.Equal(t, old, query[string](t, conn, "SELECT t::text FROM (SELECT "+columns+" FROM "+after+") t"))
		require.Equal(t, []bool{false}, query[bool](t, conn, "SELECT require_accounts FROM "+after))
	}
	for before, now := range map[string]string{
		"key_owner('refold', sha256('key'))":   "tenant_of_key('refold', sha256('key'))",
		"refold_tenant('org', 'test', 'user')": "tenant_of_account('org', 'test', 'user')",
	} {
		old := query[string](t, conn, "SELECT t::text FROM (SELECT "+columns+" FROM "+before+") t")
		require.Len(t, old, 1)
		require.Equal(t, old, query[string](t, conn, "SELECT t::text FROM (SELECT "+columns+" FROM "+now+") t"))
		require.Equal(t, []string{"legacy"}, query[string](t, conn, "SELECT refold_revision FROM "+now))
	}
}

// To a program that knows no scopes, a key without full access must not look
// like one that has it: neither beside a newer program nor after its migration
// was undone.
func TestAKeyWithoutFullAccessIsUnknownToProgramsOfBefore(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	operator, conn := open(t, databaseURL, store.Operator), connect(t, databaseURL)
	tenant := newTenant(t, operator, "one")
	keep := core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: core.CometChat, Scope: core.FullAccess, CreatedAt: epoch}
	drop := core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: core.CometChat, Scope: core.AuthOnly, CreatedAt: epoch}
	drop.Hash[0] = 1
	require.NoError(t, operator.CreateKey(t.Context(), keep))
	require.NoError(t, operator.CreateKey(t.Context(), drop))
	for _, function := range []string{"key_owner", "tenant_of_key"} {
		require.Equal(t, []string{keep.ID}, query[string](t, conn, "SELECT key_id::text FROM api_key k, "+function+"(k.dialect, k.hash)"))
	}
	_, got, err := operator.KeyOwner(t.Context(), core.CometChat, drop.Hash)
	require.NoError(t, err)
	require.Equal(t, core.AuthOnly, got.Scope)

	operator.Close()
	for {
		st, err := store.StatusOf(t.Context(), databaseURL)
		require.NoError(t, err)
		if st.Version < 7 {
			break
		}
		require.NoError(t, store.Down(t.Context(), databaseURL, 1))
	}
	require.Equal(t, []string{keep.ID}, query[string](t, conn, "SELECT id::text FROM api_key"))
}

// The same of what has ended: a key, and a tenant that is suspended. Only that
// one keeps the migration from being undone, since its accounts stay.
func TestWhatHasEndedIsUnknownToProgramsOfBefore(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	operator, conn := open(t, databaseURL, store.Operator), connect(t, databaseURL)
	tenant, suspended := newTenant(t, operator, "one"), newTenant(t, operator, "suspended")
	add := func(owner core.Tenant, expiresAt *time.Time) core.Key {
		k := core.Key{ID: core.NewUUID(), Tenant: owner.ID, Dialect: core.Refold, Scope: core.FullAccess, CreatedAt: epoch, ExpiresAt: expiresAt}
		copy(k.Hash[:], core.RandomMaterial())
		require.NoError(t, operator.CreateKey(t.Context(), k))
		return k
	}
	forever, expiring := add(tenant, nil), add(tenant, new(time.Now().Add(time.Hour)))
	add(tenant, new(epoch)) // has expired
	_, err := operator.RevokeKey(t.Context(), add(tenant, nil).ID, epoch)
	require.NoError(t, err)
	add(suspended, nil)
	for _, tenant := range []core.Tenant{tenant, suspended} {
		require.NoError(t, operator.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: "user", CreatedAt: epoch}))
	}
	_, err = operator.SetTenantStatus(t.Context(), suspended.Name, core.TenantSuspended)
	require.NoError(t, err)
	for _, function := range []string{"key_owner", "tenant_of_key", "tenant_by_key"} {
		require.ElementsMatch(t, []string{forever.ID, expiring.ID},
			query[string](t, conn, "SELECT key_id::text FROM api_key k, "+function+"(k.dialect, k.hash)"), function)
	}
	for _, function := range []string{"refold_tenant", "tenant_of_account", "tenant_by_account"} {
		require.Equal(t, []string{"one"}, query[string](t, conn,
			"SELECT f.name FROM tenant t, "+function+"(t.refold_org_id, t.refold_environment, 'user') f"), function)
	}

	downTo8 := func() error {
		for {
			st, err := store.StatusOf(t.Context(), databaseURL)
			require.NoError(t, err)
			if st.Version < 9 {
				return nil
			}
			if err := store.Down(t.Context(), databaseURL, 1); err != nil {
				return err
			}
		}
	}
	require.ErrorContains(t, downTo8(), "a tenant is suspended")
	st, err := store.StatusOf(t.Context(), databaseURL)
	require.NoError(t, err)
	require.False(t, st.Dirty)
	operator.Close() // it would ask for columns that went
	exec(t, conn, "UPDATE tenant SET status = 'active' WHERE id = '"+string(suspended.ID)+"'")
	require.NoError(t, downTo8())
	require.Len(t, query[string](t, conn, "SELECT id::text FROM api_key"), 2, "those that never end")
}

// A later release adds a column to a tenant or a key, and has no function to
// replace; nor has a program of now to be restarted.
func TestTheFunctionsThatFindATenantHaveColumnsThatCameLater(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	operator, conn := open(t, databaseURL, store.Operator), connect(t, databaseURL)
	tenant := newTenant(t, operator, "one")
	key := core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: core.Refold, Scope: core.FullAccess, CreatedAt: epoch}
	require.NoError(t, operator.CreateKey(t.Context(), key))
	require.NoError(t, operator.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: "user", CreatedAt: epoch}))
	session, err := operator.IssueSession(t.Context(), tenant.ID, sessionRequest("user"))
	require.NoError(t, err)
	runtime := open(t, databaseURL, store.Runtime)
	find := func() {
		_, _, err := runtime.KeyOwner(t.Context(), core.Refold, key.Hash)
		require.NoError(t, err)
		_, err = runtime.SessionOwner(t.Context(), *tenant.Refold, session.SessionID)
		require.NoError(t, err)
	}
	find()
	exec(t, conn, "ALTER TABLE tenant ADD COLUMN later text NOT NULL DEFAULT 'it came'")
	exec(t, conn, "ALTER TABLE api_key ADD COLUMN later text NOT NULL DEFAULT 'it came too'")
	find()
	exec(t, conn, "SET ROLE diglot_runtime")
	require.Equal(t, []string{"it came, it came too"},
		query[string](t, conn, "SELECT (o.t).later || ', ' || (o.k).later FROM owner_of_key('refold', ARRAY[decode(repeat('00', 32), 'hex')]) o"))
	require.Equal(t, []string{"it came"}, query[string](t, conn, fmt.Sprintf(
		"SELECT o.later FROM owner_of_session('%s', 'test', 'user', %d, %d, '') o",
		tenant.Refold.OrgID, session.IssuedAt, session.ExpiresAt)))
}

func TestOfAllTenantsTheRuntimeSeesItsOwnID(t *testing.T) {
	t.Parallel()
	databaseURL, a, _ := twoTenants(t)
	conn := connect(t, databaseURL)
	exec(t, conn, "SET SESSION AUTHORIZATION diglot_runtime")
	exec(t, conn, "BEGIN; SET LOCAL app.tenant_id = '"+string(a)+"'")
	rows, err := conn.Query(t.Context(), "SELECT id::text FROM tenant")
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{string(a)}, ids)
}
