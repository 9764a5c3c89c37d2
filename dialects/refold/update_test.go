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
	body.Chains.Value = slices.Repeat([]core.JSON{core.JSON(`{}`)}, 1000)
	_, ok := body.toCore()
	require.True(t, ok)
	body.Chains.Value = append(body.Chains.Value, core.JSON(`{}`))
	_, ok = body.toCore()
	require.False(t, ok)
}
