package coretest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// patience is how long a test waits for what should happen at once.
const patience = 20 * time.Second

var watches = []guarantee{
	{"is connected at once and tells each kind of change", func(t *testing.T, b Backend) {
		w := watch(t, b)
		w.untilConnected(t)

		tenant := newTenant("one")
		require.NoError(t, b.CreateTenant(t.Context(), tenant))
		w.untilChanged(t, tenant.ID)
		require.NoError(t, b.CreateKey(t.Context(), newKey(tenant, core.Refold)))
		w.untilChanged(t, tenant.ID)
		require.NoError(t, b.CreateAccount(t.Context(), newAccount(tenant.ID, "user")))
		w.untilChanged(t, tenant.ID)
		require.NoError(t, b.DeleteAccount(t.Context(), tenant.ID, "user"))
		w.untilChanged(t, tenant.ID)
		_, err := b.UpdateTenant(t.Context(), tenant.Name, core.TenantUpdate{RefoldRevision: new(core.RefoldV3)})
		require.NoError(t, err)
		w.untilChanged(t, tenant.ID)
	}},
	{"misses none of many changes made at once", func(t *testing.T, b Backend) {
		w := watch(t, b)
		w.untilConnected(t)
		made := newTenants(100)
		requireNoErrors(t, together(len(made), func(i int) error { return b.CreateTenant(t.Context(), made[i]) }))
		w.untilAllChanged(t, made)
	}},
	{"every watcher is told", func(t *testing.T, b Backend) {
		one, two := watch(t, b), watch(t, b)
		one.untilConnected(t)
		two.untilConnected(t)
		tenant := newTenant("one")
		require.NoError(t, b.CreateTenant(t.Context(), tenant))
		one.untilChanged(t, tenant.ID)
		two.untilChanged(t, tenant.ID)
	}},
	{"a watcher that dawdles holds up no writer and misses nothing", func(t *testing.T, b Backend) {
		release := make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		w := watchSlowly(t, b, func() { <-release })
		t.Cleanup(free) // before the watch is waited for
		w.untilConnected(t)

		made := newTenants(50)
		for _, tenant := range made {
			require.NoError(t, b.CreateTenant(t.Context(), tenant))
		}
		free()
		w.untilAllChanged(t, made)
	}},
	{"ends with its context, no longer connected", func(t *testing.T, b Backend) {
		ctx, cancel := context.WithCancel(t.Context())
		var last core.DirectoryEvent
		connected, ended := make(chan struct{}, 1000), make(chan struct{})
		go func() {
			defer close(ended)
			b.Watch(ctx, func(e core.DirectoryEvent) {
				last = e
				select {
				case connected <- struct{}{}:
				default:
				}
			})
		}()
		receive(t, connected)
		cancel()
		receive(t, ended)
		require.False(t, last.Connected, "from here on changes are missed, and whoever remembers must know")
	}},
	{"servers' changes are none of the directory's", func(t *testing.T, b Backend) {
		s, last := newSuite(t, b, "one"), newTenant("last")
		w := watch(t, b)
		w.untilConnected(t)
		server := s.create(t, s.server("server"))
		s.update(t, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Precondition{}))
		require.NoError(t, b.CreateTenant(t.Context(), last))
		for e := w.next(t); e.Changed != last.ID; e = w.next(t) {
			require.NotEqual(t, s.tenant.ID, e.Changed)
		}
	}},
}

// watching is a watch under way.
type watching struct{ events <-chan core.DirectoryEvent }

func watch(t *testing.T, b Backend) *watching {
	t.Helper()
	return watchSlowly(t, b, func() {})
}

// watchSlowly watches with a listener that, after each event, does as it is told.
func watchSlowly(t *testing.T, b Backend, dawdle func()) *watching {
	t.Helper()
	events, ended := make(chan core.DirectoryEvent, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		b.Watch(t.Context(), func(e core.DirectoryEvent) {
			if e.Quiet { // nothing changed
				return
			}
			events <- e
			dawdle()
		})
	}()
	t.Cleanup(func() { receive(t, ended) })
	return &watching{events}
}

func (w *watching) next(t *testing.T) core.DirectoryEvent {
	t.Helper()
	return receive(t, w.events)
}

func (w *watching) untilConnected(t *testing.T) {
	t.Helper()
	for !w.next(t).Connected { //nolint:revive // the condition is the work
	}
}

// untilChanged waits for word of the tenant: by name, or as one of all.
func (w *watching) untilChanged(t *testing.T, id core.TenantID) {
	t.Helper()
	for {
		if e := w.next(t); e.Connected && (e.Changed == id || e.Changed == "") {
			return
		}
	}
}

// untilAllChanged waits for word of each tenant, in any order.
func (w *watching) untilAllChanged(t *testing.T, list []core.Tenant) {
	t.Helper()
	missing := map[core.TenantID]bool{}
	for _, tenant := range list {
		missing[tenant.ID] = true
	}
	for len(missing) > 0 {
		e := w.next(t)
		if e.Connected && e.Changed == "" {
			return // all may have changed: that covers every one
		}
		delete(missing, e.Changed)
	}
}

func newTenants(n int) []core.Tenant {
	out := make([]core.Tenant, n)
	for i := range out {
		out[i] = newTenant(fmt.Sprint("tenant-", i))
	}
	return out
}

func receive[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
	}
	return v
}
