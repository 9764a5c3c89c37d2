package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/core/coretest"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// openPooled opens a store whose requests go by way of a PgBouncer, with more
// connections than that has.
func openPooled(t testing.TB, b *storetest.Bouncer, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, PooledURL: b.URL(t, url), MaxConns: 5 * storetest.BouncerPoolSize})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestPostgresBehindPgBouncerKeepsTheContract(t *testing.T) {
	t.Parallel()
	b := storetest.NewBouncer(t, storetest.NewEmpty(t))
	coretest.Run(t, func(t *testing.T) coretest.Backend {
		url := storetest.New(t)
		return backend{openPooled(t, b, url), open(t, url, store.Operator)}
	})
}

var _ = core.Refold
