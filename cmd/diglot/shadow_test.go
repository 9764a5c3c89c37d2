package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

func shadowRule(dialect, peer string) string {
	return fmt.Sprintf("  - {tenant: %s, dialect: %s, peer: %q, insecure_http: true, writes: mirror}\n", demoTenant, dialect, peer)
}

// Two programs with the same data are shown to be alike, and one that differs is
// shown to differ, by the program, its log, its metrics and its report.
func TestAShadowIsServedReportedAndReadAgain(t *testing.T) {
	t.Parallel()
	env := []string{envSecret + "=the secret of both gateways"}
	peer := startGateway(t, env, "--memory", "--demo")
	dir, ops := t.TempDir(), freeAddress(t)
	file, log := filepath.Join(dir, "shadow.yaml"), filepath.Join(dir, "shadow.jsonl")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	const head = "allow_networks: [127.0.0.1]\nshadows:\n"
	write(head + shadowRule("refold", peer.url) + shadowRule("cometchat", peer.url))
	g := startGateway(t, env, "--memory", "--demo", "--shadow", file, "--shadow-log", log, "--ops-addr", ops)
	for _, p := range []*gatewayProcess{peer, g} {
		require.Eventually(t, func() bool { return len(curlLine.FindAllString(p.printed(), -1)) == 2 }, startLimit, 5*time.Millisecond)
	}
	refold, comet := curls(t, g.printed())
	require.Equal(t, http.StatusCreated, refold.send(t).status)
	require.Equal(t, http.StatusCreated, comet.send(t).status)
	compared := func(n int) *shadow.Report {
		t.Helper()
		var r shadow.Report
		require.Eventually(t, func() bool {
			text, err := os.ReadFile(log)
			return err == nil && strings.Count(string(text), "\n") == n
		}, startLimit, 5*time.Millisecond)
		stdout, stderr, err := diglot(t, nil, "shadow", "report", log, "-o", "json", "--since", "1h", "--tenant", demoTenant)
		require.NoError(t, err, stderr)
		require.NoError(t, json.Unmarshal([]byte(stdout), &r))
		return &r
	}
	compared(2)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, refold.url, "", refold.headers...).status)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, comet.url, "", comet.headers...).status)
	r := compared(4)
	require.Equal(t, []int{4, 4}, []int{r.Compared, r.Equal}, "%+v", r)
	_, stderr, err := diglot(t, nil, "shadow", "report", log, "--fail-over", "0")
	require.NoError(t, err, stderr)

	// From here on the peer has one that Diglot doesn't.
	refold.body = strings.Replace(refold.body, "Weather", "Sunshine", 1)
	require.Equal(t, http.StatusCreated, send(t, http.MethodPost, strings.Replace(refold.url, g.url, peer.url, 1), refold.body, refold.headers...).status)
	write("shadows: [")
	require.NoError(t, g.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Contains(g.logged(), "what was read before goes on") }, startLimit, time.Millisecond)
	write(head + shadowRule("refold", peer.url))
	require.NoError(t, g.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Contains(g.logged(), "was read again") }, startLimit, time.Millisecond)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, comet.url, "", comet.headers...).status, "and no more asked a second time")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, refold.url, "", refold.headers...).status)
	r = compared(5)
	require.Equal(t, []int{5, 4, 1}, []int{r.Compared, r.Equal, r.Different})
	require.Equal(t, "list_mcp_servers", r.Operations[0].Operation)
	table, stderr, err := diglot(t, []string{envShadowLog + "=" + log}, "shadow", "report", "--fail-over", "10")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitDifferent, exit.ExitCode())
	require.Contains(t, stderr, "20.00% of what was compared differ")
	require.Regexp(t, `refold\s+list_mcp_servers\s+2\s+50\.00%\s+0\s+missing\s+/docs/\*\s+1\s+-\s+object of`, table)
	require.Contains(t, table, "5 compared, 4 equal, 1 different (20.00%); failed: 0; not asked a second time: 0")

	recent := send(t, http.MethodGet, "http://"+ops+"/shadow", "").body
	require.Equal(t, 1, strings.Count(recent, "\n"))
	scraped := send(t, http.MethodGet, "http://"+ops+"/metrics", "").body
	require.Contains(t, scraped, `diglot_shadow_compared_total{dialect="refold",operation="list_mcp_servers"} 2`)
	require.Contains(t, scraped, `diglot_shadow_different_total{dialect="refold",operation="list_mcp_servers"} 1`)
	require.Contains(t, scraped, "diglot_shadow_queue_length 0")
	require.NoError(t, g.stop(t))
}

