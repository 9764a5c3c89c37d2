package diglottest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/diglottest"
)

func TestTheJournalHasNoCredentials(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	token := s.RefoldToken()
	send(t, s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/linked-account",
		`{"account_id":"a","your_app":{"auth_credentials":{"password":"hunter22"}},"udf":[{"key_name":"n","key_value":1.50}],"note":"`+s.RefoldKey()+`"}`)
	send(t, http.DefaultClient, http.MethodGet, s.RefoldURL()+"/mcp-servers?token="+token, "", "Authorization", "Bearer "+token, "Cookie", "session=abcdefghijkl")
	send(t, s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/mcp-servers/"+s.CometChatKey(), "")
	send(t, s.CometChatClient(), http.MethodPost, s.CometChatURL()+"/agents", `not JSON `+s.CometChatKey())
	send(t, http.DefaultClient, http.MethodGet, s.CometChatURL()+"/mcp-servers?limit=1&apikey=of-query&token=also-of-query", "",
		"Api-Key", "of-a-header-1", "X-Auth-Token", "of-a-header-2", "X-Amz-Security-Token", "of-a-header-3")
	r := send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/requests", "")
	require.Equal(t, http.StatusOK, r.status)
	for _, secret := range []string{s.RefoldKey(), s.CometChatKey(), token, "hunter22", "abcdefghijkl", "of-query", "of-a-header"} {
		require.NotContains(t, r.body, secret)
	}
	require.Contains(t, r.body, `"X-Api-Key":"[redacted]"`)
	came := s.Requests(diglottest.Filter{})
	require.Len(t, came, 5)
	require.Equal(t, "limit=1&apikey=[redacted]&token=[redacted]", came[4].Query)
	want := `{"account_id":"a","your_app":{"auth_credentials":"[redacted]"},"udf":[{"key_name":"n","key_value":1.50}],"note":"[redacted]"}`
	require.Equal(t, want, string(came[0].Body), "all else is as it was sent")
	require.Equal(t, "test", came[0].Tenant)
	require.Equal(t, "create_linked_account", came[0].Operation)
	require.Equal(t, http.StatusOK, came[0].Status)
	require.NotEmpty(t, came[0].ID)
}

func TestTheJournalIsFiltered(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithTenants("one", "two"))
	for _, of := range []*diglottest.Tenant{s.Tenant("one"), s.Tenant("two")} {
		send(t, of.RefoldClient(), http.MethodGet, of.RefoldURL()+"/mcp-servers/686e2393750d509493c6d87d", "")
		send(t, of.CometChatClient(), http.MethodPost, of.CometChatURL()+"/mcp-servers", `{"name":"Maps","slug":"maps","url":"http://localhost"}`)
		send(t, of.CometChatClient(), http.MethodGet, of.CometChatURL()+"/mcp-servers", "")
	}
	send(t, http.DefaultClient, http.MethodGet, s.CometChatURL()+"/agents", "")
	for query, count := range map[string]float64{
		"": 7, "?tenant=one": 3, "?dialect=cometchat": 5, "?method=post": 2, "?status=404": 2, "?status=401": 1, "?operation=get_mcp_server": 2,
		"?path=/api/v2/public/mcp-servers/{id}&tenant=two": 1, "?path=/api/v2/public/mcp-servers": 0, "?limit=2": 7,
	} {
		r := send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/requests"+query, "")
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.InDelta(t, count, r.json(t)["count"], 0, query)
		require.LessOrEqual(t, len(r.json(t)["requests"].([]any)), int(count))
	}
	r := send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/requests?limit=2", "")
	last := r.json(t)["requests"].([]any)
	require.Len(t, last, 2)
	require.Equal(t, "list_agents", last[1].(map[string]any)["operation"])
	for _, wrong := range []string{"?status=x", "?tenants=one", "?tenant=a&tenant=b", "?limit=-1"} {
		require.Equal(t, http.StatusBadRequest, send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/requests"+wrong, "").status, wrong)
	}
	require.Equal(t, http.StatusNoContent, send(t, http.DefaultClient, http.MethodDelete, s.URL()+"/_diglot/requests?tenant=one", "").status)
	require.Len(t, s.Requests(diglottest.Filter{}), 4)
}

// reasonsOf gives the nearest operation of the last request, and why it was not
// that.
func reasonsOf(s *diglottest.Server) (operation string, reasons []string) {
	came := s.Requests(diglottest.Filter{})
	last := came[len(came)-1]
	if last.Nearest == nil {
		return "", nil
	}
	return last.Nearest.Operation, last.Nearest.Reasons
}

func TestAFailedRequestSaysWhichOperationItIsNearestTo(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	refold, cometchat := s.RefoldClient(), s.CometChatClient()
	for _, c := range []struct {
		client             *http.Client
		method, path, body string
		operation          string
		reasons            []string
	}{
		{refold, http.MethodPost, s.RefoldURL() + "/mcp-server", `{"name":"n","description":"d"}`, "create_mcp_server", []string{`segment 4 of the path is "mcp-server", the operation's is "mcp-servers"`}},
		{refold, http.MethodGet, s.RefoldURL() + "/mcp-servers/686e2393750d509493c6d87d/tools", "", "get_mcp_server", []string{"the path has 6 segments, the operation's has 5"}},
		{refold, http.MethodPatch, s.RefoldURL() + "/mcp-servers/686e2393750d509493c6d87d", "{}", "delete_mcp_server", []string{"the method is PATCH, the path takes DELETE, GET, PUT"}},
		{refold, http.MethodPost, s.RefoldURL() + "/mcp-servers", `{"name":"n","summary":7}`, "create_mcp_server", []string{"/description is missing", "/summary is not documented"}},
		{cometchat, http.MethodPost, s.CometChatURL() + "/mcp-servers", `{"name":7,"slug":"s"}`, "create_mcp_server", []string{"/url is missing", "/name must be of type string"}},
		{cometchat, http.MethodPost, s.CometChatURL() + "/mcp-servers", `{`, "create_mcp_server", []string{"the body is not JSON"}},
		{cometchat, http.MethodGet, s.CometChatURL() + "/mcp-servers?limit=x&pages=2", ``, "list_mcp_servers", []string{`the query has "pages", which the operation doesn't`}},
		{http.DefaultClient, http.MethodGet, s.CometChatURL() + "/mcp-servers", ``, "list_mcp_servers", []string{"the credential is missing: header apikey"}},
		{cometchat, http.MethodGet, s.CometChatURL() + "/mcp-servers/none", ``, "get_mcp_server", []string{}},
	} {
		r := send(t, c.client, c.method, c.path, c.body)
		require.GreaterOrEqual(t, r.status, 400, "%s %s", c.method, c.path)
		operation, reasons := reasonsOf(s)
		require.Equal(t, c.operation, operation, "%s %s", c.method, c.path)
		require.Equal(t, c.reasons, reasons, "%s %s", c.method, c.path)
	}
	send(t, cometchat, http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
	operation, _ := reasonsOf(s)
	require.Empty(t, operation, "it did not fail")
	s.AddFaults(diglottest.Fault{Status: 500})
	send(t, cometchat, http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
	operation, _ = reasonsOf(s)
	require.Empty(t, operation, "the fault is why")
}

// recorded is a test that notes its errors.
type recorded struct {
	testing.TB

	errors []string
}

// Error implements [testing.TB].
func (r *recorded) Error(args ...any) { r.errors = append(r.errors, args[0].(string)) }

// Helper implements [testing.TB].
func (*recorded) Helper() {}

func TestVerifySaysWhetherARequestCameAndElseWhatCame(t *testing.T) {
	t.Parallel()
	of := &recorded{TB: t}
	s := diglottest.New(of)
	create := func(slug string) {
		r := send(t, s.CometChatClient(), http.MethodPost, s.CometChatURL()+"/mcp-servers", `{"name":"Maps","slug":"`+slug+`","url":"http://localhost"}`)
		require.Equal(t, http.StatusCreated, r.status)
	}
	create("one")
	create("two")
	const path = "/v3/ai-agents/agent-builder/mcp-servers"
	posted := func(body string) diglottest.Verification {
		return diglottest.Verification{Filter: diglottest.Filter{Method: http.MethodPost, Path: path, Body: []byte(body)}}
	}
	for _, c := range []struct {
		body                   string
		times, atLeast, atMost *int
		verified               bool
		count                  int
	}{
		{`{"slug":"one"}`, nil, nil, nil, true, 1},
		{`{"slug":"one"}`, new(1), nil, nil, true, 1},
		{`{"slug":"one"}`, new(2), nil, nil, false, 1},
		{`{"name":"Maps"}`, new(2), nil, nil, true, 2},
		{`{"name":"Maps"}`, nil, new(3), nil, false, 2},
		{`{"name":"Maps"}`, nil, new(1), new(2), true, 2},
		{`{"name":"Maps"}`, nil, nil, new(1), false, 2},
		{`{"slug":"three"}`, nil, nil, nil, false, 0},
		{`{"slug":"three"}`, new(0), nil, nil, true, 0},
		{`{"icon":"x"}`, nil, nil, nil, false, 0},
		{`[1]`, nil, nil, nil, false, 0},
	} {
		v := posted(c.body)
		v.Times, v.AtLeast, v.AtMost = c.times, c.atLeast, c.atMost
		got := s.Verified(v)
		require.Equal(t, c.verified, got.Verified, "%+v", c)
		require.Equal(t, c.count, got.Count, "%+v", c)
	}
	s.Verify(posted(`{"slug":"one"}`))
	require.Empty(t, of.errors)
	s.Verify(posted(`{"slug":"three"}`))
	require.Len(t, of.errors, 1)
	require.Contains(t, of.errors[0], "such requests came 0 times, not at least 1")
	require.Contains(t, of.errors[0], `POST `+path+` came: /slug is "one", not "three"`)

	r := send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/requests/verify", `{"method":"POST","path":"/v3/ai-agents/agent-builder/mcp-server","times":1}`)
	require.Equal(t, http.StatusConflict, r.status, r.body)
	problem := r.json(t)
	require.Equal(t, "urn:diglot:problem:conflict", problem["type"])
	require.Equal(t, "such requests came 0 times, not exactly 1", problem["detail"])
	require.Contains(t, r.body, `segment 4 of the path is \"mcp-server\", the operation's is \"mcp-servers\"`)
	require.Len(t, problem["near"], 2)
	r = send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/requests/verify", `{"operation":"create_mcp_server","tenant":"test","headers":{"content-type":"application/json"},"times":2}`)
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, true, r.json(t)["verified"])
}

// Of each tenant the last thousand requests are kept, whatever others send.
func TestTheJournalForgetsTheOldest(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithTenants("one", "two"))
	send(t, s.Tenant("two").CometChatClient(), http.MethodGet, s.CometChatURL()+"/agents", "")
	send(t, s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/agents?limit=1", "")
	client := s.CometChatClient()
	for range 1000 {
		send(t, client, http.MethodGet, s.CometChatURL()+"/agents", "")
	}
	require.Len(t, s.Requests(diglottest.Filter{Tenant: "two"}), 1)
	kept := s.Requests(diglottest.Filter{Tenant: "one"})
	require.Len(t, kept, 1000)
	require.Empty(t, kept[0].Query)
}

func TestALongBodyIsServedAndNotKept(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	r := send(t, s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"n","description":"`+strings.Repeat("d", 100_000)+`"}`)
	require.Equal(t, http.StatusCreated, r.status)
	require.Equal(t, `"[a body of more than 64 KiB]"`, string(s.Requests(diglottest.Filter{})[0].Body))
}
