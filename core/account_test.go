package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

func TestANewLinkedAccountHasWhatTheClientSaidAndTheClocksTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	at := start.UTC().Truncate(time.Millisecond)
	in := core.NewAccount{
		ID: "user", Name: new("Mark Wood"), Fields: &[]core.NewAccountField{{Name: "k", Value: core.JSON(`1.50`)}},
	}
	a, err := g.CreateLinkedAccount(t.Context(), tenant.ID, in)
	require.NoError(t, err)
	require.Equal(t, at.Truncate(time.Second), a.ObjectID.Time())
	require.NotEqual(t, a.ObjectID, a.Fields[0].ID)
	require.Equal(t, core.Account{
		Tenant: tenant.ID, ID: "user", ObjectID: a.ObjectID, Name: new("Mark Wood"),
		Fields:    []core.AccountField{{ID: a.Fields[0].ID, Name: "k", Value: core.JSON(`1.50`), CreatedAt: at}},
		CreatedAt: at, UpdatedAt: at, Version: 1,
	}, a)
	got, err := g.LinkedAccount(t.Context(), tenant.ID, "user")
	require.NoError(t, err)
	require.Equal(t, a, got)
	_, err = g.CreateLinkedAccount(t.Context(), tenant.ID, in)
	require.True(t, core.IsConflictOn(err, "id"), "%v", err)
}

func TestAnUpsertSaysWhetherItAddedTheAccount(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	for _, added := range []bool{true, false, false} {
		a, created, err := g.UpsertLinkedAccount(t.Context(), tenant.ID, core.NewAccount{ID: "user"})
		require.NoError(t, err)
		require.Equal(t, added, created)
		require.Zero(t, a.Version)
	}
}

func TestALinkedAccountThatIsInvalidIsNotMade(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	for field, in := range map[string]core.NewAccount{
		"id":       {ID: " user"},
		"name":     {ID: "user", Name: new("\x00")},
		"fields.0": {ID: "user", Fields: &[]core.NewAccountField{{Name: "\xff", Value: core.JSON(`1`)}}},
	} {
		_, err := g.CreateLinkedAccount(t.Context(), tenant.ID, in)
		requireInvalid(t, err, "account", field)
		_, _, err = g.UpsertLinkedAccount(t.Context(), tenant.ID, in)
		requireInvalid(t, err, "account", field)
	}
	_, total, err := g.LinkedAccountPage(t.Context(), tenant.ID, core.OldestFirst, 0, 10)
	require.NoError(t, err)
	require.Zero(t, total)
}

// silentStore is connected and tells nothing.
type silentStore struct{ *memstore.Store }

func (silentStore) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	tell(core.DirectoryEvent{Connected: true})
	<-ctx.Done()
}

// unheard gives a service that is connected and hears of nothing.
func (g *gateway) unheard(t *testing.T) *core.Service {
	t.Helper()
	secret, err := core.NewSecret([]byte("sixteen bytes or more"))
	require.NoError(t, err)
	service := core.NewService(silentStore{g.store.Store}, secret, g.Now, core.NewIDSource())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		service.Watch(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return service
}

// remembered gives who acts by a session, once the service remembers that.
func remembered(t *testing.T, service *core.Service, tenant core.Tenant, id core.SessionID) (who *core.Principal) {
	t.Helper()
	require.Eventually(t, func() bool { // until it is the same principal twice
		one, _ := service.PrincipalBySession(t.Context(), *tenant.Refold, id)
		who, _ = service.PrincipalBySession(t.Context(), *tenant.Refold, id)
		return one != nil && one == who
	}, patience, time.Millisecond)
	return who
}

func TestADeletedAccountIsForgottenBeforeTheWatchTellsOfIt(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	service := g.unheard(t)
	_, err := service.CreateLinkedAccount(t.Context(), tenant.ID, core.NewAccount{ID: "user"})
	require.NoError(t, err)
	id := g.session(t, tenant, "user")
	remembered(t, service, tenant, id)
	require.NoError(t, service.DeleteLinkedAccount(t.Context(), tenant.ID, "user"))
	_, err = service.PrincipalBySession(t.Context(), *tenant.Refold, id)
	require.Equal(t, core.BadCredential, core.KindOf(err), "%v", err)
	require.Equal(t, core.NotFound, core.KindOf(service.DeleteLinkedAccount(t.Context(), tenant.ID, "user")))
}
