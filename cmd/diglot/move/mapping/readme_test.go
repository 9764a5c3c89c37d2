package mapping_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

var update = flag.Bool("update", false, "write the table in README.md anew")

const (
	begin = "<!-- The table is made of table.go: go test ./cmd/diglot/move/mapping -update -->\n"
	end   = "<!-- end of the table -->\n"
)

func TestTheReadmeHasTheTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	table, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+markdown()+"\n"+end+after), 0o600))
		return
	}
	require.Equal(t, markdown()+"\n", table)
}

// markdown gives the table as the page has it.
func markdown() string {
	var b strings.Builder
	last := ""
	for i := range mapping.Table {
		r := &mapping.Table[i]
		if heading := string(r.Vendor) + " " + string(r.Kind); heading != last {
			last = heading
			b.WriteString("\n### " + heading + "\n\n" +
				"| Member | Core | Kept in Diglot | Shown to the other dialect | Pushed to the vendor | What to do |\n" +
				"| --- | --- | --- | --- | --- | --- |\n")
		}
		field, shown := "–", cell(r.Shown, r.WhyShown)
		if r.Core != "" {
			field = "`" + r.Core + "`"
		}
		if r.Other != "" {
			shown += " as `" + r.Other + "`"
		}
		b.WriteString("| " + strings.Join([]string{
			"`" + r.Member + "`", field, cell(r.Kept, r.WhyKept), shown, cell(r.Pushed, r.WhyPushed), r.Suggestion,
		}, " | ") + " |\n")
	}
	return b.String()
}

func cell(c finding.Class, why string) string {
	if why == "" {
		return c.String()
	}
	return c.String() + ". " + why
}

// described are the schemas of a record in a dialect's document.
var described = map[core.DialectName]map[finding.Kind][]string{
	core.Refold: {
		finding.Server:  {"McpServer", "McpServerListed", "McpServerCreated", "McpServerChanged", "McpServerChange", "NewMcpServer"},
		finding.Account: {"Account", "AccountListed", "AccountUpserted", "AccountCreated"},
	},
	core.CometChat: {
		finding.Server: {"McpServer", "McpServerChange", "NewMcpServer"},
		finding.Agent:  {"Agent", "AgentOfApp", "AgentChange", "NewAgent"},
	},
}

func TestTheTableHasEveryDocumentedMemberOnceAndNoOther(t *testing.T) {
	t.Parallel()
	type key struct {
		vendor core.DialectName
		kind   finding.Kind
		member string
	}
	documented := map[key]bool{}
	for vendor, texts := range map[core.DialectName][][]byte{
		core.Refold:    {refold.OpenAPI(core.RefoldLegacy), refold.OpenAPI(core.RefoldV3)},
		core.CometChat: {cometchat.OpenAPI()},
	} {
		for _, text := range texts {
			document, err := openapi3.NewLoader().LoadFromData(text)
			require.NoError(t, err)
			for kind, schemas := range described[vendor] {
				for _, name := range schemas {
					schema := document.Components.Schemas[name]
					if schema == nil { // one revision has no such answer
						require.Equal(t, "AccountCreated", name)
						continue
					}
					require.NotEmpty(t, schema.Value.Properties, name)
					for member := range schema.Value.Properties {
						documented[key{vendor, kind, member}] = true
					}
				}
			}
		}
	}
	listed := map[key]bool{}
	for _, r := range mapping.Table {
		k := key{r.Vendor, r.Kind, r.Member}
		require.False(t, listed[k], "%v is there twice", k)
		listed[k] = true
		require.Equal(t, r.Shown == finding.Exact, r.Other != "", "%v: what is shown has a member to be shown in", k)
		for fate, why := range []string{r.WhyKept, r.WhyShown, r.WhyPushed} {
			class := []finding.Class{r.Kept, r.Shown, r.Pushed}[fate]
			require.Equal(t, class == finding.Exact, why == "", "%v: %s and why", k, class)
		}
	}
	require.Equal(t, documented, listed)
}
