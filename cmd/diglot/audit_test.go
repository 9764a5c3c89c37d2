package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/store/storetest"
)

// Each route that changes something leaves the entries that it should, and no
// others, with who asked, by which dialect and in which request.
func TestEachChangingRouteIsEnteredWithItsActor(t *testing.T) {
	t.Parallel()
	const servers, accounts = "/api/v2/public/mcp-servers", "/api/v2/public/linked-account"
	const sessions = "/api/v2/public/session-token"
	const builder = "/v3/ai-agents/agent-builder"
	eachStore(t, func(t *testing.T, g *inProcess) {
		tenant, ways := g.tenant(t, "acme", acmeOrg, acmeApp)
		keys, err := g.operator.Keys(t.Context(), tenant)
		require.NoError(t, err)
		ids := map[core.DialectName]string{}
		for _, k := range keys {
			ids[k.Dialect] = k.ID
		}
		seen := map[string]bool{}
		captured := map[string]string{}
		do := func(route, path, body, way string, capture string, want ...string) {
			t.Helper()
			method, _, _ := strings.Cut(route, " ")
			for name, value := range captured {
				path = strings.ReplaceAll(path, "{"+name+"}", value)
			}
			before, err := g.operator.VerifyChanges(t.Context(), tenant.ID, core.ChainHead{})
			require.NoError(t, err)
			r := send(t, method, g.url+path, body, ways[way]...)
			require.Less(t, r.status, 300, "%s: %s", route, r.body)
			if capture != "" {
				name, member, _ := strings.Cut(capture, "=")
				captured[name] = memberOf(t, r.body, member)
			}
			changes, err := g.operator.Changes(t.Context(), tenant.ID, core.ChangeQuery{After: before.Seq, Limit: 100})
			require.NoError(t, err)
			got := []string{}
			actor := core.Actor{Kind: core.KeyActor, Dialect: "refold", ID: ids[core.Refold], RequestID: r.header.Get(dialects.RequestIDHeader)}
			switch way {
			case "token":
				actor.Kind, actor.ID = core.SessionActor, testAccount
			case "apikey":
				actor.Dialect, actor.ID = "cometchat", ids[core.CometChat]
			}
			for _, c := range changes {
				got = append(got, c.Action+" "+c.Noun)
				require.Equal(t, actor, c.Actor, route)
			}
			require.Equal(t, want, got, route)
			seen[route] = true
		}
		do("POST "+servers, servers, `{"name":"One","description":"d"}`, "token", "id=_id", "create mcp_server")
		do("PUT "+servers+"/{mcp_server_id}", servers+"/{id}", `{"description":"e"}`, "key", "", "update mcp_server")
		do("POST "+builder+"/mcp-servers", builder+"/mcp-servers", `{"name":"Two","slug":"two","url":"http://localhost:1"}`, "apikey", "", "create mcp_server")
		do("PATCH "+builder+"/mcp-servers/{slug}", builder+"/mcp-servers/two", `{"name":"2"}`, "apikey", "", "update mcp_server")
		do("POST "+builder+"/agents", builder+"/agents", `{"name":"A","instruction":"i","mcpServers":["one"]}`, "apikey", "uid=uid", "create agent")
		do("PATCH "+builder+"/agents/{uid}", builder+"/agents/{uid}", `{"name":"B"}`, "apikey", "", "update agent")
		do("PATCH "+builder+"/agents/{uid}/mcp/add", builder+"/agents/{uid}/mcp/add", `{"mcps":["two"]}`, "apikey", "", "update agent")
		do("PATCH "+builder+"/agents/{uid}/mcp/remove", builder+"/agents/{uid}/mcp/remove", `{"mcps":["two"]}`, "apikey", "", "update agent")
		do("DELETE "+builder+"/mcp-servers/{slug}", builder+"/mcp-servers/two", "", "apikey", "", "delete mcp_server")
		do("DELETE "+servers+"/{mcp_server_id}", servers+"/{id}", "", "token", "", "delete mcp_server", "update agent")
		do("DELETE "+builder+"/agents/{uid}", builder+"/agents/{uid}", "", "apikey", "", "delete agent")
		do("POST "+accounts, accounts, `{"account_id":"new"}`, "key", "", "create linked_account")
		do("PUT "+accounts, accounts, `{"account_id":"new","name":"n"}`, "key", "", "update linked_account")
		do("DELETE "+accounts+"/{linked_account_id}", accounts+"/new", "", "key", "", "delete linked_account")
		do("POST "+sessions+"/revoke", sessions+"/revoke", "", "token", "", "revoke session_token")
		do("POST "+sessions, sessions, `{"linked_account_id":"`+testAccount+`"}`, "key", "", "issue session_token")

		for _, kit := range []*dialects.Kit{g.gateway.Refold, g.gateway.CometChat} {
			for _, s := range kit.Served() {
				if s.Method != http.MethodGet {
					require.True(t, seen[s.String()], "%s is not tried", s)
				}
			}
		}
		restore(t, g, tenant, ways, captured["id"])
	})
}

