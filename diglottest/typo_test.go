package diglottest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/diglottest"
)

// What is misspelt is refused with the nearest, what has another type with what it
// must be, and the text says where.
func TestWhatIsWrongIsSaidWhereItIs(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	for _, c := range []struct{ method, control, body, pointer, detail string }{
		{http.MethodPost, "faults", `{"operation":"create_mcp_servr","reset":true}`, "/operation", "is none there is; nearest: create_mcp_server"},
		{http.MethodPost, "faults", `{"dialect":"cometchat","operation":"create_session_token","reset":true}`, "/operation", "is none there is; nearest: "},
		{http.MethodPost, "faults", `{"route":"/api/v2/public/mcp-server","reset":true}`, "/route", "is none there is; nearest: /api/v2/public/mcp-servers;"},
		{http.MethodPost, "faults", `{"method":"PSOT","reset":true}`, "/method", "is none there is; nearest: POST"},
		{http.MethodPost, "faults", `{"operation":"create_mcp_server","method":"GET","reset":true}`, "", "is about no operation"},
		{http.MethodPost, "faults", `{"dialect":"soap","reset":true}`, "/dialect", "must be refold or cometchat"},
		{http.MethodPost, "faults", `{"operation":"create_mcp_server"}`, "", "must have a latency, reset, status or truncate"},
		{http.MethodPut, "faults", `{"rules":[{"reset":true},{"tenant":"tets","reset":true}]}`, "/rules/1/tenant", "is none there is; nearest: test"},
		{http.MethodPost, "faults", `{"latency":"5ms"}`, "/latency", `must be an object such as {"fixed":"70ms"}`},
		{http.MethodPost, "faults", `{"latency":{"fixed":5}}`, "/latency/fixed", "must be a duration such as 90s"},
		{http.MethodPost, "faults", `{"status":200,"body":{}}`, "/body", "must be a text"},
		{http.MethodPost, "faults", `{"status":"503"}`, "/status", "must be a whole number"},
		{http.MethodPut, "faults", `{"rules":{}}`, "/rules", "must be a list"},
		{http.MethodPost, "requests/verify", `{"operation":"create_mcp_servr","times":0}`, "/operation", "is none there is; nearest: create_mcp_server"},
		{http.MethodPost, "requests/verify", `{"operation":"create_mcp_server","times":1,"at_least":1}`, "/times", "is exactly so many"},
		{http.MethodPost, "requests/verify", `{"at_most":-1}`, "/at_most", "must not be negative"},
		{http.MethodPost, "requests/verify", `{"at_least":2,"at_most":1}`, "/at_most", "must not be less than at_least"},
		{http.MethodPost, "clock/advance", `{"by":"1day"}`, "/by", "must be a duration such as 90s"},
		{http.MethodPut, "clock", `{"now":"yesterday"}`, "/now", "must be a time such as 2026-01-02T03:04:05Z"},
		{http.MethodPut, "clock", `{"now":"9999-01-01T00:00:00Z"}`, "/now", "it goes from 1970-01-01T00:00:00Z to 2106-02-07T06:28:15Z"},
		{http.MethodPut, "clock", `{"now":"1700-01-01T00:00:00Z","frozen":true}`, "/now", "can't be set to 1700-01-01T00:00:00Z"},
		{http.MethodPut, "clock", `{}`, "", "must have now or frozen"},
		{http.MethodPost, "clock/advance", `{}`, "/by", "is required"},
		{http.MethodPost, "clock/advance", `{"by":"1000000h"}`, "/by", "leads too far"},
		{http.MethodPost, "clock/advance", `{"by":"-1000000h"}`, "/by", "leads too far"},
		{http.MethodPut, "clock", `{"frozen":"yes"}`, "/frozen", "must be true or false"},
		{http.MethodPut, "ids", `{"seed":-1}`, "/seed", "must be a whole number that is not negative"},
		{http.MethodPost, "seed", `{"tenants":[{"name":"test","refold":[]}]}`, "/tenants/0/refold", "must be an object"},
	} {
		r := send(t, http.DefaultClient, c.method, s.URL()+"/_diglot/"+c.control, c.body)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%s: %s", c.body, r.body)
		wrong := r.json(t)["errors"].([]any)
		require.Len(t, wrong, 1, r.body)
		pointer, _ := wrong[0].(map[string]any)["pointer"].(string)
		require.Equal(t, c.pointer, pointer, r.body)
		require.Contains(t, wrong[0].(map[string]any)["detail"], c.detail, c.body)
		where := pointer
		if where == "" {
			where = "the body"
		}
		require.Equal(t, where+" "+wrong[0].(map[string]any)["detail"].(string), r.json(t)["detail"], "as a sentence")
	}
	require.Empty(t, s.Requests(diglottest.Filter{}))
	require.False(t, s.Clock().Frozen(), "what is refused does nothing")
	require.WithinDuration(t, time.Now(), s.Clock().Now(), time.Minute)
	require.Panics(t, func() { s.Clock().Set(latest.Add(time.Second)) })
	s.Clock().Set(latest)
	require.Panics(t, func() { s.Clock().Advance(time.Minute) })
	require.Contains(t, failure(t, func(of testing.TB) {
		diglottest.New(of, diglottest.WithNow(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)))
	}), "it goes from 1970")
	r := send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/requests?operation=list_mcp_server", "")
	require.Equal(t, http.StatusBadRequest, r.status, r.body)
	require.Contains(t, r.body, "operation is none there is; nearest: list_mcp_servers")
}

// latest is where the clock ends: at the last time of an object id.
var latest = time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC)

// A path that is not served is met where the rule says that it is not.
func TestAFaultMayBeOfAPathThatIsNotServed(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	s.AddFaults(diglottest.Fault{Operation: "none", Route: "/api/v2/public/nowhere", Status: 200, Body: new("[]")})
	r := send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/nowhere", "")
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "[]", r.body)
}
