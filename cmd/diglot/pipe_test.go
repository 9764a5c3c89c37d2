package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// piped starts a command whose output goes to a pipe, and gives the end to read.
func piped(t *testing.T, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd := diglotCommand(t.Context(), nil, args...)
	cmd.Stdout, cmd.Stderr = w, w
	require.NoError(t, cmd.Start())
	require.NoError(t, w.Close())
	t.Cleanup(func() { _ = r.Close() })
	return cmd, r
}

func TestServeOutlivesTheReaderOfItsLogAndStopsInOrder(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, log := piped(t, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data-dir", dir)
	var serving struct{ Msg, Addr string }
	for lines := bufio.NewScanner(log); serving.Msg != "serving"; {
		require.True(t, lines.Scan(), "it serves")
		_ = json.Unmarshal(lines.Bytes(), &serving) // another line
	}
	require.NoError(t, log.Close())
	for range 3 { // each is a line of the log
		r := send(t, http.MethodGet, "http://"+serving.Addr+"/api/v2/public/mcp-servers", "", "x-api-key", "nobody's")
		require.Equal(t, http.StatusUnauthorized, r.status, r.body)
	}
	require.FileExists(t, filepath.Join(dir, "pg", "postmaster.pid"))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "an orderly stop")
	require.NoFileExists(t, filepath.Join(dir, "pg", "postmaster.pid"), "its PostgreSQL ended with it")
}

func TestACommandWhoseReaderWentAwayLeavesNoPostgres(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	_, stderr, err := diglot(t, nil, "migrate", "up", "--data-dir", dir)
	require.NoError(t, err, stderr)
	cmd, out := piped(t, "tenant", "list", "--data-dir", dir)
	require.NoError(t, out.Close())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 1, exit.ExitCode(), "nobody saw the list")
	require.NoFileExists(t, filepath.Join(dir, "pg", "postmaster.pid"))
}