// restore undeletes a server and reverts it; both dialects see it, and its tag moves on.
func restore(t *testing.T, g *inProcess, tenant core.Tenant, ways credentials, id string) {
	t.Helper()
	server, ok := core.ParseObjectID(id)
	require.True(t, ok)
	_, err := g.operator.UndeleteMCPServer(t.Context(), tenant, server, time.Hour)
	require.NoError(t, err)
	const refoldServers, cometChatServers = "/api/v2/public/mcp-servers/", "/v3/ai-agents/agent-builder/mcp-servers/"
	strong := append([]string{"Diglot-ETag", "strong"}, ways["key"]...)
	one := send(t, http.MethodGet, g.url+refoldServers+id, "", strong...)
	require.Equal(t, http.StatusOK, one.status, one.body)
	require.Equal(t, "e", one.json(t)["description"])
	other := send(t, http.MethodGet, g.url+cometChatServers+"one", "", ways["apikey"]...)
	require.Equal(t, http.StatusOK, other.status, other.body)
	_, err = g.operator.RevertMCPServer(t.Context(), tenant, core.ByID(server), 1)
	require.NoError(t, err)
	reverted := send(t, http.MethodGet, g.url+refoldServers+id, "", strong...)
	require.Equal(t, "d", reverted.json(t)["description"])
	require.NotEmpty(t, one.header.Get("ETag"))
	require.NotEqual(t, one.header.Get("ETag"), reverted.header.Get("ETag"))
	stale := send(t, http.MethodPut, g.url+refoldServers+id, `{"description":"f"}`, append([]string{"If-Match", one.header.Get("ETag")}, ways["key"]...)...)
	require.Equal(t, http.StatusPreconditionFailed, stale.status)
}

// memberOf gives a text member of an answer, or of the agent in it.
func memberOf(t *testing.T, body, member string) string {
	t.Helper()
	var top map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &top))
	if agent, ok := top["agent"].(map[string]any); ok {
		top = agent
	}
	text, ok := top[member].(string)
	require.True(t, ok, body)
	return text
}

