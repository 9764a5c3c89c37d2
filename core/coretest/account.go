package coretest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var accounts = []guarantee{
	{"is given back as it was created", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, id := range []string{"a", "user@example.com", "日本 ñ", "it's \"quoted\" \\ %_", strings.Repeat("x", 499)} {
			for _, a := range []core.Account{s.account(id), s.fullAccount(id + "+")} {
				require.NoError(t, b.CreateAccount(t.Context(), a))
				require.Equal(t, a, s.readAccount(t, a.ID))
			}
		}
	}},
	{"an unknown one is not found", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		for _, id := range []string{"", "USER", "use", "user ", "user2"} {
			_, err := b.Account(t.Context(), s.tenant.ID, id)
			requireNotFound(t, err)
		}
	}},
	{"the id is unique in its tenant", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		err := b.CreateAccount(t.Context(), newAccount(s.tenant.ID, "user"))
		requireConflict(t, err, "account", "id")
	}},
	{"of 20 equal creations at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		errs := together(20, func(int) error {
			return b.CreateAccount(t.Context(), newAccount(s.tenant.ID, "user"))
		})
		requireOneWinner(t, errs, "account", "id")
	}},
	{"another tenant does not see it and may have one of that id", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		_, err := b.Account(t.Context(), other.tenant.ID, "user")
		requireNotFound(t, err)
		_, err = b.RefoldTenant(t.Context(), *other.tenant.Refold, "user")
		requireNotFound(t, err)

		a := newAccount(other.tenant.ID, "user")
		require.NoError(t, b.CreateAccount(t.Context(), a))
		for _, owner := range []core.Tenant{s.tenant, other.tenant} {
			tenant, err := b.RefoldTenant(t.Context(), *owner.Refold, "user")
			require.NoError(t, err)
			equalTenant(t, owner, tenant)
		}
	}},
	{"leads to its tenant with the tenant's address", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got, err := b.RefoldTenant(t.Context(), *s.tenant.Refold, "user")
		require.NoError(t, err)
		equalTenant(t, s.tenant, got)
	}},
	{"leads nowhere with another account, org or environment", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		address := *s.tenant.Refold
		for _, c := range []struct {
			address core.RefoldAddress
			account string
		}{
			{address, "stranger"},
			{address, ""},
			{core.RefoldAddress{OrgID: address.OrgID, Environment: core.Production}, "user"},
			{core.RefoldAddress{OrgID: "org-unknown", Environment: core.Test}, "user"},
			{core.RefoldAddress{OrgID: s.tenant.CometChat.AppID, Environment: core.Test}, "user"},
			{core.RefoldAddress{}, "user"},
		} {
			_, err := b.RefoldTenant(t.Context(), c.address, c.account)
			requireNotFound(t, err)
		}
	}},
	{"each environment of an org has its own", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		production := newTenant("production")
		production.Refold = &core.RefoldAddress{OrgID: s.tenant.Refold.OrgID, Environment: core.Production}
		require.NoError(t, b.CreateTenant(t.Context(), production))
		_, err := b.RefoldTenant(t.Context(), *production.Refold, "user")
		requireNotFound(t, err)

		a := newAccount(production.ID, "user")
		require.NoError(t, b.CreateAccount(t.Context(), a))
		got, err := b.RefoldTenant(t.Context(), *production.Refold, "user")
		require.NoError(t, err)
		equalTenant(t, production, got)
	}},
	{"needs a tenant that exists", func(t *testing.T, b Backend) {
		never := newTenant("never-created")
		a := newAccount(never.ID, "user")
		require.Error(t, b.CreateAccount(t.Context(), a))
		_, err := b.Account(t.Context(), never.ID, "user")
		requireNotFound(t, err)
	}},
}

// withUser makes a tenant that has the account "user".
func withUser(t *testing.T, b Backend) *suite {
	t.Helper()
	s := newSuite(t, b, "one")
	require.NoError(t, b.CreateAccount(t.Context(), newAccount(s.tenant.ID, "user")))
	return s
}
