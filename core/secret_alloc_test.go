//go:build !race

package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// Under the race detector a sync.Pool forgets at random, so it isn't asked there.
func TestHashingAKeyAllocatesNothing(t *testing.T) {
	s, err := core.NewVersionedSecret(
		core.SecretVersion{Number: 1, Material: core.RandomMaterial()}, core.SecretVersion{Number: 2, Material: core.RandomMaterial()})
	require.NoError(t, err)
	key := "tk0f8fad5b-d9cb-469f-a165-70867728950e"
	s.KeyHash(core.Refold, key)
	require.Less(t, testing.AllocsPerRun(1000, func() { s.KeyHash(core.Refold, key) }), 1.0)
}
