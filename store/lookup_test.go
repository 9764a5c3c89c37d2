package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// Look-ups of keys that there are not hang, any number of them: tenants are
// served, and so is the look-up of a key that was known before they began.
func TestLookUpsOfUnknownKeysAreInTheWayOfNoTenant(t *testing.T) {
	t.Parallel()
	const conns = 4
	databaseURL := storetest.New(t)
	operator := open(t, databaseURL, store.Operator)
	tenant := newTenant(t, operator, "one")
	key := core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: core.Refold, Scope: core.FullAccess, CreatedAt: epoch}
	require.NoError(t, operator.CreateKey(t.Context(), key))
	s, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: store.Runtime, MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.Eventually(t, func() bool { // a connection that is made has to look at all tables
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() { _ = s.Ready(t.Context()) })
		}
		wg.Wait()
		return s.Stat().TotalConns() == conns
	}, 10*time.Second, time.Millisecond)
	owner := func(ctx context.Context, hash core.KeyHash) error {
		_, _, err := s.KeyOwner(ctx, core.Refold, hash)
		return err
	}
	require.NoError(t, owner(t.Context(), key.Hash))

	locked := connect(t, databaseURL)
	exec(t, locked, "BEGIN; LOCK TABLE api_key")
	hanging, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	waits := s.Waits()
	var unknown, known sync.WaitGroup
	for i := range byte(50) {
		unknown.Go(func() {
			if owner(hanging, core.KeyHash{1, i}) == nil {
				t.Error("it was somebody's")
			}
		})
	}
	require.Eventually(t, func() bool { return s.Waits() == waits+49 }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, s.Stat().AcquiredConns())
	for range 20 {
		_, _, err := s.MCPServerPage(t.Context(), tenant.ID, core.OldestFirst, 0, 1)
		require.NoError(t, err)
		require.NoError(t, s.Ready(t.Context()))
	}
	require.NoError(t, hanging.Err(), "they hung all the while")
	known.Go(func() {
		if err := owner(t.Context(), key.Hash); err != nil {
			t.Error(err)
		}
	})
	require.Eventually(t, func() bool { return s.Stat().AcquiredConns() == 2 }, 10*time.Second, time.Millisecond, "in its tenant's turn")
	exec(t, locked, "ROLLBACK")
	known.Wait()
	end()
	unknown.Wait()
}
