package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// A program of before the Refold revision runs beside one that has it.
func TestTheFunctionsOfBeforeTheRefoldRevisionStillAnswer(t *testing.T) {
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
