package core_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

func TestAnOperatorsTenantGetsAnIDAndTheClocksTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	want := goodTenant()
	want.RefoldRevision = ""
	got, err := g.CreateTenant(t.Context(), want)
	require.NoError(t, err)
	require.True(t, got.ID.Valid())
	want.ID, want.CreatedAt, want.RefoldRevision = got.ID, start.Truncate(time.Millisecond), core.RefoldLegacy
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

func TestAnOperatorsIDsComeFromItsSource(t *testing.T) {
	t.Parallel()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	n := 0
	next := func() string {
		n++
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	}
	o := core.NewOperator(memstore.New(), secret, func() time.Time { return start }, core.WithOperatorUUIDs(next))
	tenant, err := o.CreateTenant(t.Context(), goodTenant())
	require.NoError(t, err)
	require.Equal(t, core.TenantID("00000000-0000-4000-8000-000000000001"), tenant.ID)
	key, err := o.CreateKey(t.Context(), tenant, core.Refold, "value")
	require.NoError(t, err)
	require.Equal(t, "00000000-0000-4000-8000-000000000002", key.ID)
	signing, err := o.RotateSigningKey(t.Context())
	require.NoError(t, err)
	require.Equal(t, "k00000000000040008000000000000003", signing.ID)
}

func TestATenantsSettingsCanBeChanged(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	v3 := goodTenant()
	v3.RefoldRevision = core.RefoldV3
	made, err := g.CreateTenant(t.Context(), v3)
	require.NoError(t, err)
	require.Equal(t, core.RefoldV3, made.RefoldRevision)

	want := made
	want.RefoldRevision = core.RefoldLegacy
	got, err := g.UpdateTenant(t.Context(), made, core.TenantUpdate{RefoldRevision: new(core.RefoldLegacy)})
	require.NoError(t, err)
	require.Equal(t, want, got)

	want.URLTemplate = "https://mcp.example.com/other/{slug}"
	got, err = g.UpdateTenant(t.Context(), made, core.TenantUpdate{URLTemplate: &want.URLTemplate})
	require.NoError(t, err)
	require.Equal(t, want, got, "what the caller knows of the rest is not written back")

	want.RequireAccounts = true
	got, err = g.UpdateTenant(t.Context(), made, core.TenantUpdate{RequireAccounts: new(true)})
	require.NoError(t, err)
	require.Equal(t, want, got)

	want.StrongETags, want.RequireIfMatch = true, true
	got, err = g.UpdateTenant(t.Context(), made, core.TenantUpdate{StrongETags: new(true), RequireIfMatch: new(true)})
	require.NoError(t, err)
	require.Equal(t, want, got)

	want.ProtectServers = true
	got, err = g.UpdateTenant(t.Context(), made, core.TenantUpdate{ProtectServers: new(true)})
	require.NoError(t, err)
	require.Equal(t, want, got)

	for field, u := range map[string]core.TenantUpdate{
		"refold_revision": {RefoldRevision: new(core.RefoldRevision("v2"))},
		"url_template":    {URLTemplate: new("{slug}")},
	} {
		_, err = g.UpdateTenant(t.Context(), made, u)
		requireInvalid(t, err, "tenant", field)
	}
	_, err = g.UpdateTenant(t.Context(), made, core.TenantUpdate{RefoldRevision: new(core.RefoldRevision(""))})
	requireInvalid(t, err, "tenant", "refold_revision")
	got, err = g.Tenant(t.Context(), made.Name)
	require.NoError(t, err)
	require.Equal(t, want, got)

	unknown := made
	unknown.Name = "unknown"
	_, err = g.UpdateTenant(t.Context(), unknown, core.TenantUpdate{})
	require.Equal(t, core.NotFound, core.KindOf(err))

	cometChatOnly := core.Tenant{Name: "other", CometChat: &core.CometChatAddress{AppID: "other", Region: "us"}}
	cometChatOnly, err = g.CreateTenant(t.Context(), cometChatOnly)
	require.NoError(t, err)
	require.Equal(t, core.RefoldLegacy, cometChatOnly.RefoldRevision)
	_, err = g.UpdateTenant(t.Context(), cometChatOnly, core.TenantUpdate{RefoldRevision: new(core.RefoldV3)})
	requireInvalid(t, err, "tenant", "refold_revision")
	_, err = g.UpdateTenant(t.Context(), cometChatOnly, core.TenantUpdate{RequireAccounts: new(true)})
	requireInvalid(t, err, "tenant", "require_accounts")
	_, err = g.UpdateTenant(t.Context(), cometChatOnly, core.TenantUpdate{ProtectServers: new(true)})
	requireInvalid(t, err, "tenant", "protect_servers")
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

func TestAKeyHasAScopeWhereItsDialectHasScopes(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	for value, c := range map[string]struct{ given, want core.KeyScope }{
		"a": {"", core.FullAccess}, "b": {core.FullAccess, core.FullAccess}, "c": {core.AuthOnly, core.AuthOnly},
	} {
		key, err := g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.CometChat, Scope: c.given, Value: value})
		require.NoError(t, err)
		require.Equal(t, c.want, key.Scope)
		who, err := g.PrincipalByKey(t.Context(), core.CometChat, value)
		require.NoError(t, err)
		require.Equal(t, c.want, who.Scope)
	}
	_, err := g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.CometChat, Scope: "fullaccess", Value: "d"})
	requireInvalid(t, err, "key", "scope")
	for _, scope := range []core.KeyScope{core.FullAccess, core.AuthOnly, "none"} {
		_, err = g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.Refold, Scope: scope, Value: "e"})
		requireInvalid(t, err, "key", "scope")
	}
	_, err = g.PrincipalByKey(t.Context(), core.Refold, "e")
	require.Equal(t, core.BadCredential, core.KindOf(err))
	key, err := g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.Refold, Value: "e"})
	require.NoError(t, err)
	require.Equal(t, core.FullAccess, key.Scope)
}

func TestALinkedAccountIsUniqueInItsTenant(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	one, two := g.demo(t, "one"), g.demo(t, "two")
	want, err := g.CreateAccount(t.Context(), one, "user")
	require.NoError(t, err)
	at := start.Truncate(time.Millisecond)
	require.Equal(t, at.Truncate(time.Second), want.ObjectID.Time())
	require.Equal(t, core.Account{
		Tenant: one.ID, ID: "user", ObjectID: want.ObjectID, CreatedAt: at, UpdatedAt: at, Version: 1,
	}, want)
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
