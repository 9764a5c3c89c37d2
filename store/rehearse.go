package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/diglot/diglot/core"
)

// Rehearse implements [core.Directory], in one transaction on a connection of its
// own, which ends in a rollback; one within it, behind a savepoint.
func (s *Store) Rehearse(ctx context.Context, _ core.TenantID, do func(core.Backend) error) error {
	if s.rehearsing != nil {
		return s.rehearseWithin(ctx, do)
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return wrap(err, "database", "rehearse")
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	if err := pg.Exec(ctx, "BEGIN").Close(); err != nil {
		return wrap(err, "database", "rehearse")
	}
	defer undo(ctx, pg)
	return do(&Store{
		pool: s.pool, db: s.db, prelude: s.prelude, direct: s.direct, role: s.role, chainer: s.chainer, log: s.log, rehearsing: pg,
	})
}

// rehearseWithin takes back, with what was done, the locks that it took.
func (s *Store) rehearseWithin(ctx context.Context, do func(core.Backend) error) error {
	if err := s.rehearsing.Exec(ctx, "SAVEPOINT within").Close(); err != nil {
		return wrap(err, "database", "rehearse")
	}
	err := do(s)
	if back := s.rehearsing.Exec(ctx, "ROLLBACK TO SAVEPOINT within; RELEASE SAVEPOINT within").Close(); back != nil {
		return errors.Join(err, fmt.Errorf("the rehearsal is over: %w", back))
	}
	return err
}

// rehearse runs the calls within the transaction of a rehearsal; what fails is
// undone alone.
func rehearse(ctx context.Context, pg *pgconn.PgConn, calls []*call) error {
	batch := append([]*call{{sql: "SAVEPOINT rehearsed"}}, calls...)
	err := send(ctx, pg, append(batch, &call{sql: "RELEASE SAVEPOINT rehearsed"}))
	if err == nil {
		return nil
	}
	if back := pg.Exec(ctx, "ROLLBACK TO SAVEPOINT rehearsed").Close(); back != nil {
		return fmt.Errorf("%w, and the rehearsal is over: %w", err, back)
	}
	return err
}
