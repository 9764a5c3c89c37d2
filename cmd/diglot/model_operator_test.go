package main

import (
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// modelKey is a key and its value.
type modelKey struct {
	core.Key

	value string
}

func (k *modelKey) good(now time.Time) bool {
	status := k.Status(now)
	return status == core.KeyActive || status == core.KeyExpiring
}

func newKeyValue(dialect core.DialectName) string {
	if dialect == core.Refold {
		return refold.NewAPIKey(core.Test)
	}
	return cometchat.NewAPIKey()
}

func (m *model) addKey(t *rapid.T, tn *modelTenant, dialect core.DialectName, expires *time.Time) {
	value := newKeyValue(dialect)
	k, err := m.operator.IssueKey(t.Context(), tn.Tenant, core.NewKey{Dialect: dialect, Value: value, ExpiresAt: expires})
	require.NoError(t, err)
	tn.putKey(k, value)
}

func (tn *modelTenant) putKey(k core.Key, value string) {
	tn.keys = append(tn.keys, &modelKey{k, value})
	tn.changed(core.CreateAction, core.KeyNoun, k.ID)
}

func (m *model) issueKey(t *rapid.T) {
	var expires *time.Time
	if rapid.Bool().Draw(t, "expires") {
		expires = new(m.today().Add(time.Hour))
	}
	m.addKey(t, m.tenant(t), rapid.SampledFrom([]core.DialectName{core.Refold, core.CometChat}).Draw(t, "dialect"), expires)
}

// anyKey gives one of the newest of a tenant's.
func anyKey(t *rapid.T, tn *modelTenant) *modelKey {
	return rapid.SampledFrom(tn.keys[max(0, len(tn.keys)-4):]).Draw(t, "key")
}

func (m *model) rotateKey(t *rapid.T) {
	tn := m.tenant(t)
	k := anyKey(t, tn)
	value, overlap := newKeyValue(k.Dialect), rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "overlap")
	next, old, err := m.operator.RotateKey(t.Context(), k.ID, value, overlap, nil)
	if !k.good(m.now()) {
		require.True(t, core.IsConflictOn(err, "status"), "%v", err)
		return
	}
	require.NoError(t, err)
	ends := m.now().Add(overlap).Truncate(time.Millisecond)
	switch {
	case overlap == 0:
		k.RevokedAt = new(m.today())
		tn.changed(core.RevokeAction, core.KeyNoun, k.ID)
	case k.ExpiresAt == nil || ends.Before(*k.ExpiresAt):
		k.ExpiresAt = &ends
		tn.changed(core.UpdateAction, core.KeyNoun, k.ID)
	}
	old.LastUsedAt = nil
	require.Equal(t, k.Key, old)
	require.Equal(t, tn.ID, next.Tenant)
	tn.putKey(next, value)
}

func (m *model) revokeKey(t *rapid.T) {
	tn := m.tenant(t)
	k := anyKey(t, tn)
	got, err := m.operator.RevokeKey(t.Context(), k.ID)
	require.NoError(t, err)
	if k.RevokedAt == nil {
		k.RevokedAt = new(m.today())
		tn.changed(core.RevokeAction, core.KeyNoun, k.ID)
	}
	got.LastUsedAt = nil
	require.Equal(t, k.Key, got)
}

// suspendOrResume mostly resumes: a tenant that is suspended does little.
func (m *model) suspendOrResume(t *rapid.T) {
	tn := m.tenant(t)
	do, want := m.operator.ResumeTenant, core.TenantActive
	if rapid.IntRange(0, 3).Draw(t, "suspend") == 0 {
		do, want = m.operator.SuspendTenant, core.TenantSuspended
	}
	got, err := do(t.Context(), tn.Name)
	require.NoError(t, err)
	require.Equal(t, want, got.Status)
	if got.Status != tn.Status {
		tn.changed(core.UpdateAction, core.TenantNoun, string(tn.ID))
	}
	tn.Tenant = got
}

// revertServer has a server be what it was, or would have one of another tenant be.
func (m *model) revertServer(t *rapid.T) {
	tn := m.tenant(t)
	id, revision := m.byID(t, tn), int64(rapid.IntRange(1, 4).Draw(t, "revision"))
	object, _ := core.ParseObjectID(id)
	got, err := m.operator.RevertMCPServer(t.Context(), tn.Tenant, core.ByID(object), revision)
	s := tn.server(id)
	was, known := tn.was[serverAt{id, revision}]
	if s == nil || !known {
		require.Equal(t, core.NotFound, core.KindOf(err), "%v", err)
		return
	}
	require.NoError(t, err)
	m.changeServer(tn, s, func(s *core.MCPServer) {
		was.Place, was.UpdatedAt, was.Revision = s.Place, s.UpdatedAt, s.Revision
		*s = was
	})
	require.Equal(t, *s, got)
}

