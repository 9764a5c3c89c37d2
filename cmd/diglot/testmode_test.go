package main

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest/clients/adminclient"
	"github.com/diglot/diglot/store/storetest"
)

// documentedCurl is a command of a page, and what the page says that it is
// answered with.
type documentedCurl struct {
	method, url, body string
	headers           []string
	status, answer    string
}

var shellWord = regexp.MustCompile(`(?s)'[^']*'|[^\s']+`)

func documentedCurls(t *testing.T, page string) (all []documentedCurl) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, m := range regexp.MustCompile(`(?sm)^(curl .*?)\n# (\d+) ?([^\n]*)$`).FindAllStringSubmatch(block[1], -1) {
			c := documentedCurl{method: http.MethodGet, status: m[2], answer: m[3]}
			words := shellWord.FindAllString(m[1], -1)
			for i := 1; i < len(words); i++ {
				word := func() string { return strings.Trim(words[i], "'") }
				switch word() {
				case "-sS":
				case "-X":
					i++
					c.method = word()
				case "-d":
					i++
					c.body = word()
					if c.method == http.MethodGet {
						c.method = http.MethodPost
					}
				case "-H":
					i++
					name, value, ok := strings.Cut(word(), ": ")
					require.True(t, ok, words[i])
					c.headers = append(c.headers, name, value)
				default:
					require.True(t, strings.HasPrefix(word(), "http://127.0.0.1:8080/"), words[i])
					c.url = strings.TrimPrefix(word(), "http://127.0.0.1:8080")
				}
			}
			all = append(all, c)
		}
	}
	return all
}

// Each control is on the page, and each command there is answered as it says.
func TestThePageOfTheTestKitIsTrue(t *testing.T) {
	t.Parallel()
	curls := documentedCurls(t, "../../diglottest/README.md")
	g := startGateway(t, nil, "--memory", "--test-mode")
	shown := map[string]bool{}
	for _, c := range curls {
		path, _, _ := strings.Cut(c.url, "?")
		path = strings.Replace(path, "/snapshots/seeded", "/snapshots/{name}", 1)
		shown[c.method+" "+path] = true
		r := send(t, c.method, g.url+c.url, c.body, c.headers...)
		require.Equal(t, c.status, strconv.Itoa(r.status), "%s %s: %s", c.method, c.url, r.body)
		at := 0
		for _, part := range strings.Split(c.answer, "…") {
			i := strings.Index(r.body[at:], part)
			require.GreaterOrEqual(t, i, 0, "%s %s: %q is not in %s", c.method, c.url, part, r.body)
			at += i + len(part)
		}
	}
	for _, control := range testmode.Controls() {
		require.True(t, shown[control], "%s is not on the page", control)
	}
	for _, printed := range []string{
		"controls are below " + g.url + testmode.Prefix + "\n",
		"Refold:    " + g.url + "/api/v2/public  x-api-key: " + controlledTenant.RefoldKey + ", linked_account_id: " + testmode.Account,
		"CometChat: " + g.url + "/v3/ai-agents/agent-builder  apikey: " + controlledTenant.CometChatKey,
	} {
		require.Contains(t, g.printed(), printed)
	}
	text, err := os.ReadFile("../../diglottest/README.md")
	require.NoError(t, err)
	for _, flag := range regexp.MustCompile("`(--test-[a-z-]+)").FindAllStringSubmatch(string(text), -1) {
		require.NotNil(t, newServeCommand(&common{}).Flags().Lookup(strings.TrimPrefix(flag[1], "--")), flag[1])
	}
}

// The recipes of deploy/examples and the page name the credentials that test mode has.
func TestTheExamplesHaveTheKeysOfTestMode(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"deploy/examples/with-diglot.sh", "deploy/examples/compose.test.yaml", "diglottest/README.md"} {
		text, err := os.ReadFile("../../" + name)
		require.NoError(t, err)
		for _, credential := range []string{controlledTenant.RefoldKey, controlledTenant.Account, controlledTenant.CometChatKey} {
			require.Contains(t, string(text), credential, name)
		}
	}
}

