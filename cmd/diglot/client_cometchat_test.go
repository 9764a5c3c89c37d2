package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/dialecttest/clients/cometchatclient"
)

// serverLife is what a CometChat client does with MCP servers.
func serverLife(t *testing.T, g aGateway) {
	t.Helper()
	ctx, c := t.Context(), cometChatClient(t, g, g.cometChatKey)
	var slugs []string
	for i := range 5 {
		slug := fmt.Sprintf("server-%d", i)
		made, err := c.CreateMCPServerWithResponse(ctx, &cometchatclient.CreateMCPServerParams{Appid: &g.app},
			cometchatclient.NewMCPServer{Name: "Server", Slug: slug, URL: "http://localhost:3001"})
		require.NoError(t, err)
		require.NotNil(t, made.JSON201, "%s", made.Body)
		require.Equal(t, g.app+"_"+slug, made.JSON201.UnderscoreID)
		require.Nil(t, made.JSON201.Description)
		slugs = append(slugs, slug)
	}
	taken, err := c.CreateMCPServerWithResponse(ctx, nil, cometchatclient.NewMCPServer{Name: "n", Slug: slugs[0], URL: "http://localhost"})
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ERRMCPSERVERALREADYEXISTS, taken.JSON409.Error.Code)
	require.Equal(t, slugs[0], taken.JSON409.Error.Details.Slug)
	invalid, err := c.CreateMCPServerWithResponse(ctx, nil, cometchatclient.NewMCPServer{Name: "n", Slug: "a b", URL: "ftp://localhost"})
	require.NoError(t, err)
	require.Contains(t, invalid.JSON400.Error.Details, "slug")
	require.Contains(t, invalid.JSON400.Error.Details, "url")
	chatFailures(t, g)

	walked := walkServers(t, c)
	require.Equal(t, slugs, walked)

	changed, err := c.UpdateMCPServerWithResponse(ctx, slugs[0], nil, cometchatclient.MCPServerChange{
		Description: new("d"), Icon: new("https://example.com/icon.png"),
	})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	read, err := c.GetMCPServerWithResponse(ctx, slugs[0], nil)
	require.NoError(t, err)
	require.Equal(t, changed.JSON200, read.JSON200)
	require.Equal(t, "d", *read.JSON200.Description)
	require.Equal(t, "http://localhost:3001", read.JSON200.URL)
	for _, slug := range slugs {
		gone, err := c.DeleteMCPServerWithResponse(ctx, slug, nil)
		require.NoError(t, err)
		require.NotNil(t, gone.JSON200, "%s", gone.Body)
		require.Equal(t, cometchatclient.OperationCompletedSuccessfully, gone.JSON200.Message)
	}
	missing, err := c.DeleteMCPServerWithResponse(ctx, slugs[0], nil)
	require.NoError(t, err)
	require.Equal(t, slugs[0], missing.JSON404.Error.Details.Slug)
	require.Empty(t, walkServers(t, c))
}

// walkServers follows the cursors until a page is empty.
func walkServers(t *testing.T, c *cometchatclient.ClientWithResponses) (slugs []string) {
	t.Helper()
	params := &cometchatclient.ListMCPServersParams{Limit: new(2)}
	for {
		list, err := c.ListMCPServersWithResponse(t.Context(), params)
		require.NoError(t, err)
		require.NotNil(t, list.JSON200, "%s", list.Body)
		require.Len(t, list.JSON200.Data, list.JSON200.Meta.Current.Count)
		if list.JSON200.Meta.Next == nil {
			require.Empty(t, list.JSON200.Data)
			return slugs
		}
		for _, s := range list.JSON200.Data {
			slugs = append(slugs, s.Slug)
		}
		next := list.JSON200.Meta.Next
		params.Affix, params.CreatedAt = new(cometchatclient.Direction(next.Affix)), &next.CreatedAt
	}
}

func chatFailures(t *testing.T, g aGateway) {
	t.Helper()
	ctx := t.Context()
	unknown, err := cometChatClient(t, g, "0000000000000000000000000000000000000000").ListAgentsWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, cometchatclient.AUTHERRAPIKEYNOTFOUND, unknown.JSON401.Error.Code)
	other, err := cometChatClient(t, g, g.cometChatKey).ListAgentsWithResponse(ctx, &cometchatclient.ListAgentsParams{Appid: new("another-app")})
	require.NoError(t, err)
	require.Equal(t, cometchatclient.AUTHERRINVALIDAPPID, other.JSON401.Error.Code)
	scope, err := cometChatClient(t, g, g.authOnlyKey).ListMCPServersWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ForbiddenErrorCodeAUTHERRNOACCESS, scope.JSON403.Error.Code)
	query, err := cometChatClient(t, g, g.cometChatKey).ListMCPServersWithResponse(ctx, &cometchatclient.ListMCPServersParams{Limit: new(0)})
	require.NoError(t, err)
	require.Contains(t, query.JSON400.Error.Details, "limit")
}

