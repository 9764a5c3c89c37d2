package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/localpg"
)

const (
	// BouncerPoolSize is how many server connections a Bouncer has for each
	// database and login: fewer than a store has to it.
	BouncerPoolSize = 4

	// bouncerStart bounds how long PgBouncer may take until it listens.
	bouncerStart = 20 * time.Second

	noBouncerHint = "this test needs PgBouncer: install it (apt-get install pgbouncer, brew install pgbouncer); " +
		"go test -short skips such tests"

	bouncerPort = "6432" // only a part of the socket's name
)

// Bouncer is a PgBouncer with the settings of deploy/pgbouncer.ini, so in
// transaction mode.
type Bouncer struct {
	dir  string
	cmd  *exec.Cmd // nil: it isn't running
	life io.Closer // it ends with this
	log  bytes.Buffer
}

// NewBouncer starts a PgBouncer before the server that the URLs lead to, for
// their logins and all databases. It is stopped with the test.
func NewBouncer(t testing.TB, databaseURLs ...string) *Bouncer {
	t.Helper()
	dir, err := os.MkdirTemp("", tempPrefix+"pgbouncer-") //nolint:usetesting // a socket in a folder named after the test may have too long a path
	require.NoError(t, err)
	b := &Bouncer{dir: dir}
	t.Cleanup(func() {
		b.Kill(t)
		require.NoError(t, os.RemoveAll(dir))
	})
	b.configure(t, databaseURLs)
	b.Start(t)
	return b
}

func (b *Bouncer) configure(t testing.TB, databaseURLs []string) {
	t.Helper()
	var server *pgx.ConnConfig
	var users strings.Builder
	for _, u := range databaseURLs {
		config, err := pgx.ParseConfig(u)
		require.NoError(t, err)
		server = config
		_, _ = fmt.Fprintf(&users, "%q %q\n", config.User, bouncerPassword(config))
	}
	// What comes later counts; a section that began anew would forget what it had.
	const databases = "[databases]\n"
	ini := deployed(t)
	require.Contains(t, ini, databases)
	ini = strings.Replace(ini, databases, fmt.Sprintf("%s* = host=%s port=%d\n", databases, server.Host, server.Port), 1)
	ini += fmt.Sprintf(`
listen_addr =
listen_port = %s
unix_socket_dir = %s
auth_file = %s/users.txt
default_pool_size = %d
`, bouncerPort, b.dir, b.dir, BouncerPoolSize)
	for name, text := range map[string]string{"pgbouncer.ini": ini, "users.txt": users.String()} {
		require.NoError(t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644))
	}
}

// deployed gives deploy/pgbouncer.ini, wherever in the repository the test is.
func deployed(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	for root != filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Dir(root)
	}
	ini, err := os.ReadFile(filepath.Join(root, "deploy", "pgbouncer.ini"))
	require.NoError(t, err)
	return string(ini)
}

// bouncerPassword is the server's where it asks for one; PgBouncer always does.
func bouncerPassword(config *pgx.ConnConfig) string { return cmp.Or(config.Password, "bouncer") }

// URL gives the way to the same database through the PgBouncer.
func (b *Bouncer) URL(t testing.TB, databaseURL string) string {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	require.NoError(t, err)
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, bouncerPassword(config)), Path: "/" + config.Database,
		RawQuery: url.Values{"host": {b.dir}, "port": {bouncerPort}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Start runs it again after [Bouncer.Kill].
func (b *Bouncer) Start(t testing.TB) {
	t.Helper()
	program, err := findBouncer()
	require.NoError(t, err)
	// A test binary that is killed closes its end of the pipe: then PgBouncer goes too.
	const script = `"$0" "$1" </dev/null & read -r _; kill -9 $!`
	cmd, err := localpg.Unprivileged(context.Background(), b.dir, "/bin/sh", "-c", script, program, filepath.Join(b.dir, "pgbouncer.ini"))
	require.NoError(t, err)
	b.log.Reset()
	cmd.Stdout, cmd.Stderr = &b.log, &b.log
	b.life, err = cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	b.cmd = cmd
	for deadline := time.Now().Add(bouncerStart); ; time.Sleep(5 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", filepath.Join(b.dir, ".s.PGSQL."+bouncerPort))
		if err == nil {
			require.NoError(t, conn.Close())
			return
		}
		if time.Now().After(deadline) {
			b.Kill(t)
			require.Fail(t, "PgBouncer did not start", "%s", b.log.String())
		}
	}
}

// Kill ends it at once, as a crash does.
func (b *Bouncer) Kill(t testing.TB) {
	t.Helper()
	if b.cmd == nil {
		return
	}
	require.NoError(t, syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL))
	_ = b.life.Close()
	_ = b.cmd.Wait() // it was killed: that is its error
	b.cmd = nil
}

// findBouncer looks where packages put it, which an ordinary user's PATH may lack.
func findBouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", errors.New(noBouncerHint)
}
