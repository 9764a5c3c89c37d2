package store_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// audited is a tenant with five entries: a server that is made and changed four times.
func audited(t *testing.T) (databaseURL string, o *core.Operator, tenant core.Tenant, head core.ChainHead) {
	t.Helper()
	databaseURL = storetest.New(t)
	s := open(t, databaseURL, store.Operator)
	tenant = newTenant(t, s, "one")
	runtime := open(t, databaseURL, store.Runtime)
	ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.KeyActor, ID: "key", Dialect: "refold", RequestID: "request"})
	server, err := runtime.CreateMCPServer(ctx, tenant.ID, core.Creation{Server: newServer("one")})
	require.NoError(t, err)
	for i := range 4 {
		m := core.Modification{UpdatedAt: epoch}
		m.Name = new(strconv.Itoa(i))
		_, err := runtime.UpdateMCPServer(ctx, tenant.ID, core.ByID(server.ID), m)
		require.NoError(t, err)
	}
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	o = core.NewOperator(s, secret, time.Now)
	head, err = o.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
	require.NoError(t, err)
	require.EqualValues(t, 5, head.Seq)
	return databaseURL, o, tenant, head
}

// Whatever a superuser does to an entry, verification names the first that is
// not as it was written.
func TestEachWayToTamperWithAChainIsFound(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, head := audited(t)
	conn := connect(t, databaseURL)
	for sql, broken := range map[string]int64{
		"UPDATE change SET at = at + interval '1 microsecond' WHERE seq = 3":                                     3,
		"UPDATE change SET actor_kind = 'session' WHERE seq = 3":                                                 3,
		"UPDATE change SET actor = 'other' WHERE seq = 3":                                                        3,
		"UPDATE change SET dialect = 'cometchat' WHERE seq = 3":                                                  3,
		"UPDATE change SET request_id = '' WHERE seq = 3":                                                        3,
		"UPDATE change SET action = 'delete' WHERE seq = 3":                                                      3,
		"UPDATE change SET noun = 'agent' WHERE seq = 3":                                                         3,
		"UPDATE change SET record = 'x' WHERE seq = 3":                                                           3,
		"UPDATE change SET revision = NULL WHERE seq = 3":                                                        3,
		"UPDATE change SET before = '{}' WHERE seq = 3":                                                          3,
		"UPDATE change SET after = '{}' WHERE seq = 3":                                                           3,
		"UPDATE change SET before = '{}', before_digest = sha256('{}') WHERE seq = 3":                            3,
		"UPDATE change SET after_digest = sha256('') WHERE seq = 3":                                              3,
		"UPDATE change SET after_digest = NULL, after = NULL WHERE seq = 3":                                      3,
		"UPDATE change SET hash = sha256('') WHERE seq = 3":                                                      3,
		"UPDATE change SET actor = 'ke', dialect = 'yrefold' WHERE seq = 1":                                      1,
		"DELETE FROM change WHERE seq = 3":                                                                       3,
		"DELETE FROM change WHERE seq = 1":                                                                       1,
		"UPDATE change SET seq = 10 - seq + 4 WHERE seq IN (2, 3)":                                               2,
		"UPDATE change SET seq = 6 WHERE seq = 3; UPDATE change SET seq = seq - 1 WHERE seq > 3":                 3,
		"UPDATE change SET seq = CASE seq WHEN 2 THEN 100 ELSE seq END; UPDATE change SET seq = 2 WHERE seq = 3": 2,
		"DELETE FROM change WHERE seq = 5":                                                                       5,
		"DELETE FROM change":                                                                                     1,
	} {
		exec(t, conn, "CREATE TABLE kept AS SELECT * FROM change")
		exec(t, conn, strings.ReplaceAll(sql, "WHERE", "WHERE tenant_id = '"+string(tenant.ID)+"' AND"))
		_, err := o.VerifyChanges(t.Context(), tenant.ID, head)
		var found *core.BrokenChainError
		require.ErrorAs(t, err, &found, sql)
		require.Equal(t, broken, found.Seq, sql)
		exec(t, conn, "TRUNCATE change; INSERT INTO change SELECT * FROM kept; DROP TABLE kept")
	}
	_, err := o.VerifyChanges(t.Context(), tenant.ID, head)
	require.NoError(t, err)

	// A chain that was written anew, hashes and all, is found by a noted head alone.
	exec(t, conn, "DELETE FROM change WHERE tenant_id = '"+string(tenant.ID)+"' AND seq = 5")
	_, err = o.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
	require.NoError(t, err)
	exec(t, conn, "BEGIN; SET LOCAL app.actor = E'key\\n\\n\\nother'; UPDATE mcp_server SET name = 'other'; COMMIT")
	_, err = o.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
	require.NoError(t, err)
	_, err = o.VerifyChanges(t.Context(), tenant.ID, head)
	require.ErrorContains(t, err, "entry 5: its hash is not the one that was noted")
}

