package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

const (
	sessionToken  = "/api/v2/public/session-token"
	linkedAccount = "/api/v2/public/linked-account"
	activeAccount = "/api/v2/public/session/active-linked-account"
)

// twoGateways are two instances on one database, and a tenant.
type twoGateways struct {
	a, b     *gatewayProcess
	env      []string
	database string
	tenant   madeTenant
}

func startTwo(t *testing.T, flags ...string) *twoGateways {
	t.Helper()
	database := storetest.NewEmpty(t)
	env := []string{envDatabaseURL + "=" + database}
	g := &twoGateways{a: startGateway(t, env, flags...), b: startGateway(t, env, flags...), env: env, database: database}
	g.tenant = makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	return g
}

// issue gives a new token, by an instance.
func (g *twoGateways) issue(t *testing.T, at *gatewayProcess) string {
	t.Helper()
	r := send(t, http.MethodPost, at.url+sessionToken+"?force_refresh=true", `{"linked_account_id":"customer@example.com"}`, "x-api-key", g.tenant.refoldKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	return r.json(t)["token"].(string)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// uses are requests by a token that is good, and what they are answered then.
// A gateway serves them in different ways: some ask the database for nothing.
var uses = []struct {
	method, path, body string
	good               int
}{
	{http.MethodGet, refoldServers, "", http.StatusOK},
	{http.MethodGet, activeAccount, "", http.StatusOK},
	{http.MethodGet, refoldServers + "/686e2393750d509493c6d87d", "", http.StatusNotFound},
	{http.MethodPut, refoldServers + "/nonsense", "", http.StatusNotFound},
	{http.MethodPost, refoldServers, `{`, http.StatusBadRequest},
	{http.MethodPut, linkedAccount, `{"name":"Mark Wood"}`, http.StatusOK},
	{http.MethodPost, refoldServers, `{}`, http.StatusBadRequest},
}

// requireGood has an instance serve one of the uses, and so remember the token.
func requireGood(t *testing.T, at *gatewayProcess, i int, token string) {
	t.Helper()
	use := uses[i%len(uses)]
	r := send(t, use.method, at.url+use.path, use.body, bearer(token)...)
	require.Equal(t, use.good, r.status, "%s %s: %s", use.method, use.path, r.body)
}

func requireDead(t *testing.T, at *gatewayProcess, i int, token string) {
	t.Helper()
	use := uses[i%len(uses)]
	r := send(t, use.method, at.url+use.path, use.body, bearer(token)...)
	require.Equal(t, http.StatusUnauthorized, r.status, "%s %s, round %d: %s", use.method, use.path, i, r.body)
}

func TestARevokedTokenIsRefusedOnTheNextRequestOfEveryInstance(t *testing.T) {
	t.Parallel()
	g := startTwo(t)
	for i := range 500 {
		token := g.issue(t, g.a)
		requireGood(t, g.a, i, token)
		requireGood(t, g.b, i, token)
		r := send(t, http.MethodPost, g.a.url+sessionToken+"/revoke", "", bearer(token)...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.JSONEq(t, `{"success":true,"revoked_count":1}`, r.body)
		requireDead(t, g.b, i, token)
		requireDead(t, g.a, i, token)
	}
}

func TestARevokedTokenIsRefusedByAnInstanceThatHearsOfNothing(t *testing.T) {
	t.Parallel()
	g := startTwo(t)
	conn, err := pgx.Connect(t.Context(), g.database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	for i := range 100 {
		token := g.issue(t, g.a)
		requireGood(t, g.b, i, token)
		if i%10 == 0 { // both instances' ears
			_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'diglot watch'`)
			require.NoError(t, err)
		}
		r := send(t, http.MethodPost, g.a.url+sessionToken+"/revoke", "", bearer(token)...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		requireDead(t, g.b, i, token)
	}
}

func TestTokensOfADeletedAccountAreDeadOnEveryInstanceAndStaySo(t *testing.T) {
	t.Parallel()
	g := startTwo(t)
	key := []string{"x-api-key", g.tenant.refoldKey}
	for i := range 100 {
		old := g.issue(t, g.a)
		requireGood(t, g.b, i, old)
		r := send(t, http.MethodDelete, g.a.url+linkedAccount+"/customer@example.com", "", key...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		requireDead(t, g.b, i, old)
		r = send(t, http.MethodPost, g.a.url+linkedAccount, `{"account_id":"customer@example.com"}`, key...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		requireDead(t, g.a, i, old)
		requireDead(t, g.b, i, old)
		token := g.issue(t, g.b)
		require.NotEqual(t, old, token)
		requireGood(t, g.a, i, token)
		requireDead(t, g.b, i, old)
	}
}

func TestSigningKeysRotateAndRetireUnderRunningGateways(t *testing.T) {
	t.Parallel()
	g := startTwo(t)
	run := func(args ...string) map[string]any {
		return diglotJSON(t, g.env, append([]string{"signing-key"}, args...)...)
	}
	old := g.issue(t, g.a)
	require.True(t, strings.HasPrefix(old, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."), "the recorded header")
	requireGood(t, g.b, 0, old)

	_, stderr, err := diglot(t, g.env, "signing-key", "retire", "first")
	require.Error(t, err)
	require.Contains(t, stderr, "hint: diglot signing-key rotate")
	rotated := run("rotate")
	require.ElementsMatch(t, []string{"id", "signs", "created_at"}, keysOf(rotated))
	id := rotated["id"].(string)
	var young string
	for i, at := range []*gatewayProcess{g.a, g.b} {
		requireGood(t, at, i, old)
		young = g.issue(t, at)
		header, err := jwtHeader(young)
		require.NoError(t, err)
		require.Equal(t, map[string]any{"alg": "HS256", "typ": "JWT", "kid": id}, header)
		requireGood(t, g.a, i, young)
		requireGood(t, g.b, i, young)
	}
	made := diglotJSON(t, g.env, "token", "create", "--tenant", "acme", "--account", "customer@example.com")
	header, err := jwtHeader(made["token"].(string))
	require.NoError(t, err)
	require.Equal(t, id, header["kid"])
	requireGood(t, g.b, 0, made["token"].(string))

	run("retire", "first")
	for i := range uses {
		requireDead(t, g.a, i, old)
		requireDead(t, g.b, i, old)
		requireDead(t, g.b, i, g.tenant.token)
		requireGood(t, g.a, i, young)
	}
	stdout, _, err := diglot(t, g.env, "signing-key", "list")
	require.NoError(t, err)
	require.Regexp(t, `^ID +STATE +CREATED +RETIRED\n`+id+` +signs +\S+ +-\nfirst +retired +- +\S+\n$`, stdout)
	_, stderr, err = diglot(t, g.env, "signing-key", "retire", "k0")
	require.Error(t, err)
	require.Contains(t, stderr, "hint: diglot signing-key list")
}

// jwtHeader gives what a token's header says.
func jwtHeader(token string) (header map[string]any, err error) {
	first, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return nil, err
	}
	return header, json.Unmarshal(b, &header)
}

func TestTokensLiveAsLongAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t), "DIGLOT_TOKEN_TTL=2h"}
	g := startGateway(t, env, "--refresh-token-ttl", "48h")
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	r := send(t, http.MethodPost, g.url+sessionToken+"?force_refresh=true", `{"linked_account_id":"customer@example.com"}`,
		"x-api-key", m.refoldKey, "Diglot-Refold-Revision", "v3")
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.InDelta(t, 2*3600, r.json(t)["expires_in"], 2)
	require.InDelta(t, 48*3600, r.json(t)["refresh_expires_in"], 2)

	for want, args := range map[string][]string{
		"--token-ttl is 59s":            {"--token-ttl", "59s"},
		"--token-ttl is 1m0.5s":         {"--token-ttl", "60.5s"},
		"--token-ttl is -1h0m0s":        {"--token-ttl", "-1h"},
		"--refresh-token-ttl is 1h0m0s": {"--refresh-token-ttl", "1h"},
	} {
		_, stderr, err := diglot(t, env, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}