// Where the vendor answers, a database that is away keeps no client from it that it
// answered before.
func TestAPeerAnswersOnWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(peer.Close)
	file := filepath.Join(t.TempDir(), "shadow.yaml")
	require.NoError(t, os.WriteFile(file, []byte("allow_networks: [127.0.0.1]\nshadows:\n"+
		fmt.Sprintf("  - {tenant: %s, dialect: refold, peer: %q, insecure_http: true, answers: peer}\n", demoTenant, peer.URL)), 0o600))
	proxy, url := faultproxy.Before(t, storetest.New(t))
	g := startGateway(t, []string{envDatabaseURL + "=" + url}, "--demo", "--shadow", file)
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, startLimit, 5*time.Millisecond)
	refold, comet := curls(t, g.printed())
	ask := func(c printedCurl) int { // by a client that holds no answer to a document: the vendor's is none of ours
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		require.NoError(t, err)
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	require.Equal(t, http.StatusTeapot, ask(refold))
	require.Equal(t, http.StatusOK, ask(comet))
	proxy.Refuse()
	require.Eventually(t, func() bool { return ask(comet) == http.StatusServiceUnavailable }, startLimit, 5*time.Millisecond)
	for range 3 {
		require.Equal(t, http.StatusTeapot, ask(refold))
	}
	refold.headers = []string{"x-api-key", "tk-of-somebody-else-0000", "linked_account_id", "a"}
	require.Equal(t, http.StatusServiceUnavailable, ask(refold), "who was not answered before")
	require.NoError(t, proxy.Lift())
	require.Eventually(t, func() bool { return ask(comet) == http.StatusOK }, startLimit, 5*time.Millisecond)
}

// A peer that hangs holds no stop up.
func TestAShadowIsStoppedThoughItsPeerHangs(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	peer := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(peer.Close)
	file := filepath.Join(t.TempDir(), "shadow.json")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(`{"allow_networks":["127.0.0.1"],"workers":1,"shadows":[
		{"tenant":%q,"dialect":"refold","peer":%q,"insecure_http":true,"timeout":"50s"}]}`, demoTenant, peer.URL)), 0o600))
	g := startGateway(t, nil, "--memory", "--demo", "--shadow", file)
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, startLimit, 5*time.Millisecond)
	refold, _ := curls(t, g.printed())
	for range 3 {
		require.Equal(t, http.StatusOK, send(t, http.MethodGet, refold.url, "", refold.headers...).status)
	}
	<-asked
	require.NoError(t, g.stop(t))
	require.NotContains(t, g.logged(), "abandoned")
}

func TestAReportOfNothingFailsWhereItIsToProveSomething(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, _, err := diglot(t, nil, "shadow", "report", empty)
	require.NoError(t, err)
	_, stderr, err := diglot(t, nil, "shadow", "report", empty, "--fail-over", "100")
	require.Error(t, err)
	require.Contains(t, stderr, "nothing was compared")
	for _, over := range []string{"nan", "-1", "101", "inf"} {
		_, stderr, err := diglot(t, nil, "shadow", "report", empty, "--fail-over="+over)
		require.Error(t, err)
		require.Contains(t, stderr, "0 to 100 per cent", over)
	}
	for want, args := range map[string][]string{
		"no log is named": {}, "no such file": {filepath.Join(t.TempDir(), "nothing")}, "--since": {empty, "--since", "x"}, "--output": {empty, "-o", "x"},
	} {
		_, stderr, err := diglot(t, nil, append([]string{"shadow", "report"}, args...)...)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
	for want, args := range map[string][]string{
		"without --shadow": {"--shadow-log", "x"}, "both given": {"--test-mode", "--shadow", "x"}, "--shadow:": {"--shadow", "/nothing/here"}, "there is none": {"--shadow", empty},
	} {
		_, stderr, err := diglot(t, nil, append([]string{"serve", "--memory"}, args...)...)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}
