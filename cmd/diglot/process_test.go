package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// asDiglot makes the test binary be diglot: the tests run the real program as
// processes of their own without building it again.
const asDiglot = "DIGLOT_TEST_AS_DIGLOT"

func TestMain(m *testing.M) {
	setModelFlags()
	if os.Getenv(asDiglot) != "" {
		main()
		os.Exit(0)
	}
	storetest.Main(m)
}

// startLimit bounds how long a process may take until it serves; initdb on a
// busy machine takes most of it.
const startLimit = 90 * time.Second

func diglotCommand(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(cleanEnvironment(), asDiglot+"=1")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// cleanEnvironment leaves out what would change a test's settings.
func cleanEnvironment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DIGLOT_") || strings.HasPrefix(v, "DIGLOT_PG_") {
			env = append(env, v)
		}
	}
	return env
}

// diglot runs a command to its end and gives what it printed.
func diglot(t *testing.T, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := diglotCommand(ctx, env, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// diglotJSON runs a command that succeeds and gives the JSON it printed.
func diglotJSON(t *testing.T, env []string, args ...string) map[string]any {
	t.Helper()
	stdout, stderr, err := diglot(t, env, append(args, "-o", "json")...)
	require.NoError(t, err, "%v: %s", args, stderr)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &v), "%v printed %q", args, stdout)
	return v
}

// gatewayProcess is a running `diglot serve`.
type gatewayProcess struct {
	cmd    *exec.Cmd
	url    string
	exited chan error

	mu     sync.Mutex
	stdout bytes.Buffer
	log    bytes.Buffer
}

// startGateway starts `diglot serve` and waits until it serves. It is stopped
// with the test.
func startGateway(t *testing.T, env []string, args ...string) *gatewayProcess {
	t.Helper()
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "off"}, args...)
	g := &gatewayProcess{cmd: diglotCommand(context.Background(), env, args...), exited: make(chan error, 1)}
	stdout, err := g.cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := g.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, g.cmd.Start())
	serving := make(chan string, 1)
	var readers sync.WaitGroup
	readers.Go(func() { g.copyLines(stdout, &g.stdout, nil) })
	readers.Go(func() { g.copyLines(stderr, &g.log, serving) })
	go func() { readers.Wait(); g.exited <- g.cmd.Wait() }()
	t.Cleanup(func() { _ = g.stop(t) }) // how it ends is for the test to ask
	select {
	case addr := <-serving:
		g.url = "http://" + addr
	case err := <-g.exited:
		g.exited <- err
		require.Fail(t, "diglot serve ended", "%v\n%s", err, g.logged())
	case <-time.After(startLimit):
		require.Fail(t, "diglot serve did not start", "%s", g.logged())
	}
	return g
}

func (g *gatewayProcess) copyLines(from io.Reader, into *bytes.Buffer, serving chan<- string) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		g.mu.Lock()
		into.Write(line)
		g.mu.Unlock()
		var entry struct{ Msg, Addr string }
		if serving != nil && json.Unmarshal(line, &entry) == nil && entry.Msg == "serving" {
			serving <- entry.Addr
			serving = nil
		}
		if err != nil {
			return
		}
	}
}

func (g *gatewayProcess) logged() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.String()
}

func (g *gatewayProcess) printed() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stdout.String()
}

// stop ends the process as a supervisor does and gives how it ended; it may be
// called again.
func (g *gatewayProcess) stop(t *testing.T) error {
	t.Helper()
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	return g.wait(t)
}

// kill ends the process without a chance to clean up.
func (g *gatewayProcess) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, g.cmd.Process.Kill())
	_ = g.wait(t) // it was killed: that is its error
}

func (g *gatewayProcess) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-g.exited:
		g.exited <- err
		return err
	case <-time.After(30 * time.Second):
		_ = g.cmd.Process.Kill() // the failure below says why
		require.Fail(t, "diglot serve did not stop", "%s", g.logged())
		return nil
	}
}

// reply is what a request was answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// json gives the body as an object.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &v), "%d %s", r.status, r.body)
	return v
}

// try sends a request over TCP; headers are name, value pairs.
func try(ctx context.Context, method, url, body string, headers ...string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return exchange(req)
}

// exchange sends a request.
func exchange(req *http.Request) (reply, error) {
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b)}, err
}

// send is try for a request that must be answered.
func send(t *testing.T, method, url, body string, headers ...string) reply {
	t.Helper()
	r, err := try(t.Context(), method, url, body, headers...)
	require.NoError(t, err)
	return r
}

// dataDir gives a folder that the user may enter whom a root process drops to
// for PostgreSQL: the parent of a test's folder is closed to others.
func dataDir(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}
