package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/storetest"
)

func TestLimitsAreSetByCommandAndHoldWithinASecond(t *testing.T) {
	t.Parallel()
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	m := makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	g := startGateway(t, env)
	m.works(t, g, "one") // makes a server
	change := func(flags ...string) any {
		return diglotJSON(t, env, append([]string{"tenant", "update", "acme"}, flags...)...)["limits"]
	}
	soon := func(status int, method, path, body string, headers ...string) {
		t.Helper()
		require.Eventually(t, func() bool { return send(t, method, g.url+path, body, headers...).status == status },
			core.MaxUnheard, time.Millisecond)
	}
	key := []string{"apikey", m.cometChatKey}
	const refused = `{"name":"x","slug":"one-too-many","url":"http://localhost"}`
	require.Equal(t, map[string]any{"base": "default", "max_servers": 1.0}, change("--max-servers", "1"))
	soon(http.StatusForbidden, http.MethodPost, cometChatServers, refused, key...)
	require.Equal(t, map[string]any{"base": "default", "max_servers": 1.0, "max_body": 1024.0}, change("--max-body", "1024"))
	large := `{"name":"x","slug":"large","url":"http://localhost","description":"` + strings.Repeat("x", 1024) + `"}`
	soon(http.StatusRequestEntityTooLarge, http.MethodPost, cometChatServers, large, key...)
	require.Equal(t, map[string]any{"base": "default", "max_body": 1024.0, "rate": 1.0}, change("--max-servers", "default", "--rate", "1"))
	soon(http.StatusTooManyRequests, http.MethodGet, refoldServers, "", "x-api-key", m.refoldKey, "linked_account_id", "anyone")
	require.Equal(t, map[string]any{"base": "vendor", "burst": 7.0}, change("--limits", "vendor", "--burst", "7"))
	soon(http.StatusOK, http.MethodGet, refoldServers, "", "x-api-key", m.refoldKey, "linked_account_id", "anyone")
	shown := diglotJSON(t, env, "tenant", "show", "acme")
	require.Equal(t, map[string]any{"base": "vendor", "burst": 7.0}, shown["limits"])
	require.Equal(t, map[string]any{"base": "default"}, change("--limits", "default"))
	soon(http.StatusCreated, http.MethodPost, cometChatServers, refused, key...)

	soon(http.StatusOK, http.MethodDelete, cometChatServers+"/one", "", key...)
	change("--max-servers", "1")
	var deleted []map[string]any
	stdout, stderr, err := diglot(t, env, "server", "list", "--deleted", "--tenant", "acme", "-o", "json")
	require.NoError(t, err, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &deleted))
	require.Len(t, deleted, 1)
	gone := deleted[0]["id"].(string)
	_, stderr, err = diglot(t, env, "server", "undelete", gone, "--tenant", "acme")
	require.Error(t, err)
	require.Contains(t, stderr, "as many as it may")
	require.Contains(t, stderr, "diglot tenant update acme --max-servers")
	change("--max-servers", "2")
	require.Equal(t, "one", diglotJSON(t, env, "server", "undelete", gone, "--tenant", "acme")["slug"])

	made := diglotJSON(t, env, "tenant", "create", "--name", "other", "--cometchat-app", "other", "--cometchat-region", "eu",
		"--rate", "500", "--concurrency", "0")
	require.Equal(t, map[string]any{"base": "default", "rate": 500.0, "concurrency": 0.0}, made["limits"])
	for flag, value := range map[string]string{
		"--rate": "-1", "--burst": "2000000", "--concurrency": "many", "--max-body": "9000000", "--max-servers": "1e3", "--limits": "none",
	} {
		_, stderr, err := diglot(t, env, "tenant", "update", "acme", flag, value)
		require.Error(t, err)
		require.Contains(t, stderr, strings.TrimPrefix(flag, "--"), flag)
	}
}

func TestTheInstallationHasLimitsOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		ask   func(t *testing.T, g *gatewayProcess) int
		want  int
	}{
		{[]string{"--max-servers", "1"}, createTwo, http.StatusForbidden},
		{nil, createTwo, http.StatusCreated},
		{[]string{"--max-body", "1024"}, func(t *testing.T, g *gatewayProcess) int {
			return demoSend(t, g, http.MethodPost, `{"name":"x","description":"`+strings.Repeat("x", 1024)+`"}`)
		}, http.StatusRequestEntityTooLarge},
		{[]string{"--limits", "vendor"}, manyAtOnce, http.StatusTooManyRequests},
		{[]string{"--limits", "vendor", "--burst", "100"}, manyAtOnce, http.StatusOK},
		{[]string{"--refold-rate-limit", "60", "--burst", "1"}, manyAtOnce, http.StatusTooManyRequests},
	} {
		g := startGateway(t, nil, append([]string{"--memory", "--demo"}, c.flags...)...)
		require.Equal(t, c.want, c.ask(t, g), c.flags)
	}
	for flag, value := range map[string]string{"--max-body": "1", "--concurrency": "-1", "--burst": "2000000"} {
		_, stderr, err := diglot(t, nil, "serve", "--memory", flag, value)
		require.Error(t, err)
		require.Contains(t, stderr, strings.TrimPrefix(flag, "--"))
	}
}

