package cometchat

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

func TestMoreThan1000ServersOfAnAgentAreRefused(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{0: true, 1000: true, 1001: false, 300_000: false} {
		var a dialects.Array
		a.Presence = dialects.Given
		a.Value = dialects.JoinArray(slices.Repeat([]core.JSON{core.JSON(`"a"`)}, n))
		var p problems
		slugs := p.slugs("mcpServers", a)
		require.Equal(t, want, p.err() == nil, n)
		if want {
			require.Len(t, *slugs, n)
		}
	}
}
