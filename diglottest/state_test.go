package diglottest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/diglottest"
	"github.com/diglot/diglot/store/storetest"
)

const seed = `
tenants:
  - name: test
    refold:
      linked_accounts:
        - {account_id: someone@example.com, name: Some One}
      mcp_servers:
        - name: Weather
          description: Weather for cities
          agent_name: Forecaster
          suggestions: [{text: "Will it rain?", huge: 12345678901234567890.10}]
    cometchat:
      mcp_servers:
        - {name: Maps, slug: maps, url: "http://localhost:3001"}
      agents:
        - {name: Guide, mcpServers: [maps, weather]}
  - name: acme
    refold_revision: v3
    cometchat:
      mcp_servers: [{name: Maps, slug: maps, url: "http://localhost:3002"}]
`

func names(t *testing.T, of *diglottest.Tenant) (names []string) {
	t.Helper()
	r := send(t, of.CometChatClient(), http.MethodGet, of.CometChatURL()+"/mcp-servers", "")
	require.Equal(t, http.StatusOK, r.status, r.body)
	for _, s := range r.json(t)["data"].([]any) {
		names = append(names, s.(map[string]any)["slug"].(string))
	}
	return names
}

func TestASeedIsInTheDialectsOwnWords(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, options ...diglottest.Option) {
		s := diglottest.New(t, options...)
		var made map[string]any
		require.NoError(t, json.Unmarshal([]byte(s.Seed(seed)), &made))
		test := made["tenants"].([]any)[0].(map[string]any)
		id := test["refold"].(map[string]any)["mcp_servers"].([]any)[0].(map[string]any)["_id"].(string)
		r := send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/mcp-servers/"+id, "", "Diglot-Refold-Revision", "v3")
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.Contains(t, r.body, `12345678901234567890.10`, "as it was written")
		require.Equal(t, "Forecaster", r.json(t)["agent_name"], r.body)
		r = send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/linked-account/someone@example.com", "")
		require.Equal(t, http.StatusOK, r.status, r.body)
		r = send(t, s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/agents", "")
		require.Contains(t, r.body, `"mcpServers":["maps","weather"]`)
		acme := s.Tenant("acme")
		require.Equal(t, []string{"maps"}, names(t, acme))
		r = send(t, acme.RefoldClient(), http.MethodGet, acme.RefoldURL()+"/mcp-servers/none", "")
		require.Equal(t, "MCPEntry not found", r.json(t)["message"])
		require.Empty(t, s.Requests(diglottest.Filter{Operation: "create_mcp_server"}), "nobody asked for it")

		s.Reset()
		require.Empty(t, names(t, s.Tenant("test")))
		r = send(t, acme.CometChatClient(), http.MethodGet, acme.CometChatURL()+"/mcp-servers", "")
		require.Equal(t, http.StatusUnauthorized, r.status, "it was not there at the start")
		s.Seed(seed)
		require.Equal(t, []string{"maps"}, names(t, acme))
		s.ResetTenant("acme")
		require.Equal(t, []string{"weather", "maps"}, names(t, s.Tenant("test")))
		s.ResetTenant("test")
		require.Empty(t, names(t, s.Tenant("test")))
	})
}

// What the dialect's own operation refuses is refused with its own words, and
// nothing of the seed is left.
func TestASeedThatIsRefusedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	for document, want := range map[string]struct {
		status  int
		pointer string
		detail  string
	}{
		`{"tenants":[{"name":"acme"},{"name":"test","cometchat":{"mcp_servers":[{"name":"n","slug":"a","url":"http://localhost"},{"name":"n"}]}}]}`: {422, "/tenants/1/cometchat/mcp_servers/1", "is refused with 400: "},
		`{"tenants":[{"name":"test","refold":{"mcp_servers":[{"name":"n"}]}}]}`:                                                                     {422, "/tenants/0/refold/mcp_servers/0", "VALIDATION_ERROR"},
		`{"tenants":[{"name":"test","refold":{"mcp_servers":[{"name":"n","description":"d","agent_name":7}]}}]}`:                                    {422, "/tenants/0/refold/mcp_servers/0", "VALIDATION_ERROR"},
		`{"tenants":[{"name":"test","soap":{}}]}`:                                                                                                   {422, "/tenants/0/soap", "is not known here"},
		`{"tenants":[{"name":7}]}`: {422, "/tenants/0/name", "must be a text"},
		"\tno: yaml":               {422, "", "neither YAML nor JSON"},
		"":                         {422, "", "is empty"},
	} {
		r := send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/seed", document)
		require.Equal(t, want.status, r.status, r.body)
		require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
		failure := r.json(t)["errors"].([]any)[0].(map[string]any)
		pointer, _ := failure["pointer"].(string)
		require.Equal(t, want.pointer, pointer, r.body)
		require.Contains(t, failure["detail"], want.detail)
		require.Empty(t, names(t, s.Tenant("test")))
	}
}

