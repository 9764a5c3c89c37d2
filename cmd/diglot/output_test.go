package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// A client of a tenant's chooses the ids of its linked accounts, and an operator
// looks at them.
func TestAClientForgesNoRowAndReachesNoTerminal(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	g := startGateway(t, env)
	const forged = "acc-1  -\n42   2026-11-21T19:00:00.000Z  operator alice    -   delete  mcp_server  6b01"
	hostile := []string{forged, "esc\x1b[2J\a\u009b31m\u202e", "--yes"}
	for _, id := range hostile {
		body, err := json.Marshal(map[string]string{"account_id": id})
		require.NoError(t, err)
		r := send(t, http.MethodPost, g.url+"/api/v2/public/linked-account", string(body), "x-api-key", m.refoldKey)
		require.Equal(t, http.StatusOK, r.status, r.body)
	}
	const ofTestAccount, header = 1, 1
	for _, args := range [][]string{{"account", "list"}, {"audit", "list", "--noun", "linked_account"}} {
		stdout, stderr, err := diglot(t, env, append(args, "--tenant", "acme")...)
		require.NoError(t, err, stderr)
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		require.Len(t, lines, header+ofTestAccount+len(hostile), stdout)
		require.Contains(t, stdout, `acc-1 \x20-\n42 \x20\x202026-11-21T19:00:00.000Z \x20operator alice`)
		require.Contains(t, stdout, `esc\x1b[2J\a\u009b31m\u202e`)
		require.NotRegexp(t, "[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202e]", stdout)

		stdout, stderr, err = diglot(t, env, append(args, "--tenant", "acme", "-o", "json")...)
		require.NoError(t, err, stderr)
		for _, id := range hostile {
			exact, err := json.Marshal(id)
			require.NoError(t, err)
			require.Contains(t, strings.ReplaceAll(stdout, "\x7f", `\u007f`), string(exact), "JSON is exact")
		}
	}
	stdout, stderr, err := diglot(t, env, "account", "show", forged, "--tenant", "acme")
	require.NoError(t, err, stderr)
	require.Len(t, strings.Split(strings.TrimSuffix(stdout, "\n"), "\n"), 2, stdout)
	_, stderr, err = diglot(t, env, "account", "show", "no\x1b]0;\a", "--tenant", "acme")
	require.Error(t, err)
	require.NotRegexp(t, "[\x1b\a]", stderr)

	require.Equal(t, []string{testAccount}, complete(t, env, "account", "show", "--tenant", "acme", ""))
}
