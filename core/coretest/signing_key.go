package coretest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var signingKeys = []guarantee{
	{"the first one is always there, and signs", func(t *testing.T, b Backend) {
		keys, err := b.SigningKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, []core.SigningKey{{}}, keys)
	}},
	{"a new one signs what is issued from then on, and ends nothing", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		before := s.issue(t, freshRequest("user"))
		made := newSigningKey(t, b, "k1", epoch)
		require.Equal(t, core.SigningKey{ID: "k1", CreatedAt: epoch}, made)
		after := s.issue(t, freshRequest("user"))
		require.Equal(t, "k1", after.KeyID)
		require.Equal(t, before.IssuedAt, after.IssuedAt)
		require.Equal(t, before.ExpiresAt, after.ExpiresAt, "another key: nothing is in the way")
		s.requireLives(t, before.SessionID)
		s.requireLives(t, after.SessionID)
	}},
	{"the last one that was made is the newest, whatever its maker's clock says", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		for i, at := range []time.Time{epoch, epoch, epoch.Add(-time.Hour)} {
			made := newSigningKey(t, b, fmt.Sprint("k", i), at)
			equalTime(t, epoch.Add(time.Duration(i)*time.Microsecond), made.CreatedAt)
			require.Equal(t, made.ID, s.issue(t, freshRequest("user")).KeyID)
		}
		keys, err := b.SigningKeys(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 4)
		require.Equal(t, "k2", keys[0].ID)
		require.Empty(t, keys[3].ID)
	}},
	{"an id is taken once", func(t *testing.T, b Backend) {
		newSigningKey(t, b, "k1", epoch)
		for _, id := range []string{"k1", ""} {
			_, err := b.CreateSigningKey(t.Context(), core.SigningKey{ID: id, CreatedAt: epoch})
			requireConflict(t, err, "signing_key", "id")
		}
	}},
	{"one that is retired has ended all its sessions, of every tenant", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		require.NoError(t, b.CreateAccount(t.Context(), other.account("user")))
		mine, theirs := s.issue(t, freshRequest("user")), other.issue(t, freshRequest("user"))
		newSigningKey(t, b, "k1", epoch)
		stays := s.issue(t, freshRequest("user"))

		w := watch(t, b)
		w.untilConnected(t)
		k, err := b.RetireSigningKey(t.Context(), "", epoch)
		require.NoError(t, err)
		require.Equal(t, core.SigningKey{RetiredAt: new(epoch)}, k)
		w.untilAllChanged(t, []core.Tenant{s.tenant, other.tenant})
		s.requireEnded(t, mine.SessionID)
		other.requireEnded(t, theirs.SessionID)
		s.requireLives(t, stays.SessionID)

		again, err := b.RetireSigningKey(t.Context(), "", epoch.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, k, again, "the first time counts")
		require.Equal(t, "k1", s.issue(t, freshRequest("user")).KeyID)
	}},
	{"the one that signs is not retired, one that is not there neither", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		issued := s.issue(t, request("user"))
		for _, id := range []string{"", "k1"} {
			_, err := b.RetireSigningKey(t.Context(), id, epoch)
			require.ErrorIs(t, err, core.ErrKeySigns)
			newSigningKey(t, b, "k1"+id, epoch)
		}
		for _, id := range []string{"k2", "\x00"} {
			_, err := b.RetireSigningKey(t.Context(), id, epoch)
			requireNotFound(t, err)
		}
		s.requireLives(t, issued.SessionID)
	}},
	{"no session of one that is retired is issued meanwhile", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		const n = 20
		for i := range n {
			require.NoError(t, b.CreateAccount(t.Context(), s.account(fmt.Sprint("user ", i))))
		}
		got := make([]core.Session, n)
		newSigningKey(t, b, "k1", epoch)
		requireNoErrors(t, together(n+1, func(i int) (err error) {
			if i < n {
				got[i], err = b.IssueSession(t.Context(), s.tenant.ID, freshRequest(fmt.Sprint("user ", i)))
				return err
			}
			if _, err = b.CreateSigningKey(t.Context(), core.SigningKey{ID: "k2", CreatedAt: epoch}); err != nil {
				return err
			}
			_, err = b.RetireSigningKey(t.Context(), "k1", epoch)
			return err
		}))
		for _, session := range got {
			if session.KeyID == "k1" {
				s.requireEnded(t, session.SessionID)
			} else {
				s.requireLives(t, session.SessionID)
			}
		}
	}},
}

func newSigningKey(t *testing.T, b Backend, id string, at time.Time) core.SigningKey {
	t.Helper()
	k, err := b.CreateSigningKey(t.Context(), core.SigningKey{ID: id, CreatedAt: at})
	require.NoError(t, err)
	return k
}
