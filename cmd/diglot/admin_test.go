package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest/clients/adminclient"
	"github.com/diglot/diglot/store/storetest"
)

const adminToken = "0123456789abcdefghijklmnopqrstuv"

// adminClient is a generated client of the admin API at that address.
func adminClient(t *testing.T, address string) *adminclient.ClientWithResponses {
	t.Helper()
	c, err := adminclient.NewClientWithResponses(address, adminclient.WithRequestEditorFn(with("Authorization", "Bearer "+adminToken)))
	require.NoError(t, err)
	return c
}

// A tenant is made, served, taken from and deleted by the API alone. What it
// does holds on the gateway's very next request.
func TestATenantsWholeLifeThroughTheAdminAPI(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		admins, err := admin.OneAdmin(adminToken)
		require.NoError(t, err)
		api := admin.New(admin.Options{
			Operator: core.NewOperator(g.directory, g.secret, time.Now, core.WithService(g.service)),
			Tokens:   g.tokens, Admins: admins, Logger: slog.New(slog.DiscardHandler),
		})
		server := httptest.NewServer(api)
		t.Cleanup(func() { server.Close(); require.NoError(t, api.Close()) })
		tenantLife(t, adminClient(t, server.URL), g.url)
	})
}

func tenantLife(t *testing.T, c *adminclient.ClientWithResponses, gateway string) {
	t.Helper()
	ctx := t.Context()
	made, err := c.CreateTenantWithResponse(ctx, adminclient.NewTenant{
		Name: "acme", Refold: &adminclient.NewRefoldAddress{Org: acmeOrg, Env: adminclient.Test},
		Cometchat: &adminclient.CometChatAddress{App: acmeApp, Region: adminclient.Us},
	})
	require.NoError(t, err)
	require.NotNil(t, made.JSON201, "%s", made.Body)
	key, err := c.CreateKeyWithResponse(ctx, "acme", adminclient.NewKey{Dialect: adminclient.Refold})
	require.NoError(t, err)
	account, err := c.CreateAccountWithResponse(ctx, "acme", adminclient.NewAccount{ID: testAccount})
	require.NoError(t, err)
	require.NotNil(t, account.JSON201, "%s", account.Body)
	status := func(headers ...string) int {
		return send(t, http.MethodGet, gateway+"/api/v2/public/mcp-servers", "", headers...).status
	}
	byKey := func(key string) int { return status("x-api-key", key, "linked_account_id", testAccount) }
	byToken := func(s *adminclient.MadeSession) int { return status("Authorization", "Bearer "+s.Token) }
	session := func(seconds int64) *adminclient.MadeSession {
		s, err := c.CreateSessionWithResponse(ctx, "acme", testAccount, adminclient.NewSession{LifetimeSeconds: &seconds})
		require.NoError(t, err)
		require.NotNil(t, s.JSON201, "%s", s.Body)
		return s.JSON201
	}
	require.Equal(t, http.StatusOK, byKey(key.JSON201.Key))

	next, err := c.RotateKeyWithResponse(ctx, "acme", key.JSON201.ID.String(), adminclient.KeyRotation{OverlapSeconds: 0})
	require.NoError(t, err)
	require.Equal(t, adminclient.KeyStatusRevoked, next.JSON201.Replaced.Status)
	require.Equal(t, http.StatusUnauthorized, byKey(key.JSON201.Key))
	require.Equal(t, http.StatusOK, byKey(next.JSON201.Key))

	one, two, three := session(3600), session(3601), session(3602)
	_, err = c.RevokeSessionWithResponse(ctx, "acme", testAccount, one.ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, byToken(one))
	require.Equal(t, http.StatusOK, byToken(two))
	ended, err := c.RevokeSessionsWithResponse(ctx, "acme", testAccount)
	require.NoError(t, err)
	require.EqualValues(t, 2, ended.JSON200.Revoked)
	require.Equal(t, http.StatusUnauthorized, byToken(two))
	require.Equal(t, http.StatusUnauthorized, byToken(three))
	four := session(3603)
	require.Equal(t, http.StatusOK, byToken(four))

	_, err = c.SuspendTenantWithResponse(ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, byKey(next.JSON201.Key))
	require.Equal(t, http.StatusUnauthorized, byToken(four))
	_, err = c.ResumeTenantWithResponse(ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, byKey(next.JSON201.Key))

	keptServer(t, c, gateway, "x-api-key", next.JSON201.Key, "linked_account_id", testAccount)
	_, err = c.DeleteAccountWithResponse(ctx, "acme", testAccount)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, byToken(four))
	gone, err := c.DeleteTenantWithResponse(ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, adminclient.TenantStatusDeleting, gone.JSON202.Status)
	require.Equal(t, http.StatusUnauthorized, byKey(next.JSON201.Key))
	require.Eventually(t, func() bool {
		r, err := c.GetTenantWithResponse(context.WithoutCancel(ctx), "acme")
		return err == nil && r.ApplicationProblemJSON404 != nil
	}, 20*time.Second, time.Millisecond)
}

