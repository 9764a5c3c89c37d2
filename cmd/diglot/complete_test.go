package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// complete gives what a shell would offer at the end of a line, without what is
// said of each; the line must be completed without a word on standard error but
// cobra's own.
func complete(t *testing.T, env []string, line ...string) []string {
	t.Helper()
	stdout, stderr, err := diglot(t, env, append([]string{"__complete"}, line...)...)
	require.NoError(t, err, stderr)
	require.Equal(t, "Completion ended with directive: ShellCompDirectiveNoFileComp\n", stderr, "%v", line)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	require.Equal(t, ":4", lines[len(lines)-1], "no file names")
	offered := []string{}
	for _, l := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(l, "\t")
		offered = append(offered, word)
	}
	return offered
}

func TestShellsCompleteWhatIsInTheDatabase(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.New(t)}
	acme := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	diglotJSON(t, env, "tenant", "create", "--name", "beta", "--cometchat-app", "beta", "--cometchat-region", "eu")
	g := startGateway(t, env)
	acme.works(t, g, "one")
	acme.works(t, g, "two")
	r := send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "x-api-key", acme.refoldKey, "linked_account_id", testAccount)
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = send(t, http.MethodDelete, g.url+"/v3/ai-agents/agent-builder/mcp-servers/two", "", "apikey", acme.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	made := diglotJSON(t, env, "key", "create", "--tenant", "beta", "--dialect", "cometchat")

	require.Equal(t, []string{"acme", "beta"}, complete(t, env, "tenant", "show", ""))
	require.Equal(t, []string{"beta"}, complete(t, env, "tenant", "delete", "b"))
	require.Empty(t, complete(t, env, "tenant", "show", "acme", ""), "it takes one")
	require.Equal(t, []string{"acme", "beta"}, complete(t, env, "key", "create", "--tenant", ""))
	require.Equal(t, []string{"acme"}, complete(t, env, "audit", "list", "--tenant", "a"))
	for _, line := range [][]string{{"show"}, {"rotate", "--overlap", "1h"}, {"revoke"}} {
		keys := complete(t, env, append(append([]string{"key"}, line...), "")...)
		require.Len(t, keys, 3)
		require.Contains(t, keys, made["id"])
	}
	shown := diglotJSON(t, env, "key", "show", made["id"].(string))
	require.Equal(t, "beta", shown["tenant"])
	require.Equal(t, "active", shown["status"])
	require.NotContains(t, shown, "key", "never its value")
	require.Equal(t, []string{"customer@example.com"}, complete(t, env, "account", "show", "--tenant", "acme", "c"))
	require.Equal(t, []string{"customer@example.com"}, complete(t, env, "session", "list", "--tenant", "acme", "--account", ""))
	require.Len(t, complete(t, env, "session", "revoke", "--tenant", "acme", "--account", "customer@example.com", ""), 1)
	require.Equal(t, []string{"one"}, complete(t, env, "server", "history", "--tenant", "acme", ""))
	require.Equal(t, []string{"one"}, complete(t, env, "server", "revert", "--tenant", "acme", "--revision", "1", ""))
	require.Empty(t, complete(t, env, "server", "history", "--tenant", "", ""), "whose is not said")
	deleted := complete(t, env, "server", "undelete", "--tenant", "acme", "")
	require.Len(t, deleted, 1)
	require.Regexp(t, "^[0-9a-f]{24}$", deleted[0])
	require.Equal(t, []string{"first"}, complete(t, env, "signing-key", "retire", ""))
	require.Equal(t, []string{"refold", "cometchat"}, complete(t, env, "key", "create", "--dialect", ""))
	require.Empty(t, complete(t, env, "secret", "retire", ""), "the newest stays")
	diglotJSON(t, env, "secret", "rotate")
	require.Equal(t, []string{"1"}, complete(t, env, "secret", "retire", ""))
	require.Equal(t, []string{"tenant:acme", "tenant:beta"}, complete(t, env, "move", "plan", "--from", ""))
	require.Equal(t, []string{"tenant:beta"}, complete(t, env, "move", "apply", "--to", "tenant:b"))
	require.Equal(t, []string{"fail", "skip", "update", "rename"}, complete(t, env, "move", "plan", "--on-conflict", ""))
	require.Equal(t, []string{"text", "json", "html", "ids"}, complete(t, env, "move", "report", "--format", ""))
	require.Equal(t, []string{"key", "session", "operator", "database"}, complete(t, env, "audit", "export", "--kind", ""))
}

// Whoever presses a key starts no PostgreSQL, migrates nothing and reads no error.
func TestCompletionIsSilentWhereThereIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	require.Empty(t, complete(t, nil, "tenant", "show", "--data-dir", dir, ""))
	require.NoDirExists(t, dir)
	require.Empty(t, complete(t, []string{envDatabaseURL + "=postgres://user:hush@127.0.0.1:1/none"}, "key", "revoke", ""))
	require.Empty(t, complete(t, []string{envDatabaseURL + "=no url at all"}, "tenant", "show", ""))
	empty := storetest.NewEmpty(t)
	env := []string{envDatabaseURL + "=" + empty}
	require.Empty(t, complete(t, env, "tenant", "show", ""))
	require.InDelta(t, 0, diglotJSON(t, env, "migrate", "status")["version"], 0)
}
