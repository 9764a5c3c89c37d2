package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// evict ends the postmaster that a former owner left running, and clears what one
// left that is dead. The caller has the folder's lock, so whatever runs is an orphan.
func evict(ctx context.Context, data, sockets string) error {
	pid, rest, err := readPID(data)
	if err != nil {
		return err
	}
	if pid != 0 && isPostmaster(pid, data) {
		gone := func(ctx context.Context) error { return waitGone(ctx, pid, data) }
		if err := halt(ctx, pid, gone); err != nil {
			return fmt.Errorf("stop the PostgreSQL (pid %d) left from an earlier run: %w", pid, err)
		}
		pid = 0
	}
	// PostgreSQL tells a stale pid file by the process being gone, and so refuses to
	// start when the number is in use again or is a zombie's, as it happens in
	// containers. It takes a number of its parent's as stale, and then still makes
	// sure that nobody uses the shared memory, which removing the file would prevent.
	if pid != 0 && alive(pid) {
		if err := rewritePID(data, rest); err != nil {
			return err
		}
	}
	for _, name := range []string{".s.PGSQL.5432", ".s.PGSQL.5432.lock"} {
		if err := os.Remove(filepath.Join(sockets, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a dead socket: %w", err)
		}
	}
	return nil
}

// readPID returns 0 when the cluster has no pid file.
func readPID(data string) (pid int, rest string, err error) {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid")) //nolint:gosec // the path is ours
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("read the pid file of PostgreSQL: %w", err)
	}
	first, rest, _ := strings.Cut(string(raw), "\n")
	// Negative for a standalone backend; 0 for a file that a crash left empty.
	pid, _ = strconv.Atoi(strings.TrimSpace(first))
	return max(pid, -pid), rest, nil
}

func rewritePID(data, rest string) error {
	f, err := os.OpenFile(filepath.Join(data, "postmaster.pid"), os.O_WRONLY|os.O_TRUNC, 0) //nolint:gosec // the path is ours
	if err != nil {
		return fmt.Errorf("mark the pid file of PostgreSQL as stale: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d\n%s", os.Getpid(), rest)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("mark the pid file of PostgreSQL as stale: %w", err)
	}
	return nil
}

func waitGone(ctx context.Context, pid int, data string) error {
	for isPostmaster(pid, data) {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// halt stops a postmaster, less and less politely. Even the last way loses nothing
// that was acknowledged: the next start recovers it from the log.
func halt(ctx context.Context, pid int, gone func(context.Context) error) error {
	var failures []error
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{fastStop, 30 * time.Second}, {immediateStop, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := kill(pid, step.signal); err != nil {
			failures = append(failures, err) // most likely it is gone, and waiting returns at once
		}
		patient, cancel := context.WithTimeout(ctx, step.patience)
		err := gone(patient)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(append(failures, errors.New("it does not stop"))...)
}