// keptServer has a server be made and deleted by a client and come back by the API,
// and reads what the history says of it.
func keptServer(t *testing.T, c *adminclient.ClientWithResponses, gateway string, credential ...string) {
	t.Helper()
	ctx := t.Context()
	const servers = "/api/v2/public/mcp-servers"
	r := send(t, http.MethodPost, gateway+servers, `{"name":"Kept","description":"d"}`, credential...)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	list, err := c.ListServersWithResponse(ctx, "acme", &adminclient.ListServersParams{})
	require.NoError(t, err)
	require.Len(t, list.JSON200.Data, 1, "%s", list.Body)
	one := list.JSON200.Data[0]
	path := gateway + servers + "/" + one.ID
	require.Equal(t, http.StatusOK, send(t, http.MethodPut, path, `{"name":"Other","description":"d"}`, credential...).status)
	reverted, err := c.RevertServerWithResponse(ctx, "acme", one.Slug, adminclient.Reversion{Revision: 1})
	require.NoError(t, err)
	require.Equal(t, "Kept", reverted.JSON200.Name)
	require.Contains(t, send(t, http.MethodGet, path, "", credential...).body, `"Kept"`)
	require.Less(t, send(t, http.MethodDelete, path, "", credential...).status, 300)
	list, err = c.ListServersWithResponse(ctx, "acme", &adminclient.ListServersParams{Deleted: new(true)})
	require.NoError(t, err)
	require.Equal(t, one.ID, list.JSON200.Data[0].ID)
	back, err := c.UndeleteServerWithResponse(ctx, "acme", one.ID)
	require.NoError(t, err)
	require.NotNil(t, back.JSON200, "%s", back.Body)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, path, "", credential...).status)

	history, err := c.ListServerHistoryWithResponse(ctx, "acme", one.Slug, nil)
	require.NoError(t, err)
	changes := history.JSON200.Data
	require.Len(t, changes, 5)
	require.Equal(t, adminclient.Undelete, changes[0].Action)
	require.Equal(t, adminclient.ActorKindOperator, changes[0].ActorKind)
	require.Equal(t, "admin", changes[0].Actor)
	require.Equal(t, adminclient.ActorKindKey, changes[1].ActorKind)
	found, err := c.ListChangesWithResponse(ctx, "acme", &adminclient.ListChangesParams{RequestID: &changes[0].RequestID})
	require.NoError(t, err)
	require.Equal(t, changes[:1], found.JSON200.Data)
	verified, err := c.VerifyChangesWithResponse(ctx, "acme", nil)
	require.NoError(t, err)
	require.True(t, verified.JSON200.Intact, "%s", verified.Body)
	exported, err := c.ExportChangesWithResponse(ctx, "acme", nil)
	require.NoError(t, err)
	require.EqualValues(t, verified.JSON200.Changes, strings.Count(string(exported.Body), "\n"))
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	require.NoError(t, os.WriteFile(file, exported.Body, 0o600))
	stdout, stderr, err := diglot(t, nil, "audit", "verify", file, "--head", verified.JSON200.Head)
	require.NoError(t, err, stderr)
	require.Contains(t, stdout, verified.JSON200.Head)
	tenants, err := c.ListInstallationChangesWithResponse(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, adminclient.ChangeNounTenant, tenants.JSON200.Data[0].Noun)
	pruned, err := c.PruneChangesWithResponse(ctx, adminclient.Pruning{OlderThanSeconds: new(int64)})
	require.NoError(t, err)
	require.Positive(t, pruned.JSON200.Pruned)
}

func TestTheProgramServesTheAdminAPIBesideItsMetrics(t *testing.T) {
	t.Parallel()
	ops := freeAddress(t)
	g := startGateway(t, []string{envDatabaseURL + "=" + storetest.NewEmpty(t), envAdminToken + "=" + adminToken}, "--ops-addr", ops)
	tenantLife(t, adminClient(t, "http://"+ops), g.url)
	at := "http://" + ops
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, at+"/healthz", "").status)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, at+"/readyz", "").status)
	require.Equal(t, http.StatusUnauthorized, send(t, http.MethodGet, at+admin.Prefix+"/tenants", "").status)
	require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, g.url+admin.Prefix+"/tenants", "").status, "it is not for the public")
	require.Contains(t, send(t, http.MethodGet, at+"/metrics", "").body, `diglot_requests_total{dialect="admin",operation="create_tenant",status="201"} 1`)
	require.Contains(t, send(t, http.MethodGet, at+"/docs", "").body, "/docs/start.js")
	require.Contains(t, send(t, http.MethodGet, at+"/docs/start.js", "").body, admin.Prefix+"/openapi.yaml")
	require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, g.url+"/docs/start-admin.js", "").status)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, at+admin.Prefix+"/openapi.yaml", "").status)
	require.NoError(t, g.stop(t))
	require.NotContains(t, g.logged(), adminToken)
}

