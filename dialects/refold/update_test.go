package refold

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

func TestMoreThan1000ChainsAreRefused(t *testing.T) {
	t.Parallel()
	body := updateBody{}
	body.Chains.Presence = dialects.Given
	chains := slices.Repeat([]core.JSON{core.JSON(`{}`)}, 1000)
	body.Chains.Value = dialects.JoinArray(chains)
	u, ok := body.toCore()
	require.True(t, ok)
	require.Len(t, *u.Chains, 1000)
	body.Chains.Value = dialects.JoinArray(append(chains, core.JSON(`{}`)))
	_, ok = body.toCore()
	require.False(t, ok)
}
