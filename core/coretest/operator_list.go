package coretest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// walkAll walks a list by pages of a size until one is not full.
func walkAll[E any](t *testing.T, size int, page func(last *E, limit int) ([]E, error)) []E {
	t.Helper()
	var all []E
	for {
		var last *E
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		got, err := page(last, size)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), size)
		all = append(all, got...)
		if len(got) < size {
			return all
		}
	}
}

func walkKeys(t *testing.T, b Backend, tenant core.TenantID, size int) []core.Key {
	t.Helper()
	return walkAll(t, size, func(last *core.Key, limit int) ([]core.Key, error) {
		var after core.KeyPosition
		if last != nil {
			after = core.KeyPosition{CreatedAt: last.CreatedAt, ID: last.ID}
		}
		return b.KeysAfter(t.Context(), tenant, after, limit)
	})
}

func walkAccounts(t *testing.T, b Backend, tenant core.TenantID, size int) []core.Account {
	t.Helper()
	return walkAll(t, size, func(last *core.Account, limit int) ([]core.Account, error) {
		var after core.AccountPosition
		if last != nil {
			after = core.AccountPosition{CreatedAt: last.CreatedAt, ObjectID: last.ObjectID}
		}
		return b.AccountsAfter(t.Context(), tenant, after, limit)
	})
}

func (s *suite) walkSessions(t *testing.T, account string, expiresAfter int64, size int) []core.Session {
	t.Helper()
	return walkAll(t, size, func(last *core.Session, limit int) ([]core.Session, error) {
		q := core.SessionQuery{Account: account, ExpiresAfter: expiresAfter, Limit: limit}
		if last != nil {
			q.After = last.SessionID
		}
		return s.SessionsAfter(t.Context(), s.tenant.ID, q)
	})
}

var operatorLists = []guarantee{
	{"tenants are walked by name in byte order", func(t *testing.T, b Backend) {
		for _, name := range []string{"b", "B", "a-1", "a.1", "a_1", "a1", "Z", "0"} {
			newSuite(t, b, name)
		}
		want, err := b.Tenants(t.Context())
		require.NoError(t, err)
		for _, size := range []int{1, 3, 8, 100} {
			got := walkAll(t, size, func(last *core.Tenant, limit int) ([]core.Tenant, error) {
				name := ""
				if last != nil {
					name = last.Name
				}
				return b.TenantsAfter(t.Context(), name, limit)
			})
			require.Equal(t, want, got)
		}
		got, err := b.TenantsAfter(t.Context(), "a", 1) // which there is not
		require.NoError(t, err)
		require.Equal(t, "a-1", got[0].Name)
		for _, limit := range []int{0, -1} {
			got, err = b.TenantsAfter(t.Context(), "", limit)
			require.NoError(t, err)
			require.Empty(t, got)
		}
		got, err = b.TenantsAfter(t.Context(), "\xff", 10) // no text
		require.NoError(t, err)
		require.Empty(t, got)
	}},
	{"a tenant's keys are walked in their order", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		require.Empty(t, walkKeys(t, b, s.tenant.ID, 3))
		require.NoError(t, b.CreateKey(t.Context(), newKey(other.tenant, core.Refold)))
		for i := range 9 {
			k := newKey(s.tenant, core.Refold)
			k.CreatedAt = epoch.Add(time.Duration(i/3) * time.Millisecond) // three of a moment
			require.NoError(t, b.CreateKey(t.Context(), k))
		}
		want, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Len(t, want, 9)
		for _, size := range []int{1, 2, 9, 100} {
			require.Equal(t, want, walkKeys(t, b, s.tenant.ID, size))
		}
		got, err := b.KeysAfter(t.Context(), s.tenant.ID, core.KeyPosition{}, 0)
		require.NoError(t, err)
		require.Empty(t, got)
	}},
	{"a tenant's accounts are walked, the oldest first", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		require.NoError(t, b.CreateAccount(t.Context(), other.account("theirs")))
		for i := range 9 {
			a := s.fullAccount(fmt.Sprint("user ", 8-i))
			a.CreatedAt = epoch.Add(time.Duration(i/3) * time.Millisecond)
			require.NoError(t, b.CreateAccount(t.Context(), a))
		}
		want, _, err := b.AccountPage(t.Context(), s.tenant.ID, core.OldestFirst, 0, 100)
		require.NoError(t, err)
		require.Len(t, want, 9)
		for _, size := range []int{1, 2, 9, 100} {
			require.Equal(t, want, walkAccounts(t, b, s.tenant.ID, size))
		}
		got, err := b.AccountsAfter(t.Context(), core.NewTenantID(), core.AccountPosition{}, 10)
		require.NoError(t, err)
		require.Empty(t, got)
	}},
	{"an account's sessions are walked, the oldest first, those that live", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		require.NoError(t, b.CreateAccount(t.Context(), s.account("another")))
		s.issue(t, later("another", 0))
		var want []core.Session
		for i := range int64(7) {
			want = append(want, s.issue(t, later("user", i)))
		}
		for _, size := range []int{1, 2, 7, 100} {
			require.Equal(t, want, s.walkSessions(t, "user", now, size))
		}
		require.Equal(t, want[1:], s.walkSessions(t, "user", now+hour, 2), "the first has expired")
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, want[3].SessionID, epoch))
		want = append(want[:3:3], want[4:]...)
		require.Equal(t, want, s.walkSessions(t, "user", now, 2))

		_, err := b.CreateSigningKey(t.Context(), core.SigningKey{ID: "next", CreatedAt: epoch})
		require.NoError(t, err)
		signed := s.issue(t, later("user", 60))
		_, err = b.RetireSigningKey(t.Context(), "", epoch)
		require.NoError(t, err)
		require.Equal(t, []core.Session{signed}, s.walkSessions(t, "user", now, 2), "the others' key is retired")

		require.NoError(t, b.DeleteAccount(t.Context(), s.tenant.ID, "user"))
		require.Empty(t, s.walkSessions(t, "user", now, 2))
		require.NoError(t, b.CreateAccount(t.Context(), s.account("user")))
		require.Empty(t, s.walkSessions(t, "user", now, 2), "another account of that id")
		require.Empty(t, s.walkSessions(t, "\x00", now, 2))
	}},
}