// agentLife is what a CometChat client does with agents.
func agentLife(t *testing.T, g aGateway) {
	t.Helper()
	ctx, c := t.Context(), cometChatClient(t, g, g.cometChatKey)
	for _, slug := range []string{"git", "postgres"} {
		made, err := c.CreateMCPServerWithResponse(ctx, nil, cometchatclient.NewMCPServer{Name: slug, Slug: slug, URL: "http://localhost"})
		require.NoError(t, err)
		require.NotNil(t, made.JSON201, "%s", made.Body)
	}
	uids := makeAgents(t, c)
	require.Equal(t, uids, walkAgents(t, c, nil))
	require.Equal(t, uids[2:4], walkAgents(t, c, new("SPECIAL")))
	agentServers(t, c, uids[0])

	changed, err := c.UpdateAgentWithResponse(ctx, uids[0], nil, cometchatclient.AgentChange{
		Name: new("Renamed"), IsActive: new(false), MetaData: &map[string]any{"rank": 1.5}, Tools: &[]any{"gmail", map[string]any{"a": true}},
	})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	require.Equal(t, cometchatclient.True, changed.JSON200.Success)
	read, err := c.GetAgentWithResponse(ctx, uids[0], nil)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	require.Equal(t, "Renamed", read.JSON200.Name)
	require.False(t, read.JSON200.IsActive)
	require.Nil(t, read.JSON200.LastMessageAt)
	require.Equal(t, map[string]any{"rank": 1.5}, read.JSON200.MetaData)
	require.Equal(t, []any{"gmail", map[string]any{"a": true}}, read.JSON200.Tools)

	for _, uid := range uids {
		gone, err := c.DeleteAgentWithResponse(ctx, uid, nil)
		require.NoError(t, err)
		require.NotNil(t, gone.JSON200, "%s", gone.Body)
	}
	missing, err := c.GetAgentWithResponse(ctx, uids[0], nil)
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ERRAGENTNOTFOUND, missing.JSON404.Error.Code)
	for _, slug := range []string{"git", "postgres"} {
		_, err := c.DeleteMCPServerWithResponse(ctx, slug, nil)
		require.NoError(t, err)
	}
}

func makeAgents(t *testing.T, c *cometchatclient.ClientWithResponses) (uids []string) {
	t.Helper()
	ctx := t.Context()
	for i := range 5 {
		name := fmt.Sprintf("Agent %d", i)
		if i/2 == 1 {
			name = fmt.Sprintf("Special %d", i)
		}
		made, err := c.CreateAgentWithResponse(ctx, &cometchatclient.CreateAgentParams{ChatAPIVersion: new(cometchatclient.V30)},
			cometchatclient.NewAgent{Name: name, Instruction: new("Help"), Model: new("gpt-4o-mini")})
		require.NoError(t, err)
		require.NotNil(t, made.JSON201, "%s", made.Body)
		require.Equal(t, "Help", *made.JSON201.Agent.FormattedInstruction)
		uids = append(uids, made.JSON201.Agent.UID.String())
	}
	version, err := c.CreateAgentWithResponse(ctx, &cometchatclient.CreateAgentParams{ChatAPIVersion: new(cometchatclient.ChatAPIVersion("v2.0"))}, cometchatclient.NewAgent{Name: "n"})
	require.NoError(t, err)
	wrong, err := version.JSON400.AsInvalidVersion()
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ERRINVALIDAPIVERSION, wrong.Error.Code)
	invalid, err := c.CreateAgentWithResponse(ctx, nil, cometchatclient.NewAgent{})
	require.NoError(t, err)
	details, err := invalid.JSON400.AsInvalid()
	require.NoError(t, err)
	require.Contains(t, details.Error.Details, "name")
	servers, err := c.CreateAgentWithResponse(ctx, nil, cometchatclient.NewAgent{Name: "n", MCPServers: &[]string{"git", "nowhere"}})
	require.NoError(t, err)
	require.Equal(t, []string{"nowhere"}, servers.JSON404.Error.Details.Slugs)
	return uids
}

func walkAgents(t *testing.T, c *cometchatclient.ClientWithResponses, search *string) (uids []string) {
	t.Helper()
	params := &cometchatclient.ListAgentsParams{Limit: new(2), Search: search}
	for {
		list, err := c.ListAgentsWithResponse(t.Context(), params)
		require.NoError(t, err)
		require.NotNil(t, list.JSON200, "%s", list.Body)
		if list.JSON200.Meta.Next == nil {
			require.Empty(t, list.JSON200.Data)
			return uids
		}
		for _, a := range list.JSON200.Data {
			uids = append(uids, a.UID.String())
		}
		next := list.JSON200.Meta.Next
		params.Affix, params.CreatedAt = new(cometchatclient.Direction(next.Affix)), &next.CreatedAt
	}
}

// agentServers puts servers on an agent's list and takes them off.
func agentServers(t *testing.T, c *cometchatclient.ClientWithResponses, uid string) {
	t.Helper()
	ctx := t.Context()
	added, err := c.AddMCPServersWithResponse(ctx, uid, nil, cometchatclient.Servers{Mcps: []string{"git", "postgres"}})
	require.NoError(t, err)
	require.NotNil(t, added.JSON200, "%s", added.Body)
	require.Equal(t, []string{"git", "postgres"}, added.JSON200.Data.MCPServers)
	removed, err := c.RemoveMCPServersWithResponse(ctx, uid, nil, cometchatclient.Servers{Mcps: []string{"git"}})
	require.NoError(t, err)
	require.Equal(t, []string{"postgres"}, removed.JSON200.Data.MCPServers)
	unknown, err := c.AddMCPServersWithResponse(ctx, uid, nil, cometchatclient.Servers{Mcps: []string{"nowhere"}})
	require.NoError(t, err)
	servers, err := unknown.JSON404.AsServersNotFound()
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ServersNotFoundErrorCodeERRMCPSERVERNOTFOUND, servers.Error.Code)
	nobody, err := c.AddMCPServersWithResponse(ctx, "00000000-0000-0000-0000-000000000000", nil, cometchatclient.Servers{Mcps: []string{"git"}})
	require.NoError(t, err)
	agent, err := nobody.JSON404.AsAgentNotFound()
	require.NoError(t, err)
	require.Equal(t, cometchatclient.ERRAGENTNOTFOUND, agent.Error.Code)
}
