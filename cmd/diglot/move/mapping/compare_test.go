package mapping_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
)

// What is at the target is compared as a whole: parts that a vendor gives new ones of
// and no others are told of as that, further elements and members are told of too.
func TestWhatATargetHasBesideIsFound(t *testing.T) {
	t.Parallel()
	const both = `"name":"N","createdAt":"2025-07-09T08:08:51.177Z","updatedAt":"2025-07-09T08:08:51.177Z"`
	refold := finding.Record{Source: string(core.Refold), Kind: finding.Server}
	chat := finding.Record{Source: string(core.CometChat), Kind: finding.Server}
	for name, c := range map[string]struct {
		record        finding.Record
		fate          mapping.Fate
		source, there string
		found         map[string]string // the reasons
	}{
		"parts that are new": {
			refold, mapping.Pushed, `{"chains":[{"goals":"g","_id":"1"}]}`, `{"chains":[{"goals":"g","_id":"2"}]}`,
			map[string]string{"chains[0]._id": "The vendor gives each chain a new _id."},
		},
		"a part that is not": {
			refold, mapping.Pushed, `{"chains":[{"goals":"g","_id":"1"}]}`, `{"chains":[{"goals":"h","_id":"1"}]}`,
			map[string]string{"chains[0].goals": `It is shown as "h".`},
		},
		"a list that is gone": {
			refold, mapping.Pushed, `{"chains":[{"goals":"g"}]}`, `{}`, map[string]string{"chains": "It is left out."},
		},
		"an empty list that is left out": {refold, mapping.Pushed, `{"notebooks":[]}`, `{}`, map[string]string{}},
		"a further element": {
			refold, mapping.Pushed, `{"suggestions":["a"]}`, `{"suggestions":["a","b"]}`,
			map[string]string{"suggestions[1]": `The source leaves it out; it is shown as "b".`},
		},
		"a further member of the other vendor's": {
			chat, mapping.Crossed, `{"slug":"s",` + both + `}`, `{"_id":"6","environment":"test","suggestions":[],"agent_name":"AN",` + both + `}`,
			map[string]string{
				"agent_name": `The source leaves it out; it is shown as "AN".`,
				"slug":       "Refold's clients name a server by an _id of their own, which Diglot makes.",
			},
		},
		"what each server has there": {
			refold, mapping.Crossed, `{` + both + `}`, `{"_id":"6","appId":"a","slug":"s","url":"https://x",` + both + `}`, map[string]string{},
		},
	} {
		all, err := mapping.Compare(c.record, c.fate, core.JSON(c.source), core.JSON(c.there))
		require.NoError(t, err)
		found := map[string]string{}
		for _, f := range all {
			if f.Class != finding.Exact {
				found[f.Path] = f.Reason
			}
		}
		require.Equal(t, c.found, found, name)
	}
}
