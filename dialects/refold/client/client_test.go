package client_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
	"github.com/diglot/diglot/store/memstore"
)

const key = "tkb5b9f358-4160-4fea-a926-cf52b271489d"

// diglot serves the dialect itself, and gives its world and address.
func diglot(t *testing.T) (*dialecttest.World, string) {
	t.Helper()
	w := dialecttest.NewWorld(t, core.Refold, memstore.New(), dialecttest.Setting{})
	h := refold.New(w.Core, refold.NewTokens(w.Secret, refold.DefaultLifetimes), dialects.Options{
		Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots,
	})
	return w, vendorhttptest.Serve(t, h)
}

func newClient(t *testing.T, base string, who client.Credentials, revision core.RefoldRevision) *client.Client {
	t.Helper()
	o := vendorhttptest.NewClock().Options(base)
	o.Header = http.Header{refold.RevisionHeader: {string(revision)}}
	c, err := client.New(o, who)
	require.NoError(t, err)
	return c
}

func byKey(w *dialecttest.World) client.Credentials {
	return client.Credentials{APIKey: vendorhttp.Secret(w.Values["KEY"]), LinkedAccount: w.Values["ACCOUNT"]}
}

func TestAServersWholeLifeInBothRevisions(t *testing.T) {
	t.Parallel()
	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		t.Run(string(revision), func(t *testing.T) {
			t.Parallel()
			w, base := diglot(t)
			c := newClient(t, base, byKey(w), revision)
			made, err := c.CreateMCPServer(t.Context(), client.NewMCPServer{Name: "Größe", Description: "d"})
			require.NoError(t, err)
			require.Equal(t, dialects.Absent, made.CreatedAt.Presence, "three members and no more")
			changed, err := c.UpdateMCPServer(t.Context(), made.ID.Value, client.MCPServerUpdate{
				Name: new("Another"), AgentName: new("Agent"), SafeMode: new(false),
				AssociatedApps: client.Value(`[{"slug":"x","big":9007199254740993}]`), Chains: client.Value(`[{"name":"n"}]`),
			})
			require.NoError(t, err)
			require.Equal(t, "Another", changed.Name.Value)
			require.JSONEq(t, `[{"slug":"x","big":9007199254740993}]`, string(changed.AssociatedApps.Value))
			read, err := c.MCPServer(t.Context(), made.ID.Value)
			require.NoError(t, err)
			require.Contains(t, string(read.Text), `"big":9007199254740993`)
			require.NotEmpty(t, read.CreatedAt.Value)
			if revision == core.RefoldV3 {
				require.Equal(t, dialects.Given, read.SafeMode.Presence)
				require.Equal(t, "Agent", read.AgentName.Value)
			}
			require.NoError(t, c.DeleteMCPServer(t.Context(), made.ID.Value))
			_, err = c.MCPServer(t.Context(), made.ID.Value)
			require.Equal(t, http.StatusNotFound, vendorhttp.StatusOf(err))
			require.NotContains(t, err.Error(), w.Values["KEY"])
		})
	}
}

func TestEveryServerIsWalkedOnceInBothOrders(t *testing.T) {
	t.Parallel()
	w, base := diglot(t)
	w.Given(t, "250 servers in one millisecond")
	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		c := newClient(t, base, byKey(w), revision)
		seen := map[string]int{}
		for s, err := range c.MCPServers(t.Context()) {
			require.NoError(t, err)
			seen[s.ID.Value]++
		}
		require.Len(t, seen, 250)
		for id, times := range seen {
			require.Equal(t, 1, times, id)
		}
	}
}