func TestWithoutATokenThereIsNoAdminAPI(t *testing.T) {
	t.Parallel()
	ops := freeAddress(t)
	startGateway(t, nil, "--memory", "--ops-addr", ops)
	for _, path := range []string{admin.Prefix + "/tenants", admin.Prefix + "/openapi.yaml", "/docs", "/"} {
		require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, "http://"+ops+path, "").status, path)
	}
	for variable, want := range map[string]string{
		envAdminToken + "=short":         "DIGLOT_ADMIN_TOKEN: a token must have at least 32 characters",
		envAdminTokenFile + "=/no/one":   "DIGLOT_ADMIN_TOKEN_FILE: open /no/one",
		envAdminToken + "=" + adminToken: "DIGLOT_ADMIN_TOKEN is given and --ops-addr is off",
	} {
		_, stderr, err := diglot(t, []string{variable}, "serve", "--memory", "--ops-addr", "off")
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}

// A gateway's login may not do what operators do: they have one of their own.
func TestTheAdminAPINeedsAnOperatorsLogin(t *testing.T) {
	t.Parallel()
	owner := storetest.New(t)
	secret, token := envSecret+"=the secret of this installation", envAdminToken+"="+adminToken
	conn, err := pgx.Connect(t.Context(), owner)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	role := "diglot_test_gateway_" + strings.ReplaceAll(core.NewUUID(), "-", "")
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'gateway' NOSUPERUSER NOBYPASSRLS; GRANT diglot_runtime TO "+role)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+role)
		require.NoError(t, err)
	})
	login, err := url.Parse(owner)
	require.NoError(t, err)
	login.User = url.UserPassword(role, "gateway")
	env := []string{envDatabaseURL + "=" + login.String(), secret, token}
	for given, want := range map[string]string{
		"":                                      "hint: give the login of an operator in DIGLOT_OPERATOR_URL",
		envOperatorURL + "=" + login.String():   "may not see all tenants",
		envOperatorURL + "=" + storetest.New(t): "DIGLOT_OPERATOR_URL leads to another database",
	} {
		_, stderr, err := diglot(t, append(env, given), "serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
	ops := freeAddress(t)
	g := startGateway(t, append(env, envOperatorURL+"="+owner), "--ops-addr", ops)
	tenantLife(t, adminClient(t, "http://"+ops), g.url)
}

func TestCommandsListShowAndEndAccountsAndSessions(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	g := startGateway(t, env)
	const user = "customer@example.com"
	run := func(args ...string) string {
		stdout, stderr, err := diglot(t, env, append(args, "--tenant", "acme")...)
		require.NoError(t, err, stderr)
		return stdout
	}
	require.Contains(t, run("account", "list"), user)
	shown := run("account", "show", user, "-o", "yaml")
	require.Regexp(t, `^id: customer@example\.com\ntenant: acme\nobject_id: `, shown)
	require.Regexp(t, `created_at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\n`, shown)
	list := run("session", "list", "--account", user, "-o", "yaml")
	require.Regexp(t, `^- id: "?[\d.]+"?\n  tenant: acme\n`, list)
	id := strings.Trim(strings.Fields(strings.Split(list, "\n")[0])[2], `"`)
	require.JSONEq(t, `{"revoked":1}`, run("session", "revoke", id, "--account", user, "-o", "json"))
	require.Eventually(t, func() bool {
		return send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "Authorization", "Bearer "+m.token).status == http.StatusUnauthorized
	}, 20*time.Second, time.Millisecond)
	require.JSONEq(t, `{"revoked":0}`, run("session", "revoke", "--all", "--account", user, "-o", "json"))
	require.Equal(t, "[]\n", run("session", "list", "--account", user, "-o", "yaml"))
	require.JSONEq(t, `{"id":"`+user+`","deleted":true}`, run("account", "delete", user, "-o", "json"))
	for want, args := range map[string][]string{
		"hint: diglot account list --tenant acme":  {"account", "show", user},
		"account not found":                        {"account", "delete", user},
		"hint: diglot session list shows the ids":  {"session", "revoke", "--account", user},
		"diglot session list an account's session": {"session", "revoke", "nothing", "--account", user},
	} {
		_, stderr, err := diglot(t, env, append(args, "--tenant", "acme")...)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}

func TestShellsCompleteCommandsAndOutputs(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		stdout, stderr, err := diglot(t, nil, "completion", shell)
		require.NoError(t, err, stderr)
		require.Contains(t, stdout, "diglot")
	}
	stdout, _, err := diglot(t, nil, "__complete", "tenant", "list", "-o", "")
	require.NoError(t, err)
	require.Equal(t, "table\njson\nyaml\n:4\n", stdout)
}
