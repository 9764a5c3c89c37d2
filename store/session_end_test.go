package store_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

const manySessions = 200_000

// fill gives an account sessions that live, one for each second. History doesn't
// hear of them: it would take longer than all else.
func fill(t *testing.T, conn *pgx.Conn, a core.Account) {
	t.Helper()
	exec(t, conn, "ALTER TABLE session_token DISABLE TRIGGER session_token_change")
	defer exec(t, conn, "ALTER TABLE session_token ENABLE TRIGGER session_token_change")
	_, err := conn.Exec(t.Context(), `INSERT INTO session_token
		(tenant_id, account, issued_at, expires_at, key_id, refresh_expires_at, account_object_id)
		SELECT $1, $2, i, i + 3600, '', i + 7200, $3 FROM generate_series($4::bigint, $4::bigint + $5 - 1) i`,
		string(a.Tenant), a.ID, a.ObjectID[:], epoch.Unix(), manySessions)
	require.NoError(t, err)
	require.Equal(t, manySessions, countLiving(t, conn))
}

func countLiving(t *testing.T, conn *pgx.Conn) int {
	t.Helper()
	return query[int](t, conn, `SELECT count(*)::int FROM session_token s
		JOIN linked_account a ON a.tenant_id = s.tenant_id AND a.id = s.account AND a.object_id = s.account_object_id
		JOIN signing_key k ON k.id = s.key_id AND k.retired_at IS NULL
		WHERE s.revoked_at IS NULL`)[0]
}

// tuples are the tuples that the sessions' rows are, and who locked or
// replaced them.
func tuples(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return query[string](t, conn, "SELECT ctid::text || ' ' || xmin || ' ' || xmax FROM session_token ORDER BY ctid")
}

// blocksRead is how many pages of the sessions' table and indexes a query reads.
func blocksRead(t *testing.T, conn *pgx.Conn, sql string) int {
	t.Helper()
	const read = `SELECT sum(pg_stat_get_xact_blocks_fetched(c))::int
		FROM (SELECT 'session_token'::regclass::oid UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = 'session_token'::regclass) AS r (c)`
	exec(t, conn, "BEGIN")
	before := query[int](t, conn, read)[0]
	exec(t, conn, sql)
	n := query[int](t, conn, read)[0] - before
	exec(t, conn, "ROLLBACK")
	return n
}

// Whether a session lives is asked with each request by a token: it may read one
// path down the primary key's index and the row, whatever else the account has,
// also where PostgreSQL knows nothing of the table yet.
func TestOneSessionAmongManyIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	operator, conn := open(t, database, store.Operator), connect(t, database)
	exec(t, conn, "ALTER TABLE session_token SET (autovacuum_enabled = false); SET max_parallel_workers_per_gather = 0") // workers' pages count elsewhere
	tenant := newTenant(t, operator, "one")
	fill(t, conn, newAccount(t, operator, tenant.ID, "user"))
	r := sessionRequest("user")
	args := fmt.Sprintf("('%s', 'user', %d, %d, '')", tenant.ID, r.IssuedAt+manySessions/2, r.ExpiresAt+manySessions/2)
	require.Equal(t, []bool{true}, query[bool](t, conn, "SELECT session_lives"+args))
	for _, knows := range []string{"", "ANALYZE session_token"} {
		exec(t, conn, knows)
		for _, plan := range []string{"force_generic_plan", "force_custom_plan"} {
			exec(t, conn, "SET plan_cache_mode = "+plan)
			for _, function := range []string{"session_lives", "enter_session"} {
				n := blocksRead(t, conn, "SELECT "+function+args)
				require.Positive(t, n)
				require.Less(t, n, 10, "%s, %s, %s", function, knows, plan)
			}
		}
	}
	require.Greater(t, blocksRead(t, conn, "SELECT count(*) FROM session_token WHERE issued_at > 0"), 1000, "it counts")
}

func TestDeletingAnAccountTouchesNoneOfItsSessions(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	operator, runtime, conn := open(t, database, store.Operator), open(t, database, store.Runtime), connect(t, database)
	tenant := newTenant(t, operator, "one")
	fill(t, conn, newAccount(t, operator, tenant.ID, "user"))
	before := tuples(t, conn)
	require.NoError(t, runtime.DeleteAccount(t.Context(), tenant.ID, "user"))
	require.True(t, slices.Equal(before, tuples(t, conn)), "a row was touched")
	require.Zero(t, countLiving(t, conn))

	newAccount(t, operator, tenant.ID, "user")
	require.Zero(t, countLiving(t, conn), "it is another account")
	dead := sessionRequest("user").Session
	_, err := runtime.MCPServer(bySession(t, dead), tenant.ID, core.BySlug("any"))
	require.ErrorIs(t, err, core.ErrSessionEnded)
	r := sessionRequest("user")
	r.Fresh = false
	issued, err := runtime.IssueSession(t.Context(), tenant.ID, r)
	require.NoError(t, err)
	require.Equal(t, dead.ExpiresAt+1, issued.ExpiresAt, "none of theirs is given")
	require.Equal(t, 1, countLiving(t, conn))
}

func TestRetiringAKeyTouchesNoSessionAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	operator, conn, holder := open(t, database, store.Operator), connect(t, database), connect(t, database)
	impatient := changeURL(t, database, func(_ *url.URL, query url.Values) { query.Set("lock_timeout", "5s") })
	runtime := open(t, impatient, store.Runtime)
	tenant, other := newTenant(t, operator, "one"), newTenant(t, operator, "other")
	fill(t, conn, newAccount(t, operator, tenant.ID, "user"))
	newAccount(t, operator, other.ID, "user")
	_, err := operator.CreateSigningKey(t.Context(), core.SigningKey{ID: "k1", CreatedAt: epoch})
	require.NoError(t, err)
	before := tuples(t, conn)

	// It has begun, and can't end while its row is held.
	exec(t, holder, "BEGIN; SELECT FROM signing_key WHERE id = '' FOR UPDATE")
	retired := make(chan error, 1)
	go func() {
		_, err := operator.RetireSigningKey(t.Context(), "", epoch)
		retired <- err
	}()
	for query[int](t, conn, `SELECT count(*)::int FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`)[0] == 0 {
		require.Empty(t, retired)
	}
	r := sessionRequest("user")
	theirs, err := runtime.IssueSession(t.Context(), other.ID, r)
	require.NoError(t, err)
	_, err = runtime.Account(bySession(t, theirs), other.ID, "user")
	require.NoError(t, err)
	require.Equal(t, manySessions+1, countLiving(t, conn))
	exec(t, holder, "ROLLBACK")
	require.NoError(t, <-retired)

	// Nor while its change is not yet committed.
	exec(t, holder, "BEGIN; UPDATE signing_key SET retired_at = NULL")
	_, err = runtime.IssueSession(t.Context(), other.ID, r)
	require.NoError(t, err)
	exec(t, holder, "ROLLBACK")

	require.True(t, slices.Equal(before, tuples(t, conn)[:len(before)]), "a row was touched")
	require.Equal(t, 1, countLiving(t, conn))
	_, err = runtime.Account(bySession(t, sessionRequest("user").Session), tenant.ID, "user")
	require.ErrorIs(t, err, core.ErrSessionEnded)
	r.Fresh = false
	issued, err := runtime.IssueSession(t.Context(), tenant.ID, r)
	require.NoError(t, err)
	require.Equal(t, "k1", issued.KeyID)
}

// A change by a session waits for a deletion that began before it did; then
// there is nothing to change, also where another account has the id.
func TestAChangeThatWaitsForADeletionChangesNothing(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	operator, runtime, conn, holder := open(t, database, store.Operator), open(t, database, store.Runtime), connect(t, database), connect(t, database)
	tenant := newTenant(t, operator, "one")
	for after, left := range map[string]int{
		"": 0, "; INSERT INTO linked_account (tenant_id, id, created_at) SELECT id, 'user', now() FROM tenant": 1,
	} {
		exec(t, conn, "DELETE FROM linked_account")
		newAccount(t, operator, tenant.ID, "user")
		issued, err := runtime.IssueSession(t.Context(), tenant.ID, sessionRequest("user"))
		require.NoError(t, err)
		exec(t, holder, "BEGIN; DELETE FROM linked_account"+after)
		changed, by := make(chan error, 1), bySession(t, issued)
		go func() {
			_, err := runtime.UpsertAccount(by, core.Account{Tenant: tenant.ID, ID: "user", Name: new("changed"), CreatedAt: epoch, UpdatedAt: epoch})
			changed <- err
		}()
		for query[int](t, conn, `SELECT count(*)::int FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)[0] == 0 {
			require.Empty(t, changed)
		}
		exec(t, holder, "COMMIT")
		require.ErrorIs(t, <-changed, core.ErrSessionEnded)
		require.Len(t, query[string](t, conn, "SELECT id FROM linked_account"), left)
		require.Empty(t, query[string](t, conn, "SELECT id FROM linked_account WHERE name = 'changed'"))
	}
}
