package coretest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var keyRehashes = []guarantee{
	{"one of several hashes is enough", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(t.Context(), k))
		for _, hashes := range [][]core.KeyHash{{{1}, k.Hash}, {k.Hash, {1}}, {k.Hash, k.Hash}} {
			_, got, err := b.KeyOwner(t.Context(), core.Refold, hashes...)
			require.NoError(t, err)
			equalKey(t, k, got)
		}
		for _, hashes := range [][]core.KeyHash{nil, {{1}, {2}}} {
			_, _, err := b.KeyOwner(t.Context(), core.Refold, hashes...)
			requireNotFound(t, err)
		}
	}},
	{"a next hash is kept and given, and finds nothing yet", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		k := newKey(s.tenant, core.Refold)
		k.Next = &core.VersionedHash{Hash: newKey(s.tenant, core.Refold).Hash, Version: 2}
		require.NoError(t, b.CreateKey(t.Context(), k))
		requireKey(t, b, k)
		_, _, err := b.KeyOwner(t.Context(), core.Refold, k.Next.Hash)
		requireNotFound(t, err)
	}},
	{"a key is hashed anew once, from the hash that it has, and nobody is told", func(t *testing.T, b Backend) {
		s, other, last := newSuite(t, b, "one"), newSuite(t, b, "other"), newTenant("last")
		k, bystander := newKey(s.tenant, core.Refold), newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKeys(t.Context(), []core.Key{k, bystander}))
		next := core.VersionedHash{Hash: newKey(s.tenant, core.Refold).Hash, Version: 2}
		w := watch(t, b)
		w.untilConnected(t)
		require.NoError(t, b.RehashKeys(t.Context(), nil))
		require.NoError(t, b.RehashKeys(t.Context(), []core.KeyRehash{
			{Tenant: s.tenant.ID, KeyID: k.ID, From: bystander.Hash, Next: next},
			{Tenant: other.tenant.ID, KeyID: k.ID, From: k.Hash, Next: next},
			{Tenant: s.tenant.ID, KeyID: core.NewUUID(), From: k.Hash, Next: next},
			{Tenant: s.tenant.ID, KeyID: k.ID, From: k.Hash, Next: core.VersionedHash{Hash: next.Hash, Version: 1}},
		}))
		requireKey(t, b, k)
		require.NoError(t, b.RehashKeys(t.Context(), []core.KeyRehash{{Tenant: s.tenant.ID, KeyID: k.ID, From: k.Hash, Next: next}}))
		k.Next = &next
		requireKey(t, b, k)
		again := core.VersionedHash{Hash: core.KeyHash{1}, Version: 2}
		require.NoError(t, b.RehashKeys(t.Context(), []core.KeyRehash{{Tenant: s.tenant.ID, KeyID: k.ID, From: k.Hash, Next: again}}))
		requireKey(t, b, k)
		requireKey(t, b, bystander)

		require.NoError(t, b.CreateTenant(t.Context(), last))
		for e := w.next(t); e.Changed != last.ID; e = w.next(t) {
			require.NotEqual(t, s.tenant.ID, e.Changed)
		}
	}},
}

// requireKey wants the key by its hash and by its id.
func requireKey(t *testing.T, b Backend, want core.Key) {
	t.Helper()
	_, got, err := b.KeyOwner(t.Context(), want.Dialect, want.Hash)
	require.NoError(t, err)
	equalKey(t, want, got)
	_, got, err = b.Key(t.Context(), want.ID)
	require.NoError(t, err)
	equalKey(t, want, got)
}
