package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/dialecttest/clients/v3client"
)

// v3Life is what a client of Refold's v3 API does with a tenant, from
// its first account to the deletion of all that it made.
func v3Life(t *testing.T, g aGateway) {
	t.Helper()
	const account = "v3-life"
	key := v3Client(t, g, "x-api-key", g.refoldKey)
	v3Account(t, key, account)
	v3Failures(t, g, key)
	token := v3Token(t, g, key, account)
	v3Servers(t, key, new(account))
	v3Servers(t, token, nil)
	v3AccountEnds(t, key, token, account)
}

func v3Account(t *testing.T, key *v3client.ClientWithResponses, account string) {
	t.Helper()
	ctx := t.Context()
	var plan, seats v3client.Primitive
	require.NoError(t, plan.FromPrimitive0("pro"))
	require.NoError(t, seats.FromPrimitive1(9007199254740993.5))
	var fields v3client.NewFields
	require.NoError(t, fields.FromNewFields0(v3client.NewFields0{"plan": plan, "seats": seats}))
	made, err := key.CreateLinkedAccountWithResponse(ctx, nil, v3client.NewAccount{AccountID: new(account), Name: new("V3"), Udf: &fields})
	require.NoError(t, err)
	require.NotNil(t, made.JSON200, "%s", made.Body)
	require.Equal(t, account, made.JSON200.AccountID)
	require.Equal(t, v3client.Test, made.JSON200.Environment)
	require.Nil(t, made.JSON200.Integrations)

	taken, err := key.CreateLinkedAccountWithResponse(ctx, nil, v3client.NewAccount{AccountID: new(account)})
	require.NoError(t, err)
	require.NotNil(t, taken.JSON400, "%s", taken.Body)
	require.Equal(t, v3client.AuthFailureErrorSERVERERROR, taken.JSON400.Error)
	nameless, err := key.CreateLinkedAccountWithResponse(ctx, nil, v3client.NewAccount{})
	require.NoError(t, err)
	require.Equal(t, v3client.AuthFailureErrorINVALIDLINKEDACCOUNTID, nameless.JSON400.Error)

	changed, err := key.UpsertLinkedAccountWithResponse(ctx, nil, v3client.AccountChange{AccountID: new(account), Name: new("Renamed")})
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
		list, err := key.ListLinkedAccountsWithResponse(ctx, &v3client.ListLinkedAccountsParams{Page: &page, Limit: new(1)})
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

func v3Failures(t *testing.T, g aGateway, key *v3client.ClientWithResponses) {
	t.Helper()
	ctx := t.Context()
	unknown, err := key.GetLinkedAccountWithResponse(ctx, "nobody", nil)
	require.NoError(t, err)
	require.Equal(t, v3client.NOTFOUND, unknown.JSON404.HTTPErrorType)
	undeleted, err := key.DeleteLinkedAccountWithResponse(ctx, "nobody", nil)
	require.NoError(t, err)
	require.Equal(t, v3client.AuthFailureErrorSERVERERROR, undeleted.JSON404.Error)
	wrong := v3Client(t, g, "x-api-key", "tk00000000-0000-0000-0000-000000000000")
	refused, err := wrong.ListMCPServersWithResponse(ctx, &v3client.ListMCPServersParams{LinkedAccountID: new("a"), DiglotRefoldRevision: new(v3client.V3)})
	require.NoError(t, err)
	require.Equal(t, "Invalid Credentials", refused.JSON401.Message)
	alone, err := key.ListMCPServersWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, v3client.FailureErrorCodeMISSINGREQUIREDFIELD, alone.JSON404.ErrorCode)
	bad, err := v3Client(t, g, "Authorization", "Bearer x").GetActiveLinkedAccountWithResponse(ctx,
		&v3client.GetActiveLinkedAccountParams{DiglotRefoldRevision: new(v3client.V3)}) // whose the tenant is isn't known
	require.NoError(t, err)
	require.Equal(t, v3client.AuthFailureErrorINVALIDTOKEN, bad.JSON401.Error)
}