// demoSend sends a request of the demo's Refold client and gives its status.
func demoSend(t *testing.T, g *gatewayProcess, method, body string) int {
	t.Helper()
	return send(t, method, g.url+refoldServers, body, "x-api-key", demoKey(t, g), "linked_account_id", "anyone").status
}

// demoKey gives the Refold key that serve --demo prints.
func demoKey(t *testing.T, g *gatewayProcess) (key string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, rest, _ := strings.Cut(g.printed(), "x-api-key: ")
		key, _, _ = strings.Cut(rest, "'")
		return key != "" && rest != key
	}, startLimit, time.Millisecond)
	return key
}

func createTwo(t *testing.T, g *gatewayProcess) int {
	t.Helper()
	require.Equal(t, http.StatusCreated, demoSend(t, g, http.MethodPost, `{"name":"one","description":"d"}`))
	return demoSend(t, g, http.MethodPost, `{"name":"two","description":"d"}`)
}

// manyAtOnce gives the worst of many answers.
func manyAtOnce(t *testing.T, g *gatewayProcess) int {
	t.Helper()
	worst := 0
	for range 40 {
		worst = max(worst, demoSend(t, g, http.MethodGet, ""))
	}
	return worst
}

// Every tenant has asked for more than it may have, and whatever they asked for
// hangs, so that they hold all the connections that they can get.
func TestHealthAndMetricsAnswerAtOnceWhileTenantsHoldAllThatTheyCanGet(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.NewEmpty(t)
	env := []string{envDatabaseURL + "=" + withPool(databaseURL, 4), envSecret + "=the secret of all tests"}
	const tenants, concurrency = 3, 5
	var headers [tenants][]string
	for i := range headers {
		name := fmt.Sprint("tenant-", i)
		diglotJSON(t, env, "tenant", "create", "--name", name, "--cometchat-app", name, "--cometchat-region", "us",
			"--concurrency", fmt.Sprint(concurrency))
		headers[i] = []string{"apikey", diglotJSON(t, env, "key", "create", "--tenant", name, "--dialect", "cometchat")["key"].(string)}
	}
	ops := freeAddress(t)
	g := startGateway(t, env, "--ops-addr", ops)
	for _, h := range headers {
		const server = `{"name":"x","slug":"x","url":"http://localhost"}`
		require.Equal(t, http.StatusCreated, send(t, http.MethodPost, g.url+cometChatServers, server, h...).status)
	}
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	untilRemembered(t, conn, g, headers[:])
	_, err = conn.Exec(t.Context(), "BEGIN; UPDATE mcp_server SET icon = icon")
	require.NoError(t, err)
	statuses := make(chan int, 2*tenants*concurrency)
	var wg sync.WaitGroup
	for _, h := range headers {
		for range 2 * concurrency {
			wg.Go(func() {
				r, err := try(t.Context(), http.MethodPatch, g.url+cometChatServers+"/x", `{"name":"y"}`, h...)
				if err != nil {
					r.status = -1
				}
				statuses <- r.status
			})
		}
	}
	scrape := func() string { return send(t, http.MethodGet, "http://"+ops+"/metrics", "").body }
	require.Eventually(t, func() bool { // those over the limit wait for nothing
		scraped := scrape()
		return strings.Contains(scraped, "diglot_pool_connections_busy 2\n") &&
			strings.Contains(scraped, `diglot_requests_refused_total{dialect="cometchat",reason="concurrency"}`)
	}, patience, time.Millisecond)
	start := time.Now()
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/healthz", "").status)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status, "a connection is left for it")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/docs", "").status)
	scrape()
	require.Less(t, time.Since(start), time.Second)
	_, err = conn.Exec(t.Context(), "COMMIT")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	wg.Wait()
	close(statuses)
	for status := range statuses { // one that waited for 3 s was given up
		require.Contains(t, []int{http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable}, status)
	}
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+cometChatServers, "", headers[0]...).status)
}

// untilRemembered waits until the gateway asks for nobody's credential any more:
// while it can't, they are served.
func untilRemembered(t *testing.T, conn *pgx.Conn, g *gatewayProcess, headers [][]string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, h := range headers {
			require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+cometChatServers, "", h...).status)
		}
		_, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE api_key")
		require.NoError(t, err)
		served := true
		for _, h := range headers {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r, err := try(ctx, http.MethodGet, g.url+cometChatServers, "", h...)
			cancel()
			served = served && err == nil && r.status == http.StatusOK
		}
		_, err = conn.Exec(t.Context(), "ROLLBACK")
		require.NoError(t, err)
		return served
	}, patience, time.Millisecond)
}
