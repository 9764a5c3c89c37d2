package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestAccountsOfBeforeTheyHadIDsGetThoseOfTheirTime(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator := open(t, url, store.Operator)
	tenant := newTenant(t, operator, "one")
	operator.Close()
	for { // to before migration 6
		st, err := store.StatusOf(t.Context(), url)
		require.NoError(t, err)
		if st.Version < 6 {
			break
		}
		require.NoError(t, store.Down(t.Context(), url, 1))
	}
	exec(t, connect(t, url), "INSERT INTO linked_account (tenant_id, id, created_at) SELECT id, 'old', '2025-07-09T08:09:43.177Z' FROM tenant")
	require.NoError(t, store.Up(t.Context(), url))

	s := open(t, url, store.Runtime)
	a, err := s.Account(t.Context(), tenant.ID, "old")
	require.NoError(t, err)
	at := time.Date(2025, time.July, 9, 8, 9, 43, 177_000_000, time.UTC)
	require.Equal(t, at.Truncate(time.Second), a.ObjectID.Time())
	require.Equal(t, core.Account{Tenant: tenant.ID, ID: "old", ObjectID: a.ObjectID, CreatedAt: at, UpdatedAt: at}, a)
}