// v3Token gives a client that has a session of the account, after the life of
// another session.
func v3Token(t *testing.T, g aGateway, key *v3client.ClientWithResponses, account string) *v3client.ClientWithResponses {
	t.Helper()
	ctx := t.Context()
	issue := func(fresh v3client.CreateSessionTokenParamsForceRefresh) string {
		made, err := key.CreateSessionTokenWithResponse(ctx, &v3client.CreateSessionTokenParams{ForceRefresh: &fresh},
			v3client.NewSession{LinkedAccountID: account})
		require.NoError(t, err)
		require.NotNil(t, made.JSON200, "%s", made.Body)
		require.Positive(t, made.JSON200.ExpiresIn)
		require.Greater(t, made.JSON200.RefreshExpiresIn, made.JSON200.ExpiresIn)
		return made.JSON200.Token
	}
	first := issue(v3client.CreateSessionTokenParamsForceRefreshFalse)
	require.Equal(t, first, issue(v3client.CreateSessionTokenParamsForceRefreshFalse))
	for next := first; next == first; {
		next = issue(v3client.CreateSessionTokenParamsForceRefreshTrue) // the same until the second is over
	}
	stranger, err := key.CreateSessionTokenWithResponse(ctx, nil, v3client.NewSession{LinkedAccountID: "nobody"})
	require.NoError(t, err)
	require.Equal(t, v3client.AuthFailureErrorINVALIDLINKEDACCOUNTID, stranger.JSON400.Error)

	session := v3Client(t, g, "Authorization", "Bearer "+first)
	active, err := session.GetActiveLinkedAccountWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, active.JSON200, "%s", active.Body)
	require.Equal(t, account, active.JSON200.AccountID)
	revoked, err := session.RevokeSessionTokenWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, revoked.JSON200, "%s", revoked.Body)
	require.Equal(t, v3client.N1, revoked.JSON200.RevokedCount)
	dead, err := session.GetActiveLinkedAccountWithResponse(ctx, &v3client.GetActiveLinkedAccountParams{DiglotRefoldRevision: new(v3client.V3)})
	require.NoError(t, err)
	require.NotNil(t, dead.JSON401, "%s", dead.Body)
	require.Equal(t, v3client.AuthFailureErrorINVALIDTOKEN, dead.JSON401.Error)
	return v3Client(t, g, "Authorization", "Bearer "+issue(v3client.CreateSessionTokenParamsForceRefreshFalse))
}

