package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// printedCurl is one of the commands that --demo prints.
type printedCurl struct {
	url     string
	headers []string // name, value pairs
	body    string
}

var (
	curlLine   = regexp.MustCompile(`(?m)^curl -sS (\S+) (.*) -d '(.*)'$`)
	curlHeader = regexp.MustCompile(`-H '([^:]+): ([^']+)'`)
)

func curls(t *testing.T, printed string) (refold, cometchat printedCurl) {
	t.Helper()
	lines := curlLine.FindAllStringSubmatch(printed, -1)
	require.Len(t, lines, 2, "two curl commands in %q", printed)
	var out [2]printedCurl
	for i, l := range lines {
		out[i] = printedCurl{url: l[1], body: l[3]}
		for _, h := range curlHeader.FindAllStringSubmatch(l[2], -1) {
			out[i].headers = append(out[i].headers, h[1], h[2])
		}
	}
	return out[0], out[1]
}

func (c printedCurl) send(t *testing.T) reply {
	t.Helper()
	return send(t, http.MethodPost, c.url, c.body, c.headers...)
}

func TestDemoPrintsTwoCommandsThatCreateServersInOneCore(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]func(*testing.T) []string{
		"memory":   func(*testing.T) []string { return []string{"--memory"} },
		"data-dir": func(t *testing.T) []string { t.Helper(); return []string{"--data-dir", dataDir(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, nil, append(mode(t), "--demo")...)
			require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, 5*time.Second, 5*time.Millisecond)
			refold, cometchat := curls(t, g.printed())

			born := refold.send(t)
			require.Equal(t, http.StatusCreated, born.status, born.body)
			name := born.json(t)["name"].(string)
			r := cometchat.send(t)
			require.Equal(t, http.StatusCreated, r.status, r.body)

			listed := send(t, http.MethodGet, cometchat.url, "", cometchat.headers...)
			require.Contains(t, listed.body, `"name":"`+name+`"`, "CometChat shows what Refold made")
			listed = send(t, http.MethodGet, refold.url, "", refold.headers...)
			require.Contains(t, listed.body, `"totalDocs":2`, "Refold shows what CometChat made")
		})
	}
}

func TestDemoPrintsTheSameKeysAfterARestart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startGateway(t, nil, "--data-dir", dir, "--demo")
	require.NoError(t, first.stop(t))
	second := startGateway(t, nil, "--data-dir", dir, "--demo")
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(second.printed(), -1)) == 2 }, 5*time.Second, 5*time.Millisecond)
	a, _ := curls(t, first.printed())
	b, _ := curls(t, second.printed())
	require.Equal(t, a.headers, b.headers)
	require.Equal(t, http.StatusCreated, b.send(t).status)
}

func TestASecondServeOnTheSameFolderSaysSoAndStops(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	g := startGateway(t, nil, "--data-dir", dir)
	_, stderr, err := diglot(t, nil, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data-dir", dir)
	require.Error(t, err)
	require.Contains(t, stderr, "another diglot")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status, "the first is unharmed")
}

func TestAnAddressInUseIsAnErrorWithAHint(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	_, stderr, err := diglot(t, nil, "serve", "--memory", "--ops-addr", "off", "--addr", strings.TrimPrefix(g.url, "http://"))
	require.Error(t, err)
	require.Contains(t, stderr, "hint: another program has the address; choose another one with --addr")
}

func TestHealthReadinessAndUnknownPathsOnTheMainPort(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/healthz", "").status)
	require.JSONEq(t, `{"status":"ready"}`, send(t, http.MethodGet, g.url+"/readyz", "").body)
	r := send(t, http.MethodGet, g.url+"/", "")
	require.Equal(t, http.StatusNotFound, r.status)
	require.JSONEq(t, `{"error":"no such path","refold":"/api/v2/public","cometchat":"/v3/ai-agents/agent-builder","docs":"/docs"}`, r.body)
	require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, g.url+"/metrics", "").status, "metrics are not for the public")
	require.Contains(t, send(t, http.MethodGet, g.url+"/api/v1/x", "").body, `"http_error_type":"NOT_FOUND"`)
	require.Contains(t, send(t, http.MethodGet, g.url+"/v3/x", "").body, `"code":"ERR_API_NOT_FOUND"`)
	// The dialects' paths are taken in any case, the program's own are not.
	require.Contains(t, send(t, http.MethodGet, g.url+"/API/v2/Public/MCP-Servers", "").body, `"message":"Missing API Key"`)
	require.Contains(t, send(t, http.MethodGet, g.url+"/Api", "").body, `"message":"Cannot GET /Api"`)
	require.Contains(t, send(t, http.MethodGet, g.url+"/V3/AI-Agents/agent-builder/MCP-servers", "").body, `"AUTH_ERR_EMPTY_APIKEY"`)
	require.Contains(t, send(t, http.MethodGet, g.url+"/V3", "").body, `"code":"ERR_API_NOT_FOUND"`)
	for _, path := range []string{"/Healthz", "/apis/x", "/V33"} {
		require.Contains(t, send(t, http.MethodGet, g.url+path, "").body, "no such path", path)
	}
}

