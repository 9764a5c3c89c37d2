package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The two dialects meet in an agent: it lists servers that either made, and
// either deletes them.
func TestAServerOfTheOtherDialectIsListedByAnAgentUntilEitherDeletesIt(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		const refoldServers, builder = "/api/v2/public/mcp-servers", "/v3/ai-agents/agent-builder"
		_, good := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		do := func(status int, way, method, path, body string) map[string]any {
			t.Helper()
			r := send(t, method, g.url+path, body, good[way]...)
			require.Equal(t, status, r.status, "%s %s: %s", method, path, r.body)
			var out map[string]any
			if r.body != "" {
				require.NoError(t, json.Unmarshal([]byte(r.body), &out))
			}
			return out
		}
		var ids []string
		for _, name := range []string{"First", "Second"} {
			made := do(http.StatusCreated, "key", http.MethodPost, refoldServers, `{"name":"`+name+`","description":"d"}`)
			id, _ := made["_id"].(string)
			require.NotEmpty(t, id, "%v", made)
			ids = append(ids, id)
		}
		do(http.StatusCreated, "apikey", http.MethodPost, builder+"/mcp-servers", `{"name":"n","slug":"third","url":"http://localhost"}`)
		made := do(http.StatusCreated, "apikey", http.MethodPost, builder+"/agents", `{"name":"Agent","mcpServers":["second","third"]}`)
		uid, _ := made["agent"].(map[string]any)["uid"].(string)
		added := do(http.StatusOK, "apikey", http.MethodPatch, builder+"/agents/"+uid+"/mcp/add", `{"mcps":["first"]}`)
		require.Equal(t, []any{"second", "third", "first"}, added["data"].(map[string]any)["mcpServers"])

		r := send(t, http.MethodDelete, g.url+refoldServers+"/"+ids[0], "", good["key"]...)
		require.Less(t, r.status, 300, r.body)
		require.Equal(t, []any{"second", "third"}, do(http.StatusOK, "apikey", http.MethodGet, builder+"/agents/"+uid, "")["mcpServers"])
		do(http.StatusOK, "apikey", http.MethodDelete, builder+"/mcp-servers/second", "")
		require.Equal(t, []any{"third"}, do(http.StatusOK, "apikey", http.MethodGet, builder+"/agents/"+uid, "")["mcpServers"])
		do(http.StatusNotFound, "apikey", http.MethodPatch, builder+"/agents/"+uid+"/mcp/add", `{"mcps":["first"]}`)
	})
}
