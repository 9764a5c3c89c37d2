package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// events starts a watch and gives what it tells.
func events(t *testing.T, s *store.Store) <-chan core.DirectoryEvent {
	t.Helper()
	out, ended := make(chan core.DirectoryEvent, 100), make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(t.Context(), func(e core.DirectoryEvent) { out <- e })
	}()
	t.Cleanup(func() { <-ended })
	return out
}

// requireEvent wants that to be the next event but for signs of life.
func requireEvent(t *testing.T, from <-chan core.DirectoryEvent, want core.DirectoryEvent) {
	t.Helper()
	for {
		select {
		case got := <-from:
			require.Equal(t, got.Connected, !got.Until.IsZero(), "being connected is never said for good")
			if got.Quiet {
				continue
			}
			got.Until = time.Time{}
			require.Equal(t, want, got)
		case <-time.After(20 * time.Second):
			require.FailNow(t, "nothing came", "want %v", want)
		}
		return
	}
}

func TestWatchTellsOfWhatAnotherStoreDid(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator, conn := open(t, url, store.Operator), connect(t, url)
	tenant := newTenant(t, operator, "one")
	told := events(t, open(t, url, store.Runtime))
	requireEvent(t, told, core.DirectoryEvent{Connected: true})

	changed := core.DirectoryEvent{Connected: true, Changed: tenant.ID}
	require.NoError(t, operator.CreateKey(t.Context(),
		core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: core.Refold, Scope: core.FullAccess, CreatedAt: epoch}))
	requireEvent(t, told, changed)
	exec(t, conn, "UPDATE tenant SET url_template = 'https://example.com/{slug}'")
	requireEvent(t, told, changed)
	exec(t, conn, "DELETE FROM api_key")
	requireEvent(t, told, changed)
	exec(t, conn, "NOTIFY diglot_directory, 'something else'")
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	exec(t, conn, "DELETE FROM tenant")
	requireEvent(t, told, changed)
}

func TestWatchTellsOfItsLossAndComesBack(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator, conn := open(t, url, store.Operator), connect(t, url)
	told := events(t, open(t, url, store.Runtime))
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	for range 3 {
		exec(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'diglot watch'`)
		requireEvent(t, told, core.DirectoryEvent{})
		requireEvent(t, told, core.DirectoryEvent{Connected: true})
	}
	tenant := newTenant(t, operator, "one")
	requireEvent(t, told, core.DirectoryEvent{Connected: true, Changed: tenant.ID})
}

// A loss that nobody tells of: a host that vanished, a firewall that forgot.
func TestWatchNoticesASilentLoss(t *testing.T) {
	t.Parallel()
	p := newProxy(t, storetest.New(t))
	told := events(t, open(t, p.url, store.Runtime))
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	p.frozen.Store(true)
	requireEvent(t, told, core.DirectoryEvent{})
	p.frozen.Store(false)
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
}

// What a sign of life vouches for begins when it was asked for, not when it
// came; and what came before it has been told before it.
func TestASignOfLifeVouchesForNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator := open(t, url, store.Operator)
	told := events(t, open(t, url, store.Runtime))
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	for i := range 3 {
		tenant := newTenant(t, operator, fmt.Sprint("tenant-", i))
		committed := time.Now()
		heard := false
		for e := range told {
			require.True(t, e.Connected)
			require.LessOrEqual(t, time.Until(e.Until), core.MaxUnheard)
			heard = heard || e.Changed == tenant.ID
			if e.Quiet && e.Until.Sub(committed) > core.MaxUnheard { // asked for after the change
				break
			}
		}
		require.True(t, heard, "the sign came before the change")
	}
}

// A quiet watch tries its connection, and what comes meanwhile isn't lost.
func TestWatchOutlastsQuietTimes(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	operator := open(t, url, store.Operator)
	p := newProxy(t, url)
	told := events(t, open(t, p.url, store.Runtime))
	requireEvent(t, told, core.DirectoryEvent{Connected: true})
	tried := p.ready.Load()
	require.Eventually(t, func() bool { return p.ready.Load() > tried }, 20*time.Second, 10*time.Millisecond)
	tenant := newTenant(t, operator, "one")
	requireEvent(t, told, core.DirectoryEvent{Connected: true, Changed: tenant.ID})
}
