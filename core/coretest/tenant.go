package coretest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var tenants = []guarantee{
	{"is given back as it was created", func(t *testing.T, b Backend) {
		both := newTenant("both")
		refoldOnly := newTenant("refold-only")
		refoldOnly.CometChat, refoldOnly.URLTemplate, refoldOnly.RefoldRevision = nil, "", core.RefoldV3
		refoldOnly.RequireAccounts, refoldOnly.ProtectServers = true, true
		cometChatOnly := newTenant("cometchat-only")
		cometChatOnly.Refold = nil
		cometChatOnly.StrongETags, cometChatOnly.RequireIfMatch = true, true
		for _, want := range []core.Tenant{both, refoldOnly, cometChatOnly} {
			require.NoError(t, b.CreateTenant(t.Context(), want))
			got, err := b.Tenant(t.Context(), want.Name)
			require.NoError(t, err)
			equalTenant(t, want, got)
		}
	}},
	{"an unknown name is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "known")
		for _, name := range []string{"", "unknown", "KNOWN", "know", "known ", string(s.tenant.ID), "known%"} {
			_, err := b.Tenant(t.Context(), name)
			requireNotFound(t, err)
		}
	}},
	{"all are listed in the byte order of their names", func(t *testing.T, b Backend) {
		list, err := b.Tenants(t.Context())
		require.NoError(t, err)
		require.Empty(t, list)

		want := []string{"0", "B", "a", "a-b", "a.b", "aB", "a_b", "ab", "b"}
		made := map[string]core.Tenant{}
		for i := range want {
			name := want[(i*4)%len(want)] // another order than the one wanted
			made[name] = newTenant(name)
			require.NoError(t, b.CreateTenant(t.Context(), made[name]))
		}
		require.True(t, slices.IsSorted(want))

		list, err = b.Tenants(t.Context())
		require.NoError(t, err)
		require.Len(t, list, len(want))
		for i, name := range want {
			equalTenant(t, made[name], list[i])
		}
	}},
	{"the name is unique", func(t *testing.T, b Backend) {
		first := newSuite(t, b, "first").tenant
		other := newTenant("other")
		other.Name = first.Name
		requireTenantRefused(t, b, other, "name")
	}},
	{"the Refold address is unique", func(t *testing.T, b Backend) {
		first := newSuite(t, b, "first").tenant
		other := newTenant("other")
		other.Refold.OrgID = first.Refold.OrgID
		requireTenantRefused(t, b, other, "refold")

		other.Refold.Environment = core.Production
		require.NoError(t, b.CreateTenant(t.Context(), other), "another environment is another address")
	}},
	{"the CometChat address is unique", func(t *testing.T, b Backend) {
		first := newSuite(t, b, "first").tenant
		other := newTenant("other")
		other.CometChat.AppID = first.CometChat.AppID
		requireTenantRefused(t, b, other, "cometchat")

		other.CometChat.Region = "us"
		require.NoError(t, b.CreateTenant(t.Context(), other), "another region is another address")
	}},
	{"an address that is absent is no address", func(t *testing.T, b Backend) {
		for i := range 4 {
			tenant := newTenant(fmt.Sprint("tenant-", i))
			if i%2 == 0 {
				tenant.Refold = nil
			} else {
				tenant.CometChat = nil
			}
			require.NoError(t, b.CreateTenant(t.Context(), tenant))
		}
	}},
	{"a change sets what it names, and everyone sees it", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newTenant("other")
		require.NoError(t, b.CreateTenant(t.Context(), other))
		key := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), key))
		want, id := s.tenant, s.issue(t, request("user")).SessionID
		for _, u := range []core.TenantUpdate{
			{RefoldRevision: new(core.RefoldV3)},
			{URLTemplate: new("")},
			{URLTemplate: new("https://mcp.example.com/{id}"), RefoldRevision: new(core.RefoldLegacy)},
			{RequireAccounts: new(true)},
			{ProtectServers: new(true)},
			{StrongETags: new(true)},
			{RequireIfMatch: new(true)},
			{StrongETags: new(false)},
			{Limits: &core.Limits{Vendor: true, Rate: new(60), Burst: new(0)}},
			{URLTemplate: new("")},
			{Limits: &core.Limits{Concurrency: new(5), BodyBytes: new(2 << 20), Servers: new(7)}},
			{},
			{RequireAccounts: new(false), ProtectServers: new(false), RefoldRevision: new(core.RefoldV3)},
		} {
			if u.RequireAccounts != nil {
				want.RequireAccounts = *u.RequireAccounts
			}
			if u.ProtectServers != nil {
				want.ProtectServers = *u.ProtectServers
			}
			if u.StrongETags != nil {
				want.StrongETags = *u.StrongETags
			}
			if u.RequireIfMatch != nil {
				want.RequireIfMatch = *u.RequireIfMatch
			}
			if u.Limits != nil {
				want.Limits = *u.Limits
			}
			if u.URLTemplate != nil {
				want.URLTemplate = *u.URLTemplate
			}
			if u.RefoldRevision != nil {
				want.RefoldRevision = *u.RefoldRevision
			}
			got, err := b.UpdateTenant(t.Context(), want.Name, u)
			require.NoError(t, err)
			equalTenant(t, want, got)
			got, err = b.Tenant(t.Context(), want.Name)
			require.NoError(t, err)
			equalTenant(t, want, got)
			got, _, err = b.KeyOwner(t.Context(), core.Refold, key.Hash)
			require.NoError(t, err)
			equalTenant(t, want, got)
			got, err = b.SessionOwner(t.Context(), *want.Refold, id)
			require.NoError(t, err)
			equalTenant(t, want, got)
		}
		untouched, err := b.Tenant(t.Context(), other.Name)
		require.NoError(t, err)
		equalTenant(t, other, untouched)
	}},
	{"a change of an unknown tenant is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "known")
		for _, name := range []string{"", "unknown", "KNOWN", "known ", string(s.tenant.ID), "known%", "\x00"} {
			_, err := b.UpdateTenant(t.Context(), name, core.TenantUpdate{RefoldRevision: new(core.RefoldV3)})
			requireNotFound(t, err)
		}
		got, err := b.Tenant(t.Context(), "known")
		require.NoError(t, err)
		equalTenant(t, s.tenant, got)
	}},
	{"of 20 equal creations at once one succeeds", func(t *testing.T, b Backend) {
		errs := together(20, func(i int) error {
			tenant := newTenant(fmt.Sprint("tenant-", i))
			tenant.Name = "the-name"
			return b.CreateTenant(t.Context(), tenant)
		})
		requireOneWinner(t, errs, "tenant", "name")
	}},
	{"a tenant given out is the caller's own", func(t *testing.T, b Backend) {
		want := newTenant("tenant")
		in := newTenant("tenant")
		want.Limits.Rate, in.Limits.Rate = new(60), new(60)
		in.ID = want.ID
		require.NoError(t, b.CreateTenant(t.Context(), in))
		in.Refold.OrgID, in.CometChat.AppID, *in.Limits.Rate = "changed", "changed", 1

		got, err := b.Tenant(t.Context(), "tenant")
		require.NoError(t, err)
		equalTenant(t, want, got)
		got.Refold.OrgID, got.CometChat.AppID, *got.Limits.Rate = "changed", "changed", 1

		again, err := b.Tenants(t.Context())
		require.NoError(t, err)
		equalTenant(t, want, again[0])
	}},
}

// requireTenantRefused also wants that nothing of the refused tenant stays.
func requireTenantRefused(t *testing.T, b Backend, tenant core.Tenant, field string) {
	t.Helper()
	before, err := b.Tenants(t.Context())
	require.NoError(t, err)
	requireConflict(t, b.CreateTenant(t.Context(), tenant), "tenant", field)
	after, err := b.Tenants(t.Context())
	require.NoError(t, err)
	require.Len(t, after, len(before))
	if field != "name" {
		_, err = b.Tenant(t.Context(), tenant.Name)
		requireNotFound(t, err)
	}
}
