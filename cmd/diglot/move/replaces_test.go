package move_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// A plan of updates into a tenant names what they would take away, in the words of the
// source's vendor.
func TestAPlanNamesWhatAnUpdateEmpties(t *testing.T) {
	t.Parallel()
	full, bare := pair(t)
	servers, err := full.Store.MCPServersFrom(t.Context(), full.Tenant.ID, 0, core.After, 1)
	require.NoError(t, err)
	agents, err := full.Store.AgentsFrom(t.Context(), full.Tenant.ID, core.AgentQuery{Limit: 1})
	require.NoError(t, err)
	id, uid := servers[0].ID.String(), string(agents[0].UID)
	ref := func(kind finding.Kind, id, text string) chatApp {
		return chatApp{{Kind: kind, ID: id, Text: core.JSON(text)}}
	}
	for name, c := range map[string]struct {
		from  move.Source
		empty string
	}{
		"Refold's server": {
			refoldOrg{ref(finding.Server, id, `{"_id":"`+id+`","name":"S","description":"new","agent_name":"","resources":[],`+isoTimes+`}`)},
			"agent_name associated_apps base_prompt chains primary_color resources safe_mode secondary_color suggestions",
		},
		"Refold's account": {
			refoldOrg{ref(finding.Account, "user", `{"_id":"6a3134fdc71d10070e78923e","account_id":"user","environment":"test",`+isoTimes+`}`)},
			"name udf",
		},
		"CometChat's server": {ref(finding.Server, "s", `{"slug":"s","name":"S","url":"https://x",`+times+`}`), "description icon"},
		"CometChat's agent": {
			ref(finding.Agent, uid, `{"uid":"`+uid+`","name":"A","mcpServers":[],"instruction":"new",`+times+`}`),
			"apiTools description files frontendActions icon mcpServers metaData model modelMetaData otherKbIntegrations tools websites",
		},
		"Diglot's": {
			bare, "agent_name api_tools associated_apps base_prompt chains description fields files frontend_actions icon instruction " +
				"mcp_servers metadata model model_metadata name notebooks other_kb_integrations primary_color resources safe_mode " +
				"secondary_color suggestions tools url websites",
		},
	} {
		e := newEngine(t, t.TempDir(), c.from, move.TenantTarget{Tenant: full})
		e.Policy, e.AcceptLoss = move.UpdateOnConflict, true
		require.NoError(t, e.Plan(t.Context()))
		empty := map[string]bool{}
		for _, f := range e.Run.Findings() {
			if strings.Contains(f.Reason, "emptied") {
				require.Equal(t, finding.Approximate, f.Class)
				empty[f.Path] = true
			}
		}
		want := map[string]bool{}
		for member := range strings.FieldsSeq(c.empty) {
			want[member] = true
		}
		require.Equal(t, want, empty, name)
	}
}
