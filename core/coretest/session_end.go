package coretest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var sessionEnds = []guarantee{
	{"one that is revoked has ended, others have not", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		one, two := s.issue(t, freshRequest("user")), s.issue(t, later("user", 1))
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, one.SessionID, epoch))
		s.requireEnded(t, one.SessionID)
		s.requireLives(t, two.SessionID)
	}},
	{"of 20 revocations at once one succeeds", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		one := s.issue(t, request("user"))
		won := 0
		for _, err := range together(20, func(int) error {
			return b.RevokeSession(t.Context(), s.tenant.ID, one.SessionID, epoch)
		}) {
			if err == nil {
				won++
			} else {
				requireNotFound(t, err)
			}
		}
		require.Equal(t, 1, won)
	}},
	{"what differs in anything is another session, and there is none", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		require.NoError(t, b.CreateAccount(t.Context(), s.account("another")))
		issued := s.issue(t, request("user"))
		for name, change := range map[string]func(*core.SessionID){
			"account":         func(id *core.SessionID) { id.Account = "another" },
			"unknown account": func(id *core.SessionID) { id.Account = "stranger" },
			"no account":      func(id *core.SessionID) { id.Account = "" },
			"no text":         func(id *core.SessionID) { id.Account = "\x00" },
			"issued":          func(id *core.SessionID) { id.IssuedAt-- },
			"expires":         func(id *core.SessionID) { id.ExpiresAt++ },
			"key":             func(id *core.SessionID) { id.KeyID = "k" },
			"key without end": func(id *core.SessionID) { id.KeyID = "\xff" },
			"moments":         func(id *core.SessionID) { id.IssuedAt, id.ExpiresAt = 1<<63-1, -1<<63 },
		} {
			t.Run(name, func(t *testing.T) {
				id := issued.SessionID
				change(&id)
				s.requireEnded(t, id)
			})
		}
		s.requireLives(t, issued.SessionID)
	}},
	{"ends with its account and does not live again with another of that id", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		require.NoError(t, b.CreateAccount(t.Context(), s.account("another")))
		issued, stays := s.issue(t, freshRequest("user")), s.issue(t, freshRequest("another"))
		require.NoError(t, b.DeleteAccount(t.Context(), s.tenant.ID, "user"))
		s.requireEnded(t, issued.SessionID)
		require.NoError(t, b.CreateAccount(t.Context(), s.account("user")))
		s.requireEnded(t, issued.SessionID)
		s.requireLives(t, stays.SessionID)

		again := s.issue(t, request("user"))
		require.Equal(t, issued.ExpiresAt+1, again.ExpiresAt)
		require.NotEqual(t, issued.SessionID, again.SessionID, "none is issued a second time")
		s.requireLives(t, again.SessionID)
		s.requireEnded(t, issued.SessionID)
	}},
	{"sessions that are issued while their account is deleted end with it", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		got := make([]core.Session, 20)
		errs := together(len(got)+1, func(i int) (err error) {
			if i == len(got) {
				return b.DeleteAccount(t.Context(), s.tenant.ID, "user")
			}
			got[i], err = b.IssueSession(t.Context(), s.tenant.ID, later("user", int64(i)))
			return err
		})
		require.NoError(t, errs[len(got)])
		for i, session := range got {
			if errs[i] != nil {
				requireNotFound(t, errs[i])
				continue
			}
			s.requireEnded(t, session.SessionID)
		}
	}},
	{"by one whose account is deleted meanwhile the account is not made anew", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for round := range 40 {
			require.NoError(t, b.CreateAccount(t.Context(), s.account("user")))
			issued := s.issue(t, later("user", int64(round)))
			errs := together(9, func(i int) error {
				if i == 4 {
					return b.DeleteAccount(t.Context(), s.tenant.ID, "user")
				}
				changed := s.account("user")
				changed.Name = new("changed")
				_, err := b.UpsertAccount(by(t, issued.SessionID), changed)
				return err
			})
			for i, err := range errs {
				if i == 4 || err == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, core.ErrSessionEnded)
				}
			}
			_, err := b.Account(t.Context(), s.tenant.ID, "user")
			requireNotFound(t, err)
		}
	}},
	{"nothing is done by one that has ended", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		server := s.create(t, s.full())
		ended := s.issue(t, request("user"))
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, ended.SessionID, epoch))
		for method, call := range tenantMethods(b, server) {
			if method == "CreateKey" {
				continue // an operator's, who has no session
			}
			use := &core.SessionUse{ID: ended.SessionID}
			require.ErrorIs(t, call(core.WithSession(t.Context(), use), s.tenant.ID), core.ErrSessionEnded, method)
			require.False(t, use.Confirmed(), method)
		}
		equalServers(t, []core.MCPServer{server}, s.all(t))
		_, total, err := b.AccountPage(t.Context(), s.tenant.ID, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total)
	}},
	{"whatever is done by one that lives confirms it", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		server := s.create(t, s.full())
		require.NoError(t, b.CreateAccount(t.Context(), s.account("upserted"))) // a session adds none
		for method, call := range tenantMethods(b, server) {
			if method == "CreateKey" || method == "DeleteAccount" || method == "DeleteMCPServer" {
				continue
			}
			use := &core.SessionUse{ID: s.issue(t, freshRequest("user")).SessionID}
			err := call(core.WithSession(t.Context(), use), s.tenant.ID)
			require.NotErrorIs(t, err, core.ErrSessionEnded, method)
			require.True(t, use.Confirmed(), method)
		}
	}},
	{"one of another tenant is none", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		require.NoError(t, b.CreateAccount(t.Context(), other.account("user")))
		mine := s.issue(t, request("user"))
		other.requireEnded(t, mine.SessionID)
		theirs := other.issue(t, request("user"))
		require.Equal(t, mine, theirs, "they look alike")
		require.NoError(t, b.RevokeSession(t.Context(), other.tenant.ID, theirs.SessionID, epoch))
		other.requireEnded(t, theirs.SessionID)
		s.requireLives(t, mine.SessionID)
		require.NoError(t, b.DeleteAccount(t.Context(), other.tenant.ID, "user"))
		s.requireLives(t, mine.SessionID)
	}},
	{"every watcher is told of one that is revoked", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		issued := s.issue(t, request("user"))
		w := watch(t, b)
		w.untilConnected(t)
		require.NoError(t, b.RevokeSession(t.Context(), s.tenant.ID, issued.SessionID, epoch))
		w.untilChanged(t, s.tenant.ID)
	}},
	{"one that is issued is none of a watcher's business", func(t *testing.T, b Backend) {
		s, last := withUser(t, b), newTenant("last")
		w := watch(t, b)
		w.untilConnected(t)
		s.issue(t, request("user"))
		require.NoError(t, b.CreateTenant(t.Context(), last))
		for e := w.next(t); e.Changed != last.ID; e = w.next(t) {
			require.NotEqual(t, s.tenant.ID, e.Changed)
		}
	}},
}
