package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

// controls asks a gateway's controls and holds each answer to their document.
type controls struct {
	url      string
	coverage *openapitest.Coverage
}

func (c controls) want(t *testing.T, status int, method, path, body string, headers ...string) reply {
	t.Helper()
	r := send(t, method, c.url+testmode.Prefix+path, body, headers...)
	u, err := url.Parse(testmode.Prefix + path)
	require.NoError(t, err)
	require.NoError(t, c.coverage.Hold(openapitest.Exchange{
		Method: method, URL: u, RequestBody: []byte(body), Status: r.status, Header: r.header, Body: []byte(r.body),
	}, nil))
	require.Equal(t, status, r.status, "%s %s %.100s: %s", method, path, body, r.body)
	return r
}

// Each status of each control, each member of an answer and each member and
// parameter of a request is seen, in memory or in PostgreSQL.
func TestEverythingDocumentedOfTheControlsHappens(t *testing.T) {
	t.Parallel()
	d, err := openapitest.Load("controls", testmode.OpenAPI())
	require.NoError(t, err)
	var documented []string
	for _, o := range d.Operations {
		documented = append(documented, o.Method+" "+o.Path)
	}
	slices.Sort(documented)
	require.Equal(t, testmode.Controls(), documented)

	c := controls{startGateway(t, nil, "--memory", "--test-mode").url, openapitest.NewCoverage(d)}
	require.Equal(t, string(testmode.OpenAPI()), send(t, http.MethodGet, c.url+testmode.Prefix+"openapi.yaml", "").body)
	c.succeed(t)
	c.refuse(t)
	c.controlPostgres(t)
	require.Empty(t, c.coverage.Missing())
}

// controlledTenant is that of test mode.
var controlledTenant = testmode.Tenant{Name: testmode.DefaultTenant}.Credentials()

// succeed has each control do what it is for.
func (c controls) succeed(t *testing.T) {
	t.Helper()
	c.want(t, http.StatusOK, http.MethodGet, "tenants", "")
	c.want(t, http.StatusOK, http.MethodPost, "seed", `{"tenants":[{"name":"other","refold_revision":"v3",
		"refold":{"linked_accounts":[{"account_id":"someone@example.com"}],"mcp_servers":[{"name":"Weather","description":"d"}]},
		"cometchat":{"mcp_servers":[{"name":"Maps","slug":"maps","url":"http://localhost:3001"}],"agents":[{"name":"Guide","mcpServers":["maps"]}]}}]}`)
	c.want(t, http.StatusNoContent, http.MethodPut, "snapshots/one", "")
	c.want(t, http.StatusOK, http.MethodGet, "snapshots", "")
	c.want(t, http.StatusNoContent, http.MethodPost, "snapshots/one/restore", "")
	c.want(t, http.StatusNoContent, http.MethodDelete, "snapshots/one", "")
	c.want(t, http.StatusOK, http.MethodPost, "clock/advance", `{"by":"1s"}`, "Origin", c.url, "Sec-Fetch-Site", "same-origin")
	c.want(t, http.StatusOK, http.MethodGet, "clock", "")
	c.want(t, http.StatusOK, http.MethodPut, "clock", `{"now":"2026-01-02T03:04:05Z","frozen":true}`)
	c.want(t, http.StatusOK, http.MethodPost, "clock/advance", `{"by":"1h"}`)
	c.want(t, http.StatusOK, http.MethodGet, "ids", "")
	c.want(t, http.StatusOK, http.MethodPut, "ids", `{"seed":7}`)
	c.want(t, http.StatusOK, http.MethodPut, "faults", `{"seed":2,"rules":[
		{"dialect":"refold","method":"POST","route":"/api/v2/public/mcp-servers","operation":"create_mcp_server","tenant":"test","probability":1,"count":1,
			"latency":{"fixed":"1ms"},"status":418,"body":"{}","headers":{"A":"b"},"truncate":10},
		{"tenant":"other","latency":{"uniform":["1ms","2ms"]}},
		{"tenant":"other","latency":{"lognormal":{"median":"1ms","sigma":0.5}}}]}`)
	c.want(t, http.StatusOK, http.MethodPost, "faults", `{"tenant":"other","reset":true}`)

	key := []string{"x-api-key", controlledTenant.RefoldKey, "linked_account_id", testmode.Account}
	const body = `{"name":"Weather","description":"d"}`
	require.Equal(t, http.StatusTeapot, sendAside(t, http.MethodPost, c.url+refoldServers, body, key))
	require.Equal(t, http.StatusCreated, sendAside(t, http.MethodPost, c.url+refoldServers, body, key))
	require.Equal(t, http.StatusNotFound, sendAside(t, http.MethodGet, c.url+"/api/v2/public/mcp-server?limit=1", "", key))
	c.want(t, http.StatusOK, http.MethodGet, "faults", "")
	c.want(t, http.StatusOK, http.MethodGet, "requests", "")
	c.want(t, http.StatusOK, http.MethodGet, "requests?"+url.Values{
		"tenant": {"test"}, "dialect": {"refold"}, "method": {"POST"}, "path": {refoldServers}, "operation": {"create_mcp_server"},
		"status": {"201"}, "limit": {"1"},
	}.Encode(), "")
	c.want(t, http.StatusOK, http.MethodPost, "requests/verify", `{"tenant":"test","dialect":"refold","method":"POST","path":"`+refoldServers+`",
		"operation":"create_mcp_server","status":201,"headers":{"content-type":"application/json"},"body":{"name":"Weather"},"times":1}`)
	c.want(t, http.StatusOK, http.MethodPost, "requests/verify", `{"operation":"create_mcp_server","at_least":1,"at_most":2}`)
	c.want(t, http.StatusConflict, http.MethodPost, "requests/verify", `{"path":"/api/v2/public/mcp-serve"}`)
	c.want(t, http.StatusNoContent, http.MethodDelete, "requests?tenant=test", "")
	c.want(t, http.StatusNoContent, http.MethodDelete, "faults", "")
	c.want(t, http.StatusNoContent, http.MethodPost, "reset", `{"tenant":"other"}`)
	c.want(t, http.StatusNoContent, http.MethodPost, "reset", "")
}

