package image

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestStoredChainsThatWereTamperedWithAreAnError(t *testing.T) {
	t.Parallel()
	good := string(Chains([]core.Chain{{Fields: core.JSON(`{"a":"}]\"{","b":[{}]}`)}, {Fields: core.JSON(`{}`)}}))
	chains, err := ParseChains([]byte(good))
	require.NoError(t, err)
	require.Len(t, chains, 2)
	for i := range len(good) {
		_, err := ParseChains([]byte(good[:i]))
		require.Error(t, err, good[:i])
	}
	for _, stored := range []string{``, `null`, `{}`, `[1]`, `[{"id":"x"}]`, good + `,`, `[` + good + `]`, ` ` + good} {
		_, err := ParseChains([]byte(stored))
		require.Error(t, err, stored)
	}
}
