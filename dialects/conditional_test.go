package dialects

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAListOfTagsNamesTheVersionsOfItsStrongOnes(t *testing.T) {
	t.Parallel()
	const one, two = core.Version("686e2393750d509493c6d87c-r1"), core.Version("863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10-r12.3")
	for list, want := range map[string][]core.Version{
		`"` + string(one) + `"`:                            {one},
		`"` + string(one) + `/v3" ,	"` + string(two) + `"`: {one, two},
		`,, "` + string(one) + `",`:                        {one},
		`W/"` + string(one) + `", "` + string(two) + `"`:   {two},
		`"with, a comma", "", "` + string(two) + `"`:       {two},
		``:                         {},
		`,`:                        {},
		`*, "` + string(one) + `"`: {},
		`"` + string(one) + `", *`: {},
		`"` + string(one):          {},
		`"` + string(one) + `" "` + string(two) + `"`: {},
		`w/"weak", "` + string(one) + `"`:             {},
		string(one):                                   {},
		"\"686E2393750D509493C6D87C-r1\", \"\xff-r1\", \"-r1\", \"ab-r\", \"ab\"": {},
	} {
		require.Equal(t, want, versionsIn(list), list)
	}
}

func TestTheVersionThatATagWasMadeOfIsReadFromIt(t *testing.T) {
	t.Parallel()
	server := core.MCPServer{ID: core.ObjectID{1, 0xab}, Revision: 7}
	agent := core.Agent{UID: "863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10", Revision: 1 << 62, MCPServers: []string{"a", "b"}}
	for _, v := range []core.Version{server.Version(), agent.Version()} {
		for _, view := range []string{"", "legacy", "3ae38dfe"} {
			require.Equal(t, []core.Version{v}, versionsIn(strongTag(v, view)))
		}
	}
}
