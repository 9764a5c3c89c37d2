package core_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
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
