package core_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

func TestASecretNeeds16Bytes(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{0: false, 1: false, 15: false, 16: true, 17: true, 32: true, 1000: true} {
		_, err := core.NewSecret(make([]byte, n))
		if ok {
			require.NoError(t, err)
			continue
		}
		requireInvalid(t, err, "secret", "secret")
	}
}

func TestAKeysHashIsTheSameForTheSameSecretDialectAndKeyOnly(t *testing.T) {
	t.Parallel()
	material := core.RandomMaterial()
	hash := func(material []byte, dialect core.DialectName, key string) core.KeyHash {
		s, err := core.NewSecret(material)
		require.NoError(t, err)
		return s.KeyHash(dialect, key)
	}
	want := hash(material, core.Refold, "pk_abc")
	require.NotZero(t, want)
	require.Equal(t, want, hash(bytes.Clone(material), core.Refold, "pk_abc"), "another process of the installation")
	for _, other := range []core.KeyHash{
		hash(material, core.CometChat, "pk_abc"),
		hash(material, core.Refold, "pk_abd"),
		hash(material, core.Refold, ""),
		hash(material, core.Refold+"pk", "_abc"),
		hash(material, core.Refold+"\x00p", "k_abc"),
		hash(core.RandomMaterial(), core.Refold, "pk_abc"),
	} {
		require.NotEqual(t, want, other)
	}
}

func TestEachPurposeHasItsOwnDerivedKey(t *testing.T) {
	t.Parallel()
	material := core.RandomMaterial()
	s, err := core.NewSecret(material)
	require.NoError(t, err)
	again, err := core.NewSecret(material)
	require.NoError(t, err)
	token := s.Derive("session token")
	require.Len(t, token, 32)
	require.Equal(t, token, again.Derive("session token"))
	require.NotEqual(t, token, s.Derive("api key hash"))
	require.NotEqual(t, token, s.Derive(""))
	require.NotEqual(t, token, material)
}

func TestRandomMaterialMakesASecretAndIsNeverTheSame(t *testing.T) {
	t.Parallel()
	one, two := core.RandomMaterial(), core.RandomMaterial()
	require.GreaterOrEqual(t, len(one), core.MinSecretBytes)
	require.NotEqual(t, one, two)
}

func TestASecretOfTwoVersionsHashesUnderEachAndDerivesFromTheNewest(t *testing.T) {
	t.Parallel()
	one, two := core.RandomMaterial(), core.RandomMaterial()
	alone := func(material []byte) *core.Secret {
		s, err := core.NewSecret(material)
		require.NoError(t, err)
		return s
	}
	s, err := core.NewVersionedSecret(core.SecretVersion{Number: 6, Material: one}, core.SecretVersion{Number: 7, Material: two})
	require.NoError(t, err)
	require.Equal(t, 7, s.Newest())
	require.Equal(t, alone(two).KeyHash(core.Refold, "k"), s.KeyHash(core.Refold, "k"))
	require.Equal(t, []core.VersionedHash{
		{Hash: alone(two).KeyHash(core.Refold, "k"), Version: 7}, {Hash: alone(one).KeyHash(core.Refold, "k"), Version: 6},
	}, s.KeyHashes(core.Refold, "k"))
	require.Equal(t, alone(two).Derive("x"), s.Derive("x"))
	for version, material := range map[int][]byte{6: one, 7: two} {
		b, ok := s.DeriveFrom(version, "x")
		require.True(t, ok)
		require.Equal(t, alone(material).Derive("x"), b)
	}
	_, ok := s.DeriveFrom(1, "x")
	require.False(t, ok)

	_, err = core.NewVersionedSecret()
	requireInvalid(t, err, "secret", "versions")
	_, err = core.NewVersionedSecret(core.SecretVersion{Number: 1, Material: one}, core.SecretVersion{Number: 2, Material: two[:15]})
	requireInvalid(t, err, "secret", "secret")
}

func TestASigningKeysIDSaysItsVersion(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]int{
		"": 1, "k0f8fad5bd9cb469fa16570867728950e": 1, "s2-k0f8f": 2, "s10-k": 10, "s0-k": 1, "s-k": 1, "s2k": 1, "s1234567-k": 1, "ks2-k": 1,
	} {
		require.Equal(t, want, core.SigningKeyVersion(id), id)
	}
}

func TestAKeyThatIsUsedGetsAHashUnderTheNewestVersion(t *testing.T) {
	t.Parallel()
	store := memstore.New()
	one, two := core.SecretVersion{Number: 1, Material: core.RandomMaterial()}, core.SecretVersion{Number: 2, Material: core.RandomMaterial()}
	secretOf := func(versions ...core.SecretVersion) *core.Secret {
		s, err := core.NewVersionedSecret(versions...)
		require.NoError(t, err)
		return s
	}
	before, rotating := secretOf(one), secretOf(one, two)
	operator := core.NewOperator(store, before, time.Now)
	tenant, err := operator.CreateTenant(t.Context(), core.Tenant{Name: "demo", Refold: &core.RefoldAddress{OrgID: "org", Environment: core.Test}})
	require.NoError(t, err)
	const value = "the-key-of-before-in-use"
	made, err := operator.CreateKey(t.Context(), tenant, core.Refold, value)
	require.NoError(t, err)
	require.Nil(t, made.Next)
	key := func() core.Key {
		_, k, err := operator.Key(t.Context(), made.ID)
		require.NoError(t, err)
		return k
	}

	old, service := core.NewService(store, before, time.Now, core.NewIDSource()), core.NewService(store, rotating, time.Now, core.NewIDSource())
	for _, s := range []*core.Service{old, service, old} {
		p, err := s.PrincipalByKey(t.Context(), core.Refold, value)
		require.NoError(t, err)
		require.Equal(t, made.ID, p.KeyID)
		require.NoError(t, s.WriteKeyUses(t.Context()))
	}
	hashes := rotating.KeyHashes(core.Refold, value)
	require.Equal(t, made.Hash, key().Hash, "an instance of before finds it as before")
	require.Equal(t, &hashes[0], key().Next)
	require.NoError(t, service.WriteKeyUses(t.Context()), "once")

	// Whoever has both versions makes keys that either finds.
	next := core.NewOperator(store, rotating, time.Now)
	_, err = next.CreateKey(t.Context(), tenant, core.Refold, value)
	require.True(t, core.IsConflictOn(err, "key"), "one value is one key, under whichever version: %v", err)
	_, err = next.ImportKeys(t.Context(), tenant, core.Refold, "", []string{value})
	require.True(t, core.IsConflictOn(err, "key"), "%v", err)
	later, err := next.CreateKey(t.Context(), tenant, core.Refold, "the-key-that-came-later")
	require.NoError(t, err)
	require.NotNil(t, later.Next)
	for _, s := range []*core.Service{old, service} {
		p, err := s.PrincipalByKey(t.Context(), core.Refold, "the-key-that-came-later")
		require.NoError(t, err)
		require.Equal(t, later.ID, p.KeyID)
	}
	_, err = core.NewService(store, secretOf(two), time.Now, core.NewIDSource()).PrincipalByKey(t.Context(), core.Refold, value)
	require.Equal(t, core.BadCredential, core.KindOf(err), "until the version of before is retired, it is needed")
}