// undeleteServer brings a server back, or would one of another tenant.
func (m *model) undeleteServer(t *rapid.T) {
	tn := m.tenant(t)
	gone := slices.SortedFunc(maps.Keys(tn.deleted), func(a, b string) int { return slices.Index(m.serverIDs, a) - slices.Index(m.serverIDs, b) })
	id := anyOf(t, gone, append([]string{missing}, m.serverIDs[max(0, len(m.serverIDs)-12):]...), "id")
	object, _ := core.ParseObjectID(id)
	got, err := m.operator.UndeleteMCPServer(t.Context(), tn.Tenant, object, core.KeepImagesFor)
	s, known := tn.deleted[id]
	switch {
	case tn.server(id) != nil:
		require.True(t, core.IsConflictOn(err, "id"), "%v", err)
		return
	case !known:
		require.Equal(t, core.NotFound, core.KindOf(err), "%v", err)
		return
	case tn.bySlug(s.Slug) != nil:
		require.True(t, core.IsConflictOn(err, "slug"), "%v", err)
		return
	}
	require.NoError(t, err)
	s.Place, s.UpdatedAt, s.Revision = tn.freePlace(s.Place), later(s.UpdatedAt, m.today()), s.Revision+1
	delete(tn.deleted, id)
	tn.putServer(&s)
	tn.changed(core.UndeleteAction, core.MCPServerNoun, id)
	require.Equal(t, s, got)
}

// listHistory asks a tenant for the history of a server, which may be another's.
func (m *model) listHistory(t *rapid.T) {
	tn := m.tenant(t)
	id := m.byID(t, tn)
	object, _ := core.ParseObjectID(id)
	changes, err := m.operator.MCPServerHistory(t.Context(), tn.Tenant, core.ByID(object), 0, 1000)
	want := 0
	for _, action := range []string{core.CreateAction, core.UpdateAction, core.DeleteAction, core.UndeleteAction} {
		want += tn.history[action+" "+core.MCPServerNoun+" "+id]
	}
	if want == 0 {
		require.Equal(t, core.NotFound, core.KindOf(err), "%v", err)
		return
	}
	require.NoError(t, err)
	require.Len(t, changes, want)
	for i := range changes {
		require.Equal(t, tn.ID, changes[i].Tenant)
		m.requireNothingOfOthers(t, tn, string(changes[i].Before)+string(changes[i].After))
	}
}

// compareHistories holds each tenant's history to what was done, and verifies
// its chain.
func (m *model) compareHistories(t *rapid.T) {
	for _, tn := range m.tenants {
		got, entries := map[string]int{}, int64(0)
		err := m.operator.EachChange(t.Context(), tn.ID, core.ChangeQuery{}, func(c *core.Change) error {
			got[c.Action+" "+c.Noun+" "+c.Record]++
			entries++
			m.requireNothingOfOthers(t, tn, string(c.Before)+string(c.After)+c.Record+c.ID)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, tn.history, got, tn.mark)
		head, err := m.operator.VerifyChanges(t.Context(), tn.ID, core.ChainHead{})
		require.NoError(t, err)
		require.Equal(t, entries, head.Seq)
	}
}

// compare holds all that there is to the model.
func (m *model) compare(t *rapid.T) {
	ctx := t.Context()
	for _, tn := range m.tenants {
		servers, total, err := m.service.MCPServerPage(ctx, tn.ID, core.OldestFirst, 0, 1000)
		require.NoError(t, err)
		require.Equal(t, len(tn.servers), total, tn.mark)
		for i, listed := range servers {
			s, err := m.service.MCPServer(ctx, tn.ID, core.ByID(listed.ID))
			require.NoError(t, err)
			require.Equal(t, *tn.servers[i], s, tn.mark)
		}
		agents, err := m.service.AgentsFrom(ctx, tn.ID, core.AgentQuery{Limit: 1000})
		require.NoError(t, err)
		requireSame(t, tn.agents, agents)
		accounts, _, err := m.service.LinkedAccountPage(ctx, tn.ID, core.OldestFirst, 0, 1000)
		require.NoError(t, err)
		requireSame(t, tn.accounts, accounts)
		keys, err := m.operator.Keys(ctx, tn.Tenant)
		require.NoError(t, err)
		require.Len(t, keys, len(tn.keys), tn.mark)
		for _, k := range tn.keys { // those of one moment are in the order of their ids
			i := slices.IndexFunc(keys, func(other core.Key) bool { return other.ID == k.ID })
			require.GreaterOrEqual(t, i, 0, tn.mark)
			keys[i].LastUsedAt = nil
			require.Equal(t, k.Key, keys[i])
		}
	}
}

func requireSame[T any](t *rapid.T, want []*T, got []T) {
	require.Len(t, got, len(want))
	for i := range got {
		require.Equal(t, *want[i], got[i])
	}
}
