package core_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAVersionIsReadAsItIsGiven(t *testing.T) {
	t.Parallel()
	id, _ := core.ParseObjectID("686e2393750d509493c6d87c")
	for _, v := range []core.Version{
		(&core.MCPServer{ID: id, Revision: 7}).Version(),
		(&core.Agent{UID: "863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10", Revision: 1<<63 - 1}).Version(),
	} {
		got, ok := core.ParseVersion(string(v))
		require.True(t, ok, v)
		require.Equal(t, v, got)
	}
	for _, bad := range []string{"", "-r", "r1", "abc", "-r1", "abc-r", "ABC-r1", "abc-r1x", "a\x00-r1", "abc-r1\xff", strings.Repeat("a", 100) + "-r1"} {
		_, ok := core.ParseVersion(bad)
		require.False(t, ok, bad)
	}
}

func TestAConditionOfNothingHoldsAlwaysAndOneThatIsEmptyNever(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p            core.Precondition
		given, holds bool
	}{
		{core.Precondition{}, false, true},
		{core.Precondition{Exists: true}, true, true},
		{core.Precondition{OneOf: []core.Version{}}, true, false},
		{core.Precondition{OneOf: []core.Version{"a-r1", "b-r1"}}, true, true},
		{core.Precondition{OneOf: []core.Version{"a-r1"}}, true, false},
	} {
		require.Equal(t, c.given, c.p.Given(), "%+v", c)
		require.Equal(t, c.holds, c.p.Holds("b-r1"), "%+v", c)
	}
}
