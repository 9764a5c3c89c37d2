package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/storetest"
)

// madeTenant is a tenant made by the commands, with all that a client needs.
type madeTenant struct {
	env                            []string
	refoldKey, cometChatKey, token string
}

// makeTenant runs the commands that a script runs.
func makeTenant(t *testing.T, env []string, name, org, app string, flags ...string) madeTenant {
	t.Helper()
	run := func(args ...string) map[string]any { return diglotJSON(t, env, append(args, flags...)...) }
	made := run("tenant", "create", "--name", name, "--refold-org", org, "--refold-env", "test",
		"--cometchat-app", app, "--cometchat-region", "us")
	require.Equal(t, name, made["name"])
	refold := run("key", "create", "--tenant", name, "--dialect", "refold")
	require.ElementsMatch(t, []string{"id", "tenant", "dialect", "hint", "status", "created_at", "key"}, keysOf(refold))
	require.Regexp(t, `^tk[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, refold["key"])
	cometchat := run("key", "create", "--tenant", name, "--dialect", "cometchat")
	require.Regexp(t, `^[0-9a-f]{40}$`, cometchat["key"])
	require.Equal(t, "fullAccess", cometchat["scope"])
	run("account", "create", "--tenant", name, "--id", "customer@example.com")
	token := run("token", "create", "--tenant", name, "--account", "customer@example.com")
	return madeTenant{env, refold["key"].(string), cometchat["key"].(string), token["token"].(string)}
}

func keysOf(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// works uses each of the tenant's credentials on a gateway.
func (m madeTenant) works(t *testing.T, g *gatewayProcess, name string) {
	t.Helper()
	const refold, cometchat = "/api/v2/public/mcp-servers", "/v3/ai-agents/agent-builder/mcp-servers"
	r := send(t, http.MethodPost, g.url+refold, `{"name":"`+name+`","description":"d"}`, "x-api-key", m.refoldKey, "linked_account_id", "customer@example.com")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	r = send(t, http.MethodGet, g.url+refold+"/"+r.json(t)["_id"].(string), "", "Authorization", "Bearer "+m.token)
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = send(t, http.MethodGet, g.url+cometchat+"/"+name, "", "apikey", m.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
}

func TestCommandsWorkOnAStoppedAndOnARunningPrivateCluster(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	stopped := makeTenant(t, nil, "stopped", "6698b77a733c5ebd8908189e", "app-1", "--data-dir", dir)
	g := startGateway(t, nil, "--data-dir", dir)
	stopped.works(t, g, "one")
	running := makeTenant(t, nil, "running", "6500a1b2c3d4e5f6a7b8c9d0", "app-2", "--data-dir", dir)
	running.works(t, g, "one")

	stdout, _, err := diglot(t, nil, "tenant", "list", "-o", "json", "--data-dir", dir)
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	require.Len(t, list, 2)
	require.Equal(t, "running", list[0]["name"])
	shown := diglotJSON(t, nil, "tenant", "show", "stopped", "--data-dir", dir)
	require.Equal(t, map[string]any{
		"org": "6698b77a733c5ebd8908189e", "env": "test", "revision": "legacy", "require_accounts": false, "protect_servers": false,
	}, shown["refold"])
	stdout, _, err = diglot(t, nil, "tenant", "show", "stopped", "--data-dir", dir)
	require.NoError(t, err)
	require.Contains(t, stdout, "6698b77a733c5ebd8908189e/test")
}

func TestAChangedSettingReachesARunningGateway(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	g := startGateway(t, env)
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	const unknown = "/api/v2/public/mcp-servers/686e2393750d509493c6d87d"
	says := func() string {
		r, err := try(ofTenant(t.Context(), changing), http.MethodGet, g.url+unknown, "", "Authorization", "Bearer "+m.token)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, r.status, r.body)
		return r.json(t)["message"].(string)
	}
	require.Equal(t, "MCP Server not found", says())
	for _, c := range []struct{ revision, says string }{{"v3", "MCPEntry not found"}, {"legacy", "MCP Server not found"}} {
		changed := diglotJSON(t, env, "tenant", "update", "acme", "--refold-revision", c.revision)
		require.Equal(t, c.revision, changed["refold"].(map[string]any)["revision"])
		require.Eventually(t, func() bool { return says() == c.says }, 20*time.Second, time.Millisecond)
	}
	for _, c := range []struct {
		value  bool
		status int
	}{{true, http.StatusNotFound}, {false, http.StatusOK}} {
		changed := diglotJSON(t, env, "tenant", "update", "acme", fmt.Sprintf("--require-accounts=%t", c.value))
		require.Equal(t, c.value, changed["refold"].(map[string]any)["require_accounts"])
		require.Eventually(t, func() bool {
			r := send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "x-api-key", m.refoldKey, "linked_account_id", "nobody")
			return r.status == c.status
		}, 20*time.Second, time.Millisecond)
	}
	protected := diglotJSON(t, env, "tenant", "update", "acme", "--protect-servers")
	require.Equal(t, true, protected["refold"].(map[string]any)["protect_servers"])
	require.Eventually(t, func() bool {
		r := send(t, http.MethodDelete, g.url+unknown, "", "Authorization", "Bearer "+m.token)
		return r.status == http.StatusForbidden
	}, 20*time.Second, time.Millisecond)
	strict := diglotJSON(t, env, "tenant", "update", "acme", "--etags", "strong", "--require-if-match")
	require.Equal(t, "strong", strict["etags"])
	require.Equal(t, true, strict["require_if_match"])
	require.Eventually(t, func() bool {
		r := send(t, http.MethodDelete, g.url+"/v3/ai-agents/agent-builder/mcp-servers/none", "", "apikey", m.cometChatKey)
		return r.status == http.StatusPreconditionRequired
	}, 20*time.Second, time.Millisecond)
	changed := diglotJSON(t, env, "tenant", "update", "acme", "--url-template", "https://mcp.example.com/{slug}")
	require.Equal(t, "https://mcp.example.com/{slug}", changed["url_template"])
	require.NotNil(t, changed["refold"])
}

func TestAKeyWithoutTheScopeIsKnownAndRefused(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	made := diglotJSON(t, env, "key", "create", "--tenant", "acme", "--dialect", "cometchat", "--scope", "authOnly")
	require.Equal(t, "authOnly", made["scope"])
	g := startGateway(t, env)
	r := send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", made["key"].(string))
	require.Equal(t, http.StatusForbidden, r.status, r.body)
	require.Equal(t, "AUTH_ERR_NO_ACCESS", r.json(t)["error"].(map[string]any)["code"])
}

func TestTheRateLimitIsASetting(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	g := startGateway(t, env, "--cometchat-rate-limit", "1")
	require.Eventually(t, func() bool { // unless a minute ends between two, the second
		r := send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", m.cometChatKey)
		return r.status == http.StatusTooManyRequests
	}, 20*time.Second, time.Millisecond)
	g = startGateway(t, env, "--refold-rate-limit", "1")
	require.Eventually(t, func() bool {
		r := send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "Authorization", "Bearer "+m.token)
		return r.status == http.StatusTooManyRequests
	}, 20*time.Second, time.Millisecond)
	g = startGateway(t, env, "--cometchat-rate-limit", "0")
	m.works(t, g, "one")
}

func TestCommandsWorkOnTheDatabaseOfTheEnvironment(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	status := diglotJSON(t, env, "migrate", "status")
	require.InDelta(t, 0, status["version"], 0)
	_, stderr, err := diglot(t, env, "migrate", "up")
	require.NoError(t, err, stderr)
	status = diglotJSON(t, env, "migrate", "status")
	require.Equal(t, status["head"], status["version"])

	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	g := startGateway(t, env)
	m.works(t, g, "one")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status)

	_, stderr, err = diglot(t, env, "migrate", "down", "--all", "--yes", "--force")
	require.NoError(t, err, stderr)
	require.Equal(t, http.StatusServiceUnavailable, send(t, http.MethodGet, g.url+"/readyz", "").status, "the schema is not at head")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/healthz", "").status)
	status = diglotJSON(t, env, "migrate", "status")
	require.InDelta(t, 0, status["version"], 0)
}

func TestTwoInstancesStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	started := make(chan *gatewayProcess, 2)
	t.Run("start", func(t *testing.T) {
		for range 2 {
			t.Run("instance", func(t *testing.T) {
				t.Parallel()
				g := startGateway(t, env, "--demo")
				require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status)
				started <- g
			})
		}
	})
	first, second := <-started, <-started
	require.NotEqual(t, first.url, second.url)
}

func TestMistakesEndWithAnErrorAHintAndExitCode1(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	makeTenant(t, nil, "acme", "6698b77a733c5ebd8908189e", "my-app-id", "--data-dir", dir)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown tenant":         {[]string{"key", "create", "--tenant", "nobody", "--dialect", "refold"}, "hint: diglot tenant list"},
		"unknown dialect":        {[]string{"key", "create", "--tenant", "acme", "--dialect", "soap"}, "--dialect must be refold or cometchat"},
		"unknown scope":          {[]string{"key", "create", "--tenant", "acme", "--dialect", "cometchat", "--scope", "all"}, "--scope must be fullAccess or authOnly"},
		"scope of a Refold key":  {[]string{"key", "create", "--tenant", "acme", "--dialect", "refold", "--scope", "fullAccess"}, "--scope is for CometChat keys"},
		"unknown account":        {[]string{"token", "create", "--tenant", "acme", "--account", "nobody"}, "hint: diglot account create"},
		"name taken":             {[]string{"tenant", "create", "--name", "acme", "--refold-org", "a", "--refold-env", "test"}, "diglot: another tenant has this name\nhint: diglot tenant list"},
		"org taken":              {[]string{"tenant", "create", "--name", "b", "--refold-org", "6698b77a733c5ebd8908189e", "--refold-env", "test"}, "diglot: another tenant has this Refold org and environment\nhint: diglot tenant list shows which"},
		"app taken":              {[]string{"tenant", "create", "--name", "b", "--cometchat-app", "my-app-id", "--cometchat-region", "us"}, "diglot: another tenant has this CometChat app and region\nhint: diglot tenant list shows which"},
		"no address":             {[]string{"tenant", "create", "--name", "b"}, "the tenant needs"},
		"half an address":        {[]string{"tenant", "create", "--name", "b", "--refold-org", "a"}, "--refold-env must be test or production"},
		"account taken":          {[]string{"account", "create", "--tenant", "acme", "--id", "customer@example.com"}, "diglot: another linked account has this id\nhint: if it is the same one"},
		"unknown output":         {[]string{"tenant", "list", "-o", "xml"}, "it must be table, json or yaml"},
		"missing flag":           {[]string{"key", "create", "--tenant", "acme"}, `"dialect" not set`},
		"unknown command":        {[]string{"tenant", "destroy"}, `unknown command "destroy" for "diglot tenant"`},
		"token for no time":      {[]string{"token", "create", "--tenant", "acme", "--account", "customer@example.com", "--ttl", "0s"}, "--ttl"},
		"unknown revision":       {[]string{"tenant", "create", "--name", "b", "--refold-org", "a", "--refold-env", "test", "--refold-revision", "v2"}, "must be legacy or v3"},
		"revision of nobody":     {[]string{"tenant", "create", "--name", "b", "--cometchat-app", "a", "--cometchat-region", "us", "--refold-revision", "v3"}, "with a Refold address"},
		"servers of nobody":      {[]string{"tenant", "create", "--name", "b", "--cometchat-app", "a", "--cometchat-region", "us", "--protect-servers"}, "--protect-servers is for tenants with a Refold address"},
		"accounts of nobody":     {[]string{"tenant", "create", "--name", "b", "--cometchat-app", "a", "--cometchat-region", "us", "--require-accounts"}, "--require-accounts is for tenants with a Refold address"},
		"update to what is not":  {[]string{"tenant", "update", "acme", "--refold-revision", ""}, "must be legacy or v3"},
		"unknown etags":          {[]string{"tenant", "update", "acme", "--etags", "weak"}, "it must be vendor or strong"},
		"update of nothing":      {[]string{"tenant", "update", "acme"}, "diglot: nothing is given to change\nhint: say what to change, see --help"},
		"no argument":            {[]string{"tenant", "show"}, "diglot: NAME is missing: it says what diglot tenant show is about\nhint: usage: diglot tenant show NAME [flags]"},
		"an argument too many":   {[]string{"key", "revoke", "a", "b"}, `diglot: "b" is one too many: diglot key revoke takes one ID`},
		"two of one at most":     {[]string{"audit", "verify", "a", "b"}, `diglot: "b" is one too many: diglot audit verify takes one FILE`},
		"no argument is taken":   {[]string{"tenant", "list", "acme"}, `diglot: "acme" is one too many: diglot tenant list takes flags alone`},
		"an unknown shell":       {[]string{"completion", "ksh"}, `unknown command "ksh" for "diglot completion"`},
		"help about nothing":     {[]string{"help", "foo"}, `unknown command "foo" for "diglot"`},
		"help about less":        {[]string{"help", "tenant", "destroy"}, `unknown command "destroy" for "diglot tenant"`},
		"no time":                {[]string{"audit", "list", "--since", "yesterday"}, `diglot: --since is "yesterday": it must be a time such as 2027-01-31T00:00:00Z or a duration such as 24h`},
		"no duration":            {[]string{"serve", "--drain-timeout", "soon"}, `diglot: --drain-timeout is "soon": it must be a duration such as 24h or 90s`},
		"no number":              {[]string{"audit", "list", "--limit", "all"}, `diglot: --limit is "all": it must be a whole number`},
		"no limit":               {[]string{"tenant", "update", "acme", "--rate", "fast"}, `diglot: --rate is "fast": it must be a number or default`},
		"no boolean":             {[]string{"serve", "--memory=maybe"}, `diglot: --memory is "maybe": it must be true or false`},
		"no level":               {[]string{"serve", "--log-level", "loud"}, `diglot: --log-level is "loud": it must be debug, info, warn or error`},
		"update of nobody":       {[]string{"tenant", "update", "nobody", "--refold-revision", "v3"}, "hint: diglot tenant list"},
		"template is not a link": {[]string{"tenant", "create", "--name", "b", "--refold-org", "a", "--refold-env", "test", "--url-template", "{id}"}, "--url-template must"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := diglot(t, nil, append(c.args, "--data-dir", dir)...)
			require.Error(t, err)
			require.Contains(t, stderr, c.want)
			require.Empty(t, stdout)
		})
	}
}

func TestAVariableThatIsNoValueIsNamed(t *testing.T) {
	t.Parallel()
	_, stderr, err := diglot(t, []string{"DIGLOT_MEMORY=maybe"}, "serve")
	require.Error(t, err)
	require.Equal(t, "diglot: DIGLOT_MEMORY is \"maybe\": it must be true or false\n", stderr)
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	stdout, _, err := diglot(t, nil, "version")
	require.NoError(t, err)
	require.Regexp(t, `^diglot \S+ go1\.\S+ \w+/\w+\n$`, stdout)
	v := diglotJSON(t, nil, "version")
	require.Equal(t, stdout, fmt.Sprintf("diglot %s %s %s/%s\n", v["version"], v["go"], v["os"], v["arch"]))
}

// The set-up of deploy/README.md: the owner migrates and manages, the gateway
// logs in as a role that may serve and no more.
func TestALoginThatMayOnlyServeServes(t *testing.T) {
	t.Parallel()
	owner := storetest.New(t)
	secret := envSecret + "=the secret of this installation"
	m := makeTenant(t, []string{envDatabaseURL + "=" + owner, secret}, "acme", "6698b77a733c5ebd8908189e", "my-app-id")

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
	gateway := envDatabaseURL + "=" + login.String()

	m.works(t, startGateway(t, []string{gateway, secret}), "one")
	for given, want := range map[string]string{
		"":                                     "give it in DIGLOT_SECRET or DIGLOT_SECRET_FILE",
		envSecret + "=another secret entirely": "another secret",
	} {
		_, stderr, err := diglot(t, []string{gateway, given}, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "")
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}
