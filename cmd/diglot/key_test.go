package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/storetest"
)

// keyList gives what `diglot key list` prints, by id.
func keyList(t *testing.T, env []string, tenant string) map[string]map[string]any {
	t.Helper()
	stdout, stderr, err := diglot(t, env, "key", "list", "--tenant", tenant, "-o", "json")
	require.NoError(t, err, stderr)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	out := map[string]map[string]any{}
	for _, k := range list {
		out[k["id"].(string)] = k
	}
	return out
}

// importKeys runs `diglot key import` with values on its standard input.
func importKeys(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := diglotCommand(ctx, env, append([]string{"key", "import", "--tenant", "acme"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

func TestTheLifeOfAKeyByCommand(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	g := startGateway(t, env)
	status := func(key string) int {
		return send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", key).status
	}
	until := func(key string, want int) {
		t.Helper()
		require.Eventually(t, func() bool { return status(key) == want }, 20*time.Second, time.Millisecond)
	}
	expiring := diglotJSON(t, env, "key", "create", "--tenant", "acme", "--dialect", "cometchat", "--expires", "720h")
	require.NotEmpty(t, expiring["expires_at"])
	dated := diglotJSON(t, env, "key", "create", "--tenant", "acme", "--dialect", "cometchat", "--expires", "2126-01-31T00:00:00+01:00")
	require.Equal(t, "2126-01-30T23:00:00.000Z", dated["expires_at"])
	require.Equal(t, http.StatusOK, status(expiring["key"].(string)))

	rotated := diglotJSON(t, env, "key", "rotate", expiring["id"].(string), "--overlap", "24h")
	require.Equal(t, "fullAccess", rotated["scope"])
	require.Equal(t, "expiring", rotated["replaced"].(map[string]any)["status"])
	require.Equal(t, http.StatusOK, status(expiring["key"].(string)))
	require.Equal(t, http.StatusOK, status(rotated["key"].(string)))
	again := diglotJSON(t, env, "key", "rotate", rotated["id"].(string), "--overlap", "0s")
	require.Equal(t, "revoked", again["replaced"].(map[string]any)["status"])
	until(rotated["key"].(string), http.StatusUnauthorized)
	require.Equal(t, http.StatusOK, status(again["key"].(string)))

	revoked := diglotJSON(t, env, "key", "revoke", again["id"].(string))
	require.Equal(t, "revoked", revoked["status"])
	until(again["key"].(string), http.StatusUnauthorized)
	_, stderr, err := diglot(t, env, "key", "rotate", again["id"].(string), "--overlap", "1h")
	require.Error(t, err)
	require.Contains(t, stderr, "expired or was revoked")

	require.NoError(t, g.stop(t)) // writes when keys were used
	list := keyList(t, env, "acme")
	require.Len(t, list, 6)
	for id, want := range map[string]string{
		expiring["id"].(string): "expiring", dated["id"].(string): "expiring", rotated["id"].(string): "revoked", again["id"].(string): "revoked",
	} {
		require.Equal(t, want, list[id]["status"])
	}
	require.NotEmpty(t, list[expiring["id"].(string)]["last_used_at"])
	require.Nil(t, list[dated["id"].(string)]["last_used_at"], "nobody used it")
	stdout, _, err := diglot(t, env, "key", "list", "--tenant", "acme")
	require.NoError(t, err)
	value := expiring["key"].(string)
	require.Contains(t, stdout, value[len(value)-4:])
	for _, value := range []string{value, m.refoldKey, m.cometChatKey} {
		require.NotContains(t, stdout, value[:len(value)-4])
	}
}

func TestKeysThatClientsHoldAreImported(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	one, two, odd := strings.Repeat("0a", 20), strings.Repeat("1b", 20), "no-hex-but-a-key-all-the-same"
	stdout, stderr, err := importKeys(t, env, one+"\r\n\n"+odd+"\n", "--dialect", "cometchat", "--scope", "fullAccess", "-o", "json")
	require.NoError(t, err, stderr)
	var made []importedKeyOutput
	require.NoError(t, json.Unmarshal([]byte(stdout), &made))
	require.Len(t, made, 2)
	require.Equal(t, []any{1, "0a0a", 3, "same"}, []any{made[0].Line, made[0].Hint, made[1].Line, made[1].Hint})
	require.Contains(t, stderr, "warning: line 3 doesn't look like a cometchat key")
	require.NotContains(t, stderr, "line 1")

	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(two), 0o600))
	_, stderr, err = importKeys(t, env, "", "--dialect", "cometchat", "--file", file)
	require.NoError(t, err, stderr)
	require.Empty(t, stderr)

	fresh := strings.Repeat("2c", 20)
	for bad, want := range map[string]string{
		odd:                      "line 2: the value is a key already",
		fresh:                    "line 2: the value is a key already",
		m.cometChatKey:           "line 2: the value is a key already",
		"too-short":              "line 2: the value has 9 bytes",
		"with a space within it": "line 2: the value has a character",
	} {
		stdout, stderr, err := importKeys(t, env, fresh+"\n"+bad+"\n", "--dialect", "cometchat")
		require.Error(t, err, bad)
		require.Contains(t, stderr, want)
		require.Contains(t, stderr, "nothing was imported")
		require.NotContains(t, stdout+stderr, bad)
		require.NotContains(t, stdout+stderr, fresh)
	}
	_, stderr, err = importKeys(t, env, "\n\n", "--dialect", "cometchat")
	require.Error(t, err)
	require.Contains(t, stderr, "there are no keys to import")
	require.Len(t, keyList(t, env, "acme"), 5)

	g := startGateway(t, env)
	for value, want := range map[string]int{one: http.StatusOK, two: http.StatusOK, odd: http.StatusOK, fresh: http.StatusUnauthorized} {
		r := send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", value)
		require.Equal(t, want, r.status, r.body)
	}
}

func TestATenantIsSuspendedResumedAndDeletedByCommand(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	other := makeTenant(t, env, "other", "6500a1b2c3d4e5f6a7b8c9d0", "other-app")
	g := startGateway(t, env)
	m.works(t, g, "one")
	statuses := func() (all [3]int) {
		for i, headers := range [][]string{
			{"x-api-key", m.refoldKey, "linked_account_id", "customer@example.com"}, {"Authorization", "Bearer " + m.token},
		} {
			all[i] = send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", headers...).status
		}
		all[2] = send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", m.cometChatKey).status
		return all
	}
	until := func(want int) {
		t.Helper()
		require.Eventually(t, func() bool { return statuses() == [3]int{want, want, want} }, 20*time.Second, time.Millisecond)
	}
	shown := diglotJSON(t, env, "tenant", "show", "acme")
	require.Equal(t, "active", shown["status"])
	require.Equal(t, map[string]any{"servers": 1.0, "agents": 0.0, "accounts": 1.0, "keys": 2.0}, shown["counts"])
	require.Equal(t, "suspended", diglotJSON(t, env, "tenant", "suspend", "acme")["status"])
	until(http.StatusUnauthorized)
	stdout, _, err := diglot(t, env, "tenant", "list")
	require.NoError(t, err)
	require.Contains(t, stdout, "suspended")
	require.Equal(t, "active", diglotJSON(t, env, "tenant", "resume", "acme")["status"])
	until(http.StatusOK)
	m.works(t, g, "two")

	_, stderr, err := diglot(t, env, "tenant", "delete", "acme") // its standard input is no terminal
	require.Error(t, err)
	require.Contains(t, stderr, "hint: give --yes")
	until(http.StatusOK)
	deleted := diglotJSON(t, env, "tenant", "delete", "acme", "--yes")
	require.Equal(t, map[string]any{"name": "acme", "deleted": true}, deleted)
	until(http.StatusUnauthorized)
	other.works(t, g, "three")
	for _, args := range [][]string{{"suspend", "acme"}, {"resume", "acme"}, {"delete", "acme", "--yes"}, {"show", "acme"}} {
		_, stderr, err := diglot(t, env, append([]string{"tenant"}, args...)...)
		require.Error(t, err)
		require.Contains(t, stderr, "hint: diglot tenant list")
	}
	makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id") // name and addresses are free
	require.Equal(t, map[string]any{"servers": 0.0, "agents": 0.0, "accounts": 1.0, "keys": 2.0},
		diglotJSON(t, env, "tenant", "show", "acme")["counts"])
}

func TestATenantsAddressesAreChangedByCommand(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	makeTenant(t, env, "other", "6500a1b2c3d4e5f6a7b8c9d0", "other-app")
	g := startGateway(t, env)
	m.works(t, g, "one")
	const servers = "/v3/ai-agents/agent-builder/mcp-servers"
	id := func() any {
		r := send(t, http.MethodGet, g.url+servers+"/one", "", "apikey", m.cometChatKey)
		require.Equal(t, http.StatusOK, r.status, r.body)
		return r.json(t)["_id"]
	}
	require.Equal(t, "my-app-id_one", id())
	changed := diglotJSON(t, env, "tenant", "update", "acme", "--cometchat-app", "new-app", "--refold-env", "production")
	require.Equal(t, map[string]any{"app": "new-app", "region": "us"}, changed["cometchat"])
	require.Equal(t, "6698b77a733c5ebd8908189e", changed["refold"].(map[string]any)["org"])
	require.Eventually(t, func() bool { return id() == "new-app_one" }, 20*time.Second, time.Millisecond)
	r := send(t, http.MethodGet, g.url+servers+"/one", "", "apikey", m.cometChatKey, "appid", "my-app-id")
	require.Equal(t, http.StatusUnauthorized, r.status, r.body)
	r = send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "Authorization", "Bearer "+m.token)
	require.Equal(t, http.StatusUnauthorized, r.status, "it says another address")

	for flags, want := range map[string]string{
		"--cometchat-app other-app":                               "another tenant has this CometChat app",
		"--refold-org 6500a1b2c3d4e5f6a7b8c9d0 --refold-env test": "another tenant has this Refold org",
		"--cometchat-region mars":                                 "--cometchat-region must be",
	} {
		_, stderr, err := diglot(t, env, append([]string{"tenant", "update", "acme"}, strings.Fields(flags)...)...)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}

func TestWhoDeletesATenantSaysItsName(t *testing.T) {
	t.Parallel()
	for said, good := range map[string]bool{"acme\n": true, " acme \n": true, "acme": true, "ACME\n": false, "yes\n": false, "\n": false, "": false} {
		var asked bytes.Buffer
		err := confirmTenant(strings.NewReader(said), &asked, "acme")
		require.Equal(t, good, err == nil, "%q: %v", said, err)
		require.Contains(t, asked.String(), "enter its name")
	}
}

func TestAnExpiryIsATimeOrADuration(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 4, 5, 6, 7, 89_123_456, time.UTC)
	for given, want := range map[string]*time.Time{
		"": nil, "24h": new(now.Truncate(time.Millisecond).Add(24 * time.Hour)), "2026-04-01T00:00:00Z": new(time.Date(2026, time.April, 1, 0, 0, 0, 0, time.UTC)),
	} {
		got, err := parseExpiry(given, now)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"soon", "2026-04-01", "24", "30d"} {
		_, err := parseExpiry(bad, now)
		require.ErrorContains(t, err, "--expires")
	}
}

// An interrupted deletion goes on when it is asked for again, and is not taken back.
func TestAnInterruptedDeletionGoesOn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		tenant, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		for range 3 {
			_, err := g.service.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "n"})
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, g.operator.DeleteTenant(ctx, "acme", func(int) { cancel() }), context.Canceled)
		got, err := g.operator.Tenant(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, core.TenantDeleting, got.Status)
		r := send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", headers["key"]...)
		require.Equal(t, http.StatusUnauthorized, r.status, r.body)
		_, err = g.operator.ResumeTenant(t.Context(), "acme")
		require.ErrorIs(t, err, core.ErrTenantDeleting)
		require.NoError(t, g.operator.DeleteTenant(t.Context(), "acme", nil))
		_, err = g.operator.Tenant(t.Context(), "acme")
		require.Equal(t, core.NotFound, core.KindOf(err))
	})
}
