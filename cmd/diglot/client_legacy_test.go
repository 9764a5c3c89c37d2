package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/dialecttest/clients/legacyclient"
)

// legacyLife is what a client of Refold's legacy API does with a tenant, from
// its first account to the deletion of all that it made.
func legacyLife(t *testing.T, g aGateway) {
	t.Helper()
	const account = "legacy-life"
	key := legacyClient(t, g, "x-api-key", g.refoldKey)
	legacyAccount(t, key, account)
	legacyFailures(t, g, key)
	token := legacyToken(t, g, key, account)
	legacyServers(t, key, new(account))
	legacyServers(t, token, nil)
	legacyAccountEnds(t, key, token, account)
}

func legacyAccount(t *testing.T, key *legacyclient.ClientWithResponses, account string) {
	t.Helper()
	ctx := t.Context()
	var plan, seats legacyclient.Primitive
	require.NoError(t, plan.FromPrimitive0("pro"))
	require.NoError(t, seats.FromPrimitive1(9007199254740993.5))
	var fields legacyclient.NewFields
	require.NoError(t, fields.FromNewFields0(legacyclient.NewFields0{"plan": plan, "seats": seats}))
	made, err := key.CreateLinkedAccountWithResponse(ctx, nil, legacyclient.NewAccount{AccountID: new(account), Name: new("Legacy"), Udf: &fields})
	require.NoError(t, err)
	require.NotNil(t, made.JSON200, "%s", made.Body)
	require.Equal(t, account, made.JSON200.AccountID)
	require.Equal(t, legacyclient.Test, made.JSON200.Environment)
	require.Len(t, made.JSON200.Udf, 2)

	taken, err := key.CreateLinkedAccountWithResponse(ctx, nil, legacyclient.NewAccount{AccountID: new(account)})
	require.NoError(t, err)
	require.NotNil(t, taken.JSON400, "%s", taken.Body)
	require.Equal(t, legacyclient.SERVERERROR, taken.JSON400.ErrorCode)
	require.Equal(t, taken.Headers400.XRequestID, taken.JSON400.RequestID)
	nameless, err := key.CreateLinkedAccountWithResponse(ctx, nil, legacyclient.NewAccount{})
	require.NoError(t, err)
	require.Equal(t, legacyclient.INVALIDLINKEDACCOUNTID, nameless.JSON400.ErrorCode)

	changed, err := key.UpsertLinkedAccountWithResponse(ctx, nil, legacyclient.AccountChange{AccountID: new(account), Name: new("Renamed")})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	require.False(t, changed.JSON200.NewAccount)
	require.Equal(t, made.JSON200.UnderscoreID, changed.JSON200.UnderscoreID)
	read, err := key.GetLinkedAccountWithResponse(ctx, account, nil)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	require.Equal(t, "Renamed", *read.JSON200.Name)
	kept := map[string]string{}
	for _, f := range read.JSON200.Udf {
		text, err := f.KeyValue.MarshalJSON()
		require.NoError(t, err)
		kept[f.KeyName] = string(text)
	}
	require.Equal(t, map[string]string{"plan": `"pro"`, "seats": "9007199254740994"}, kept)

	listed := map[string]bool{}
	for page := 1; ; page++ {
		list, err := key.ListLinkedAccountsWithResponse(ctx, &legacyclient.ListLinkedAccountsParams{Page: &page, Limit: new(1)})
		require.NoError(t, err)
		require.NotNil(t, list.JSON200, "%s", list.Body)
		require.Len(t, list.JSON200.Docs, 1)
		listed[list.JSON200.Docs[0].AccountID] = true
		if list.JSON200.NextPage == nil {
			require.False(t, list.JSON200.HasNextPage)
			break
		}
		require.Equal(t, page+1, *list.JSON200.NextPage)
	}
	require.Contains(t, listed, account)
}