// A server that is removed while a list is walked shifts the others to earlier
// pages; each that stays is given all the same, once.
func TestAWalkMissesNothingThatShifts(t *testing.T) {
	t.Parallel()
	w, base := diglot(t)
	w.Given(t, "230 servers")
	c := newClient(t, base, byKey(w), core.RefoldLegacy)
	var all []string
	for s, err := range c.MCPServers(t.Context()) {
		require.NoError(t, err)
		all = append(all, s.ID.Value)
	}
	require.Len(t, all, 230)
	var walked []string
	for s, err := range c.MCPServers(t.Context()) {
		require.NoError(t, err)
		if walked = append(walked, s.ID.Value); len(walked) == 50 {
			require.NoError(t, c.DeleteMCPServer(t.Context(), all[0]))
		}
	}
	require.ElementsMatch(t, all, walked, "the one that was removed had been given")
}

// listing is a vendor that answers each list with what page gives for its number.
func listing(t *testing.T, page func(number string) string) (*client.Client, *int) {
	t.Helper()
	asked := 0
	base := vendorhttptest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = w.Write([]byte(page(r.URL.Query().Get("page"))))
	}))
	return newClient(t, base, client.Credentials{APIKey: key, LinkedAccount: "u"}, ""), &asked
}

func TestAListIsNotWalkedForEver(t *testing.T) {
	t.Parallel()
	walk := func(c *client.Client) (given int, err error) {
		for _, err = range c.MCPServers(t.Context()) {
			given++
		}
		return given - 1, err // the last is the error
	}
	c, asked := listing(t, func(string) string {
		return `{"docs":[{"_id":"a"},{"_id":"b"}],"totalDocs":2,"limit":2,"hasNextPage":true}`
	})
	given, err := walk(c)
	require.ErrorIs(t, err, client.ErrMoving)
	require.Equal(t, 2, given)
	require.Equal(t, 20, *asked, "ten passes, each ended by its second page")

	c, _ = listing(t, func(string) string {
		return `{"docs":[{"_id":"a"},{"_id":"b"},{"_id":"a"}],"totalDocs":3,"hasNextPage":false}`
	})
	_, err = walk(c)
	require.ErrorIs(t, err, client.ErrTwice)
	require.EqualError(t, err, `refold: GET /api/v2/public/mcp-servers: the list has two records of one id: "a"`)

	c, asked = listing(t, func(number string) string {
		docs := make([]string, 100)
		for i := range docs {
			docs[i] = fmt.Sprintf(`{"_id":"%s-%d"}`, number, i)
		}
		return `{"docs":[` + strings.Join(docs, ",") + `],"totalDocs":1,"hasNextPage":true}`
	})
	_, err = walk(c)
	require.ErrorIs(t, err, client.ErrEndless)
	require.Equal(t, 11, *asked)
}

// A page that others have shifted whole has nothing new, and the list goes on
// behind it.
func TestAWalkGoesOnBehindAPageThatComesAgain(t *testing.T) {
	t.Parallel()
	once := true
	c, _ := listing(t, func(number string) string {
		if number == "2" && once {
			once = false
			number = "1"
		}
		return `{"docs":[{"_id":"` + number + `"}],"totalDocs":3,"hasNextPage":` + strconv.FormatBool(number != "3") + `}`
	})
	var ids string
	for s, err := range c.MCPServers(t.Context()) {
		require.NoError(t, err)
		ids += s.ID.Value
	}
	require.Equal(t, "123", ids)
}

func TestAWalkEndsWhenItsCallerHasEnough(t *testing.T) {
	t.Parallel()
	w, base := diglot(t)
	w.Given(t, "3 servers")
	for range newClient(t, base, byKey(w), core.RefoldLegacy).MCPServers(t.Context()) {
		return
	}
}

