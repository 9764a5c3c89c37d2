package coretest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var tenantStatuses = []guarantee{
	{"a suspended tenant's credentials are unknown until it is resumed", func(t *testing.T, b Backend) {
		s, other := withUser(t, b), newSuite(t, b, "other")
		key, theirs := newKey(s.tenant, core.Refold), newKey(other.tenant, core.CometChat)
		require.NoError(t, b.CreateKey(t.Context(), key))
		require.NoError(t, b.CreateKey(t.Context(), theirs))
		session := s.issue(t, request("user")).SessionID
		for _, status := range []core.TenantStatus{core.TenantSuspended, core.TenantSuspended, core.TenantActive, core.TenantActive} {
			s.tenant.Status = status
			got, err := b.SetTenantStatus(t.Context(), s.tenant.Name, status)
			require.NoError(t, err)
			equalTenant(t, s.tenant, got)
			got, err = b.Tenant(t.Context(), s.tenant.Name)
			require.NoError(t, err)
			equalTenant(t, s.tenant, got)

			_, _, byKey := b.KeyOwner(t.Context(), core.Refold, key.Hash)
			_, bySession := b.SessionOwner(t.Context(), *s.tenant.Refold, session)
			if status == core.TenantActive {
				require.NoError(t, byKey)
				require.NoError(t, bySession)
			} else {
				requireNotFound(t, byKey)
				requireNotFound(t, bySession)
			}
			_, _, err = b.KeyOwner(t.Context(), core.CometChat, theirs.Hash)
			require.NoError(t, err)
		}
		_, err := b.SetTenantStatus(t.Context(), "nobody", core.TenantSuspended)
		requireNotFound(t, err)
	}},
	{"a tenant that is not active takes no new servers and agents", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		kept := s.create(t, s.server("kept"))
		for _, status := range []core.TenantStatus{core.TenantSuspended, core.TenantDeleting} {
			_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, status)
			require.NoError(t, err)
			_, err = b.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: s.server("new")})
			requireNotFound(t, err)
			_, err = b.CreateAgent(t.Context(), s.tenant.ID, newAgent("new"))
			requireNotFound(t, err)
		}
		require.Equal(t, []string{kept.ID.String()}, idsOf(s.all(t)))
	}},
	{"a deletion is not taken back", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, core.TenantDeleting)
		require.NoError(t, err)
		for _, status := range []core.TenantStatus{core.TenantActive, core.TenantSuspended} {
			_, err = b.SetTenantStatus(t.Context(), s.tenant.Name, status)
			require.True(t, core.IsConflictOn(err, "status"), "%v", err)
		}
		got, err := b.SetTenantStatus(t.Context(), s.tenant.Name, core.TenantDeleting)
		require.NoError(t, err)
		require.Equal(t, core.TenantDeleting, got.Status)
	}},
	{"its changes are told", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		w := watch(t, b)
		w.untilConnected(t)
		for _, status := range []core.TenantStatus{core.TenantSuspended, core.TenantActive, core.TenantDeleting} {
			_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, status)
			require.NoError(t, err)
			w.untilChanged(t, s.tenant.ID)
		}
		_, done, err := b.DeleteTenantPart(t.Context(), s.tenant.ID, 1)
		require.NoError(t, err)
		require.True(t, done)
		w.untilChanged(t, s.tenant.ID)
	}},
}

var tenantMoves = []guarantee{
	{"an address is added or changed, and the old one is free", func(t *testing.T, b Backend) {
		s := withUser(t, b)
		old := *s.tenant.Refold
		session, key := s.issue(t, request("user")).SessionID, newKey(s.tenant, core.CometChat)
		require.NoError(t, b.CreateKey(t.Context(), key))
		late := newTenant("late")
		late.CometChat = nil
		require.NoError(t, b.CreateTenant(t.Context(), late))

		w := watch(t, b)
		w.untilConnected(t)
		moved := core.RefoldAddress{OrgID: old.OrgID, Environment: core.Production}
		app := core.CometChatAddress{AppID: "another-app", Region: "in"}
		s.tenant.Refold, s.tenant.CometChat = &moved, &app
		got, err := b.UpdateTenant(t.Context(), s.tenant.Name, core.TenantUpdate{Refold: &moved, CometChat: &app})
		require.NoError(t, err)
		equalTenant(t, s.tenant, got)
		w.untilChanged(t, s.tenant.ID)
		owner, err := b.SessionOwner(t.Context(), moved, session)
		require.NoError(t, err)
		equalTenant(t, s.tenant, owner)
		owner, _, err = b.KeyOwner(t.Context(), core.CometChat, key.Hash)
		require.NoError(t, err)
		equalTenant(t, s.tenant, owner)
		_, err = b.SessionOwner(t.Context(), old, session)
		requireNotFound(t, err)

		late.Refold, late.CometChat = &old, &core.CometChatAddress{AppID: "app-one", Region: "eu"}
		got, err = b.UpdateTenant(t.Context(), "late", core.TenantUpdate{Refold: late.Refold, CometChat: late.CometChat})
		require.NoError(t, err)
		equalTenant(t, late, got)
		_, err = b.SessionOwner(t.Context(), old, session)
		requireNotFound(t, err) // it is another tenant's
	}},
	{"an address that is taken changes nothing", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		free := core.RefoldAddress{OrgID: "free", Environment: core.Test}
		_, err := b.UpdateTenant(t.Context(), "one", core.TenantUpdate{Refold: other.tenant.Refold, URLTemplate: new("")})
		requireConflict(t, err, "tenant", "refold")
		_, err = b.UpdateTenant(t.Context(), "one", core.TenantUpdate{Refold: &free, CometChat: other.tenant.CometChat})
		requireConflict(t, err, "tenant", "cometchat")
		for _, want := range []core.Tenant{s.tenant, other.tenant} {
			got, err := b.UpdateTenant(t.Context(), want.Name, core.TenantUpdate{Refold: want.Refold, CometChat: want.CometChat})
			require.NoError(t, err, "its own is not taken")
			equalTenant(t, want, got)
		}
	}},
}

