package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestLossesAreWhatTheMigrationsDrop(t *testing.T) {
	t.Parallel()
	losses, err := store.Losses(13, 1)
	require.NoError(t, err)
	require.Len(t, losses, 1)
	require.Equal(t, "record_changes", losses[0].Name)
	require.Contains(t, losses[0].Tables, "change")
	losses, err = store.Losses(9, 3)
	require.NoError(t, err)
	require.Equal(t, []store.Loss{
		{
			Version: 9, Name: "add_key_lifecycle",
			Columns: []string{"tenant.status", "api_key.hint", "api_key.expires_at", "api_key.revoked_at", "api_key.last_used_at"}, Rows: []string{"api_key"},
		},
		{Version: 8, Name: "create_session_token", Tables: []string{"session_token", "signing_key"}},
		{Version: 7, Name: "add_key_scope", Columns: []string{"tenant.protect_servers", "tenant.require_accounts", "api_key.scope"}, Rows: []string{"api_key"}},
	}, losses)
	require.Equal(t, "migration 7 (add key scope): columns tenant.protect_servers, tenant.require_accounts, api_key.scope; rows of table api_key", losses[2].String())
	losses, err = store.Losses(0, store.All)
	require.NoError(t, err)
	require.Empty(t, losses)
}

// Every table that there is goes with one of them.
func TestAllTheWayDownLosesEveryTable(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	status, err := store.StatusOf(t.Context(), databaseURL)
	require.NoError(t, err)
	losses, err := store.Losses(status.Version, store.All)
	require.NoError(t, err)
	require.Len(t, losses, int(status.Version))
	var lost []string
	for _, l := range losses {
		lost = append(lost, l.Tables...)
	}
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	rows, err := conn.Query(t.Context(), `SELECT relname::text FROM pg_class
		WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = current_schema()::regnamespace AND relname <> 'schema_migrations'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	require.Subset(t, lost, tables)
}
