package coretest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var keyLists = []guarantee{
	{"a tenant's keys are listed, the oldest first, whatever became of them", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		list, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Empty(t, list)
		require.NoError(t, b.CreateKey(t.Context(), newKey(other.tenant, core.Refold)))

		var want []core.Key
		for _, minutes := range []int{3, 1, 2, 1} {
			k := newKey(s.tenant, core.CometChat)
			k.CreatedAt, k.Hint, k.Scope = epoch.Add(time.Duration(minutes)*time.Minute), "d3f1", core.AuthOnly
			k.ExpiresAt = new(epoch.Add(time.Hour))
			require.NoError(t, b.CreateKey(t.Context(), k))
			want = append(want, k)
		}
		want[0], err = b.RevokeKey(t.Context(), want[0].ID, epoch.Add(time.Hour))
		require.NoError(t, err)
		slices.SortFunc(want, func(a, b core.Key) int {
			if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 || a.ID == b.ID {
				return c
			}
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		list, err = b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Len(t, list, len(want))
		for i := range want {
			equalKey(t, want[i], list[i])
			tenant, one, err := b.Key(t.Context(), want[i].ID)
			require.NoError(t, err)
			equalKey(t, want[i], one)
			equalTenant(t, s.tenant, tenant)
		}
	}},
	{"the last use is kept and never goes back", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		one, two, unused := newKey(s.tenant, core.Refold), newKey(other.tenant, core.CometChat), newKey(s.tenant, core.Refold)
		for _, k := range []core.Key{one, two, unused} {
			require.NoError(t, b.CreateKey(t.Context(), k))
		}
		note := func(minutes ...int) {
			require.NoError(t, b.NoteKeyUses(t.Context(), []core.KeyUse{
				{Tenant: s.tenant.ID, KeyID: one.ID, At: epoch.Add(time.Duration(minutes[0]) * time.Minute)},
				{Tenant: s.tenant.ID, KeyID: core.NewUUID(), At: epoch},
				{Tenant: other.tenant.ID, KeyID: two.ID, At: epoch.Add(time.Duration(minutes[1]) * time.Minute)},
				{Tenant: other.tenant.ID, KeyID: unused.ID, At: epoch}, // not its key
			}))
		}
		note(3, 1)
		note(2, 4)
		require.NoError(t, b.NoteKeyUses(t.Context(), nil))
		one.LastUsedAt, two.LastUsedAt = new(epoch.Add(3*time.Minute)), new(epoch.Add(4*time.Minute))
		for _, want := range []core.Key{one, two, unused} {
			_, got, err := b.Key(t.Context(), want.ID)
			require.NoError(t, err)
			equalKey(t, want, got)
			_, got, err = b.KeyOwner(t.Context(), want.Dialect, want.Hash)
			require.NoError(t, err)
			require.Nil(t, got.LastUsedAt, "which is of no use to a gateway")
		}
	}},
	{"uses that are noted at once, in any order, are all kept", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		var uses []core.KeyUse
		for range 20 {
			k := newKey(s.tenant, core.Refold)
			require.NoError(t, b.CreateKey(t.Context(), k))
			uses = append(uses, core.KeyUse{Tenant: s.tenant.ID, KeyID: k.ID, At: epoch})
		}
		requireNoErrors(t, together(10, func(i int) error {
			mine := slices.Clone(uses)
			for j := range mine {
				mine[j].At = epoch.Add(time.Duration(i) * time.Second)
			}
			if i%2 == 1 {
				slices.Reverse(mine)
			}
			return b.NoteKeyUses(t.Context(), mine)
		}))
		list, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		for _, k := range list {
			require.NotNil(t, k.LastUsedAt)
			equalTime(t, epoch.Add(9*time.Second), *k.LastUsedAt)
		}
	}},
	{"many are added together or not at all", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		make20 := func() (keys []core.Key) {
			for range 20 {
				keys = append(keys, newKey(s.tenant, core.Refold))
			}
			return keys
		}
		first := make20()
		require.NoError(t, b.CreateKeys(t.Context(), first))
		for _, k := range first {
			_, got, err := b.KeyOwner(t.Context(), core.Refold, k.Hash)
			require.NoError(t, err)
			equalKey(t, k, got)
		}
		theirs := newKey(other.tenant, core.CometChat)
		require.NoError(t, b.CreateKey(t.Context(), theirs))
		for _, taken := range []core.KeyHash{first[3].Hash, theirs.Hash} {
			second := make20()
			second[7].Hash, second[9].Hash = taken, taken
			err := b.CreateKeys(t.Context(), second)
			requireConflict(t, err, "key", "key")
			refused, ok := errors.AsType[*core.KeyValueError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, 7, refused.Index)
		}
		unknown := make20()
		unknown[19].Tenant = core.NewTenantID()
		requireNotFound(t, b.CreateKeys(t.Context(), unknown))
		list, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Len(t, list, len(first))
	}},
}