func legacyFailures(t *testing.T, g aGateway, key *legacyclient.ClientWithResponses) {
	t.Helper()
	ctx := t.Context()
	unknown, err := key.GetLinkedAccountWithResponse(ctx, "nobody", nil)
	require.NoError(t, err)
	require.Equal(t, legacyclient.NOTFOUND, unknown.JSON404.HTTPErrorType)
	undeleted, err := key.DeleteLinkedAccountWithResponse(ctx, "nobody", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, undeleted.JSON500.StatusCode, "which is documented")
	wrong := legacyClient(t, g, "x-api-key", "tk00000000-0000-0000-0000-000000000000")
	refused, err := wrong.ListMCPServersWithResponse(ctx, &legacyclient.ListMCPServersParams{LinkedAccountID: new("a")})
	require.NoError(t, err)
	require.Equal(t, "Invalid Credentials", refused.JSON401.Message)
	alone, err := key.ListMCPServersWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, legacyclient.MISSINGREQUIREDFIELD, alone.JSON404.ErrorCode)
	bad, err := legacyClient(t, g, "Authorization", "Bearer x").GetActiveLinkedAccountWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, legacyclient.INVALIDTOKEN, bad.JSON401.ErrorCode)
}

// legacyToken gives a client that has a session of the account, after the life of
// another session.
func legacyToken(t *testing.T, g aGateway, key *legacyclient.ClientWithResponses, account string) *legacyclient.ClientWithResponses {
	t.Helper()
	ctx := t.Context()
	issue := func(fresh legacyclient.CreateSessionTokenParamsForceRefresh) string {
		made, err := key.CreateSessionTokenWithResponse(ctx, &legacyclient.CreateSessionTokenParams{ForceRefresh: &fresh},
			legacyclient.NewSession{LinkedAccountID: account})
		require.NoError(t, err)
		require.NotNil(t, made.JSON200, "%s", made.Body)
		return made.JSON200.Token
	}
	first := issue(legacyclient.CreateSessionTokenParamsForceRefreshFalse)
	require.Equal(t, first, issue(legacyclient.CreateSessionTokenParamsForceRefreshFalse))
	for next := first; next == first; {
		next = issue(legacyclient.CreateSessionTokenParamsForceRefreshTrue) // the same until the second is over
	}
	stranger, err := key.CreateSessionTokenWithResponse(ctx, nil, legacyclient.NewSession{LinkedAccountID: "nobody"})
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, stranger.JSON500.StatusCode, "which is documented")

	session := legacyClient(t, g, "Authorization", "Bearer "+first)
	active, err := session.GetActiveLinkedAccountWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, active.JSON200, "%s", active.Body)
	require.Equal(t, account, active.JSON200.AccountID)
	revoked, err := session.RevokeSessionTokenWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, revoked.JSON200, "%s", revoked.Body)
	require.Equal(t, legacyclient.N1, revoked.JSON200.RevokedCount)
	dead, err := session.GetActiveLinkedAccountWithResponse(ctx, &legacyclient.GetActiveLinkedAccountParams{DiglotRefoldRevision: new(legacyclient.Legacy)})
	require.NoError(t, err)
	require.NotNil(t, dead.JSON401, "%s", dead.Body)
	require.Equal(t, legacyclient.INVALIDTOKEN, dead.JSON401.ErrorCode)
	return legacyClient(t, g, "Authorization", "Bearer "+issue(legacyclient.CreateSessionTokenParamsForceRefreshFalse))
}

