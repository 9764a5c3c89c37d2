package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/migrations"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestEachMigrationHasItsUndoing(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.FS, "*.sql")
	require.NoError(t, err)
	pairs := map[string]int{}
	for _, name := range names {
		require.Regexp(t, `^\d{6}_[a-z]+_[a-z_]+\.(up|down)\.sql$`, name)
		pairs[strings.SplitN(name, ".", 2)[0]]++
	}
	numbers := map[string]string{}
	for name, files := range pairs {
		require.Equal(t, 2, files, name)
		require.Empty(t, numbers[name[:6]], "one number, two migrations")
		numbers[name[:6]] = name
	}
	require.NotContains(t, numbers, "000000", "that is the version of an empty database")
}

// versions gives the numbers of the migrations, rising. There may be gaps:
// branches reserve their numbers.
func versions(t *testing.T) (out []uint) {
	t.Helper()
	names, err := fs.Glob(migrations.FS, "*.up.sql")
	require.NoError(t, err)
	for _, name := range names {
		n, err := strconv.ParseUint(name[:6], 10, 32)
		require.NoError(t, err)
		out = append(out, uint(n))
	}
	return out
}

func TestUpDownUpLeavesTheSameSchema(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	conn := connect(t, url)
	before := schemaOf(t, conn)
	require.NoError(t, store.Up(t.Context(), url))
	up := schemaOf(t, conn)
	st, err := store.StatusOf(t.Context(), url)
	require.NoError(t, err)
	require.True(t, st.AtHead())

	left := versions(t)
	require.Equal(t, left[len(left)-1], st.Head)
	for left = left[:len(left)-1]; ; left = left[:len(left)-1] {
		require.NoError(t, store.Down(t.Context(), url, 1))
		now, err := store.StatusOf(t.Context(), url)
		require.NoError(t, err)
		if len(left) == 0 {
			require.Equal(t, store.Status{Head: st.Head}, now)
			break
		}
		require.Equal(t, store.Status{Version: left[len(left)-1], Head: st.Head}, now)
	}
	require.Equal(t, before, schemaOf(t, conn), "what up makes, down removes")
	require.NoError(t, store.Down(t.Context(), url, 1), "with nothing left to undo")
	require.NoError(t, store.Down(t.Context(), url, store.All))

	require.NoError(t, store.Up(t.Context(), url))
	require.Equal(t, up, schemaOf(t, conn))
	require.NoError(t, store.Down(t.Context(), url, 1000), "more steps than there are")
	require.Equal(t, before, schemaOf(t, conn))
}

// schemaOf describes everything that a migration may make.
func schemaOf(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return query[string](t, conn, `
		SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(column_default, '')
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'schema_migrations'
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
		UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conrelid::regclass::text <> 'schema_migrations'
		UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || roles::text || coalesce(qual, '') || coalesce(with_check, '')
			FROM pg_policies
		UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'function ' || pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc
			WHERE pronamespace = 'public'::regnamespace
		UNION ALL SELECT 'table ' || relname || ' ' || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '') FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations'
		UNION ALL SELECT 'grant ' || grantee || ' ' || privilege_type FROM information_schema.table_privileges
			WHERE table_name = 'schema_migrations' AND grantee LIKE 'diglot_%'
		ORDER BY 1`)
}

func TestManyInstancesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = store.Up(t.Context(), url) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	st, err := store.StatusOf(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, store.Status{Version: st.Head, Head: st.Head}, st)
	require.NotZero(t, st.Head)
}

func TestUpAtHeadWaitsForNobody(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	lockMigrations(t, connect(t, url))
	require.NoError(t, store.Up(t.Context(), url))
}

func TestUpWaitsForAnotherInstanceUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	other := connect(t, url)
	lockMigrations(t, other)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, store.Up(ctx, url), context.DeadlineExceeded)

	done := make(chan error, 1)
	go func() { done <- store.Up(t.Context(), url) }()
	require.NoError(t, other.Close(t.Context())) // as when the other instance is killed
	require.NoError(t, <-done)
}

func lockMigrations(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	require.Equal(t, []bool{true}, query[bool](t, conn, fmt.Sprintf("SELECT pg_try_advisory_lock(%d)", store.MigrationLock)))
}

