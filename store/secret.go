package store

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// Secret gives the installation's secret. With given material, the database
// keeps a fingerprint alone, and a database that was set up with another
// secret is an error; without, it keeps material that was made at random once.
// Any number of instances may ask at once.
func (s *Store) Secret(ctx context.Context, given []byte) (*core.Secret, error) {
	if given != nil {
		return s.givenSecret(ctx, given)
	}
	material := core.RandomMaterial()
	secret, err := core.NewSecret(material)
	if err != nil {
		return nil, err
	}
	kept, err := s.keepSecret(ctx, material, fingerprint(secret))
	switch {
	case isSQLState(err, insufficientPrivilege):
		return nil, errors.New("the database keeps the secret where this login may not read it: " +
			"give it in DIGLOT_SECRET or DIGLOT_SECRET_FILE")
	case err != nil:
		return nil, wrap(err, "secret", "read secret")
	case kept.material == nil:
		return nil, errors.New("the secret of this database is kept elsewhere: give it in DIGLOT_SECRET or DIGLOT_SECRET_FILE")
	}
	return core.NewSecret(kept.material)
}

func (s *Store) givenSecret(ctx context.Context, given []byte) (*core.Secret, error) {
	secret, err := core.NewSecret(given)
	if err != nil {
		return nil, err
	}
	kept, err := s.keepSecret(ctx, nil, fingerprint(secret))
	if isSQLState(err, insufficientPrivilege) { // a login for the runtime alone may compare, and keep nothing
		kept.fingerprint, err = s.keptFingerprint(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return secret, nil
		}
	}
	switch {
	case err != nil:
		return nil, wrap(err, "secret", "read secret")
	case !hmac.Equal(kept.fingerprint, fingerprint(secret)):
		return nil, errors.New("this database was set up with another secret: " +
			"give that one in DIGLOT_SECRET or DIGLOT_SECRET_FILE, or none if it was set up with none")
	}
	return secret, nil
}

func (s *Store) keptFingerprint(ctx context.Context) (kept []byte, err error) {
	err = s.db.QueryRow(ctx, `SELECT fingerprint FROM secret`).Scan(&kept)
	return kept, err
}

// fingerprint tells secrets apart without telling anything of them.
func fingerprint(s *core.Secret) []byte { return s.Derive("fingerprint") }

type secretRow struct{ material, fingerprint []byte }

// keepSecret keeps the secret unless there is one, and gives the one there is.
func (s *Store) keepSecret(ctx context.Context, material, fingerprint []byte) (kept secretRow, err error) {
	const (
		query  = `SELECT material, fingerprint FROM secret`
		insert = `INSERT INTO secret (material, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	)
	err = s.db.QueryRow(ctx, query).Scan(&kept.material, &kept.fingerprint)
	if !errors.Is(err, pgx.ErrNoRows) {
		return kept, err
	}
	if _, err := s.db.Exec(ctx, insert, material, fingerprint); err != nil {
		return kept, fmt.Errorf("insert secret: %w", err)
	}
	err = s.db.QueryRow(ctx, query).Scan(&kept.material, &kept.fingerprint)
	return kept, err
}
