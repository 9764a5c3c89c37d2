package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

const role = "diglot" // and the name of its database

// clusterMajor returns 0 when there is no cluster yet.
func clusterMajor(data string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(data, "PG_VERSION")) //nolint:gosec // the path is ours
	switch {
	case err == nil:
		return leadingInt(string(raw)), nil
	case !errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("read the version of the cluster: %w", err)
	}
	if _, err := os.Stat(data); err == nil {
		return 0, fmt.Errorf("%s is not a PostgreSQL cluster; give --data-dir another folder", data)
	}
	return 0, nil
}

// initdb makes the cluster under another name and renames it when it is whole, so
// that one that was interrupted never counts. The name is new each time: after a
// kill -9 of ours, an initdb may still be writing to the former.
func (s *server) initdb(ctx context.Context, base string) error {
	leftovers, _ := filepath.Glob(filepath.Join(base, "pg.tmp-*"))
	for _, dir := range leftovers {
		if err := os.RemoveAll(dir); err != nil {
			s.logger.WarnContext(ctx, "half-made cluster not removed", slog.String("dir", dir), slog.Any("error", err))
		}
	}
	temp, err := os.MkdirTemp(base, "pg.tmp-")
	if err != nil {
		return fmt.Errorf("create a cluster: %w", err)
	}
	s.logger.InfoContext(ctx, "creating a PostgreSQL cluster", slog.String("dir", s.data), slog.String("version", s.bin.version))
	if err := s.runInitdb(ctx, temp); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	if err := os.Rename(temp, s.data); err != nil {
		return fmt.Errorf("create a cluster: %w", err)
	}
	if s.fast {
		return nil
	}
	return syncDir(base)
}

func (s *server) runInitdb(ctx context.Context, dir string) error {
	if err := s.acct.own(dir); err != nil {
		return fmt.Errorf("create a cluster: %w", err)
	}
	args := []string{"--pgdata=" + dir, "--encoding=UTF8", "--locale=C", "--username=" + role, "--auth-local=trust", "--auth-host=reject"}
	if s.fast {
		args = append(args, "--no-sync")
	}
	cmd := s.acct.command(ctx, s.bin.path("initdb"), args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// The group, because initdb has servers under it.
	cmd.Cancel = func() error { return kill(-cmd.Process.Pid, fastStop) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("create a cluster with %s: %w\n%s", s.bin.path("initdb"), err, output.Bytes())
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // the path is ours
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// ensureDatabase is apart from initdb because it needs the running server, which
// may die before it gets there.
func ensureDatabase(ctx context.Context, sockets string) (err error) {
	conn, err := pgx.Connect(ctx, connString(sockets, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to create the database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var found bool
	const exists = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, exists, role).Scan(&found); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if found {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+role); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}
