package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// signingKeyColumns are read into a [signingKeyRow], in this order. The first
// key has no time: it was always there.
const signingKeyColumns = `id, NULLIF(created_at, '-infinity'), retired_at`

type signingKeyRow struct {
	id                   string
	createdAt, retiredAt *time.Time
}

func (r *signingKeyRow) columns() []any { return []any{&r.id, &r.createdAt, &r.retiredAt} }

func (r *signingKeyRow) toCore() core.SigningKey {
	k := core.SigningKey{ID: r.id}
	if r.createdAt != nil {
		k.CreatedAt = r.createdAt.UTC()
	}
	if r.retiredAt != nil {
		k.RetiredAt = new(r.retiredAt.UTC())
	}
	return k
}

// CreateSigningKey implements [core.Directory].
func (s *Store) CreateSigningKey(ctx context.Context, k core.SigningKey) (core.SigningKey, error) {
	const q = `INSERT INTO signing_key (id, created_at)
		SELECT $1, GREATEST($2::timestamptz, max(created_at) + interval '1 microsecond') FROM signing_key
		RETURNING ` + signingKeyColumns
	var r signingKeyRow
	if err := s.db.QueryRow(ctx, q, k.ID, k.CreatedAt).Scan(r.columns()...); err != nil {
		return core.SigningKey{}, wrap(err, "signing_key", "insert signing_key")
	}
	return r.toCore(), nil
}

// SigningKeys implements [core.Directory].
func (s *Store) SigningKeys(ctx context.Context) ([]core.SigningKey, error) {
	const q = `SELECT ` + signingKeyColumns + ` FROM signing_key k ORDER BY k.created_at DESC, k.id DESC`
	rows, err := s.db.Query(ctx, q)
	if err != nil {
		return nil, wrap(err, "signing_key", "select signing_key")
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (core.SigningKey, error) {
		var r signingKeyRow
		err := row.Scan(r.columns()...)
		return r.toCore(), err
	})
	return keys, wrap(err, "signing_key", "select signing_key")
}

// RetireSigningKey implements [core.Directory].
func (s *Store) RetireSigningKey(ctx context.Context, id string, at time.Time) (k core.SigningKey, ended int, err error) {
	if !core.ValidText(id) {
		return core.SigningKey{}, 0, notFound("signing_key")
	}
	if s.stepsDown() {
		return core.SigningKey{}, 0, errLooksUpOnly
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		k, ended, err = retireSigningKey(ctx, tx, id, at)
		return err
	})
	return k, ended, wrap(err, "signing_key", "retire signing_key")
}

func retireSigningKey(ctx context.Context, tx pgx.Tx, id string, at time.Time) (k core.SigningKey, ended int, err error) {
	const (
		// Whoever is issuing a session may have the key in hand: the lock waits until
		// that session is there to be revoked, and lets nobody begin before this ends.
		hold   = `LOCK TABLE session_token IN SHARE ROW EXCLUSIVE MODE`
		query  = `SELECT ` + signingKeyColumns + ` FROM signing_key WHERE id = $1 FOR UPDATE`
		retire = `UPDATE signing_key k SET retired_at = $2
			WHERE id = $1 AND EXISTS (SELECT FROM signing_key n WHERE (n.created_at, n.id) > (k.created_at, k.id) AND n.retired_at IS NULL)
			RETURNING ` + signingKeyColumns
		revoke = `UPDATE session_token SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL`
	)
	if _, err := tx.Exec(ctx, hold); err != nil {
		return k, 0, err
	}
	var r signingKeyRow
	if err := tx.QueryRow(ctx, query, id).Scan(r.columns()...); err != nil || r.retiredAt != nil {
		return r.toCore(), 0, err
	}
	rows, _ := tx.Query(ctx, retire, id, at) // an error is the rows' too
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (core.SigningKey, error) {
		err := row.Scan(r.columns()...)
		return r.toCore(), err
	})
	switch {
	case err != nil:
		return k, 0, err
	case len(found) == 0:
		return k, 0, core.ErrKeySigns
	}
	tag, err := tx.Exec(ctx, revoke, id, at)
	return found[0], int(tag.RowsAffected()), err
}
