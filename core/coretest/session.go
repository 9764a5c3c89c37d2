package coretest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// now is the epoch in seconds, hour an hour in them.
var now = epoch.Unix()

const hour = 3600

// request asks for a session that lives an hour from the epoch on.
func request(account string) core.SessionRequest {
	return core.SessionRequest{
		Session: core.Session{
			SessionID:        core.SessionID{Account: account, IssuedAt: now, ExpiresAt: now + hour},
			RefreshExpiresAt: now + 2*hour,
		},
		ReusableUntil: now + 60, ExpiredBefore: now - 60,
	}
}

func freshRequest(account string) core.SessionRequest {
	r := request(account)
	r.Fresh = true
	return r
}

// later is freshRequest some seconds later.
func later(account string, seconds int64) core.SessionRequest {
	r := freshRequest(account)
	r.IssuedAt += seconds
	r.ExpiresAt += seconds
	r.RefreshExpiresAt += seconds
	return r
}

func (s *suite) issue(t *testing.T, r core.SessionRequest) core.Session {
	t.Helper()
	issued, err := s.IssueSession(t.Context(), s.tenant.ID, r)
	require.NoError(t, err)
	return issued
}

// by gives a context that acts by the session.
func by(t *testing.T, id core.SessionID) context.Context {
	t.Helper()
	return core.WithSession(t.Context(), &core.SessionUse{ID: id})
}

func (s *suite) requireLives(t *testing.T, id core.SessionID) {
	t.Helper()
	owner, err := s.SessionOwner(t.Context(), *s.tenant.Refold, id)
	require.NoError(t, err)
	equalTenant(t, s.tenant, owner)
	_, err = s.AgentsFrom(by(t, id), s.tenant.ID, core.AgentQuery{Limit: 1})
	require.NoError(t, err)
}

func (s *suite) requireEnded(t *testing.T, id core.SessionID) {
	t.Helper()
	_, err := s.SessionOwner(t.Context(), *s.tenant.Refold, id)
	requireNotFound(t, err)
	_, err = s.AgentsFrom(by(t, id), s.tenant.ID, core.AgentQuery{Limit: 1})
	require.ErrorIs(t, err, core.ErrSessionEnded)
	requireNotFound(t, s.RevokeSession(t.Context(), s.tenant.ID, id, epoch))
}

