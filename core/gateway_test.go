package core_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

// start is when the clock of a test gateway begins: between two milliseconds,
// as real ones do.
var start = time.Date(2026, time.March, 4, 5, 6, 7, 89_123_456, time.UTC)

// patience is how long a test waits for what should happen at once.
const patience = 20 * time.Second

// gateway is a service and an operator over one memory store, with a clock
// that the test moves.
type gateway struct {
	*core.Service
	*core.Operator

	store *observedStore
	now   *time.Time
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	now := start
	clock := func() time.Time { return now }
	secret, err := core.NewSecret([]byte("sixteen bytes or more"))
	require.NoError(t, err)
	store := &observedStore{Store: memstore.New(), told: make(chan core.DirectoryEvent, 100)}
	service := core.NewService(store, secret, clock, core.NewIDSource())
	return &gateway{
		Service: service, Operator: core.NewOperator(store, secret, clock, core.WithService(service)),
		store: store, now: &now,
	}
}

// demo makes a tenant with both addresses.
func (g *gateway) demo(t testing.TB, name string) core.Tenant {
	t.Helper()
	tenant, err := g.CreateTenant(t.Context(), core.Tenant{
		Name:      name,
		Refold:    &core.RefoldAddress{OrgID: "org-" + name, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: "app-" + name, Region: "us"},
	})
	require.NoError(t, err)
	return tenant
}

// observedStore counts look-ups of credentials and lets a test follow events.
type observedStore struct {
	*memstore.Store

	lookUps  atomic.Int64
	accounts atomic.Int64                                  // look-ups of accounts
	during   func()                                        // what happens after a look-up has read and before it answers
	told     chan core.DirectoryEvent                      // each event, once the service knows of it
	noted    atomic.Int64                                  // how often it was written when keys were used
	noteErr  error                                         // why that fails
	deaf     bool                                          // it hears of no change
	heard    func(core.DirectoryEvent) core.DirectoryEvent // what an event is made of that happened; nil: itself
}

func (s *observedStore) KeyOwner(
	ctx context.Context, dialect core.DialectName, hashes ...core.KeyHash,
) (tenant core.Tenant, key core.Key, err error) {
	defer s.looked()
	return s.Store.KeyOwner(ctx, dialect, hashes...)
}

func (s *observedStore) SessionOwner(
	ctx context.Context, address core.RefoldAddress, id core.SessionID,
) (core.Tenant, error) {
	defer s.looked()
	return s.Store.SessionOwner(ctx, address, id)
}

// session makes a session of the tenant's account, which is there already.
func (g *gateway) session(t testing.TB, tenant core.Tenant, account string) core.SessionID {
	t.Helper()
	s, err := g.Operator.IssueSession(t.Context(), tenant, core.NewSession{Account: account, Lifetime: time.Hour, Fresh: true})
	require.NoError(t, err)
	return s.SessionID
}

func (s *observedStore) Account(ctx context.Context, tenant core.TenantID, id string) (core.Account, error) {
	s.accounts.Add(1)
	return s.Store.Account(ctx, tenant, id)
}

func (s *observedStore) NoteKeyUses(ctx context.Context, uses []core.KeyUse) error {
	if s.noteErr != nil {
		return s.noteErr
	}
	s.noted.Add(1)
	return s.Store.NoteKeyUses(ctx, uses)
}

func (s *observedStore) looked() {
	s.lookUps.Add(1)
	if during := s.during; during != nil {
		s.during = nil
		during()
	}
}

func (s *observedStore) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	s.Store.Watch(ctx, func(e core.DirectoryEvent) {
		if s.deaf && e.Changed != "" {
			return
		}
		if s.heard != nil && e.Connected {
			e = s.heard(e)
		}
		tell(e)
		s.told <- e
	})
}

// watch starts the service's watch, waits until it is connected, and gives
// what ends it.
func (g *gateway) watch(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.Watch(ctx)
	}()
	g.untilConnected(t)
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			require.FailNow(t, "the watch goes on")
		}
	}
	t.Cleanup(stop)
	return stop
}

func (g *gateway) untilConnected(t *testing.T) {
	t.Helper()
	for connected := false; !connected; {
		select {
		case e := <-g.store.told:
			connected = e.Connected
		case <-time.After(patience):
			require.FailNow(t, "the watch is not connected")
		}
	}
}

func (g *gateway) untilTold(t *testing.T, want core.DirectoryEvent) {
	t.Helper()
	for {
		select {
		case e := <-g.store.told:
			if e == want {
				return
			}
		case <-time.After(patience):
			require.FailNow(t, "the service was not told")
		}
	}
}

// touch changes the tenant and waits until the service knows.
func (g *gateway) touch(t *testing.T, tenant core.Tenant, account string) {
	t.Helper()
	_, err := g.CreateAccount(t.Context(), tenant, account)
	require.NoError(t, err)
	g.untilTold(t, core.DirectoryEvent{Connected: true, Changed: tenant.ID})
}