func TestTheOperationsListenerSaysWhatItServes(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"": `{"error":"no such path","metrics":"/metrics","healthz":"/healthz","readyz":"/readyz","admin":"not served: give DIGLOT_ADMIN_TOKEN or DIGLOT_ADMIN_TOKEN_FILE"}`,
		envAdminToken + "=" + adminToken: `{"error":"no such path","metrics":"/metrics","healthz":"/healthz","readyz":"/readyz",
			"admin":"/admin/v1","openapi":"/admin/v1/openapi.yaml","docs":"/docs"}`,
	} {
		g := startGateway(t, []string{env}, "--memory", "--ops-addr", "127.0.0.1:0")
		var serving struct {
			Ops   string `json:"ops_addr"`
			Admin *bool  `json:"admin_api"`
		}
		line := regexp.MustCompile(`\{.*"msg":"serving".*\}`).FindString(g.logged())
		require.NoError(t, json.Unmarshal([]byte(line), &serving), g.logged())
		require.Equal(t, env != "", *serving.Admin)
		for _, path := range []string{"/", "/admin/v1"} {
			r := send(t, http.MethodGet, "http://"+serving.Ops+path, "")
			require.Equal(t, http.StatusNotFound, r.status)
			require.JSONEq(t, want, r.body)
		}
		r := send(t, http.MethodGet, "http://"+serving.Ops+"/metrics", "")
		require.Equal(t, http.StatusOK, r.status)
		if env == "" {
			continue
		}
		page, err := os.ReadFile("../../deploy/README.md")
		require.NoError(t, err)
		documented := regexp.MustCompile(`curl -sS http://127.0.0.1:9090(\S+) -H 'Authorization: Bearer …' -H 'Content-Type: application/json' \\\n  -d '(.*)'`).FindSubmatch(page)
		require.NotNil(t, documented)
		r = send(t, http.MethodPost, "http://"+serving.Ops+string(documented[1]), string(documented[2]), "Authorization", "Bearer "+adminToken)
		require.Equal(t, http.StatusCreated, r.status, r.body)
	}
	require.Contains(t, startGateway(t, nil, "--memory").logged(), `"ops_addr":"off","admin_api":false`)
}

func TestMetricsCountRequestsByDialectOperationAndStatus(t *testing.T) {
	t.Parallel()
	ops := freeAddress(t)
	g := startGateway(t, nil, "--memory", "--ops-addr", ops)
	send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers", "")
	scraped := send(t, http.MethodGet, "http://"+ops+"/metrics", "").body
	require.Contains(t, scraped, `diglot_requests_total{dialect="cometchat",operation="list_mcp_servers",status="401"} 1`)
	require.Contains(t, scraped, `diglot_request_duration_seconds_count{dialect="cometchat",operation="list_mcp_servers"} 1`)
}