func TestAnAccountsWholeLifeWithSessions(t *testing.T) {
	t.Parallel()
	w, base := diglot(t)
	c := newClient(t, base, client.Credentials{APIKey: vendorhttp.Secret(w.Values["KEY"])}, core.RefoldV3)
	_, err := c.CreateLinkedAccount(t.Context(), client.AccountInput{AccountID: "user/1", Name: new("One")})
	require.NoError(t, err)
	changed, err := c.UpsertLinkedAccount(t.Context(), client.AccountInput{AccountID: "user/1", UDF: client.Value(`{"n":12345678901234567890}`)})
	require.NoError(t, err)
	require.False(t, changed.New.Value)
	require.Contains(t, string(changed.UDF.Value), `12345678901234567890`)
	var ids []string
	for a, err := range c.LinkedAccounts(t.Context()) {
		require.NoError(t, err)
		ids = append(ids, a.AccountID.Value)
	}
	require.ElementsMatch(t, []string{w.Values["ACCOUNT"], "user/1"}, ids)
	read, err := c.LinkedAccount(t.Context(), "user/1")
	require.NoError(t, err)
	require.Equal(t, "One", read.Name.Value)

	first, err := c.CreateSessionToken(t.Context(), "user/1", false)
	require.NoError(t, err)
	require.Equal(t, "86400", string(first.ExpiresIn.Value))
	require.NotContains(t, fmt.Sprintf("%+v", first), string(first.Token)[:10])
	byToken := newClient(t, base, client.Credentials{Token: first.Token, APIKey: "ignored"}, core.RefoldV3)
	active, err := byToken.ActiveLinkedAccount(t.Context())
	require.NoError(t, err)
	require.Equal(t, "user/1", active.AccountID.Value)
	_, err = byToken.ListMCPServers(t.Context(), 1, 10)
	require.NoError(t, err)
	require.NoError(t, byToken.RevokeSessionToken(t.Context()))
	_, err = byToken.ActiveLinkedAccount(t.Context())
	require.Equal(t, http.StatusUnauthorized, vendorhttp.StatusOf(err))
	require.NotContains(t, err.Error(), string(first.Token))
	require.NoError(t, c.DeleteLinkedAccount(t.Context(), "user/1"))
}

// What follows are answers that the vendor documents or was seen to give, and
// that Diglot doesn't. Numbers are sections of the contract.

func odd(t *testing.T, answers ...vendorhttptest.Answer) (*vendorhttptest.Vendor, *client.Client) {
	t.Helper()
	v := vendorhttptest.NewVendor(t, answers...)
	return v, newClient(t, v.Base, client.Credentials{APIKey: key, LinkedAccount: "u"}, "")
}

// 2.4: v3 answers 200 without a body, legacy 204.
func TestADeletionMayHaveNoBodyOrAnyOther(t *testing.T) {
	t.Parallel()
	v, c := odd(t, vendorhttptest.Answer{Status: 200}, vendorhttptest.Answer{Status: 204}, vendorhttptest.Answer{Body: `{"success":true}`})
	for range 3 {
		require.NoError(t, c.DeleteMCPServer(t.Context(), "686e2393750d509493c6d87c"))
	}
	require.Equal(t, slices.Repeat([]string{"DELETE /api/v2/public/mcp-servers/686e2393750d509493c6d87c"}, 3), v.Lines())
	require.Equal(t, []string{"u"}, v.Asked()[0].Header["Linked_account_id"])
	require.Equal(t, key, v.Asked()[0].Header.Get("X-Api-Key"))
}

func TestAChangeWithoutABodyIsRead(t *testing.T) {
	t.Parallel()
	v, c := odd(t, vendorhttptest.Answer{Status: 204}, vendorhttptest.Answer{Body: `{"_id":"a","name":"N"}`})
	s, err := c.UpdateMCPServer(t.Context(), "a", client.MCPServerUpdate{Name: new("N")})
	require.NoError(t, err)
	require.Equal(t, "N", s.Name.Value)
	require.Equal(t, []string{"PUT /api/v2/public/mcp-servers/a", "GET /api/v2/public/mcp-servers/a"}, v.Lines())
	require.JSONEq(t, `{"name":"N"}`, v.Asked()[0].Body)
}

