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
		_, err = b.IssueSession(t.Context(), other.tenant.ID, request("user"))
		requireNotFound(t, err)

		a := newAccount(other.tenant.ID, "user")
		require.NoError(t, b.CreateAccount(t.Context(), a))
		for _, owner := range []*suite{s, other} {
			owner.requireLives(t, owner.issue(t, request("user")).SessionID)
		}
	}},
	{"its session leads nowhere with another org or environment", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		address, id := *s.tenant.Refold, s.issue(t, request("user")).SessionID
		for _, wrong := range []core.RefoldAddress{
			{OrgID: address.OrgID, Environment: core.Production},
			{OrgID: "org-unknown", Environment: core.Test},
			{OrgID: s.tenant.CometChat.AppID, Environment: core.Test},
			{OrgID: "\x00", Environment: core.Test},
			{},
		} {
			_, err := b.SessionOwner(t.Context(), wrong, id)
			requireNotFound(t, err)
		}
		s.requireLives(t, id)
	}},
	{"each environment of an org has its own", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		production := newTenant("production")
		production.Refold = &core.RefoldAddress{OrgID: s.tenant.Refold.OrgID, Environment: core.Production}
		require.NoError(t, b.CreateTenant(t.Context(), production))
		_, err := b.SessionOwner(t.Context(), *production.Refold, s.issue(t, request("user")).SessionID)
		requireNotFound(t, err)

		a := newAccount(production.ID, "user")
		require.NoError(t, b.CreateAccount(t.Context(), a))
		issued, err := b.IssueSession(t.Context(), production.ID, request("user"))
		require.NoError(t, err)
		got, err := b.SessionOwner(t.Context(), *production.Refold, issued.SessionID)
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
