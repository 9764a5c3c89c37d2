package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// On a server that several test binaries share, each run has a number and
// holds an advisory lock on it while it lives. So its databases collide with
// nobody's, and those of a run that was killed can be told and dropped.

const (
	databasePrefix = "diglot_test_"

	// runLocks is the first half of a run's lock, the run's number the second.
	runLocks = int32(0x64697467)
)

func databaseName(run int32, suffix string) string {
	return fmt.Sprintf("%s%d_%s", databasePrefix, run, suffix)
}

func runOf(database string) (run int32, ok bool) {
	number, _, ok := strings.Cut(strings.TrimPrefix(database, databasePrefix), "_")
	n, err := strconv.ParseInt(number, 10, 32)
	return int32(n), ok && err == nil
}

// claimRun takes a number that no living run has, for as long as the
// connection lasts.
func claimRun(ctx context.Context, conn *pgx.Conn) (int32, error) {
	for {
		run := rand.Int32()
		claimed, err := tryLock(ctx, conn, run)
		if err != nil {
			return 0, fmt.Errorf("claim a number for the test run: %w", err)
		}
		if claimed {
			return run, nil
		}
	}
}

// dropLeftovers drops the databases of runs that ended without doing so.
func dropLeftovers(ctx context.Context, conn *pgx.Conn) error {
	const q = `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`
	rows, _ := conn.Query(ctx, q, databasePrefix) // an error is CollectRows' too
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	for _, name := range names {
		run, ok := runOf(name)
		if !ok {
			continue // not ours
		}
		dead, err := tryLock(ctx, conn, run)
		if err != nil {
			return fmt.Errorf("look whether run %d lives: %w", run, err)
		}
		if !dead {
			continue
		}
		_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		if _, unlockErr := conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", runLocks, run); err == nil {
			err = unlockErr
		}
		if err != nil {
			return fmt.Errorf("drop leftover %s: %w", name, err)
		}
	}
	return nil
}

func tryLock(ctx context.Context, conn *pgx.Conn, run int32) (locked bool, err error) {
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", runLocks, run).Scan(&locked)
	return locked, err
}
