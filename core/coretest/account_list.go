package coretest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var accountChanges = []guarantee{
	{"an upsert adds what is not there, and says so by its object id", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := s.fullAccount("user")
		want.Version = 0
		got, err := b.UpsertAccount(t.Context(), want)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, want, s.readAccount(t, "user"))
		s.requireLives(t, s.issue(t, request("user")).SessionID)
	}},
	{"an upsert changes what is given and leaves the rest", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := s.fullAccount("user")
		require.NoError(t, b.CreateAccount(t.Context(), want))
		for _, change := range []func(a *core.Account){
			func(*core.Account) {},
			func(a *core.Account) { a.Name = new("renamed") },
			func(a *core.Account) { a.Fields = []core.AccountField{} },
			func(a *core.Account) { a.Name, a.Fields = new(""), s.fullAccount("user").Fields },
		} {
			given := s.account("user")
			given.UpdatedAt = want.UpdatedAt.Add(time.Second)
			change(&given)
			want.UpdatedAt = given.UpdatedAt
			if given.Name != nil {
				want.Name = given.Name
			}
			if given.Fields != nil {
				want.Fields = given.Fields
				want.Version++
			}
			got, err := b.UpsertAccount(t.Context(), given)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, want, s.readAccount(t, "user"))
		}
	}},
	{"the update time never goes back", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		late := s.account("user")
		late.UpdatedAt = epoch.Add(-time.Hour)
		got, err := b.UpsertAccount(t.Context(), late)
		require.NoError(t, err)
		require.Equal(t, epoch, got.UpdatedAt)
	}},
	{"of 20 equal upserts at once one adds the account", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		given, got := make([]core.Account, 20), make([]core.Account, 20)
		for i := range given {
			given[i] = s.account("user")
		}
		requireNoErrors(t, together(len(given), func(i int) (err error) {
			got[i], err = b.UpsertAccount(t.Context(), given[i])
			return err
		}))
		added := 0
		for i := range given {
			require.Equal(t, got[0].ObjectID, got[i].ObjectID)
			if got[i].ObjectID == given[i].ObjectID {
				added++
			}
		}
		require.Equal(t, 1, added)
	}},
	{"one that is deleted is gone and leads nowhere", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		require.NoError(t, b.CreateAccount(t.Context(), other.account("user")))
		for _, id := range []string{"", "USER", "stranger", "\x00", "\xff"} {
			requireNotFound(t, b.DeleteAccount(t.Context(), s.tenant.ID, id))
		}
		require.NoError(t, b.DeleteAccount(t.Context(), s.tenant.ID, "user"))
		requireNotFound(t, b.DeleteAccount(t.Context(), s.tenant.ID, "user"))
		_, err := b.Account(t.Context(), s.tenant.ID, "user")
		requireNotFound(t, err)
		_, err = b.IssueSession(t.Context(), s.tenant.ID, request("user"))
		requireNotFound(t, err)
		other.readAccount(t, "user")
		require.NoError(t, b.CreateAccount(t.Context(), s.account("user")), "the id is free")
	}},
	{"another tenant's of the same id is not touched", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		mine := s.fullAccount("user")
		require.NoError(t, b.CreateAccount(t.Context(), mine))
		requireNotFound(t, b.DeleteAccount(t.Context(), other.tenant.ID, "user"))
		theirs := other.account("user")
		got, err := b.UpsertAccount(t.Context(), theirs)
		require.NoError(t, err)
		require.Equal(t, theirs, got)
		require.Equal(t, mine, s.readAccount(t, "user"))
		list, total, err := b.AccountPage(t.Context(), other.tenant.ID, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total)
		require.Equal(t, []core.Account{theirs}, list)
	}},
}

var accountLists = []guarantee{
	{"pages are by creation time and object id, from either end", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		var want []core.Account
		for i := range 7 {
			a := s.account(fmt.Sprint("user ", (i*5)%7))
			a.CreatedAt = epoch.Add(time.Duration(i/2) * time.Millisecond) // two share one
			a.UpdatedAt = a.CreatedAt
			a.ObjectID = core.ObjectID{11: byte(i)}
			want = append(want, a)
		}
		for _, i := range []int{3, 0, 6, 1, 5, 2, 4} {
			require.NoError(t, b.CreateAccount(t.Context(), want[i]))
		}
		page := func(order core.Order, offset, limit int) []core.Account {
			list, total, err := b.AccountPage(t.Context(), s.tenant.ID, order, offset, limit)
			require.NoError(t, err)
			require.Equal(t, 7, total)
			return list
		}
		require.Equal(t, want, page(core.OldestFirst, 0, 10))
		require.Equal(t, want[2:5], page(core.OldestFirst, 2, 3))
		require.Equal(t, want[6:], page(core.OldestFirst, 6, 3))
		require.Empty(t, page(core.OldestFirst, 7, 3))
		require.Empty(t, page(core.OldestFirst, 0, 0))
		slices.Reverse(want)
		require.Equal(t, want, page(core.NewestFirst, 0, 10))
		require.Equal(t, want[2:5], page(core.NewestFirst, 2, 3))
	}},
	{"a tenant without any lists none", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list, total, err := b.AccountPage(t.Context(), s.tenant.ID, core.NewestFirst, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list)
		require.Zero(t, total)
	}},
}

func newAccount(tenant core.TenantID, id string) core.Account {
	return core.Account{Tenant: tenant, ID: id, CreatedAt: epoch, UpdatedAt: epoch}
}

// account makes one that has an id of its own and nothing more.
func (s *suite) account(id string) core.Account {
	a := newAccount(s.tenant.ID, id)
	a.ObjectID = s.newID(epoch)
	return a
}

// fullAccount makes one with every field set.
func (s *suite) fullAccount(id string) core.Account {
	a := s.account(id)
	a.Name, a.Version = new("Mark “Wood” ñ 日本 🚀 <&>"), 1
	for _, v := range []string{`"text <&> \u0000 \/"`, `1.50`, `123456789012345678901234567890`, `true`, `null`} {
		a.Fields = append(a.Fields, core.AccountField{
			ID: s.newID(epoch), Name: "ñ <&> \"" + v, Value: core.JSON(v), CreatedAt: epoch,
		})
	}
	return a
}

func (s *suite) readAccount(t *testing.T, id string) core.Account {
	t.Helper()
	a, err := s.Account(t.Context(), s.tenant.ID, id)
	require.NoError(t, err)
	return a
}
