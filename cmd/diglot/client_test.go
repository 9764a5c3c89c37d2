package main

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/dialecttest/clients/cometchatclient"
	"github.com/diglot/diglot/dialects/dialecttest/clients/legacyclient"
	"github.com/diglot/diglot/dialects/dialecttest/clients/v3client"
	"github.com/diglot/diglot/store/storetest"
)

// The clients that a generator makes of the OpenAPI documents live whole lives
// with a gateway: what they send is taken and what they get is of the types
// that they expect. Each answer is held to the documents besides, by client.

// aGateway is one that generated clients talk to, with a tenant's ways in.
type aGateway struct {
	url                                  string
	refoldKey, cometChatKey, authOnlyKey string
	app                                  string
}

const acmeOrg, acmeApp = "6698b77a733c5ebd8908189e", "acme-app"

// gatewayOf makes a tenant that is answered in a revision.
func gatewayOf(t *testing.T, g *inProcess, revision core.RefoldRevision) aGateway {
	t.Helper()
	tenant, good := g.tenant(t, "acme", acmeOrg, acmeApp)
	tenant, err := g.operator.UpdateTenant(t.Context(), tenant, core.TenantUpdate{RefoldRevision: &revision})
	require.NoError(t, err)
	authOnly := cometchat.NewAPIKey()
	_, err = g.operator.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.CometChat, Scope: core.AuthOnly, Value: authOnly})
	require.NoError(t, err)
	return aGateway{
		url: g.url, refoldKey: good["key"][1], cometChatKey: good["apikey"][1], authOnlyKey: authOnly, app: acmeApp,
	}
}

// with sets a header of each request.
func with(name, value string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)
		return nil
	}
}

func legacyClient(t *testing.T, g aGateway, header, value string) *legacyclient.ClientWithResponses {
	t.Helper()
	c, err := legacyclient.NewClientWithResponses(g.url, legacyclient.WithHTTPClient(client), legacyclient.WithRequestEditorFn(with(header, value)))
	require.NoError(t, err)
	return c
}

// v3Client is one of a tenant that is set to v3.
func v3Client(t *testing.T, g aGateway, header, value string) *v3client.ClientWithResponses {
	t.Helper()
	c, err := v3client.NewClientWithResponses(g.url, v3client.WithHTTPClient(client), v3client.WithRequestEditorFn(with(header, value)),
		v3client.WithRequestEditorFn(func(ctx context.Context, r *http.Request) error {
			*r = *r.WithContext(ofTenant(ctx, core.RefoldV3))
			return nil
		}))
	require.NoError(t, err)
	return c
}

func cometChatClient(t *testing.T, g aGateway, key string) *cometchatclient.ClientWithResponses {
	t.Helper()
	c, err := cometchatclient.NewClientWithResponses(g.url, cometchatclient.WithHTTPClient(client), cometchatclient.WithRequestEditorFn(with("apikey", key)))
	require.NoError(t, err)
	return c
}

func TestGeneratedClientsLiveWithAGateway(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		at := gatewayOf(t, g, core.RefoldLegacy)
		legacyLife(t, at)
		serverLife(t, at)
		agentLife(t, at)
	})
}

func TestTheClientGeneratedForV3LivesWithATenantOfThatRevision(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) { v3Life(t, gatewayOf(t, g, core.RefoldV3)) })
}

func TestGeneratedClientsLiveWithTheProgramAndPostgreSQL(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	g := startGateway(t, env)
	made := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	authOnly := diglotJSON(t, env, "key", "create", "--tenant", "acme", "--dialect", "cometchat", "--scope", "authOnly")
	at := aGateway{
		url: g.url, refoldKey: made.refoldKey, cometChatKey: made.cometChatKey, authOnlyKey: authOnly["key"].(string), app: acmeApp,
	}
	legacyLife(t, at)
	serverLife(t, at)
	agentLife(t, at)
	limited, err := cometChatClient(t, at, at.cometChatKey).ListAgentsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 20_000, *limited.Headers200.XRateLimit)
	require.Less(t, *limited.Headers200.XRateLimitRemaining, 20_000)
	_ = diglotJSON(t, env, "tenant", "update", "acme", "--refold-revision", "v3")
	at.url = startGateway(t, env).url // one that has nothing to hear of first
	v3Life(t, at)
}