func TestTheRuntimeCanNeitherReadNorRewriteHistory(t *testing.T) {
	t.Parallel()
	databaseURL, _, tenant, _ := audited(t)
	for _, sql := range []string{
		"SELECT FROM change", "INSERT INTO change SELECT * FROM change", "UPDATE change SET actor = 'x'", "UPDATE change SET before = NULL",
		"DELETE FROM change", "TRUNCATE change", "ALTER TABLE mcp_server DISABLE TRIGGER mcp_server_change",
		"DROP TRIGGER mcp_server_change ON mcp_server", "ALTER TABLE change DISABLE ROW LEVEL SECURITY",
		"SET session_replication_role = replica",
		"SELECT FROM change_queue", "INSERT INTO change_queue (tenant_id, action, noun, record) VALUES ('" + string(tenant.ID) + "', 'x', 'x', 'x')",
		"UPDATE change_queue SET login = 'x'", "DELETE FROM change_queue", "TRUNCATE change_queue",
		"SELECT enter_change('" + string(tenant.ID) + "', 'create', 'mcp_server', 'x', 1, NULL, NULL)",
	} {
		conn := connect(t, databaseURL)
		exec(t, conn, "SET SESSION AUTHORIZATION diglot_runtime")
		exec(t, conn, "BEGIN; SET LOCAL app.tenant_id = '"+string(tenant.ID)+"'")
		_, err := conn.Exec(t.Context(), sql)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr, sql)
		require.Equal(t, "42501", pgErr.Code, sql)
	}
	conn := connect(t, databaseURL)
	exec(t, conn, "SET SESSION AUTHORIZATION diglot_operator")
	for _, sql := range []string{
		"UPDATE change SET actor = 'x'", "UPDATE change SET hash = ''", "TRUNCATE change",
		"SELECT FROM change_queue", "UPDATE change_queue SET login = 'x'", "DELETE FROM change_queue",
	} {
		_, err := conn.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "permission denied", sql)
	}
	exec(t, conn, "UPDATE change SET before = NULL, after = NULL")
}

// Whoever changes something waits for nobody else who does, though the tenant's
// entries are a chain; what is committed later comes later in it.
func TestWritersOfATenantDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, head := audited(t)
	early, late := connect(t, databaseURL), connect(t, databaseURL)
	exec(t, early, "BEGIN; UPDATE mcp_server SET description = 'early', revision = revision + 1")
	exec(t, late, "SET lock_timeout = '5s'; BEGIN; INSERT INTO linked_account (tenant_id, id, object_id, created_at, updated_at)"+
		" VALUES ('"+string(tenant.ID)+"', 'late', '\\x0102030405060708090a0b0c', now(), now())")
	exec(t, late, "COMMIT")
	next, err := o.VerifyChanges(t.Context(), tenant.ID, head)
	require.NoError(t, err)
	require.Equal(t, head.Seq+1, next.Seq, "what isn't committed is not there")
	exec(t, early, "COMMIT")
	list, err := o.Changes(t.Context(), tenant.ID, core.ChangeQuery{After: head.Seq, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"linked_account", "mcp_server"}, []string{list[0].Noun, list[1].Noun})
	_, err = o.VerifyChanges(t.Context(), tenant.ID, next)
	require.NoError(t, err)
}

// Entries are put into their chains without anybody reading them: by whoever made
// them soon after, or at its end.
func TestEntriesAreChainedBehindTheirChange(t *testing.T) {
	t.Parallel()
	databaseURL, _, tenant, _ := audited(t)
	conn := connect(t, databaseURL)
	runtime, operator := open(t, databaseURL, store.Runtime), open(t, databaseURL, store.Operator)
	chained := func() []int { return query[int](t, conn, "SELECT count(*)::int FROM change") }
	before := chained()[0]
	_, err := runtime.CreateMCPServer(t.Context(), tenant.ID, core.Creation{Server: newServer("two")})
	require.NoError(t, err)
	require.Equal(t, []int{1}, query[int](t, conn, "SELECT count(*)::int FROM change_queue"))
	require.Eventually(t, func() bool { return chained()[0] == before+1 }, 20*time.Second, 10*time.Millisecond)

	ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
	_, err = operator.UpdateTenant(ctx, tenant.Name, core.TenantUpdate{ProtectServers: new(true)})
	require.NoError(t, err)
	operator.Close()
	require.Equal(t, []int{before + 2}, chained())
	require.Empty(t, query[int64](t, conn, "SELECT id FROM change_queue"))
}