// legacyServers is the life of three servers, with the account that is named
// beside a key, or with the token's.
func legacyServers(t *testing.T, c *legacyclient.ClientWithResponses, account *string) {
	t.Helper()
	ctx := t.Context()
	create := func(name, description string) *legacyclient.CreateMCPServerResponse {
		r, err := c.CreateMCPServerWithResponse(ctx, &legacyclient.CreateMCPServerParams{LinkedAccountID: account},
			legacyclient.NewMCPServer{Name: name, Description: description})
		require.NoError(t, err)
		return r
	}
	var ids []string
	for i := range 3 {
		made := create(fmt.Sprintf("Server %d", i), "d")
		require.NotNil(t, made.JSON201, "%s", made.Body)
		ids = append(ids, made.JSON201.UnderscoreID)
	}
	require.Equal(t, legacyclient.CONFLICT, create("Server 0", "again").JSON409.HTTPErrorType)
	require.Equal(t, legacyclient.VALIDATIONERROR, create("Server 3", "").JSON400.ErrorCode)

	var listed []string
	for page := new(1); page != nil; {
		list, err := c.ListMCPServersWithResponse(ctx, &legacyclient.ListMCPServersParams{LinkedAccountID: account, Page: page, Limit: new(2)})
		require.NoError(t, err)
		require.NotNil(t, list.JSON200, "%s", list.Body)
		for _, s := range list.JSON200.Docs {
			listed = append(listed, s.UnderscoreID)
		}
		page = list.JSON200.NextPage
	}
	require.Equal(t, ids, listed)

	var action, workflow legacyclient.AppItem
	require.NoError(t, action.FromAppItem0("create_contact"))
	require.NoError(t, workflow.FromAppItem1(legacyclient.AppItem1{ID: new("w"), Name: new("Sync")}))
	changed, err := c.UpdateMCPServerWithResponse(ctx, ids[0], &legacyclient.UpdateMCPServerParams{LinkedAccountID: account}, legacyclient.MCPServerChange{
		Name: new("Changed"), Description: new(""),
		Suggestions:    &[]legacyclient.Suggestion{{Name: new("Tidy"), Prompt: new("Tidy up")}},
		Chains:         &[]legacyclient.NewChain{{Name: new("Chain"), Steps: new("one\ntwo"), OnError: new("")}},
		AssociatedApps: &[]legacyclient.App{{Slug: new("hubspot"), Actions: &[]legacyclient.AppItem{action}, Workflows: &[]legacyclient.AppItem{workflow}}},
	})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	require.Equal(t, legacyclient.N0, changed.JSON200.UnderscoreUnderscoreV)
	read, err := c.GetMCPServerWithResponse(ctx, ids[0], &legacyclient.GetMCPServerParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	require.Equal(t, "Changed", read.JSON200.Name)
	require.Empty(t, read.JSON200.Description)
	require.Equal(t, acmeOrg, read.JSON200.AssociatedOrgID)
	require.Len(t, *read.JSON200.Chains, 1)
	require.Equal(t, "one\ntwo", *(*read.JSON200.Chains)[0].Steps)
	app := read.JSON200.AssociatedApps[0]
	name, err := (*app.Actions)[0].AsAppItem0()
	require.NoError(t, err)
	require.Equal(t, "create_contact", name)
	item, err := (*app.Workflows)[0].AsAppItem1()
	require.NoError(t, err)
	require.Equal(t, "Sync", *item.Name)

	same, err := c.GetMCPServerWithResponse(ctx, ids[0], &legacyclient.GetMCPServerParams{LinkedAccountID: account, IfNoneMatch: &read.Headers200.ETag})
	require.NoError(t, err)
	require.Equal(t, http.StatusNotModified, same.StatusCode())
	require.Equal(t, read.Headers200.ETag, same.Headers304.ETag)

	for _, id := range ids {
		gone, err := c.DeleteMCPServerWithResponse(ctx, id, &legacyclient.DeleteMCPServerParams{LinkedAccountID: account})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, gone.StatusCode(), "%s", gone.Body)
	}
	missing, err := c.GetMCPServerWithResponse(ctx, ids[0], &legacyclient.GetMCPServerParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.Equal(t, "MCP Server not found", missing.JSON404.Message)
	empty, err := c.ListMCPServersWithResponse(ctx, &legacyclient.ListMCPServersParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.Empty(t, empty.JSON200.Docs)
	require.Nil(t, empty.JSON200.NextPage)
}

// legacyAccountEnds deletes the account, whose sessions end with it.
func legacyAccountEnds(t *testing.T, key, token *legacyclient.ClientWithResponses, account string) {
	t.Helper()
	ctx := t.Context()
	gone, err := key.DeleteLinkedAccountWithResponse(ctx, account, nil)
	require.NoError(t, err)
	require.NotNil(t, gone.JSON200, "%s", gone.Body)
	require.Equal(t, legacyclient.UserDeletedSuccessfully, gone.JSON200.Message)
	dead, err := token.ListMCPServersWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, dead.JSON401, "%s", dead.Body)
	missing, err := key.GetLinkedAccountWithResponse(ctx, account, nil)
	require.NoError(t, err)
	require.NotNil(t, missing.JSON404, "%s", missing.Body)
}
