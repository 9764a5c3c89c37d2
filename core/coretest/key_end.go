package coretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

const day = 24 * time.Hour

var keyEndings = []guarantee{
	{"an expiry comes with the key, past or to come", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, at := range []time.Time{epoch.Add(day), epoch.Add(-day), time.Now().UTC().Add(day).Truncate(time.Millisecond)} {
			k := newKey(s.tenant, core.Refold)
			k.ExpiresAt = &at
			require.NoError(t, b.CreateKey(t.Context(), k))
			_, key, err := b.KeyOwner(t.Context(), core.Refold, k.Hash)
			require.NoError(t, err, "whether it has expired is the caller's to know")
			equalKey(t, k, key)
		}
	}},
	{"a revoked key is found by no gateway, for good", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k, other := newKey(s.tenant, core.Refold), newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		require.NoError(t, b.CreateKey(t.Context(), other))

		revoked, err := b.RevokeKey(t.Context(), k.ID, epoch.Add(day))
		require.NoError(t, err)
		k.RevokedAt = new(epoch.Add(day))
		equalKey(t, k, revoked)
		_, _, err = b.KeyOwner(t.Context(), core.Refold, k.Hash)
		requireNotFound(t, err)
		_, _, err = b.KeyOwner(t.Context(), core.Refold, other.Hash)
		require.NoError(t, err)

		revoked, err = b.RevokeKey(t.Context(), k.ID, epoch.Add(2*day))
		require.NoError(t, err)
		equalKey(t, k, revoked)
		again := newKey(s.tenant, core.Refold)
		again.Hash = k.Hash
		requireConflict(t, b.CreateKey(t.Context(), again), "key", "key")
	}},
	{"what is not there can't be revoked, rotated or read", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		for _, id := range []string{"", core.NewUUID(), "no UUID", string(s.tenant.ID), k.ID + "0", "\x00"} {
			_, err := b.RevokeKey(t.Context(), id, epoch)
			requireNotFound(t, err)
			_, err = b.RotateKey(t.Context(), id, nil, newKey(s.tenant, core.Refold))
			requireNotFound(t, err)
			_, _, err = b.Key(t.Context(), id)
			requireNotFound(t, err)
		}
		list, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Len(t, list, 1)
		equalKey(t, k, list[0])
	}},
	{"a rotated key ends when it is told, or before", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, c := range []struct{ expires, ends, wantExpiry *time.Time }{
			{nil, new(epoch.Add(day)), new(epoch.Add(day))},
			{new(epoch.Add(2 * day)), new(epoch.Add(day)), new(epoch.Add(day))},
			{new(epoch.Add(day)), new(epoch.Add(2 * day)), new(epoch.Add(day))},
			{nil, nil, nil},
			{new(epoch.Add(day)), nil, new(epoch.Add(day))},
		} {
			k, next := newKey(s.tenant, core.Refold), newKey(s.tenant, core.Refold)
			k.ExpiresAt = c.expires
			next.Hint, next.CreatedAt = "next", epoch.Add(time.Hour)
			require.NoError(t, b.CreateKey(t.Context(), k))
			old, err := b.RotateKey(t.Context(), k.ID, c.ends, next)
			require.NoError(t, err)
			k.ExpiresAt = c.wantExpiry
			if c.ends == nil {
				k.RevokedAt = new(next.CreatedAt)
			}
			equalKey(t, k, old)
			_, found, err := b.KeyOwner(t.Context(), core.Refold, next.Hash)
			require.NoError(t, err)
			equalKey(t, next, found)
			_, found, err = b.KeyOwner(t.Context(), core.Refold, k.Hash)
			if c.ends == nil {
				requireNotFound(t, err)
				continue
			}
			require.NoError(t, err)
			equalKey(t, k, found)
		}
	}},
	{"a rotation that is refused changes nothing", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		k, taken, revoked := newKey(s.tenant, core.Refold), newKey(other.tenant, core.Refold), newKey(s.tenant, core.Refold)
		for _, k := range []core.Key{k, taken, revoked} {
			require.NoError(t, b.CreateKey(t.Context(), k))
		}
		revoked, err := b.RevokeKey(t.Context(), revoked.ID, epoch)
		require.NoError(t, err)

		next := newKey(s.tenant, core.Refold)
		next.Hash = taken.Hash
		_, err = b.RotateKey(t.Context(), k.ID, new(epoch), next)
		requireConflict(t, err, "key", "key")
		_, err = b.RotateKey(t.Context(), revoked.ID, nil, newKey(s.tenant, core.Refold))
		require.True(t, core.IsConflictOn(err, "status"), "%v", err)
		_, err = b.RotateKey(t.Context(), k.ID, nil, newKey(other.tenant, core.Refold))
		requireNotFound(t, err) // it is not that tenant's
		for _, want := range []core.Key{k, taken, revoked} {
			_, got, err := b.Key(t.Context(), want.ID)
			require.NoError(t, err)
			equalKey(t, want, got)
		}
		for _, id := range []core.TenantID{s.tenant.ID, other.tenant.ID} {
			n, err := b.TenantCounts(t.Context(), id)
			require.NoError(t, err)
			require.LessOrEqual(t, n.Keys, 2)
		}
	}},
	{"of 10 rotations at once without overlap one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		won := 0
		for _, err := range together(10, func(int) error {
			_, err := b.RotateKey(t.Context(), k.ID, nil, newKey(s.tenant, core.Refold))
			return err
		}) {
			if err == nil {
				won++
				continue
			}
			require.True(t, core.IsConflictOn(err, "status"), "%v", err)
		}
		require.Equal(t, 1, won)
		list, err := b.Keys(t.Context(), s.tenant.ID)
		require.NoError(t, err)
		require.Len(t, list, 2)
	}},
	{"a key's endings are told, its uses are not", func(t *testing.T, b Backend) {
		s, last := newSuite(t, b, "one"), newTenant("last")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		w := watch(t, b)
		w.untilConnected(t)
		require.NoError(t, b.NoteKeyUses(t.Context(), []core.KeyUse{{Tenant: s.tenant.ID, KeyID: k.ID, At: epoch}}))
		require.NoError(t, b.CreateTenant(t.Context(), last))
		for e := w.next(t); e.Changed != last.ID; e = w.next(t) {
			require.NotEqual(t, s.tenant.ID, e.Changed)
		}
		_, err := b.RotateKey(t.Context(), k.ID, new(epoch), newKey(s.tenant, core.Refold))
		require.NoError(t, err)
		w.untilChanged(t, s.tenant.ID)
		_, err = b.RevokeKey(t.Context(), k.ID, epoch)
		require.NoError(t, err)
		require.NoError(t, b.CreateKey(t.Context(), newKey(last, core.Refold)))
		w.untilChanged(t, s.tenant.ID)
	}},
}