// sendAside sends a request that a fault may have be answered as no document has it.
func sendAside(t *testing.T, method, url, body string, headers []string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// refuse has each control be refused for what it is asked.
func (c controls) refuse(t *testing.T) {
	t.Helper()
	takesBody := map[string]string{ // with a member that is not acceptable
		"POST reset": `{"tenant":1}`, "POST seed": `{"tenants":[{"name":"test","refold":{"mcp_servers":[{}]}}]}`,
		"PUT clock": `{"now":"today"}`, "POST clock/advance": `{"by":"long"}`, "PUT ids": `{"seed":-1}`,
		"PUT faults": `{"rules":[{"status":1}]}`, "POST faults": `{"unknown":1}`, "POST requests/verify": `{"times":"once"}`,
	}
	for _, control := range testmode.Controls() {
		method, path, _ := strings.Cut(strings.Replace(control, testmode.Prefix, "", 1), " ")
		path = strings.Replace(path, "{name}", "one", 1)
		if method != http.MethodGet {
			c.want(t, http.StatusForbidden, method, path, "", "Origin", "http://evil.example")
			c.want(t, http.StatusForbidden, method, path, "", "Origin", c.url, "Sec-Fetch-Site", "cross-site")
			c.want(t, http.StatusForbidden, method, path, "", "Sec-Fetch-Site", "same-site")
		}
		switch invalid, takes := takesBody[method+" "+path]; {
		case !takes:
			c.want(t, http.StatusBadRequest, method, path, `{}`)
		case path == "seed": // of which anything can be read that isn't too long
			c.want(t, http.StatusUnprocessableEntity, method, path, invalid)
			c.want(t, http.StatusBadRequest, method, path, strings.Repeat(" ", 16<<20+1))
		default:
			c.want(t, http.StatusUnprocessableEntity, method, path, invalid)
			c.want(t, http.StatusBadRequest, method, path, `{`)
		}
		delete(takesBody, method+" "+path)
	}
	require.Empty(t, slices.Collect(maps.Keys(takesBody)))
	c.want(t, http.StatusNotFound, http.MethodPost, "reset", `{"tenant":"nobody"}`)
	c.want(t, http.StatusNotFound, http.MethodPost, "snapshots/none/restore", "")
	c.want(t, http.StatusNotFound, http.MethodDelete, "snapshots/none", "")
	c.want(t, http.StatusBadRequest, http.MethodGet, "requests?unknown=1", "")
	for path, want := range map[string]int{"openapi.yaml": http.StatusMethodNotAllowed, "openapi": http.StatusNotFound} {
		require.Equal(t, want, send(t, http.MethodPost, c.url+testmode.Prefix+path, "").status)
	}
}

// controlPostgres has the controls be refused what PostgreSQL can't do, and what
// can't be done without it.
func (c controls) controlPostgres(t *testing.T) {
	t.Helper()
	databaseURL := storetest.NewEmpty(t)
	makeTenant(t, []string{envDatabaseURL + "=" + databaseURL}, "before", "6698b77a733c5ebd8908189e", "my-app-id")
	proxy, proxied := faultproxy.Before(t, databaseURL)
	c.url = startGateway(t, []string{envDatabaseURL + "=" + proxied}, "--test-database", "--test-mode").url
	c.want(t, http.StatusConflict, http.MethodPost, "reset", `{"tenant":"before"}`)
	c.want(t, http.StatusConflict, http.MethodPost, "seed", `{"tenants":[{"name":"before"}]}`)
	c.want(t, http.StatusConflict, http.MethodPut, "snapshots/one", "")
	c.want(t, http.StatusConflict, http.MethodPost, "snapshots/one/restore", "")
	c.want(t, http.StatusConflict, http.MethodDelete, "snapshots/one", "")
	proxy.Refuse()
	c.want(t, http.StatusInternalServerError, http.MethodGet, "tenants", "")
	c.want(t, http.StatusInternalServerError, http.MethodPost, "reset", "")
	c.want(t, http.StatusInternalServerError, http.MethodPut, "faults", `{"rules":[{"tenant":"test","reset":true}]}`)
	c.want(t, http.StatusInternalServerError, http.MethodPost, "faults", `{"tenant":"test","reset":true}`)
	c.want(t, http.StatusUnprocessableEntity, http.MethodPost, "seed", `{"tenants":[{"name":"other"}]}`)
}