var sessions = []guarantee{
	{"is issued as it is asked for and leads to its tenant", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, account := range []string{"a", "user@example.com", "日本 ñ", "it's \"quoted\" \\ %_"} {
			require.NoError(t, b.CreateAccount(t.Context(), s.account(account)))
			issued := s.issue(t, request(account))
			require.Equal(t, request(account).Session, issued, "the first key signs")
			s.requireLives(t, issued.SessionID)
		}
	}},
	{"an account that is not there gets none", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		for _, account := range []string{"", "USER", "user ", "stranger", "\x00", "\xff"} {
			_, err := b.IssueSession(t.Context(), s.tenant.ID, request(account))
			requireNotFound(t, err)
		}
	}},
	{"one that lives is given once more, a fresh one on request", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		first := s.issue(t, request("user"))
		next := request("user")
		next.IssuedAt, next.ExpiresAt = now+5, now+5+hour
		require.Equal(t, first, s.issue(t, next))
		next.Fresh = true
		second := s.issue(t, next)
		require.Equal(t, next.Session, second)
		next.Fresh = false
		require.Equal(t, second, s.issue(t, next), "the newest")
		s.requireLives(t, first.SessionID)
		s.requireLives(t, second.SessionID)

		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, second.SessionID, epoch))
		require.Equal(t, first, s.issue(t, next), "the newest that lives")
		next.ReusableUntil = first.ExpiresAt
		require.Equal(t, first, s.issue(t, next))
		next.ReusableUntil++
		require.NotEqual(t, first, s.issue(t, next), "it ends too soon")
	}},
	{"in one second a fresh one is the same, until that was revoked", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		seen := map[core.SessionID]bool{}
		for revoked := range int64(5) {
			issued := s.issue(t, freshRequest("user"))
			require.False(t, seen[issued.SessionID], "none is issued a second time")
			seen[issued.SessionID] = true
			require.Equal(t, now, issued.IssuedAt)
			require.Equal(t, now+hour+revoked, issued.ExpiresAt, "later by as little as there is")
			require.Equal(t, now+2*hour+revoked, issued.RefreshExpiresAt)
			for range 3 {
				require.Equal(t, issued, s.issue(t, freshRequest("user")))
				require.Equal(t, issued, s.issue(t, request("user")))
			}
			s.requireLives(t, issued.SessionID)
			require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, issued.SessionID, epoch))
			for id := range seen {
				s.requireEnded(t, id)
			}
		}
		free := freshRequest("user")
		free.ExpiresAt--
		require.Equal(t, free.Session, s.issue(t, free), "where nothing is in the way")
	}},
	{"one that lives longer is not in the way of a fresh one", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		long := freshRequest("user")
		long.ExpiresAt, long.RefreshExpiresAt = now+30*hour, now+30*hour
		s.issue(t, long)
		first := s.issue(t, freshRequest("user"))
		require.Equal(t, freshRequest("user").Session, first)
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, first.SessionID, epoch))
		require.Equal(t, now+hour+1, s.issue(t, freshRequest("user")).ExpiresAt)
	}},
	{"50 requests at once get one session", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got := make([]core.Session, 50)
		requireNoErrors(t, together(len(got), func(i int) (err error) {
			got[i], err = b.IssueSession(t.Context(), s.tenant.ID, request("user"))
			return err
		}))
		for _, session := range got {
			require.Equal(t, got[0], session)
		}
	}},
	{"50 requests at once for a fresh one get one of their second", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got := make([]core.Session, 50)
		requireNoErrors(t, together(len(got), func(i int) (err error) {
			got[i], err = b.IssueSession(t.Context(), s.tenant.ID, later("user", int64(i%5)))
			return err
		}))
		for i, session := range got {
			require.Equal(t, later("user", int64(i%5)).Session, session)
			s.requireLives(t, session.SessionID)
		}
	}},
	{"those whose refresh expired are removed at last", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		old := s.issue(t, freshRequest("user"))
		r := freshRequest("user")
		r.IssuedAt, r.ExpiresAt, r.RefreshExpiresAt = now+5*hour, now+6*hour, now+6*hour
		r.ExpiredBefore = old.RefreshExpiresAt
		s.issue(t, r)
		s.requireLives(t, old.SessionID) // not before
		r.ExpiredBefore++
		s.issue(t, r)
		s.requireEnded(t, old.SessionID)
	}},
	{"one that was revoked is removed when none of its moment can be issued", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		one, lives := s.issue(t, freshRequest("user")), s.issue(t, later("user", 1))
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, one.SessionID, epoch))
		r := later("user", 2*hour)
		r.RevokedIssuedBefore = now
		s.issue(t, r)
		two := s.issue(t, freshRequest("user"))
		require.Equal(t, one.ExpiresAt+1, two.ExpiresAt, "it is there")
		r.RevokedIssuedBefore = now + 2
		s.issue(t, r)
		s.requireLives(t, two.SessionID)
		s.requireLives(t, lives.SessionID)
		s.requireEnded(t, one.SessionID)
		require.Equal(t, one, s.issue(t, freshRequest("user")), "it is not")
	}},
	{"a tenant that does not exist has none", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		never := newTenant("never")
		_, err := b.IssueSession(t.Context(), never.ID, request("user"))
		requireNotFound(t, err)
		_, err = b.SessionOwner(t.Context(), *never.Refold, s.issue(t, request("user")).SessionID)
		requireNotFound(t, err)
	}},
}