// 2.4: the documented v3 list shows one server of 18 and six of ten members.
func TestAListMayLackMembers(t *testing.T) {
	t.Parallel()
	const recorded = `{"docs":[{"_id":"6a314ee8d0aeb8165beacc6e","name":"Production CRM Server","description":"MCP server for CRM workflows","associated_org_id":"6500a1b2c3d4e5f6a7b8c9d0","environment":"test","createdAt":"2026-06-16T13:22:00.000Z"}],"totalDocs":18,"limit":10,"page":1,"totalPages":2,"hasNextPage":true}`
	v, c := odd(t,
		vendorhttptest.Answer{Body: recorded},
		vendorhttptest.Answer{Body: `{"docs":[{"_id":"b","extra":{"z":1,"a":[null]}}],"totalDocs":18}`},
	)
	var texts []core.JSON
	for s, err := range c.MCPServers(t.Context()) {
		require.NoError(t, err)
		texts = append(texts, s.Text)
	}
	require.Len(t, texts, 2)
	require.Equal(t, core.JSON(`{"_id":"b","extra":{"z":1,"a":[null]}}`), texts[1])
	require.Equal(t, []string{"GET /api/v2/public/mcp-servers?limit=100&page=1", "GET /api/v2/public/mcp-servers?limit=100&page=2"}, v.Lines())
}

// 2.3 and 2.12: members of other types than the schema's, and null beside absent.
func TestARecordKeepsWhatItIsNotReadAs(t *testing.T) {
	t.Parallel()
	const text = `{ "name" : null, "_id":"a","__v":9007199254740993,"chains":"none", "x":1.10, "x":2, "createdAt":5 }`
	_, c := odd(t, vendorhttptest.Answer{Body: text})
	s, err := c.MCPServer(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, core.JSON(text), s.Text)
	require.Equal(t, dialects.Null, s.Name.Presence)
	require.Equal(t, dialects.Absent, s.Description.Presence)
	require.Equal(t, dialects.Wrong, s.Chains.Presence)
	require.Equal(t, dialects.Wrong, s.CreatedAt.Presence)
	require.Equal(t, "9007199254740993", string(s.Version.Value))
}

// 2.8: integrations: null in the v3 example, a full document in legacy's.
func TestAnAccountsIntegrationsMayBeNull(t *testing.T) {
	t.Parallel()
	_, c := odd(t, vendorhttptest.Answer{Body: `{"_id":"6a3134fdc71d10070e78923e","account_id":"user_12345","name":"Acme Inc.","environment":"test","integrations":null}`})
	a, err := c.CreateLinkedAccount(t.Context(), client.AccountInput{AccountID: "user_12345"})
	require.NoError(t, err)
	require.Equal(t, dialects.Null, a.Integrations.Presence)
}

// 2.5: three generations of errors; 2.10: express-rate-limit's page.
func TestFailuresOfEveryGenerationAreRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status        int
		body          string
		code, message string
	}{
		{401, `{"status_code":401,"http_error_type":"UNAUTHORIZED","error_code":"SERVER_ERROR","message":"Invalid Credentials","request_id":"89bd1675-a826-46cb-9210-6cb2ae169f67"}`, "SERVER_ERROR", "Invalid Credentials"},
		{401, `{"status_code":401,"http_error_type":"UNAUTHORIZED","error":"INVALID_TOKEN","message":"Invalid token"}`, "INVALID_TOKEN", "Invalid token"},
		{400, `{"error_type":"E","message":"m","request_id":"r","status_code":400}`, "E", "m"},
		{401, `{"message":"Token Expired"}`, "", "Token Expired"},
		{404, ``, "", ""},
		{404, `[]`, "", ""},
		{404, `{"message":{"nested":true},"error":{"code":5}}`, "", ""},
		{413, `<html><head><title>413 Request Entity Too Large</title></head></html>`, "", ""},
	} {
		_, c := odd(t, vendorhttptest.Answer{Status: test.status, Body: test.body})
		_, err := c.MCPServer(t.Context(), "a")
		var e *vendorhttp.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, test.status, e.Status)
		require.Equal(t, [2]string{test.code, test.message}, [2]string{e.Code, e.Message})
		if strings.HasPrefix(test.body, "<") {
			require.Contains(t, e.Excerpt, "413 Request Entity Too Large")
		}
	}
}

