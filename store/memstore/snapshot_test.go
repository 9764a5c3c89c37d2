package memstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a store with tenants and what each has of every kind.
type world struct {
	*Store
	*core.Service

	operator *core.Operator
	tenants  map[string]core.Tenant
	session  core.Session
}

func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	s, now := New(), func() time.Time { return at }
	w := &world{
		Store: s, Service: core.NewService(s, secret, now, core.NewIDSource()),
		operator: core.NewOperator(s, secret, now), tenants: map[string]core.Tenant{},
	}
	for _, name := range names {
		tenant, err := w.operator.CreateTenant(t.Context(), core.Tenant{
			Name: name, Refold: &core.RefoldAddress{OrgID: name, Environment: core.Test}, CometChat: &core.CometChatAddress{AppID: name, Region: "us"},
		})
		require.NoError(t, err)
		w.tenants[name] = tenant
		_, err = w.operator.CreateKey(t.Context(), tenant, core.Refold, "key of "+name)
		require.NoError(t, err)
		_, err = w.operator.CreateAccount(t.Context(), tenant, "account")
		require.NoError(t, err)
		w.session, err = w.operator.IssueSession(t.Context(), tenant, core.NewSession{Account: "account", Lifetime: time.Hour})
		require.NoError(t, err)
		w.server(t, name, "first")
	}
	return w
}

func (w *world) server(t *testing.T, tenant, slug string) {
	t.Helper()
	_, err := w.Service.CreateMCPServer(t.Context(), w.tenants[tenant].ID, core.NewMCPServer{Name: slug, Slug: slug, URL: "http://localhost"})
	require.NoError(t, err)
}

func (w *world) slugs(t *testing.T, tenant string) (slugs []string) {
	t.Helper()
	servers, err := w.Service.MCPServersFrom(t.Context(), w.tenants[tenant].ID, 0, core.After, 10)
	require.NoError(t, err)
	for _, s := range servers {
		slugs = append(slugs, s.Slug)
	}
	return slugs
}

func (w *world) known(t *testing.T, key string) bool {
	t.Helper()
	_, err := w.PrincipalByKey(t.Context(), core.Refold, key)
	if err != nil {
		require.Equal(t, core.BadCredential, core.KindOf(err))
	}
	return err == nil
}

func TestASnapshotIsRestoredWhateverCameBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	taken := w.Snapshot()
	head := w.head(t, "a")
	for range 2 { // what is restored does not change the snapshot
		w.server(t, "a", "second")
		name := "changed"
		_, err := w.Service.UpdateMCPServer(t.Context(), w.tenants["a"].ID, core.BySlug("first"), core.MCPServerUpdate{Name: &name})
		require.NoError(t, err)
		require.NoError(t, w.operator.DeleteTenant(t.Context(), "b", nil))
		_, err = w.operator.RevokeSessions(t.Context(), w.tenants["a"], "account")
		require.NoError(t, err)
		require.NoError(t, w.operator.DeleteAccount(t.Context(), w.tenants["a"], "account"))
		_, err = w.operator.CreateKey(t.Context(), w.tenants["a"], core.Refold, "another key")
		require.NoError(t, err)
		_, err = w.operator.RotateSigningKey(t.Context())
		require.NoError(t, err)

		w.Restore(taken)
		require.Equal(t, []string{"first"}, w.slugs(t, "a"))
		require.Equal(t, []string{"first"}, w.slugs(t, "b"))
		server, err := w.Service.MCPServer(t.Context(), w.tenants["a"].ID, core.BySlug("first"))
		require.NoError(t, err)
		require.Equal(t, "first", server.Name)
		require.True(t, w.known(t, "key of a"))
		require.True(t, w.known(t, "key of b"))
		require.False(t, w.known(t, "another key"))
		_, err = w.SessionOwner(t.Context(), *w.tenants["b"].Refold, w.session.SessionID)
		require.NoError(t, err)
		keys, err := w.operator.SigningKeys(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 1)
		require.Equal(t, head, w.head(t, "a"), "its history ends where it did")
		_, err = w.operator.VerifyChanges(t.Context(), core.Installation, core.ChainHead{})
		require.NoError(t, err)
	}
}

// head verifies a tenant's history and gives its last entry.
func (w *world) head(t *testing.T, tenant string) core.ChainHead {
	t.Helper()
	head, err := w.operator.VerifyChanges(t.Context(), w.tenants[tenant].ID, core.ChainHead{})
	require.NoError(t, err)
	require.Positive(t, head.Seq)
	return head
}

func TestOneTenantIsRestoredAndOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	taken := w.Snapshot()
	w.server(t, "a", "second")
	w.server(t, "b", "second")
	head := w.head(t, "b")
	require.NoError(t, w.RestoreTenant(taken, "a"))
	w.head(t, "a")
	require.Equal(t, head, w.head(t, "b"))
	require.Equal(t, []string{"first"}, w.slugs(t, "a"))
	require.Equal(t, []string{"first", "second"}, w.slugs(t, "b"))

	require.NoError(t, w.operator.DeleteTenant(t.Context(), "a", nil))
	require.False(t, w.known(t, "key of a"))
	taker, err := w.operator.CreateTenant(t.Context(), core.Tenant{Name: "c", Refold: w.tenants["a"].Refold})
	require.NoError(t, err)
	require.True(t, core.IsConflictOn(w.RestoreTenant(taken, "a"), "refold"))
	require.NoError(t, w.RestoreTenant(taken, taker.Name), "one that was not there is removed")
	require.NoError(t, w.RestoreTenant(taken, "a"))
	require.True(t, w.known(t, "key of a"))
	require.Equal(t, core.NotFound, core.KindOf(w.RestoreTenant(taken, "nobody")))
}

func TestARehearsalIsDatedByTheStoresClock(t *testing.T) {
	t.Parallel()
	s := New(WithClock(func() time.Time { return at }))
	tenant := core.Tenant{ID: core.NewTenantID(), Name: "one", RefoldRevision: core.RefoldLegacy, CreatedAt: at, Refold: &core.RefoldAddress{OrgID: "org", Environment: core.Test}}
	require.NoError(t, s.CreateTenant(t.Context(), tenant))
	require.NoError(t, s.Rehearse(t.Context(), tenant.ID, func(b core.Backend) error {
		require.NoError(t, b.CreateAccount(t.Context(), core.Account{Tenant: tenant.ID, ID: "someone"}))
		changes, err := b.Changes(t.Context(), tenant.ID, core.ChangeQuery{Newest: true, Limit: 1})
		require.Len(t, changes, 1)
		require.Equal(t, at, changes[0].At)
		return err
	}))
}
