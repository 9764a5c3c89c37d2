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
		later := request("user")
		later.IssuedAt, later.ExpiresAt = now+5, now+5+hour
		require.Equal(t, first, s.issue(t, later))
		later.Fresh = true
		second := s.issue(t, later)
		require.Equal(t, later.Session, second)
		later.Fresh = false
		require.Equal(t, second, s.issue(t, later), "the newest")
		s.requireLives(t, first.SessionID)
		s.requireLives(t, second.SessionID)

		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, second.SessionID, epoch))
		require.Equal(t, first, s.issue(t, later), "the newest that lives")
		later.ReusableUntil = first.ExpiresAt
		require.Equal(t, first, s.issue(t, later))
		later.ReusableUntil++
		require.NotEqual(t, first, s.issue(t, later), "it ends too soon")
	}},
	{"no two that are issued are the same, revoked or not", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		seen := map[core.SessionID]bool{}
		for i := range 5 {
			issued := s.issue(t, freshRequest("user"))
			require.Equal(t, now, issued.IssuedAt)
			require.Equal(t, now+hour+int64(i), issued.ExpiresAt, "later by as little as there is")
			require.Equal(t, now+2*hour+int64(i), issued.RefreshExpiresAt)
			require.False(t, seen[issued.SessionID])
			seen[issued.SessionID] = true
			if i%2 == 0 {
				require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, issued.SessionID, epoch))
			}
		}
		free := freshRequest("user")
		free.ExpiresAt--
		require.Equal(t, free.Session, s.issue(t, free), "where nothing is in the way")
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
	{"50 requests for a fresh one at once get as many", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got := make([]core.Session, 50)
		requireNoErrors(t, together(len(got), func(i int) (err error) {
			got[i], err = b.IssueSession(t.Context(), s.tenant.ID, freshRequest("user"))
			return err
		}))
		distinct := map[core.SessionID]bool{}
		for _, session := range got {
			distinct[session.SessionID] = true
			s.requireLives(t, session.SessionID)
		}
		require.Len(t, distinct, len(got))
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
	{"a tenant that does not exist has none", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		never := newTenant("never")
		_, err := b.IssueSession(t.Context(), never.ID, request("user"))
		requireNotFound(t, err)
		_, err = b.SessionOwner(t.Context(), *never.Refold, s.issue(t, request("user")).SessionID)
		requireNotFound(t, err)
	}},
}
