//go:build containers

package deploytest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limit bounds how long a command may take, and anything that is waited for.
const limit = 3 * time.Minute

// composition is a compose file under a name of its own, on ports of chance.
type composition struct {
	file string
	name string
	env  []string
}

// compose gives a composition that is removed with the test. Images are those of
// DIGLOT_TEST_…_IMAGE, else what the file names.
func compose(t *testing.T, file string) *composition {
	t.Helper()
	c := &composition{file: file, name: strings.ToLower(t.Name()) + strconv.Itoa(os.Getpid()), env: os.Environ()}
	c.set("DIGLOT_PORT=0", "DIGLOT_OPS_PORT=0", "NGINX_PORT=0", "PROMETHEUS_PORT=0", "GRAFANA_PORT=0",
		"DIGLOT_IMAGE="+os.Getenv("DIGLOT_TEST_IMAGE"), "POSTGRES_IMAGE="+os.Getenv("DIGLOT_TEST_POSTGRES_IMAGE"))
	for _, image := range []string{"PGBOUNCER_IMAGE", "NGINX_IMAGE", "PROMETHEUS_IMAGE"} {
		c.set(image + "=" + os.Getenv("DIGLOT_TEST_"+image))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.run(context.Background(), t, "logs", "--no-color"))
		}
		c.run(context.Background(), t, "--profile", "*", "down", "--volumes", "--timeout", "20")
	})
	return c
}

func (c *composition) set(env ...string) { c.env = append(c.env, env...) }

// run runs a command of compose that succeeds and gives what it printed.
func (c *composition) run(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	command := append(strings.Fields(cmp.Or(os.Getenv("DIGLOT_TEST_COMPOSE"), "docker compose")), "-f", c.file, "-p", c.name)
	return run(ctx, t, c.env, append(command, args...)...)
}

func run(ctx context.Context, t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Run(), "%v\n%s%s", args, &out, &errOut)
	return strings.TrimSpace(out.String())
}

func (c *composition) address(t *testing.T, service, port string) string {
	t.Helper()
	return "http://" + c.run(t.Context(), t, "--profile", "*", "port", service, port)
}

// ask sends a request; headers are name, value pairs, sent as they are written.
func ask(t *testing.T, method, url, body string, headers ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = []string{headers[i+1]}
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func becomes(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, limit, 200*time.Millisecond, what)
}

// The gateway and PostgreSQL alone come first; what the profiles add comes to
// the same data. Grafana has no package of Debian's: cmd/diglot's tests hold its
// board to the metrics that there are.
func TestComposeServesByEachProfile(t *testing.T) {
	t.Parallel()
	c := compose(t, "../compose.yaml")
	c.run(t.Context(), t, "up", "--detach", "--wait")
	diglot := func(args ...string) map[string]any {
		var made map[string]any
		printed := c.run(t.Context(), t, append([]string{"exec", "-T", "diglot", "/diglot"}, append(args, "-o", "json")...)...)
		require.NoError(t, json.Unmarshal([]byte(printed), &made), printed)
		return made
	}
	diglot("tenant", "create", "--name", "acme", "--refold-org", "6698b77a733c5ebd8908189e", "--refold-env", "test")
	diglot("account", "create", "--tenant", "acme", "--id", "customer@example.com")
	key, ok := diglot("key", "create", "--tenant", "acme", "--dialect", "refold")["key"].(string)
	require.True(t, ok)
	create := func(gateway, name string) (int, string) {
		return ask(t, http.MethodPost, gateway+"/api/v2/public/mcp-servers", `{"name":"`+name+`","description":"made by a test"}`,
			"x-api-key", key, "linked_account_id", "customer@example.com")
	}
	status, body := create(c.address(t, "diglot", "8080"), "Direct")
	require.Equal(t, http.StatusCreated, status, body)

	c.set("DIGLOT_POOLED_URL=postgres://diglot:diglot@pgbouncer:6432/diglot?sslmode=disable")
	c.run(t.Context(), t, "--profile", "*", "up", "--detach", "--wait", "diglot", "nginx", "pgbouncer", "prometheus")
	nginx := c.address(t, "nginx", "80")
	status, body = create(nginx, "Behind nginx")
	require.Equal(t, http.StatusCreated, status, "nginx passes linked_account_id on: %s", body)
	status, body = create(nginx, "Direct")
	require.Equal(t, http.StatusConflict, status, "what there was is there: %s", body)

	prometheus := c.address(t, "prometheus", "9090")
	becomes(t, "the gateway is scraped", func() bool {
		_, found := ask(t, http.MethodGet, prometheus+"/api/v1/query?query=sum(diglot_requests_total)", "")
		return strings.Contains(found, `"value":[`)
	})
	_, rules := ask(t, http.MethodGet, prometheus+"/api/v1/rules", "")
	require.Equal(t, 4, strings.Count(rules, `"type":"alerting"`), rules)

	c.run(t.Context(), t, "--profile", "*", "stop", "pgbouncer")
	becomes(t, "requests go by PgBouncer", func() bool {
		status, _ := ask(t, http.MethodGet, nginx+"/readyz", "")
		return status == http.StatusServiceUnavailable
	})
}

// The keys that the example's comment names are those that its gateway has.
func TestTheTestsCompositionHasTheKeysThatItSays(t *testing.T) {
	t.Parallel()
	const file = "../examples/compose.test.yaml"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	named := regexp.MustCompile(`(?m)^#.*x-api-key: (\S+), linked_account_id: (\S+)\n#.*apikey: (\S+)$`).FindSubmatch(text)
	require.NotNil(t, named)

	c := compose(t, file)
	c.run(t.Context(), t, "up", "--detach", "--wait")
	gateway := c.address(t, "diglot", "8080")
	status, body := ask(t, http.MethodGet, gateway+"/api/v2/public/mcp-servers", "", "x-api-key", string(named[1]), "linked_account_id", string(named[2]))
	require.Equal(t, http.StatusOK, status, body)
	status, body = ask(t, http.MethodGet, gateway+"/v3/ai-agents/agent-builder/mcp-servers", "", "apikey", string(named[3]))
	require.Equal(t, http.StatusOK, status, body)
	status, body = ask(t, http.MethodPost, gateway+"/_diglot/requests/verify", `{"tenant":"test","operation":"list_mcp_servers","times":2}`)
	require.Equal(t, http.StatusOK, status, body)
}

func TestACommandRunsWithDiglotBesideIt(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "DIGLOT_IMAGE="+os.Getenv("DIGLOT_TEST_IMAGE"))
	const client = `curl -fsS "$REFOLD_URL/mcp-servers" -H "x-api-key: $REFOLD_KEY" -H "linked_account_id: $REFOLD_ACCOUNT" ` +
		`-H 'Content-Type: application/json' -d '{"name":"Weather","description":"Weather for cities"}' >/dev/null && ` +
		`curl -fsS "$COMETCHAT_URL/mcp-servers" -H "apikey: $COMETCHAT_KEY" -H "appid: $COMETCHAT_APP" && ` +
		`curl -fsS "$DIGLOT_URL/_diglot/requests/verify" -d '{"tenant":"test","times":2}'`
	require.Contains(t, run(t.Context(), t, env, "../examples/with-diglot.sh", "sh", "-c", client), `"Weather"`)

	cmd := exec.CommandContext(t.Context(), "../examples/with-diglot.sh", "sh", "-c", "exit 7")
	cmd.Env = env
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	require.Equal(t, 7, exit.ExitCode(), "it ends as its command does")
}
