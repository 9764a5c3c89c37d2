package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

// PostgreSQL hangs for longer than the drain takes, and so would all that waits
// for it. What is left is abandoned, and said to be.
func TestSIGTERMWhilePostgresHangsEndsTheProcessSoonAfterItsDrainTimeout(t *testing.T) {
	t.Parallel()
	const drain = time.Second
	databaseURL := storetest.New(t)
	operator, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(operator.Close)
	_, c := newInProcess(t, operator, operator).tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	proxy, proxied := faultproxy.Before(t, databaseURL)
	g := startGateway(t, []string{envDatabaseURL + "=" + proxied, envSecret + "=the secret of all tests", envAdminToken + "=" + strings.Repeat("a", 32)},
		"--drain-timeout", drain.String(), "--ops-addr", "127.0.0.1:0")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+cometChatServers, "", c["apikey"]...).status)

	proxy.BlackHole()
	for range 8 { // a few may be turned away between their two requests
		underWay(t, g.url, cometChatServers, c["apikey"])
	}
	start := time.Now()
	err = g.stop(t)
	took := time.Since(start)
	require.Less(t, took, drain+2*endGrace+time.Second) // a second for a busy machine
	require.GreaterOrEqual(t, took, drain, "requests have their time")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode(), g.logged())
	require.Regexp(t, `"msg":"abandoned","what":"[1-8] requests?"`, g.logged())
	require.Regexp(t, `diglot: abandoned after \S+: [1-8] requests?`, g.logged())

	require.NoError(t, proxy.Lift())
	g = startGateway(t, []string{envDatabaseURL + "=" + proxied, envSecret + "=the secret of all tests"})
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+cometChatServers, "", c["apikey"]...).status)
}

// Nothing was asked for when PostgreSQL began to hang.
func TestSIGTERMWhilePostgresHangsAndNobodyAsksEndsTheProcess(t *testing.T) {
	t.Parallel()
	proxy, proxied := faultproxy.Before(t, storetest.New(t))
	g := startGateway(t, []string{envDatabaseURL + "=" + proxied, envSecret + "=the secret of all tests"}, "--drain-timeout", "0s")
	proxy.BlackHole()
	start := time.Now()
	_ = g.stop(t) // it may have had nothing to abandon
	require.Less(t, time.Since(start), 2*endGrace+time.Second)
}

// underWay sends a request that is about to be served when it returns: it comes in
// one piece with one before it, which has been answered.
func underWay(t *testing.T, gateway, path string, credential []string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(gateway, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET %s HTTP/1.1\r\nHost: h\r\n%s: %s\r\n\r\n", path, credential[0], credential[1])
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// A gateway that has not begun to serve is stopped as well.
func TestSIGTERMWhileWaitingForPostgresToAnswerEndsTheProcess(t *testing.T) {
	t.Parallel()
	proxy, proxied := faultproxy.Before(t, storetest.New(t))
	proxy.BlackHole()
	cmd := diglotCommand(t.Context(), []string{envDatabaseURL + "=" + proxied}, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return proxy.Connections() > 0 }, startLimit, time.Millisecond)
	start := time.Now()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, cmd.Wait())
	require.Less(t, time.Since(start), 2*time.Second)
}