func TestTestModeIsRefusedBesideWhatLooksLikeProduction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"private cluster":   {nil, []string{"--test-mode"}, "hint: add --memory, or name a database for tests"},
		"database":          {[]string{envDatabaseURL + "=postgres://localhost/diglot"}, []string{"--test-mode"}, "hint: test mode deletes tenants and lets everybody in: use --memory, or say with --test-database"},
		"secret":            {[]string{envSecret + "=the secret of this installation"}, []string{"--test-mode", "--memory"}, "hint: test mode lets everybody in"},
		"secret of a file":  {[]string{envSecretFile + "=/run/secrets/diglot"}, []string{"--test-mode", "--memory"}, "hint: test mode lets everybody in"},
		"flag without mode": {nil, []string{"--memory", "--test-seed", "1"}, "hint: add --test-mode"},
		"database flag":     {nil, []string{"--memory", "--test-database"}, "hint: add --test-mode"},
		"no number":         {nil, []string{"--memory", "--test-mode", "--test-seed", "x"}, `--test-seed is "x": it must be a whole number`},
		"no time":           {nil, []string{"--memory", "--test-mode", "--test-now", "today"}, `--test-now is "today": it must be a time such as`},
		"key with a blank":  {nil, []string{"--memory", "--test-mode", "--test-refold-key", "tk-of a-file"}, "printable ASCII without spaces"},
		"key with a tab":    {nil, []string{"--memory", "--test-mode", "--test-cometchat-key", "key\tof-a-file"}, "printable ASCII without spaces"},
		"time too late":     {nil, []string{"--memory", "--test-mode", "--test-now", "9999-01-01T00:00:00Z"}, "it goes from 1970"},
		"no revision":       {nil, []string{"--memory", "--test-mode", "--test-refold-revision", "v2"}, "must be legacy or v3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := diglot(t, c.env, append([]string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "off"}, c.args...)...)
			require.Error(t, err)
			require.Contains(t, stderr, c.want)
		})
	}
}

// Who forgets the slash at the end is told what there is.
func TestThePrefixOfTheControlsSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory", "--test-mode")
	for _, path := range []string{"/_diglot", "/_diglot/", "/_diglot/fault"} {
		r := send(t, http.MethodGet, g.url+path, "")
		require.Equal(t, http.StatusNotFound, r.status)
		require.Equal(t, "application/problem+json", r.header.Get("Content-Type"), path)
		require.Contains(t, r.body, "clock, clock/advance, faults")
	}
}

// Without test mode there is nothing below its prefix.
func TestThereAreNoControlsWithoutTestMode(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	for _, control := range testmode.Controls() {
		method, path, _ := strings.Cut(control, " ")
		r := send(t, method, g.url+path, "")
		require.Equal(t, http.StatusNotFound, r.status, control)
		require.Contains(t, r.body, "no such path")
	}
}

// A process answers the same requests with the same bytes at each start, with the
// keys that it is given.
func TestATestModeOfASeedIsTheSameAtEachStart(t *testing.T) {
	t.Parallel()
	const key = "tk00000000-0000-4000-8000-000000000001"
	run := func() string {
		g := startGateway(t, []string{"DIGLOT_TEST_MODE=true", "DIGLOT_TEST_SEED=1", "DIGLOT_TEST_NOW=2026-01-02T03:04:05Z"}, "--memory", "--test-refold-key", key, "--test-refold-revision", "v3")
		var transcript strings.Builder
		for _, c := range [][3]string{
			{http.MethodPost, "/mcp-servers", `{"name":"Weather","description":"d"}`},
			{http.MethodPost, "/session-token", `{"linked_account_id":"customer@example.com"}`},
			{http.MethodGet, "/mcp-servers/none", ""},
		} {
			r, err := try(ofTenant(t.Context(), core.RefoldV3), c[0], g.url+"/api/v2/public"+c[1], c[2], "x-api-key", key, "linked_account_id", testAccount)
			require.NoError(t, err)
			require.NoError(t, r.header.Write(&transcript))
			transcript.WriteString(r.body)
		}
		require.Contains(t, transcript.String(), "MCPEntry not found")
		return transcript.String()
	}
	first := run()
	require.Equal(t, first, run())
}

// Also of a request that a limit refuses it is known whose it is and what it asks.
func TestTheJournalKnowsWhomALimitRefuses(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory", "--test-mode", "--test-now", "2026-01-02T03:04:05Z", "--cometchat-rate-limit", "1")
	ask := func() int {
		return send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/agents", "", "apikey", "4e28ccc1df4ea7ef18354f234fd48927f0a8ba77").status
	}
	require.Equal(t, http.StatusOK, ask())
	require.Equal(t, http.StatusTooManyRequests, ask())
	r := send(t, http.MethodPost, g.url+"/_diglot/requests/verify", `{"tenant":"test","operation":"list_agents","status":429,"times":1}`)
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = send(t, http.MethodPost, g.url+"/_diglot/clock/advance", `{"by":"1m"}`)
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, http.StatusOK, ask(), "the next minute")
}