func TestSettingsComeFromTheEnvironmentToo(t *testing.T) {
	t.Parallel()
	g := startGateway(t, []string{"DIGLOT_MEMORY=true", "DIGLOT_DEMO=true"})
	require.Eventually(t, func() bool { return strings.Contains(g.printed(), "# Refold") }, 5*time.Second, 5*time.Millisecond)
	for variable, want := range map[string]string{
		"DIGLOT_DEMO=perhaps":            "DIGLOT_DEMO",
		"DIGLOT_ADDR=8080":               "--addr must be host:port",
		"DIGLOT_OPS_ADDR=a:99999":        "--ops-addr",
		"DIGLOT_DRAIN_TIMEOUT=-1s":       "--drain-timeout",
		"DIGLOT_REFOLD_RATE_LIMIT=-1":    "--refold-rate-limit is -1",
		"DIGLOT_COMETCHAT_RATE_LIMIT=-1": "--cometchat-rate-limit is -1",
		"DIGLOT_SECRET=short":            "DIGLOT_SECRET has 5 bytes",
		"DIGLOT_LOG_LEVEL=loud":          "--log-level",
		"DIGLOT_SECRET_FILE=/no/file":    "DIGLOT_SECRET_FILE",
	} {
		_, stderr, err := diglot(t, []string{variable}, "serve", "--memory")
		require.Error(t, err, variable)
		require.Contains(t, stderr, want)
	}
}

func TestAnEmptySettingCountsAsNone(t *testing.T) {
	t.Parallel()
	g := startGateway(t, []string{"DIGLOT_ADDR=", "DIGLOT_DRAIN_TIMEOUT=", "DIGLOT_DEMO="}, "--memory")
	require.Contains(t, g.url, "http://127.0.0.1:")
	_, stderr, err := diglot(t, nil, "serve", "--memory", "--addr", "")
	require.Error(t, err, "a port of chance on every network")
	require.Contains(t, stderr, "--addr must be host:port")
}

func TestOtherCommandsTakeNoSettingsFromTheEnvironmentButTheFolder(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.New(t), "DIGLOT_ALL=true", "DIGLOT_NAME=by-accident"}
	_, stderr, err := diglot(t, env, "migrate", "down", "--yes")
	require.NoError(t, err, stderr)
	status := diglotJSON(t, env, "migrate", "status")
	require.Less(t, status["version"].(float64), status["head"].(float64), "one step")
	require.Positive(t, status["version"], "not all")
	_, stderr, err = diglot(t, env, "tenant", "create", "--refold-org", "a", "--refold-env", "test")
	require.Error(t, err)
	require.Contains(t, stderr, `"name" not set`)
}

func TestSIGTERMLetsARequestUnderWayEnd(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory", "--demo")
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, 5*time.Second, 5*time.Millisecond)
	refold, _ := curls(t, g.printed())
	body := newSlowBody(refold.body)
	// The body is asked for by the server, so it is sent to a request under way
	// and not to a connection that nobody accepted yet.
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: startLimit}}
	answered := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, refold.url, body)
		if err != nil {
			answered <- err
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Expect", "100-continue")
		for i := 0; i < len(refold.headers); i += 2 {
			req.Header.Set(refold.headers[i], refold.headers[i+1])
		}
		res, err := client.Do(req)
		if err == nil && res.StatusCode != http.StatusCreated {
			err = statusError(res.StatusCode)
		}
		if err == nil {
			err = res.Body.Close()
		}
		answered <- err
	}()
	<-body.started // the server is reading it: half of it has been taken
	require.NoError(t, g.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(g.logged(), `"msg":"stopping"`) }, 5*time.Second, time.Millisecond)
	body.finish()
	require.NoError(t, <-answered)
	require.NoError(t, g.wait(t))
}

func TestTheLogNamesRequestsAndHoldsNoSecretAndNoBody(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory", "--demo", "--log-level", "debug")
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, 5*time.Second, 5*time.Millisecond)
	refold, cometchat := curls(t, g.printed())
	r := refold.send(t)
	cometchat.send(t)
	send(t, http.MethodPost, refold.url+"?secret=in-the-query", refold.body, append(refold.headers, "Authorization", "Bearer not.a.token")...)
	send(t, http.MethodPost, cometchat.url, `{"name":`, cometchat.headers...)
	require.NoError(t, g.stop(t))
	log := g.logged()
	require.Contains(t, log, `"dialect":"refold","request_id":"`+r.header.Get("X-Request-Id")+`","operation":"create_mcp_server","tenant":"demo","client":"127.0.0.1","method":"POST","status":201,"duration_us":`)
	for _, secret := range []string{refold.headers[1], cometchat.headers[1], "not.a.token", "in-the-query", "Weather for cities", "localhost:3001"} {
		require.NotContains(t, log, secret)
	}
}
