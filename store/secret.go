package store

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"log/slog"

	"github.com/diglot/diglot/core"
)

// Secret gives the installation's secret, with each version that is in use. Of
// given material, nil counting as none, the database keeps a fingerprint alone,
// which tells what version it makes; other versions are the database's own. A
// database without a secret takes what is given, or else material made at random,
// for its first version. It is an error where material is of no version, and
// where one that something depends on is neither given nor kept. Any number of
// instances may ask at once.
func (s *Store) Secret(ctx context.Context, given ...[]byte) (*core.Secret, error) {
	g, err := candidates(given)
	if err != nil {
		return nil, err
	}
	rows, err := s.secretRows(ctx)
	if err == nil && len(rows.versions) == 0 {
		var fresh *core.Secret
		if fresh, err = s.keepFirstSecret(ctx, g); fresh != nil || err != nil {
			return fresh, err
		}
		rows, err = s.secretRows(ctx)
	}
	if err != nil {
		return nil, wrap(err, "secret", "read secret")
	}
	secret, err := rows.secret(g)
	if err != nil {
		return nil, err
	}
	if newest := rows.newest(); secret.Newest() < newest {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the newest version of the secret is not given to this instance; it is needed before another one is retired",
			slog.Int("version", newest))
	}
	s.secretVersion.Store(int64(secret.Newest()))
	return secret, nil
}

// candidate is material that was given.
type candidate struct{ material, fingerprint []byte }

func candidates(given [][]byte) (out []candidate, err error) {
	for _, material := range given {
		if material == nil {
			continue
		}
		secret, err := core.NewSecret(material)
		if err != nil {
			return nil, err
		}
		out = append(out, candidate{material, fingerprint(secret)})
	}
	return out, nil
}

// fingerprint tells secrets of one version apart without telling anything of them.
func fingerprint(s *core.Secret) []byte { return s.Derive("fingerprint") }

// secretRows is all that there is of secrets: columns, as a runtime by way of a
// pooler asks for one row.
type secretRows struct {
	versions     []int32 // rising
	fingerprints [][]byte
	materials    [][]byte // nil: kept elsewhere, or not for this login to read
	retired      []bool
	signing      []string // the ids of signing keys that are good
}

func (s *Store) secretRows(ctx context.Context) (r secretRows, err error) {
	const (
		all = `SELECT COALESCE(array_agg(version ORDER BY version), '{}'), array_agg(fingerprint ORDER BY version),
				array_agg(material ORDER BY version), array_agg(retired_at IS NOT NULL ORDER BY version),
				ARRAY(SELECT id FROM signing_key WHERE retired_at IS NULL)
			FROM secret_version`
		public = `SELECT COALESCE(array_agg(version ORDER BY version), '{}'), array_agg(fingerprint ORDER BY version),
				array_agg(NULL::bytea), array_agg(retired_at IS NOT NULL ORDER BY version),
				ARRAY(SELECT id FROM signing_key WHERE retired_at IS NULL)
			FROM secret_version`
	)
	for _, q := range []string{all, public} { // a login for the runtime alone may compare, and read no material
		err = s.db.QueryRow(ctx, q).Scan(&r.versions, &r.fingerprints, &r.materials, &r.retired, &r.signing)
		if !isSQLState(err, insufficientPrivilege) {
			break
		}
	}
	return r, err
}

// keepFirstSecret keeps the first version of the secret, unless another instance
// does so meanwhile. It gives the secret where this login may not keep it.
func (s *Store) keepFirstSecret(ctx context.Context, given []candidate) (*core.Secret, error) {
	const insert = `INSERT INTO secret (material, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	var material []byte
	switch len(given) {
	case 0:
		material = core.RandomMaterial()
		made, err := candidates([][]byte{material})
		if err != nil {
			return nil, err
		}
		given = made
	case 1:
	default:
		return nil, errors.New("this database has no secret yet, so there is none of before: leave DIGLOT_SECRET_PREVIOUS out")
	}
	_, err := s.db.Exec(ctx, insert, material, given[0].fingerprint)
	switch {
	case err == nil:
		return nil, nil
	case !isSQLState(err, insufficientPrivilege) && !errors.Is(err, errLooksUpOnly):
		return nil, wrap(err, "secret", "insert secret")
	case material != nil:
		return nil, errKeptElsewhere(1)
	default:
		return core.NewSecret(given[0].material)
	}
}

func errKeptElsewhere(version int) error {
	return fmt.Errorf("version %d of this database's secret is kept elsewhere, or where this login may not read it: "+
		"give it in DIGLOT_SECRET or DIGLOT_SECRET_FILE, or in DIGLOT_SECRET_PREVIOUS or DIGLOT_SECRET_PREVIOUS_FILE beside a newer one", version)
}

var errAnotherSecret = errors.New("this database was set up with another secret: " +
	"give that one in DIGLOT_SECRET or DIGLOT_SECRET_FILE, or none if it was set up with none; " +
	"to go over to another one, give the one of before in DIGLOT_SECRET_PREVIOUS and run: diglot secret rotate")

func (r *secretRows) newest() int { return int(r.versions[len(r.versions)-1]) }

// version gives the number of the version that material makes, retired or not.
func (r *secretRows) version(c candidate) (int, bool) {
	for i, f := range r.fingerprints {
		if hmac.Equal(f, c.fingerprint) {
			return int(r.versions[i]), true
		}
	}
	return 0, false
}

// inUse gives the versions that are not retired, rising, with the material that
// is at hand.
func (r *secretRows) inUse(given []candidate) (out []core.SecretVersion) {
	for i, number := range r.versions {
		if r.retired[i] {
			continue
		}
		v := core.SecretVersion{Number: int(number), Material: r.materials[i]}
		for _, c := range given {
			if hmac.Equal(c.fingerprint, r.fingerprints[i]) {
				v.Material = c.material
			}
		}
		out = append(out, v)
	}
	return out
}

// secret gives the secret of what is kept and given. The oldest version has to be
// there, as keys are found by it; a newer one where tokens are signed with it.
func (r *secretRows) secret(given []candidate) (*core.Secret, error) {
	for _, c := range given {
		if _, known := r.version(c); !known {
			return nil, errAnotherSecret
		}
	}
	var have []core.SecretVersion
	for i, v := range r.inUse(given) {
		switch {
		case v.Material != nil:
			have = append(have, v)
		case i == 0 || len(r.signedBy(v.Number)) > 0:
			return nil, errKeptElsewhere(v.Number)
		}
	}
	return core.NewVersionedSecret(have...)
}

// signedBy gives the ids of the good signing keys of a version.
func (r *secretRows) signedBy(version int) (ids []string) {
	for _, id := range r.signing {
		if core.SigningKeyVersion(id) == version {
			ids = append(ids, id)
		}
	}
	return ids
}
