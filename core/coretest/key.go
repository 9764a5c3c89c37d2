package coretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var keys = []guarantee{
	{"leads to its tenant", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		for _, dialect := range []core.DialectName{core.Refold, core.CometChat} {
			mine, theirs := newKey(s.tenant, dialect), newKey(other.tenant, dialect)
			require.NoError(t, b.CreateKey(t.Context(), mine))
			require.NoError(t, b.CreateKey(t.Context(), theirs))

			tenant, key, err := b.KeyOwner(t.Context(), dialect, mine.Hash)
			require.NoError(t, err)
			equalKey(t, mine, key)
			equalTenant(t, s.tenant, tenant)

			tenant, key, err = b.KeyOwner(t.Context(), dialect, theirs.Hash)
			require.NoError(t, err)
			equalKey(t, theirs, key)
			equalTenant(t, other.tenant, tenant)
		}
	}},
	{"a tenant may have many", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for range 5 {
			k := newKey(s.tenant, core.Refold)
			require.NoError(t, b.CreateKey(t.Context(), k))
			_, key, err := b.KeyOwner(t.Context(), core.Refold, k.Hash)
			require.NoError(t, err)
			equalKey(t, k, key)
		}
	}},
	{"has the scope that it was created with", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, scope := range []core.KeyScope{core.AuthOnly, core.FullAccess} {
			k := newKey(s.tenant, core.CometChat)
			k.Scope = scope
			require.NoError(t, b.CreateKey(t.Context(), k))
			_, key, err := b.KeyOwner(t.Context(), core.CometChat, k.Hash)
			require.NoError(t, err)
			equalKey(t, k, key)
		}
	}},
	{"is not found in the other dialect", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		_, _, err := b.KeyOwner(t.Context(), core.CometChat, k.Hash)
		requireNotFound(t, err)
	}},
	{"an unknown hash is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))

		_, _, err := b.KeyOwner(t.Context(), core.Refold, core.KeyHash{})
		requireNotFound(t, err)
		k.Hash[31] ^= 1
		_, _, err = b.KeyOwner(t.Context(), core.Refold, k.Hash)
		requireNotFound(t, err)
	}},
	{"the hash is unique, whoever's it is", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		first := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), first))
		for _, tenant := range []core.Tenant{s.tenant, other.tenant} {
			again := newKey(tenant, core.Refold)
			again.Hash = first.Hash
			requireConflict(t, b.CreateKey(t.Context(), again), "key", "key")
		}
		owner, key, err := b.KeyOwner(t.Context(), core.Refold, first.Hash)
		require.NoError(t, err)
		equalKey(t, first, key)
		require.Equal(t, s.tenant.ID, owner.ID)
	}},
	{"of 20 equal creations at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		hash := newKey(s.tenant, core.Refold).Hash
		errs := together(20, func(int) error {
			k := newKey(s.tenant, core.Refold)
			k.Hash = hash
			return b.CreateKey(t.Context(), k)
		})
		requireOneWinner(t, errs, "key", "key")
	}},
	{"needs a tenant that exists", func(t *testing.T, b Backend) {
		k := newKey(newTenant("never-created"), core.Refold)
		require.Error(t, b.CreateKey(t.Context(), k))
		_, _, err := b.KeyOwner(t.Context(), core.Refold, k.Hash)
		requireNotFound(t, err)
	}},
}

func equalKey(t *testing.T, want, got core.Key) {
	t.Helper()
	equalTime(t, want.CreatedAt, got.CreatedAt)
	got.CreatedAt = want.CreatedAt
	for _, at := range []struct{ want, got *time.Time }{
		{want.ExpiresAt, got.ExpiresAt}, {want.RevokedAt, got.RevokedAt}, {want.LastUsedAt, got.LastUsedAt},
	} {
		require.Equal(t, at.want == nil, at.got == nil, "%+v", got)
		if at.want != nil {
			equalTime(t, *at.want, *at.got)
			require.Equal(t, "UTC", at.got.Location().String())
		}
	}
	got.ExpiresAt, got.RevokedAt, got.LastUsedAt = want.ExpiresAt, want.RevokedAt, want.LastUsedAt
	require.Equal(t, want, got)
}
