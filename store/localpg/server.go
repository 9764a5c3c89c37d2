package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxLog is the size at which a start sets the server's log aside, over the
// previous one.
const maxLog = 16 << 20

// server is how to run the cluster.
type server struct {
	bin     binaries
	acct    account
	data    string
	sockets string
	logPath string
	fast    bool
	new     bool // its cluster is made by this start
	logger  *slog.Logger
}

// child is one run of it.
type child struct {
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // of Wait, once exited is closed
	logPath string
	logFrom int64
}

func (s *server) args() []string {
	settings := []string{
		"listen_addresses=",
		// Quoted, or the server would take the value as a list.
		`unix_socket_directories="` + strings.ReplaceAll(s.sockets, `"`, `""`) + `"`,
		"unix_socket_permissions=0700",
		"port=5432", // only a part of the socket's name
		"max_connections=100",
		"log_timezone=UTC",
		"timezone=UTC",
		"cluster_name=diglot",
	}
	if s.fast {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-D", s.data}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// up makes the server run and answer. It waits as long as ctx lets it, because
// crash recovery takes the time that it takes.
func (s *server) up(ctx context.Context) (*child, error) {
	if err := evict(ctx, s.data, s.sockets); err != nil {
		return nil, err
	}
	c, err := s.launch(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, c); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (s *server) launch(ctx context.Context) (*child, error) {
	if info, err := os.Lstat(s.logPath); err == nil && info.Size() > maxLog {
		if err := os.Rename(s.logPath, s.logPath+".1"); err != nil {
			return nil, fmt.Errorf("set the server's log aside: %w", err)
		}
	}
	out, err := openOwn(s.logPath, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	defer out.Close() //nolint:errcheck // the child has its own descriptor
	from, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	// The server outlives the ctx that started it; stop is what ends it.
	cmd := s.acct.command(context.WithoutCancel(ctx), s.bin.path("postgres"), s.args()...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.bin.path("postgres"), err)
	}
	c := &child{cmd: cmd, exited: make(chan struct{}), logPath: s.logPath, logFrom: from}
	go func() {
		c.err = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

func (s *server) ready(ctx context.Context, c *child) error {
	for pause := 10 * time.Millisecond; ; pause = min(pause*3/2, 250*time.Millisecond) {
		err := ping(ctx, s.sockets)
		if err == nil {
			// An answer may also come from a server that was there before ours.
			if pid, _, _ := readPID(s.data); pid == c.cmd.Process.Pid {
				return nil
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-c.exited:
			timer.Stop()
			return &exitError{cause: c.err, logPath: c.logPath, tail: c.tail()}
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("wait for PostgreSQL to answer: %w", errors.Join(ctx.Err(), err))
		case <-timer.C:
		}
	}
}

// stop ends the run, and has no ctx because what was started must be stopped.
func (c *child) stop() error {
	gone := func(ctx context.Context) error {
		select {
		case <-c.exited:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-c.exited:
		return nil
	default:
	}
	if err := halt(context.Background(), c.cmd.Process.Pid, gone); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// tail is the end of what this run has logged.
func (c *child) tail() string {
	f, err := os.Open(c.logPath)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read
	raw, _ := io.ReadAll(io.NewSectionReader(f, c.logFrom, 64<<10))
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// exitError is a server that ended by itself.
type exitError struct {
	cause   error // nil when it ended in order
	logPath string
	tail    string
}

func (e *exitError) Error() string {
	how := "exit status 0"
	if e.cause != nil {
		how = e.cause.Error()
	}
	return fmt.Sprintf("PostgreSQL ended (%s); the end of %s:\n%s", how, e.logPath, e.tail)
}

func (e *exitError) Unwrap() error { return e.cause }

func ping(ctx context.Context, sockets string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, connString(sockets, "postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// connString leaves nothing to the PG variables of the environment.
func connString(sockets, database string) string {
	query := url.Values{"host": {sockets}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()
	u := url.URL{
		Scheme: "postgres",
		User:   url.User(role),
		Path:   "/" + database,
		// pgx, like libpq, takes a plus for itself and not for a space.
		RawQuery: strings.ReplaceAll(query, "+", "%20"),
	}
	return u.String()
}
