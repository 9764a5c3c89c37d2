package move_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// A tenant takes a server that is removed off the agents' lists: that is the run's doing,
// where an agent was as the run had left it, and what is changed of it later is brought.
func TestARemovalsOwnDoingWithAgentsIsTheRuns(t *testing.T) {
	t.Parallel()
	server := func(slug string) move.Ref {
		return move.Ref{Kind: finding.Server, ID: slug, Text: core.JSON(`{"slug":"` + slug + `","name":"` + slug + `","url":"https://x",` + times + `}`)}
	}
	agent := func(uid, servers string) move.Ref {
		return move.Ref{Kind: finding.Agent, ID: uid, Text: core.JSON(`{"uid":"` + uid + `","name":"A ` + uid[:2] + `","mcpServers":[` + servers + `],` + times + `}`)}
	}
	both, one, theirs := "11"+core.NewUUID()[2:], "22"+core.NewUUID()[2:], "33"+core.NewUUID()[2:]
	agents := chatApp{agent(both, `"gone","stays"`), agent(one, `"stays"`), agent(theirs, `"gone"`)}
	to := newTenant(t)
	e := applied(t, append(chatApp{server("gone"), server("stays")}, agents...), move.TenantTarget{Tenant: to})
	_, err := to.Store.UpdateAgent(t.Context(), to.Tenant.ID, core.AgentUID(theirs),
		core.AgentModification{AgentUpdate: core.AgentUpdate{Instruction: new("client's")}, UpdatedAt: now})
	require.NoError(t, err)

	without := append(chatApp{server("stays")}, agents...)
	e.From = without
	c, err := e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed)
	require.Empty(t, c.Left)
	listed := func() []string {
		t.Helper()
		a, err := to.Store.Agent(t.Context(), to.Tenant.ID, core.AgentUID(both))
		require.NoError(t, err)
		return a.MCPServers
	}
	require.Equal(t, []string{"stays"}, listed())
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Len(t, v.Records, 1)
	require.Equal(t, theirs, v.Records[0].Record.ID)
	require.Equal(t, move.AtTarget, v.Records[0].Changed, "what a client has changed is not the run's doing")
	for _, f := range v.Findings {
		require.Equal(t, theirs, f.Record.ID, "%v", f)
	}

	c, err = e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Zero(t, c.Changed)
	changed := without[1]
	changed.Text = core.JSON(strings.Replace(string(changed.Text), `"name"`, `"instruction":"new","name"`, 1))
	e.From = chatApp{without[0], changed, without[2], without[3]}
	c, err = e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed)
	require.Empty(t, c.Left)

	e.From = append(chatApp{server("gone")}, e.From.(chatApp)...)
	_, err = e.CatchUp(t.Context(), true, false)
	require.NoError(t, err)
	require.Equal(t, []string{"gone", "stays"}, listed(), "it gets the server when that comes back")
}