func TestTheCommandsShowAndRestoreHistory(t *testing.T) {
	t.Parallel()
	env := []string{"DIGLOT_DATABASE_URL=" + storetest.New(t), "DIGLOT_OPERATOR=alice"}
	acme := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	g := startGateway(t, env)
	acme.works(t, g, "one")
	lines := func(args ...string) (list []map[string]any) {
		t.Helper()
		stdout, stderr, err := diglot(t, env, append(args, "-o", "json")...)
		require.NoError(t, err, stderr)
		require.NoError(t, json.Unmarshal([]byte(stdout), &list))
		return list
	}
	list := lines("server", "list", "--tenant", "acme")
	require.Len(t, list, 1)
	id := list[0]["id"].(string)
	const path = "/v3/ai-agents/agent-builder/mcp-servers/one"
	r := send(t, http.MethodPatch, g.url+path, `{"name":"other"}`, "apikey", acme.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	reverted := diglotJSON(t, env, "server", "revert", "one", "--tenant", "acme", "--revision", "1")
	require.InDelta(t, 3, reverted["revision"], 0)
	require.Equal(t, "one", reverted["name"])
	r = send(t, http.MethodPut, g.url+linkedAccount, `{"linked_account_id":"upserted"}`, "x-api-key", acme.refoldKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = send(t, http.MethodDelete, g.url+path, "", "apikey", acme.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	gone := lines("server", "list", "--deleted", "--tenant", "acme")
	require.Len(t, gone, 1)
	require.Equal(t, id, gone[0]["id"])
	require.Empty(t, lines("server", "list", "--deleted", "--tenant", "acme", "--undelete-for", "0s"))
	require.Empty(t, lines("server", "list", "--tenant", "acme"))
	_, stderr, err := diglot(t, env, "server", "undelete", id, "--tenant", "acme", "--undelete-for", "0s")
	require.Error(t, err)
	require.Contains(t, stderr, "too long ago")
	back := diglotJSON(t, env, "server", "undelete", id, "--tenant", "acme")
	require.Equal(t, "one", back["slug"])
	r = send(t, http.MethodGet, g.url+path, "", "apikey", acme.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)

	history := lines("server", "history", id, "--tenant", "acme")
	actions := []any{}
	for _, c := range history {
		actions = append(actions, c["action"])
	}
	require.Equal(t, []any{"undelete", "delete", "update", "update", "create"}, actions)
	require.Equal(t, "alice", history[0]["actor"])
	require.Equal(t, "operator", history[0]["actor_kind"])
	require.Equal(t, "cometchat", history[1]["dialect"])
	require.Len(t, lines("audit", "list", "--tenant", "acme", "--noun", "mcp_server", "--action", "update", "--kind", "key", "--since", "1h"), 1)
	require.Len(t, lines("audit", "list", "--noun", "tenant"), 1)
	require.Len(t, lines("audit", "list", "--noun", "secret_version"), 1)

	head, stderr, err := diglot(t, env, "audit", "verify", "--tenant", "acme")
	require.NoError(t, err, stderr)
	require.Regexp(t, `^[1-9]\d*:[0-9a-f]{64}\n$`, head)
	require.Regexp(t, `^intact, \d+ changes\n$`, stderr)
	head = strings.TrimSpace(head)
	verified := diglotJSON(t, env, "audit", "verify", "--tenant", "acme")
	require.Equal(t, head, verified["head"])
	require.Equal(t, true, verified["intact"])
	table, stderr, err := diglot(t, env, "server", "history", id, "--tenant", "acme")
	require.NoError(t, err, stderr)
	require.NotContains(t, table, "NOUN")
	require.NotContains(t, table, id)
	require.Regexp(t, `SEQ .* ACTION +REVISION +CHANGED\n(?s:.*) undelete +4 +created\n.* delete +3 +deleted\n.* update +3 +name\n.* update +2 +name\n.* create +1 +created\n$`, table)
	for flag, value := range map[string]string{"--noun": "foo", "--kind": "nobody", "--action": "eat", "--dialect": "latin"} {
		_, stderr, err := diglot(t, env, "audit", "list", "--tenant", "acme", flag, value)
		require.Error(t, err)
		require.Contains(t, stderr, flag+" must be ")
	}
	_, stderr, err = diglot(t, env, "audit", "verify", "--head", "0:"+strings.Repeat("0", 64))
	require.Error(t, err)
	require.Contains(t, stderr, "a seq from 1 on")
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	_, stderr, err = diglot(t, env, "audit", "export", "--tenant", "acme", "--file", file)
	require.NoError(t, err, stderr)
	offline, stderr, err := diglot(t, nil, "audit", "verify", file, "--head", head)
	require.NoError(t, err, stderr)
	require.Equal(t, head+"\n", offline)
	exported, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(exported), acme.cometChatKey)
	require.NotContains(t, string(exported), acme.refoldKey)
	forged := filepath.Join(t.TempDir(), "forged.jsonl")
	require.NoError(t, os.WriteFile(forged, []byte(strings.Replace(string(exported), "alice", "bob", 1)), 0o600))
	_, stderr, err = diglot(t, nil, "audit", "verify", forged)
	require.Error(t, err)
	require.Contains(t, stderr, "the chain is broken: entry 1: its hash is not of what it says")
	stdout, _, err := diglot(t, nil, "audit", "verify", forged, "-o", "json")
	require.Error(t, err)
	require.JSONEq(t, `{"intact":false,"changes":0,"head":"","broken":{"seq":1,"why":"its hash is not of what it says"}}`, stdout)

	require.Zero(t, diglotJSON(t, env, "audit", "prune", "--keep-bytes", "1000000")["pruned"])
	require.Positive(t, diglotJSON(t, env, "audit", "prune", "--keep-bytes", "1")["pruned"])
	require.Positive(t, diglotJSON(t, env, "audit", "prune", "--undelete-for", "0s")["pruned"], "the installation's")
	table, stderr, err = diglot(t, env, "server", "history", id, "--tenant", "acme")
	require.NoError(t, err, stderr)
	require.Regexp(t, ` update +3 +\(pruned\)\n`, table)
	again, stderr, err := diglot(t, env, "audit", "verify", "--tenant", "acme", "--head", head)
	require.NoError(t, err, stderr)
	require.NotEqual(t, head, again, "it is entered behind that")
	pruned, stderr, err := diglot(t, env, "audit", "list", "--tenant", "acme", "--action", "prune")
	require.NoError(t, err, stderr)
	require.Regexp(t, `prune +change +\d{4}-\d\d-\d\dT`, pruned)
	_, stderr, err = diglot(t, env, "server", "revert", id, "--tenant", "acme", "--revision", "1")
	require.Error(t, err)
	require.Contains(t, stderr, "no longer kept")
}