// While many add to the queue and many empty it, each entry comes into its chain
// once, and a record's entries in the order of its revisions.
func TestManyInstancesMakeOneChain(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, _ := audited(t)
	slug := query[string](t, connect(t, databaseURL), "SELECT slug FROM mcp_server")[0]
	var wg sync.WaitGroup
	const writers, each = 4, 50
	for range writers {
		runtime := open(t, databaseURL, store.Runtime)
		wg.Go(func() {
			for i := range each {
				m := core.Modification{UpdatedAt: epoch}
				m.Name = new(strconv.Itoa(i))
				if _, err := runtime.UpdateMCPServer(t.Context(), tenant.ID, core.BySlug(slug), m); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if _, err := o.Changes(t.Context(), tenant.ID, core.ChangeQuery{Limit: 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	head, err := o.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
	require.NoError(t, err)
	require.EqualValues(t, 5+writers*each, head.Seq)
	revision := int64(0)
	require.NoError(t, o.EachChange(t.Context(), tenant.ID, core.ChangeQuery{}, func(c *core.Change) error {
		revision++
		require.Equal(t, revision, c.Revision)
		return nil
	}))
}

// What is done by hand, or by a program that says nothing of actors, is entered
// as the login's doing.
func TestWhatIsDoneByHandIsEnteredToo(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, head := audited(t)
	login, _ := newLogin(t, databaseURL, "")
	conn := connect(t, databaseURL)
	exec(t, conn, "GRANT diglot_runtime TO "+login+"; SET SESSION AUTHORIZATION "+login+"; SET ROLE diglot_runtime")
	exec(t, conn, "BEGIN; SET LOCAL app.tenant_id = '"+string(tenant.ID)+"'")
	exec(t, conn, "UPDATE mcp_server SET description = 'by hand', revision = revision + 1; UPDATE mcp_server SET name_claimed = NULL")
	exec(t, conn, "COMMIT")
	list, err := o.Changes(t.Context(), tenant.ID, core.ChangeQuery{After: head.Seq, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1, "what shows in no image is no change")
	require.Equal(t, core.Actor{Kind: core.DatabaseActor, ID: login}, list[0].Actor)
	require.Equal(t, core.JSON(`{"description":"by hand","revision":6}`), list[0].After)
	_, err = o.VerifyChanges(t.Context(), tenant.ID, head)
	require.NoError(t, err)
}

// No entry has a key's hash or what could stand for it.
func TestNoSecretIsInAnyEntry(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	s := open(t, databaseURL, store.Operator)
	tenant := newTenant(t, s, "one")
	secret, err := s.Secret(t.Context(), nil)
	require.NoError(t, err)
	o := core.NewOperator(s, secret, time.Now)
	const value = "a-value-that-nobody-may-see-0001"
	_, err = o.CreateKey(t.Context(), tenant, core.Refold, value)
	require.NoError(t, err)
	hash := secret.KeyHash(core.Refold, value)
	conn := connect(t, databaseURL)
	exec(t, conn, "SELECT chain_changes(1000, true)")
	require.Equal(t, []int{1}, query[int](t, conn, "SELECT count(*)::int FROM change WHERE noun = 'api_key'"))
	for _, text := range query[string](t, conn, "SELECT change::text FROM change") {
		require.NotContains(t, text, value)
		require.NotContains(t, text, value[:len(value)-4])
		require.NotContains(t, strings.ToLower(text), hexOf(hash[:]))
	}
}

func TestTheSecretsVersionsAreEnteredWithoutWhatTheyAre(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	s := open(t, databaseURL, store.Operator)
	newTenant(t, s, "one")
	_, err := s.Secret(t.Context(), nil)
	require.NoError(t, err)
	conn := connect(t, databaseURL)
	ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
	_, err = s.RotateSecret(ctx, nil, nil, epoch)
	require.NoError(t, err)
	told := query[string](t, conn, "SELECT encode(material, 'hex') FROM secret_version UNION ALL SELECT encode(fingerprint, 'hex') FROM secret_version")
	require.Len(t, told, 4)
	_, err = s.CreateSigningKey(ctx, core.SigningKey{ID: "s2-k", CreatedAt: epoch.Add(time.Hour)}) // of the newer version
	require.NoError(t, err)
	_, err = s.RetireSecret(ctx, 1, epoch, true)
	require.NoError(t, err)
	list, err := s.Changes(t.Context(), core.Installation, core.ChangeQuery{Noun: core.SecretNoun, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, []string{core.CreateAction, core.CreateAction, core.RetireAction}, []string{list[0].Action, list[1].Action, list[2].Action})
	require.Equal(t, []string{"1", "2", "1"}, []string{list[0].Record, list[1].Record, list[2].Record})
	require.Equal(t, []string{"alice", "alice"}, []string{list[1].ID, list[2].ID})
	require.JSONEq(t, `{"version":2,"kept":true,"created_at":"`+core.ChangeTime(epoch)+`","retired_at":null}`, string(list[1].After))
	for _, text := range query[string](t, conn, "SELECT change::text FROM change") {
		for _, secret := range told {
			require.NotContains(t, strings.ToLower(text), secret)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

// Backends that are killed in the midst of writing leave a whole chain, with an
// entry for each change that is there.
func TestKilledWritersLeaveAWholeChain(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	s := open(t, databaseURL, store.Operator)
	tenant := newTenant(t, s, "one")
	runtime := open(t, databaseURL, store.Runtime)
	admin := connect(t, databaseURL)
	ctx, stop := context.WithCancel(t.Context())
	var (
		wg           sync.WaitGroup
		mu           sync.Mutex
		acknowledged []string
	)
	for range 5 {
		wg.Go(func() {
			newID := core.NewIDSource()
			for ctx.Err() == nil {
				server := newServer("x")
				server.ID = newID(epoch)
				server.Slug = server.ID.String()
				if _, err := runtime.CreateMCPServer(t.Context(), tenant.ID, core.Creation{Server: server}); err == nil {
					mu.Lock()
					acknowledged = append(acknowledged, server.ID.String())
					mu.Unlock()
				}
			}
		})
	}
	for kills := 0; kills < 20; {
		kills += query[int](t, admin, `SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%mcp_server%'`)[0]
	}
	stop()
	wg.Wait()
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	o := core.NewOperator(open(t, databaseURL, store.Operator), secret, time.Now)
	entered := map[string]bool{}
	require.NoError(t, o.EachChange(t.Context(), tenant.ID, core.ChangeQuery{}, func(c *core.Change) error {
		if entered[c.Record] {
			return errors.New("entered twice: " + c.Record)
		}
		entered[c.Record] = true
		return nil
	}))
	_, err = o.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
	require.NoError(t, err)
	there := query[string](t, admin, "SELECT encode(id, 'hex') FROM mcp_server")
	require.Len(t, entered, len(there))
	for _, id := range append(there, acknowledged...) {
		require.True(t, entered[id], id)
	}
}

// The statement that looks for the chain's head, and a server's history, are
// served by an index however long the chain is.
func TestHistoryIsServedByItsIndexes(t *testing.T) {
	t.Parallel()
	conn := connect(t, storetest.New(t))
	exec(t, conn, `INSERT INTO change (tenant_id, seq, at, actor_kind, actor, dialect, request_id, action, noun, record, hash)
		SELECT t, i, now(), 'key', '', '', '', 'update', 'mcp_server', i / 10, '' FROM generate_series(1, 3000) i, (SELECT gen_random_uuid() t) one`)
	exec(t, conn, "ANALYZE change")
	for sql, index := range map[string]string{
		"SELECT seq FROM change WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1":                                            "change_pkey",
		store.ChangesSQL(" AND record = $2", true):                                                                         "change_record_idx",
		store.ChangesSQL(" AND seq > $2", false):                                                                           "change_pkey",
		"SELECT seq FROM change WHERE at < $1 AND (before IS NOT NULL OR after IS NOT NULL) ORDER BY at LIMIT $2":          "change_image_idx",
		"SELECT seq FROM change WHERE tenant_id = $1 AND seq > 0 AND seq > $2 AND action = 'delete' ORDER BY seq LIMIT $3": "change_pkey",
		store.SelectDeleted: "change_record_idx",
	} {
		exec(t, conn, "SET plan_cache_mode = force_generic_plan")
		description, err := conn.Prepare(t.Context(), "s", sql)
		require.NoError(t, err)
		nulls := strings.TrimSuffix(strings.Repeat("NULL,", len(description.ParamOIDs)), ",")
		plan := strings.Join(query[string](t, conn, "EXPLAIN EXECUTE s("+nulls+")"), "\n")
		require.Contains(t, plan, index)
		require.NotContains(t, plan, "Seq Scan on change")
		require.NoError(t, conn.Deallocate(t.Context(), "s"))
	}
}