// Clients that were generated from documents of both vendors work on the same
// servers, and neither takes from a server what only the other knows.
func TestGeneratedClientsOfBothVendorsWorkOnTheSameServers(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		ctx, at := t.Context(), gatewayOf(t, g, core.RefoldLegacy)
		refold, chat, account := legacyClient(t, at, "x-api-key", at.refoldKey), cometChatClient(t, at, at.cometChatKey), new(testAccount)

		made, err := refold.CreateMCPServerWithResponse(ctx, &legacyclient.CreateMCPServerParams{LinkedAccountID: account},
			legacyclient.NewMCPServer{Name: "CRM Helper", Description: "Keeps the CRM tidy"})
		require.NoError(t, err)
		require.NotNil(t, made.JSON201, "%s", made.Body)
		changed, err := chat.UpdateMCPServerWithResponse(ctx, "crm-helper", nil, cometchatclient.MCPServerChange{
			Name: new("CRM Helper 2"), URL: new("http://localhost:3001"),
		})
		require.NoError(t, err)
		require.NotNil(t, changed.JSON200, "%s", changed.Body)
		require.Equal(t, "Keeps the CRM tidy", *changed.JSON200.Description)
		_, err = refold.UpdateMCPServerWithResponse(ctx, made.JSON201.UnderscoreID, &legacyclient.UpdateMCPServerParams{LinkedAccountID: account},
			legacyclient.MCPServerChange{Suggestions: &[]legacyclient.Suggestion{{Name: new("Tidy"), Prompt: new("Tidy up")}}})
		require.NoError(t, err)

		agent, err := chat.CreateAgentWithResponse(ctx, nil, cometchatclient.NewAgent{Name: "Support", MCPServers: &[]string{"crm-helper"}})
		require.NoError(t, err)
		require.NotNil(t, agent.JSON201, "%s", agent.Body)
		read, err := chat.GetMCPServerWithResponse(ctx, "crm-helper", nil)
		require.NoError(t, err)
		require.Equal(t, "http://localhost:3001", read.JSON200.URL)
		seen, err := refold.GetMCPServerWithResponse(ctx, made.JSON201.UnderscoreID, &legacyclient.GetMCPServerParams{LinkedAccountID: account})
		require.NoError(t, err)
		require.Equal(t, "CRM Helper 2", seen.JSON200.Name)
		require.Equal(t, "Tidy up", *seen.JSON200.Suggestions[0].Prompt)

		gone, err := refold.DeleteMCPServerWithResponse(ctx, made.JSON201.UnderscoreID, &legacyclient.DeleteMCPServerParams{LinkedAccountID: account})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, gone.StatusCode())
		missing, err := chat.GetMCPServerWithResponse(ctx, "crm-helper", nil)
		require.NoError(t, err)
		require.Equal(t, cometchatclient.ServerNotFoundErrorCodeERRMCPSERVERNOTFOUND, missing.JSON404.Error.Code)
		left, err := chat.GetAgentWithResponse(ctx, agent.JSON201.Agent.UID.String(), nil)
		require.NoError(t, err)
		require.Empty(t, left.JSON200.MCPServers)
	})
}

// What Refold documents for users without the permission is typed as well.
func TestGeneratedClientsKnowThatATokenMayNotDelete(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		ctx := t.Context()
		tenant, good := g.tenant(t, "acme", acmeOrg, acmeApp)
		_, err := g.operator.UpdateTenant(ctx, tenant, core.TenantUpdate{ProtectServers: new(true)})
		require.NoError(t, err)
		made, err := g.service.CreateMCPServer(ctx, tenant.ID, core.NewMCPServer{Name: "Kept", Slug: "kept"})
		require.NoError(t, err)
		at := aGateway{url: g.url}
		legacy, err := legacyClient(t, at, "Authorization", good["token"][1]).DeleteMCPServerWithResponse(ctx, made.ID.String(), nil)
		require.NoError(t, err)
		require.NotNil(t, legacy.JSON403, "%s", legacy.Body)
		require.Equal(t, legacyclient.FORBIDDEN, legacy.JSON403.HTTPErrorType)
		v3, err := v3Client(t, at, "Authorization", good["token"][1]).DeleteMCPServerWithResponse(ctx, made.ID.String(),
			&v3client.DeleteMCPServerParams{DiglotRefoldRevision: new(v3client.V3)})
		require.NoError(t, err)
		require.NotNil(t, v3.JSON403, "%s", v3.Body)
		require.Equal(t, v3client.FORBIDDEN, v3.JSON403.HTTPErrorType)
	})
}