// What an operator gives an end ends by the test's clock, and what one made since
// the start is gone with a reset, also in PostgreSQL; what was there before stays.
func TestOperatorsAndTestsShareOneClock(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(t *testing.T) (env, args []string){
		"memory": func(*testing.T) ([]string, []string) { return nil, []string{"--memory"} },
		"postgres": func(t *testing.T) ([]string, []string) {
			t.Helper()
			env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
			makeTenant(t, env, "before", "6698b77a733c5ebd8908189e", "my-app-id")
			return env, []string{"--test-database"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, args := of(t)
			ops := freeAddress(t)
			g := startGateway(t, append(env, envAdminToken+"="+adminToken), append(args, "--test-mode", "--test-now", "2026-01-02T03:04:05Z", "--ops-addr", ops)...)
			api := adminClient(t, "http://"+ops)
			end := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
			key, err := api.CreateKeyWithResponse(t.Context(), "test", adminclient.NewKey{Dialect: adminclient.Refold, ExpiresAt: &end})
			require.NoError(t, err)
			require.NotNil(t, key.JSON201, "%s", key.Body)
			status := func() int {
				return send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", "x-api-key", key.JSON201.Key, "linked_account_id", testAccount).status
			}
			require.Equal(t, http.StatusOK, status())
			for now, want := range map[string]int{"2026-01-02T23:59:59Z": http.StatusOK, "2026-01-03T00:00:00Z": http.StatusUnauthorized} {
				require.Equal(t, http.StatusOK, send(t, http.MethodPut, g.url+"/_diglot/clock", `{"now":"`+now+`"}`).status)
				require.Equal(t, want, status(), now)
			}
			require.Equal(t, http.StatusNoContent, send(t, http.MethodPost, g.url+"/_diglot/reset", "").status)
			require.Equal(t, http.StatusUnauthorized, status(), "the key is gone")
			if name == "postgres" {
				r := send(t, http.MethodPost, g.url+"/_diglot/reset", `{"tenant":"before"}`)
				require.Equal(t, http.StatusConflict, r.status, r.body)
				list, err := api.ListTenantsWithResponse(t.Context(), nil)
				require.NoError(t, err)
				require.Len(t, list.JSON200.Data, 2, "%s", list.Body)
			}
		})
	}
}

// An operator's tenant that has the name of test mode's is not deleted, and one
// with another name gets no key that everybody can make.
func TestATestModeLeavesTenantsOfADatabaseAlone(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	flags := []string{"--test-mode", "--test-database"}
	list := func(args ...string) (list []map[string]any) {
		stdout, stderr, err := diglot(t, env, append(args, "-o", "json")...)
		require.NoError(t, err, stderr)
		require.NoError(t, json.Unmarshal([]byte(stdout), &list), stdout)
		return list
	}
	tenants := func() (names []string) {
		for _, tenant := range list("tenant", "list") {
			names = append(names, tenant["name"].(string))
		}
		return names
	}
	makeTenant(t, env, "g2", "6698b77a733c5ebd8908189e", "my-app-id")
	seed := func(g *gatewayProcess, name string) reply {
		return send(t, http.MethodPost, g.url+"/_diglot/seed", `{"tenants":[{"name":"`+name+`"}]}`)
	}

	g := startGateway(t, env, flags...)
	r := seed(g, "g2")
	require.Equal(t, http.StatusConflict, r.status, r.body)
	require.Len(t, list("key", "list", "--tenant", "g2"), 2)
	require.Equal(t, http.StatusOK, seed(g, "g3").status)
	require.ElementsMatch(t, []string{"g2", "g3", "test"}, tenants())
	require.NoError(t, g.stop(t))
	require.Equal(t, []string{"g2"}, tenants(), "what test mode made went with it: %s", g.logged())

	g = startGateway(t, env, flags...)
	require.Equal(t, http.StatusOK, seed(g, "g3").status)
	require.NoError(t, g.cmd.Process.Kill())
	require.Error(t, g.stop(t))
	require.ElementsMatch(t, []string{"g2", "g3", "test"}, tenants(), "it had no time to")
	g = startGateway(t, env, flags...)
	require.ElementsMatch(t, []string{"g2", "test"}, tenants(), "the next one did")
	require.NoError(t, g.stop(t))

	diglotJSON(t, env, "tenant", "create", "--name", "test", "--refold-org", "6698b77a733c5ebd8908189f", "--refold-env", "production", "--cometchat-app", "realapp", "--cometchat-region", "us")
	_, stderr, err := diglot(t, env, append([]string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "off"}, flags...)...)
	require.Error(t, err)
	require.Contains(t, stderr, `the database has a tenant "test" that test mode did not make`)
	require.Contains(t, stderr, "hint: name a database for tests alone")
	require.ElementsMatch(t, []string{"g2", "test"}, tenants())
}