func TestAPageOfHTMLForThePaceIsWaitedForAndTheCreationNamedOnce(t *testing.T) {
	t.Parallel()
	v := vendorhttptest.NewVendor(t,
		vendorhttptest.Answer{Status: 429, Header: map[string]string{"Content-Type": "text/html", "Retry-After": "7"}, Body: "Too many requests, please try again later."},
		vendorhttptest.Answer{Status: 201, Body: `{"_id":"686e23c7397a76e76449bc14","name":"MCP Server Dhananjay","description":"This is a Dummy MCP Server"}`},
	)
	clock := vendorhttptest.NewClock()
	c, err := client.New(clock.Options(v.Base), client.Credentials{APIKey: key})
	require.NoError(t, err)
	s, err := c.CreateMCPServer(t.Context(), client.NewMCPServer{Name: "MCP Server Dhananjay", Description: "This is a Dummy MCP Server"})
	require.NoError(t, err)
	require.Equal(t, "686e23c7397a76e76449bc14", s.ID.Value)
	require.Equal(t, []time.Duration{7250 * time.Millisecond}, clock.Waits())
	asked := v.Asked()
	require.NotEmpty(t, asked[0].Header.Get("Idempotency-Key"))
	require.Equal(t, asked[0].Header.Get("Idempotency-Key"), asked[1].Header.Get("Idempotency-Key"))
}

func TestAnswersThatAreNoRecordSaySo(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `[]`, `null`, `"x"`, `<html>`, `{"docs":{}}`, `{"docs":[1]}`} {
		_, c := odd(t, vendorhttptest.Answer{Body: body})
		if strings.Contains(body, "docs") {
			_, err := c.ListMCPServers(t.Context(), 1, 10)
			require.ErrorIs(t, err, vendorhttp.ErrAnswer, body)
			continue
		}
		_, err := c.MCPServer(t.Context(), "a")
		require.ErrorIs(t, err, vendorhttp.ErrAnswer, body)
	}
}

func TestATokenThatIsAnsweredOddlyIsNotShown(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`eyJhbGciOi.secret.token`, `"eyJhbGciOi.secret.token"`, `{"data":{"token":"eyJhbGciOi.secret.token"}}`} {
		_, c := odd(t, vendorhttptest.Answer{Body: body})
		_, err := c.CreateSessionToken(t.Context(), "u", true)
		require.ErrorIs(t, err, vendorhttp.ErrAnswer)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestWhateverTheVendorAnswersIsTaken(t *testing.T) {
	t.Parallel()
	bodies := []string{
		`{"docs":[{"_id":"686e12889a52f0683c93b619","name":"MCP CONFIG","description":"This is SOmething","createdAt":"2025-07-09T06:56:08.507Z"}],"totalDocs":3,"limit":10,"page":1,"hasNextPage":false}`,
		`{"_id":"6a3134fdc71d10070e78923e","associated_org":"6500a1b2c3d4e5f6a7b8c9d0","account_id":"user_12345","udf":[],"__v":0,"new_account":false}`,
		`{"status_code":401,"http_error_type":"UNAUTHORIZED","error_code":"SERVER_ERROR","message":"Invalid Credentials ` + key + `"}`,
		`{"token":"eyJhbGciOi.x.y","expires_in":599747}`, `Too many requests, please try again later. ` + key,
	}
	vendorhttptest.Whatever(t, key, bodies, func(base string) []error {
		o := vendorhttptest.NewClock().Options(base)
		o.Attempts = 2
		c, err := client.New(o, client.Credentials{APIKey: key})
		require.NoError(t, err)
		_, one := c.MCPServer(t.Context(), "a")
		_, page := c.ListMCPServers(t.Context(), 1, 10)
		_, account := c.UpsertLinkedAccount(t.Context(), client.AccountInput{AccountID: "u"})
		_, session := c.CreateSessionToken(t.Context(), "u", true)
		return []error{one, page, account, session, c.DeleteMCPServer(t.Context(), "a")}
	})
}
