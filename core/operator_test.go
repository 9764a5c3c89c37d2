package core_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAnOperatorsTenantGetsAnIDAndTheClocksTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	want := goodTenant()
	got, err := g.CreateTenant(t.Context(), want)
	require.NoError(t, err)
	require.True(t, got.ID.Valid())
	want.ID, want.CreatedAt = got.ID, start.Truncate(time.Millisecond)
	require.Equal(t, want, got)

	got, err = g.Tenant(t.Context(), want.Name)
	require.NoError(t, err)
	require.Equal(t, want, got)
	list, err := g.Tenants(t.Context())
	require.NoError(t, err)
	require.Equal(t, []core.Tenant{want}, list)

	_, err = g.CreateTenant(t.Context(), goodTenant())
	require.True(t, core.IsConflictOn(err, "name"), "%v", err)
	_, err = g.CreateTenant(t.Context(), core.Tenant{Name: "no address"})
	requireInvalid(t, err, "tenant", "address", "name")
}

func TestAKeyNeedsAnAddressInItsDialect(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	refoldOnly, cometChatOnly := goodTenant(), goodTenant()
	refoldOnly.CometChat = nil
	cometChatOnly.Name, cometChatOnly.Refold = "other", nil
	var err error
	refoldOnly, err = g.CreateTenant(t.Context(), refoldOnly)
	require.NoError(t, err)
	cometChatOnly, err = g.CreateTenant(t.Context(), cometChatOnly)
	require.NoError(t, err)

	_, err = g.CreateKey(t.Context(), refoldOnly, core.CometChat, "value")
	requireInvalid(t, err, "key", "dialect")
	_, err = g.CreateKey(t.Context(), cometChatOnly, core.Refold, "value")
	requireInvalid(t, err, "key", "dialect")
	_, err = g.CreateKey(t.Context(), refoldOnly, "esperanto", "value")
	requireInvalid(t, err, "key", "dialect")

	key, err := g.CreateKey(t.Context(), refoldOnly, core.Refold, "value")
	require.NoError(t, err)
	require.Equal(t, refoldOnly.ID, key.Tenant)
	require.Equal(t, start.Truncate(time.Millisecond), key.CreatedAt)
	_, err = g.CreateKey(t.Context(), refoldOnly, core.Refold, "value")
	require.True(t, core.IsConflictOn(err, "key"), "%v", err)
	_, err = g.CreateKey(t.Context(), cometChatOnly, core.CometChat, "value")
	require.NoError(t, err, "the same value in two dialects is two keys")
}

func TestALinkedAccountIsUniqueInItsTenant(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	one, two := g.demo(t, "one"), g.demo(t, "two")
	want, err := g.CreateAccount(t.Context(), one, "user")
	require.NoError(t, err)
	require.Equal(t, core.Account{Tenant: one.ID, ID: "user", CreatedAt: start.Truncate(time.Millisecond)}, want)
	got, err := g.Account(t.Context(), one, "user")
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = g.Account(t.Context(), two, "user")
	require.Equal(t, core.NotFound, core.KindOf(err))
	_, err = g.CreateAccount(t.Context(), one, "user")
	require.True(t, core.IsConflictOn(err, "id"), "%v", err)
	_, err = g.CreateAccount(t.Context(), two, " user")
	requireInvalid(t, err, "account", "id")
}