// v3Servers is the life of four servers, with the account that is named
// beside a key, or with the token's.
func v3Servers(t *testing.T, c *v3client.ClientWithResponses, account *string) {
	t.Helper()
	ctx := t.Context()
	create := func(name, description string) *v3client.CreateMCPServerResponse {
		r, err := c.CreateMCPServerWithResponse(ctx, &v3client.CreateMCPServerParams{LinkedAccountID: account},
			v3client.NewMCPServer{Name: name, Description: description})
		require.NoError(t, err)
		return r
	}
	var ids []string
	for i := range 3 {
		made := create(fmt.Sprintf("Server %d", i), "d")
		require.NotNil(t, made.JSON201, "%s", made.Body)
		ids = append(ids, made.JSON201.UnderscoreID)
	}
	again := create("Server 0", "again")
	require.NotNil(t, again.JSON201, "a name may be taken already: %s", again.Body)
	ids = append(ids, again.JSON201.UnderscoreID)
	require.Equal(t, v3client.FailureErrorCodeSERVERERROR, create("Server 3", "").JSON400.ErrorCode)
	slices.Reverse(ids) // as lists have them

	var listed []string
	for page := new(1); page != nil; {
		list, err := c.ListMCPServersWithResponse(ctx, &v3client.ListMCPServersParams{LinkedAccountID: account, Page: page, Limit: new(2)})
		require.NoError(t, err)
		require.NotNil(t, list.JSON200, "%s", list.Body)
		for _, s := range list.JSON200.Docs {
			listed = append(listed, s.UnderscoreID)
		}
		page = list.JSON200.NextPage
	}
	require.Equal(t, ids, listed)

	var action, workflow v3client.AppItem
	require.NoError(t, action.FromAppItem0("create_contact"))
	require.NoError(t, workflow.FromAppItem1(v3client.AppItem1{ID: new("w"), Name: new("Sync")}))
	changed, err := c.UpdateMCPServerWithResponse(ctx, ids[0], &v3client.UpdateMCPServerParams{LinkedAccountID: account}, v3client.MCPServerChange{
		Name: new("Changed"), Description: new(""),
		AgentName: new("CRM Assistant"), PrimaryColor: new("#2D6CDF"), SecondaryColor: new(""), BasePrompt: new("Be kind."), SafeMode: new(true),
		Suggestions:    &[]v3client.Suggestion{{Name: new("Tidy"), Prompt: new("Tidy up")}},
		Chains:         &[]v3client.NewChain{{Name: new("Chain"), Steps: new("one\ntwo"), OnError: new("")}},
		AssociatedApps: &[]v3client.App{{Slug: new("hubspot"), Actions: &[]v3client.AppItem{action}, Workflows: &[]v3client.AppItem{workflow}}},
	})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	require.Equal(t, "CRM Assistant", *changed.JSON200.AgentName)
	require.True(t, *changed.JSON200.SafeMode)
	read, err := c.GetMCPServerWithResponse(ctx, ids[0], &v3client.GetMCPServerParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	require.Equal(t, "Changed", read.JSON200.Name)
	require.Empty(t, read.JSON200.Description)
	require.Equal(t, acmeOrg, read.JSON200.AssociatedOrgID)
	require.Len(t, read.JSON200.Chains, 1)
	require.Equal(t, "one\ntwo", *read.JSON200.Chains[0].Steps)
	require.Equal(t, "Be kind.", *read.JSON200.BasePrompt)
	require.Empty(t, *read.JSON200.SecondaryColor)
	app := read.JSON200.AssociatedApps[0]
	name, err := (*app.Actions)[0].AsAppItem0()
	require.NoError(t, err)
	require.Equal(t, "create_contact", name)
	item, err := (*app.Workflows)[0].AsAppItem1()
	require.NoError(t, err)
	require.Equal(t, "Sync", *item.Name)

	same, err := c.GetMCPServerWithResponse(ctx, ids[0], &v3client.GetMCPServerParams{LinkedAccountID: account, IfNoneMatch: &read.Headers200.ETag})
	require.NoError(t, err)
	require.Equal(t, http.StatusNotModified, same.StatusCode())
	require.Equal(t, read.Headers200.ETag, same.Headers304.ETag)

	for _, id := range ids {
		gone, err := c.DeleteMCPServerWithResponse(ctx, id, &v3client.DeleteMCPServerParams{LinkedAccountID: account})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, gone.StatusCode(), "%s", gone.Body)
	}
	missing, err := c.GetMCPServerWithResponse(ctx, ids[0], &v3client.GetMCPServerParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.Equal(t, "MCPEntry not found", missing.JSON404.Message)
	empty, err := c.ListMCPServersWithResponse(ctx, &v3client.ListMCPServersParams{LinkedAccountID: account})
	require.NoError(t, err)
	require.Empty(t, empty.JSON200.Docs)
	require.Nil(t, empty.JSON200.NextPage)
}

// v3AccountEnds deletes the account, whose sessions end with it.
func v3AccountEnds(t *testing.T, key, token *v3client.ClientWithResponses, account string) {
	t.Helper()
	ctx := t.Context()
	gone, err := key.DeleteLinkedAccountWithResponse(ctx, account, nil)
	require.NoError(t, err)
	require.NotNil(t, gone.JSON200, "%s", gone.Body)
	require.Equal(t, v3client.UserDeletedSuccessfully, gone.JSON200.Message)
	dead, err := token.ListMCPServersWithResponse(ctx, nil)
	require.NoError(t, err)
	require.NotNil(t, dead.JSON401, "%s", dead.Body)
	missing, err := key.GetLinkedAccountWithResponse(ctx, account, nil)
	require.NoError(t, err)
	require.NotNil(t, missing.JSON404, "%s", missing.Body)
}