var operatorEnds = []guarantee{
	{"all sessions of an account end together, for good, and no others", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		require.NoError(t, b.CreateAccount(t.Context(), s.account("another")))
		stays := s.issue(t, later("another", 0))
		var ended []core.Session
		for i := range int64(3) {
			ended = append(ended, s.issue(t, later("user", i)))
		}
		n, err := b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		for _, session := range ended {
			s.requireEnded(t, session.SessionID)
		}
		s.requireLives(t, stays.SessionID)
		n, err = b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch)
		require.NoError(t, err)
		require.Zero(t, n)
		again := s.issue(t, request("user"))
		require.NotContains(t, ended, again)
		s.requireLives(t, again.SessionID)
	}},
	{"those that have expired are not counted", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		s.issue(t, later("user", 0))
		s.issue(t, later("user", 1))
		n, err := b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}},
	{"of an account that is not there none are revoked", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		mine := s.issue(t, request("user"))
		for _, account := range []string{"nobody", "", "\x00"} {
			_, err := b.RevokeSessions(t.Context(), s.tenant.ID, account, epoch)
			requireNotFound(t, err)
		}
		_, err := b.RevokeSessions(t.Context(), other.tenant.ID, "user", epoch)
		requireNotFound(t, err)
		s.requireLives(t, mine.SessionID)
	}},
	{"none of those that are being issued lives on", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got := make([]core.Session, 20)
		errs := together(len(got)+1, func(i int) (err error) {
			if i == len(got) {
				_, err = b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch)
				return err
			}
			got[i], err = b.IssueSession(t.Context(), s.tenant.ID, later("user", int64(i)))
			return err
		})
		requireNoErrors(t, errs)
		n, err := b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch)
		require.NoError(t, err)
		left := s.walkSessions(t, "user", now, 100)
		require.Empty(t, left)
		for _, session := range got {
			s.requireEnded(t, session.SessionID)
		}
		require.LessOrEqual(t, n, len(got))
	}},
	{"every watcher is told", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		s.issue(t, request("user"))
		w := watch(t, b)
		w.untilConnected(t)
		_, err := b.RevokeSessions(t.Context(), s.tenant.ID, "user", epoch)
		require.NoError(t, err)
		w.untilChanged(t, s.tenant.ID)
	}},
}