// A migration that breaks off, for whatever reason, never happened.
func TestAMigrationThatFailsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	conn := connect(t, url)
	exec(t, conn, "CREATE TABLE mcp_server (in_the_way int)")
	require.ErrorContains(t, store.Up(t.Context(), url), "already exists")
	st, err := store.StatusOf(t.Context(), url)
	require.NoError(t, err)
	require.False(t, st.Dirty)
	require.Equal(t, uint(2), st.Version, "those before it stay")

	exec(t, conn, "DROP TABLE mcp_server")
	require.NoError(t, store.Up(t.Context(), url))
}

// CREATE INDEX CONCURRENTLY and its like leave half of their work behind when
// they fail; only then is a schema dirty.
func TestAMigrationWithoutTransactionTellsWhenItFails(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	conn := connect(t, url)
	exec(t, conn, "CREATE TABLE twice (n int); INSERT INTO twice VALUES (1), (1)")
	const index = "-- no transaction\nCREATE %s INDEX CONCURRENTLY twice_n ON twice (n)"

	require.NoError(t, store.RunMigration(t.Context(), conn, 1, fmt.Sprintf(index, "")))
	requireStatus(t, url, 1, false)
	exec(t, conn, "DROP INDEX twice_n")
	require.ErrorContains(t, store.RunMigration(t.Context(), conn, 2, fmt.Sprintf(index, "UNIQUE")), "could not create unique index")
	requireStatus(t, url, 2, true)
}

func TestAMigrationIsNotThereBeforeItIsDone(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	conn := connect(t, url)
	require.NoError(t, store.RunMigration(t.Context(), conn, 1, "SELECT 1"))
	killed := connect(t, url)
	err := store.RunMigration(t.Context(), killed, 2, "CREATE TABLE half (n int); SELECT pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	requireStatus(t, url, 1, false)
	require.Empty(t, query[string](t, conn, "SELECT tablename::text FROM pg_tables WHERE tablename = 'half'"))
}

func requireStatus(t *testing.T, url string, version uint, dirty bool) {
	t.Helper()
	st, err := store.StatusOf(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, version, st.Version)
	require.Equal(t, dirty, st.Dirty)
}

func TestAnOlderDirtyOrMissingSchemaIsNotReady(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s, conn := open(t, url, store.Runtime), connect(t, url)
	require.NoError(t, s.Ready(t.Context()))

	exec(t, conn, "UPDATE schema_migrations SET version = version + 1")
	require.NoError(t, s.Ready(t.Context()), "newer is fine")
	require.NoError(t, store.Up(t.Context(), url), "newer is fine")
	exec(t, conn, "UPDATE schema_migrations SET version = version - 2")
	requireNotReady(t, s, "run diglot migrate up")
	exec(t, conn, "UPDATE schema_migrations SET version = version + 1, dirty = true")
	requireNotReady(t, s, "didn't finish")
	require.ErrorContains(t, store.Up(t.Context(), url), "SET dirty = false")
	require.ErrorContains(t, store.Down(t.Context(), url, 1), "SET dirty = false")
	exec(t, conn, "DROP TABLE schema_migrations")
	requireNotReady(t, s, "run diglot migrate up")
}

func requireNotReady(t *testing.T, s *store.Store, reason string) {
	t.Helper()
	err := s.Ready(t.Context())
	require.Equal(t, core.Unavailable, core.KindOf(err))
	require.ErrorContains(t, err, reason)
}

func TestAnUnmigratedDatabaseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	url := storetest.NewEmpty(t)
	for _, role := range []store.Role{store.Runtime, store.Operator} {
		_, err := store.Open(t.Context(), store.Config{URL: url, Role: role})
		require.ErrorContains(t, err, "diglot migrate up")
	}
	st, err := store.StatusOf(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, st.Version)
	require.NotZero(t, st.Head)
}

func TestADatabaseInAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(storetest.NewEmpty(t))
	require.NoError(t, err)
	admin := connect(t, u.String())
	name := strings.TrimPrefix(u.Path, "/") + "_ascii"
	exec(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
	t.Cleanup(func() {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, err)
	})
	u.Path = "/" + name
	require.ErrorContains(t, store.Up(t.Context(), u.String()), "SQL_ASCII")
}
