package localpg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// helperDir makes this binary a gateway that serves from the folder, for the tests
// that kill one.
const helperDir = "DIGLOT_LOCALPG_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	os.Exit(m.Run())
}

// helper serves until its standard input ends, so that it cannot outlive the tests.
func helper(dir string) int {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := c.Close(); err != nil {
		return 1
	}
	return 0
}

// startHelper returns when another process serves from the folder.
func startHelper(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd
}

// newDir names a data folder that does not exist yet, where any user can get to:
// the folder around the test's own is closed.
func newDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	require.NoError(t, os.Chmod(dir, 0o711))
	return filepath.Join(dir, "data")
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open starts a cluster that ends with the test.
func open(t *testing.T, o Options) *Cluster {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	c, err := Start(within(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func connect(t *testing.T, c *Cluster) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(within(t), c.URL("diglot"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// run opens a connection for one statement.
func run(t *testing.T, c *Cluster, statement string) {
	t.Helper()
	conn := connect(t, c)
	_, err := conn.Exec(within(t), statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(within(t)))
}

func ask[T any](t *testing.T, c *Cluster, query string) T {
	t.Helper()
	conn := connect(t, c)
	var answer T
	require.NoError(t, conn.QueryRow(within(t), query).Scan(&answer))
	require.NoError(t, conn.Close(within(t)))
	return answer
}

// postmaster is the number of the running server's process.
func postmaster(t *testing.T, data string) int {
	t.Helper()
	pid, _, err := readPID(data)
	require.NoError(t, err)
	require.NotZero(t, pid)
	require.True(t, isPostmaster(pid, data))
	return pid
}

// writeScript has another process write it: a descriptor open for writing, which a
// fork in a parallel test may inherit, keeps the script from running.
func writeScript(t *testing.T, path, body string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	cmd := exec.Command("sh", "-c", `cat >"$1" && chmod 755 "$1"`, "sh", path)
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + body + "\n")
	require.NoError(t, cmd.Run())
}

// needsPostgres leaves out a test that starts a server where only the others
// are wanted.
func needsPostgres(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL's server binaries")
	}
}
