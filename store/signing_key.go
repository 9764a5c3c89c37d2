package store

import (
	"context"
	"errors"
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
	if version := core.SigningKeyVersion(k.ID); version > 1 {
		if err := requireNewer(ctx, s.db, version); err != nil {
			return core.SigningKey{}, wrap(err, "signing_key", "look for instances that are behind")
		}
	}
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

// RetireSigningKey implements [core.Directory]. It locks nothing but the key's
// row, and so holds up nobody who issues a session. One that is issued by the key
// meanwhile is as dead as the others: whether its key is good is judged at each
// use. Nor does it matter what else is made or retired meanwhile: the newest key
// of all is never retired, so that one is always left to sign.
func (s *Store) RetireSigningKey(ctx context.Context, id string, at time.Time) (core.SigningKey, error) {
	const (
		retire = `UPDATE signing_key k SET retired_at = $2
			WHERE id = $1 AND retired_at IS NULL
			  AND EXISTS (SELECT FROM signing_key n WHERE (n.created_at, n.id) > (k.created_at, k.id) AND n.retired_at IS NULL)
			RETURNING ` + signingKeyColumns
		query = `SELECT ` + signingKeyColumns + ` FROM signing_key WHERE id = $1`
	)
	if !core.ValidText(id) {
		return core.SigningKey{}, notFound("signing_key")
	}
	var r signingKeyRow
	err := s.db.QueryRow(ctx, retire, id, at).Scan(r.columns()...)
	if !errors.Is(err, pgx.ErrNoRows) {
		return r.toCore(), wrap(err, "signing_key", "retire signing_key")
	}
	if err := s.db.QueryRow(ctx, query, id).Scan(r.columns()...); err != nil {
		return core.SigningKey{}, wrap(err, "signing_key", "select signing_key")
	}
	if r.retiredAt == nil {
		return core.SigningKey{}, core.ErrKeySigns
	}
	return r.toCore(), nil
}