// stockedSessions is how many sessions a tenant has after stock.
const stockedSessions = 6

// stock gives a tenant servers, agents that list them, accounts, sessions and keys.
func (s *suite) stock(t *testing.T) core.TenantCounts {
	t.Helper()
	n := core.TenantCounts{Servers: 12, Agents: 7, Accounts: 5, Keys: 3}
	servers := s.fill(t, n.Servers)
	for i := range n.Agents {
		a := newAgent(fmt.Sprint("agent ", i))
		a.MCPServers = []string{servers[0].Slug, servers[i].Slug}[:1+min(i, 1)]
		_, err := s.CreateAgent(t.Context(), s.tenant.ID, a)
		require.NoError(t, err)
	}
	for i := range n.Accounts {
		require.NoError(t, s.CreateAccount(t.Context(), newAccount(s.tenant.ID, fmt.Sprint("user-", i))))
	}
	for i := range stockedSessions {
		s.issue(t, later(fmt.Sprint("user-", i%2), int64(i)))
	}
	for range n.Keys {
		require.NoError(t, s.CreateKey(t.Context(), newKey(s.tenant, core.Refold)))
	}
	return n
}

var tenantDeletions = []guarantee{
	{"removes all of the tenant, part by part, and nothing of another", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		n := s.stock(t)
		theirs := other.stock(t)
		counts := func(s *suite) core.TenantCounts {
			c, err := b.TenantCounts(t.Context(), s.tenant.ID)
			require.NoError(t, err)
			return c
		}
		require.Equal(t, n, counts(s))
		_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, core.TenantDeleting)
		require.NoError(t, err)
		removed := 0
		for done := false; !done; {
			var part int
			part, done, err = b.DeleteTenantPart(t.Context(), s.tenant.ID, 5)
			require.NoError(t, err)
			require.LessOrEqual(t, part, 5)
			require.NotEqual(t, done, part > 0, "either something went or nothing is left")
			removed += part
		}
		require.Equal(t, n.Servers+n.Agents+n.Accounts+stockedSessions, removed)
		require.Equal(t, core.TenantCounts{}, counts(s))
		_, err = b.Tenant(t.Context(), s.tenant.Name)
		requireNotFound(t, err)
		_, done, err := b.DeleteTenantPart(t.Context(), s.tenant.ID, 5)
		require.NoError(t, err)
		require.True(t, done)

		require.Equal(t, theirs, counts(other))
		again := newTenant("one")
		require.NoError(t, b.CreateTenant(t.Context(), again), "its name and addresses are free")
		c, err := b.TenantCounts(t.Context(), again.ID)
		require.NoError(t, err)
		require.Equal(t, core.TenantCounts{}, c)
	}},
	{"only of a tenant that is marked for it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		n := s.stock(t)
		for _, status := range []core.TenantStatus{core.TenantActive, core.TenantSuspended} {
			_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, status)
			require.NoError(t, err)
			_, _, err = b.DeleteTenantPart(t.Context(), s.tenant.ID, 5)
			require.True(t, core.IsConflictOn(err, "status"), "%v", err)
		}
		_, _, err := b.DeleteTenantPart(t.Context(), s.tenant.ID, 0)
		require.Error(t, err, "it would never end")
		c, err := b.TenantCounts(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Equal(t, n, c)
	}},
	{"nothing is left of what was being added meanwhile", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		const writers = 4
		ended := make(chan error, 2*writers)
		begun := make(chan struct{}, 100_000)
		write := func(create func() error) {
			for {
				if err := create(); err != nil {
					ended <- err
					return
				}
				begun <- struct{}{}
			}
		}
		for range writers {
			go write(func() error {
				_, err := b.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: s.server("new")})
				return err
			})
			go write(func() error {
				_, err := b.CreateAgent(t.Context(), s.tenant.ID, newAgent("new"))
				return err
			})
		}
		for range 50 {
			receive(t, begun)
		}
		_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, core.TenantDeleting)
		require.NoError(t, err)
		for done := false; !done; {
			_, done, err = b.DeleteTenantPart(t.Context(), s.tenant.ID, 100)
			require.NoError(t, err)
		}
		for range cap(ended) {
			select {
			case err := <-ended:
				requireNotFound(t, err)
			case <-time.After(patience):
				require.FailNow(t, "a writer goes on")
			}
		}
		c, err := b.TenantCounts(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Equal(t, core.TenantCounts{}, c)
	}},
}
