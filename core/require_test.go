package core_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAnAccountBesideAKeyNeedsToExistWhereItsTenantSaysSo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant, other := g.demo(t, "demo"), g.demo(t, "other")
	for _, owner := range []core.Tenant{tenant, other} {
		_, err := g.CreateKey(t.Context(), owner, core.Refold, "key of "+owner.Name)
		require.NoError(t, err)
	}
	_, err := g.CreateAccount(t.Context(), other, "theirs")
	require.NoError(t, err)
	_, err = g.CreateAccount(t.Context(), tenant, "ours")
	require.NoError(t, err)
	stop := g.watch(t)
	check := func(owner core.Tenant, account string) error {
		who, err := g.PrincipalByKey(t.Context(), core.Refold, "key of "+owner.Name)
		require.NoError(t, err)
		return g.CheckAccount(t.Context(), who, account)
	}
	refused := func(account string) {
		t.Helper()
		require.Equal(t, core.NotFound, core.KindOf(check(tenant, account)))
	}
	require.NoError(t, check(tenant, "nobody"))
	require.Zero(t, g.store.accounts.Load(), "not asked for, not looked up")

	_, err = g.UpdateTenant(t.Context(), tenant, core.TenantUpdate{RequireAccounts: new(true)})
	require.NoError(t, err)
	g.untilTold(t, core.DirectoryEvent{Connected: true, Changed: tenant.ID})
	refused("nobody")
	refused("theirs")
	require.NoError(t, check(other, "nobody"), "another tenant's setting is its own")
	before := g.store.accounts.Load()
	for range 5 {
		require.NoError(t, check(tenant, "ours"))
	}
	require.EqualValues(t, 1, g.store.accounts.Load()-before, "looked up once")

	require.NoError(t, g.DeleteLinkedAccount(t.Context(), tenant.ID, "ours"))
	refused("ours")
	_, err = g.CreateAccount(t.Context(), tenant, "ours")
	require.NoError(t, err)
	require.NoError(t, check(tenant, "ours"), "that one was not there is not remembered")

	require.NoError(t, g.store.DeleteAccount(t.Context(), tenant.ID, "ours")) // through another instance
	require.Eventually(t, func() bool { return check(tenant, "ours") != nil }, patience, time.Millisecond)
	stop()
	_, err = g.CreateAccount(t.Context(), tenant, "late")
	require.NoError(t, err)
	before = g.store.accounts.Load()
	require.NoError(t, check(tenant, "late"))
	require.NoError(t, check(tenant, "late"))
	require.EqualValues(t, 2, g.store.accounts.Load()-before, "nothing is remembered while nobody watches")
}
