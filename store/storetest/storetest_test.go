package storetest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
)

func TestMain(m *testing.M) { Main(m) }

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	var counts []int
	for _, name := range []string{"one", "two"} {
		s, err := store.Open(t.Context(), store.Config{URL: New(t), Role: store.Operator})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		require.NoError(t, s.CreateTenant(t.Context(), core.Tenant{
			ID: core.NewTenantID(), Name: name, CometChat: &core.CometChatAddress{AppID: name, Region: "eu"}, RefoldRevision: core.RefoldLegacy,
		}))
		tenants, err := s.Tenants(t.Context())
		require.NoError(t, err)
		counts = append(counts, len(tenants))
	}
	require.Equal(t, []int{1, 1}, counts)
}

func TestAnEmptyDatabaseHasNoSchema(t *testing.T) {
	t.Parallel()
	st, err := store.StatusOf(t.Context(), NewEmpty(t))
	require.NoError(t, err)
	require.Zero(t, st.Version)
}

func TestADatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	var url string
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	t.Run("inner", func(t *testing.T) {
		url = New(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) }) // runs first, and yet may come late
	})
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func TestLeftoversGoAndWhatIsInUseStays(t *testing.T) {
	t.Parallel()
	mine := New(t)
	s, err := start()
	require.NoError(t, err)
	const dead = 7 // no run holds its lock
	leftover, foreign := databaseName(dead, "1"), databasePrefix+"of_somebody_else"
	for _, name := range []string{leftover, foreign} {
		require.NoError(t, s.exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"))
		t.Cleanup(func() {
			require.NoError(t, s.exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS "+name))
		})
	}

	other, err := pgx.Connect(t.Context(), s.url("")) // as another test binary
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close(context.WithoutCancel(t.Context())) })
	require.NoError(t, dropLeftovers(t.Context(), other))
	for url, wanted := range map[string]bool{mine: true, s.url(foreign): true, s.url(leftover): false} {
		conn, err := pgx.Connect(t.Context(), url)
		require.Equal(t, wanted, err == nil, "%s: %v", url, err)
		if err == nil {
			require.NoError(t, conn.Close(t.Context()))
		}
	}
}