// A few hundred bytes of YAML may say gigabytes, or never end.
func TestASeedOfAliasesIsBounded(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 10 {
		alias := fmt.Sprintf("*a%d", i)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(alias+",", 9), ","))
	}
	require.Less(t, len(bomb), 600)
	for document, want := range map[string]string{
		bomb:               "aliases say more than 16 MiB",
		"a: &a [*a]":       "can't be read",
		"tenants: &t [*t]": "can't be read",
		"tenants: [{name: test, cometchat: {mcp_servers: [&m {name: n, slug: a, url: \"http://localhost\"}]}}, {name: other, cometchat: {mcp_servers: [*m]}}]": "",
	} {
		r := send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/seed", document)
		if want == "" {
			require.Equal(t, http.StatusOK, r.status, r.body)
			continue
		}
		require.Equal(t, http.StatusUnprocessableEntity, r.status, r.body)
		require.Contains(t, r.body, want)
	}
	require.Equal(t, []string{"a"}, names(t, s.Tenant("other")))
}

// After a restore the next ids are those that came next the first time.
func TestASnapshotIsRestoredByItsName(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithNow(epoch), diglottest.WithIDSeed(1))
	s.Seed(seed)
	s.Snapshot("seeded")
	create := func() reply {
		return send(t, s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"New","description":"d"}`)
	}
	first := create()
	require.Equal(t, http.StatusCreated, first.status)
	token := s.RefoldToken()
	require.Equal(t, []string{"weather", "maps", "new"}, names(t, s.Tenant("test")))
	for range 2 {
		s.Restore("seeded")
		require.Equal(t, []string{"weather", "maps"}, names(t, s.Tenant("test")))
		r := send(t, http.DefaultClient, http.MethodGet, s.RefoldURL()+"/mcp-servers", "", "Authorization", "Bearer "+token)
		require.Equal(t, http.StatusUnauthorized, r.status, "its session was not there, though it is remembered")
		require.Equal(t, first.json(t)["_id"], create().json(t)["_id"])
	}
	s.Reset()
	s.Restore("seeded")
	require.Equal(t, []string{"weather", "maps"}, names(t, s.Tenant("test")))
	r := send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/snapshots/never/restore", "")
	require.Equal(t, http.StatusNotFound, r.status, r.body)
	require.JSONEq(t, `{"snapshots":["seeded"]}`, send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/snapshots", "").body)
	s.DeleteSnapshot("seeded")
	require.JSONEq(t, `{"snapshots":[]}`, send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/snapshots", "").body)
}

func TestPostgresSaysThatItKeepsNoSnapshots(t *testing.T) {
	t.Parallel()
	address := storetest.NewEmpty(t)
	require.Equal(t, "diglottest: snapshot: it needs everything in memory: leave out WithPostgres, or Reset and Seed",
		failure(t, func(of testing.TB) { diglottest.New(of, diglottest.WithPostgres(address)).Snapshot("one") }))
	eachStore(t, func(t *testing.T, options ...diglottest.Option) {
		s := diglottest.New(t, options...)
		r := send(t, http.DefaultClient, http.MethodPut, s.URL()+"/_diglot/snapshots/one", "")
		if len(options) == 0 {
			require.Equal(t, http.StatusNoContent, r.status, r.body)
			return
		}
		require.Equal(t, http.StatusConflict, r.status, r.body)
		require.Contains(t, r.body, "--memory")
	})
}
