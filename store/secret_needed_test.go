package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
)

func TestWhatNeedsASecretIsCountedInWords(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*store.NeededError{
		"version 1 of the secret is needed by 1 signing key": {Version: 1, SigningKeys: []string{"a"}},
		"version 2 of the secret is needed by 1 key that was not used since it was rotated and by 2 signing keys": {
			Version: 2, Keys: make([]store.NeededKey, 1), SigningKeys: []string{"a", "b"},
		},
		"version 1 of the secret is needed by 3 keys that were not used since it was rotated": {Version: 1, Keys: make([]store.NeededKey, 3)},
	} {
		require.EqualError(t, e, want)
	}
}
