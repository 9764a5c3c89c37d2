package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// SecretStatus is what is known of a version of the secret. Nothing of it is secret.
type SecretStatus struct {
	Version     int
	Newest      bool // hashes and signing keys are made with it
	Kept        bool // in the database
	CreatedAt   *time.Time
	RetiredAt   *time.Time
	Keys        int      // API keys that are good, and lost without it
	SigningKeys []string // the ids of those that are good, and lost without it
}

// Secrets gives all versions of the secret, the newest first.
func (s *Store) Secrets(ctx context.Context, at time.Time) ([]SecretStatus, error) {
	const q = `
		SELECT v.version, v.material IS NOT NULL, v.created_at, v.retired_at,
			(SELECT count(*) FROM api_key k JOIN tenant t ON t.id = k.tenant_id WHERE k.hash_version = v.version AND ` + needsItsHash + `)
		FROM secret_version v ORDER BY v.version DESC`
	known, err := s.secretRows(ctx)
	if err != nil {
		return nil, wrap(err, "secret", "read secret")
	}
	rows, err := s.db.Query(ctx, q, at)
	if err != nil {
		return nil, wrap(err, "secret", "select secret_version")
	}
	newest := true
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (SecretStatus, error) {
		var v SecretStatus
		err := row.Scan(&v.Version, &v.Kept, &v.CreatedAt, &v.RetiredAt, &v.Keys)
		toUTC(v.CreatedAt, v.RetiredAt)
		v.Newest, newest = newest, false
		v.SigningKeys = known.signedBy(v.Version)
		return v, err
	})
	return list, wrap(err, "secret", "select secret_version")
}

// needsItsHash is what a key k of a tenant t that is good at $1 and has no next
// hash goes by.
const needsItsHash = `k.next_hash IS NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1) AND t.status <> 'deleting'`

// RotateSecret adds a version to the secret and gives its number: of new material,
// which is kept elsewhere, or without any of random material, which the database
// keeps. previous is the version of before, where the database keeps it not.
// What was made with that one stays good.
func (s *Store) RotateSecret(ctx context.Context, material, previous []byte, at time.Time) (int, error) {
	const insert = `INSERT INTO secret_version (version, material, fingerprint, created_at)
		SELECT max(version) + 1, $1, $2, $3 FROM secret_version HAVING max(version) = $4 ON CONFLICT DO NOTHING RETURNING version`
	given, err := candidates([][]byte{material, previous})
	if err != nil {
		return 0, err
	}
	rows, err := s.secretRows(ctx)
	if err != nil {
		return 0, wrap(err, "secret", "read secret")
	}
	if len(rows.versions) == 0 {
		return 0, errors.New("this database has no secret yet, so there is none to rotate: diglot serve makes the first one")
	}
	now := rows.inUse(given)
	switch {
	case len(now) > 1:
		return 0, fmt.Errorf("versions %d and %d of the secret are in use: retire version %d first", now[0].Number, now[1].Number, now[0].Number)
	case now[0].Material == nil:
		return 0, fmt.Errorf("version %d of the secret is kept elsewhere: give it in DIGLOT_SECRET_PREVIOUS or DIGLOT_SECRET_PREVIOUS_FILE, "+
			"and the new one in DIGLOT_SECRET or DIGLOT_SECRET_FILE", now[0].Number)
	}
	next, keep := given, []byte(nil)
	if material == nil {
		keep = core.RandomMaterial()
		if next, err = candidates([][]byte{keep}); err != nil {
			return 0, err
		}
	}
	if version, known := rows.version(next[0]); known {
		return 0, fmt.Errorf("what is given is version %d of the secret already: give the new one in DIGLOT_SECRET or DIGLOT_SECRET_FILE, "+
			"and the one of before in DIGLOT_SECRET_PREVIOUS or DIGLOT_SECRET_PREVIOUS_FILE", version)
	}
	var version int
	err = s.db.QueryRow(ctx, insert, keep, next[0].fingerprint, at, rows.newest()).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errors.New("the secret was rotated by somebody else meanwhile")
	}
	return version, wrap(err, "secret", "insert secret_version")
}

// NeededError is why a version of the secret is not retired: what would be lost
// with it.
type NeededError struct {
	Version     int
	Keys        []NeededKey
	SigningKeys []string
}

// NeededKey is an API key that no newer hash is known of.
type NeededKey struct{ ID, Tenant, Hint string }

// Error implements error.
func (e *NeededError) Error() string {
	var by []string
	count := func(n int, one, more string) {
		switch n {
		case 0:
		case 1:
			by = append(by, "1 "+one)
		default:
			by = append(by, fmt.Sprintf("%d %s", n, more))
		}
	}
	count(len(e.Keys), "key that was not used since it was rotated", "keys that were not used since it was rotated")
	count(len(e.SigningKeys), "signing key", "signing keys")
	return fmt.Sprintf("version %d of the secret is needed by %s", e.Version, strings.Join(by, " and by "))
}

// RetireSecret ends a version of the secret: from then on keys are found by the
// next one's hashes, and its material is forgotten. It is refused with a
// [NeededError] while something would be lost, unless that is lost by force: then
// those keys are revoked and those signing keys retired, and it gives them. It is
// refused, force or not, for the newest version and where no signing key is of a
// newer one, and with a Conflict on "instances" where one is running that knows
// no newer one. NotFound.
func (s *Store) RetireSecret(ctx context.Context, version int, at time.Time, force bool) (lost *NeededError, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.actIn(ctx, tx); err != nil {
			return err
		}
		lost, err = s.retireSecret(ctx, tx, version, at, force)
		return err
	})
	if needed, is := errors.AsType[*NeededError](err); is {
		return nil, needed
	}
	return lost, wrap(err, "secret", "retire secret_version")
}

func (s *Store) retireSecret(ctx context.Context, tx pgx.Tx, version int, at time.Time, force bool) (*NeededError, error) {
	const (
		// Nobody adds a key, or hashes one, between the look at what is needed and the end.
		lock  = `LOCK TABLE secret_version, api_key, signing_key IN SHARE ROW EXCLUSIVE MODE`
		query = `SELECT retired_at IS NOT NULL, version = (SELECT max(version) FROM secret_version) FROM secret_version WHERE version = $1`
		end   = `UPDATE secret_version SET retired_at = $2, material = NULL WHERE version = $1`
		// Where programs of before look for the first one. They are to find that theirs is another.
		endFirst = `UPDATE secret SET material = NULL, fingerprint = '' WHERE $1 = 1`
		revoke   = `UPDATE api_key SET revoked_at = $2 WHERE id = ANY ($1::text[]::uuid[])`
		rehash   = `UPDATE api_key SET hash = next_hash, hash_version = next_hash_version, next_hash = NULL, next_hash_version = NULL
			WHERE hash_version = $1 AND next_hash IS NOT NULL`
		unsign = `UPDATE signing_key SET retired_at = $2 WHERE id = ANY ($1)`
	)
	if _, err := tx.Exec(ctx, lock); err != nil {
		return nil, err
	}
	var retired, newest bool
	if err := tx.QueryRow(ctx, query, version).Scan(&retired, &newest); err != nil {
		return nil, err
	}
	switch {
	case retired:
		return &NeededError{Version: version}, nil
	case newest:
		return nil, &core.Error{
			Kind: core.Conflict, Noun: "secret", Fields: map[string]string{"newest": "is in use"},
			Message: "the newest version of the secret is the one that hashes and signing keys are made with",
		}
	}
	if err := requireNewer(ctx, tx, version+1); err != nil {
		return nil, err
	}
	lost, err := neededBy(ctx, tx, version, at)
	if err != nil {
		return nil, err
	}
	if !force && len(lost.Keys)+len(lost.SigningKeys) > 0 {
		return nil, lost
	}
	ids := make([]string, len(lost.Keys))
	for i, k := range lost.Keys {
		ids[i] = k.ID
	}
	var b pgx.Batch
	b.Queue(revoke, ids, at)
	b.Queue(unsign, lost.SigningKeys, at)
	b.Queue(rehash, version)
	b.Queue(end, version, at)
	b.Queue(endFirst, version)
	return lost, tx.SendBatch(ctx, &b).Close()
}

// neededBy gives what would be lost with a version. Where nothing would be left
// to sign with, that is an error.
func neededBy(ctx context.Context, tx pgx.Tx, version int, at time.Time) (*NeededError, error) {
	const (
		keys = `SELECT k.id::text, t.name, k.hint FROM api_key k JOIN tenant t ON t.id = k.tenant_id
			WHERE k.hash_version = $2 AND ` + needsItsHash + ` ORDER BY t.name, k.created_at, k.id`
		signing = `SELECT id FROM signing_key WHERE retired_at IS NULL ORDER BY created_at, id`
	)
	needed := &NeededError{Version: version}
	rows, err := tx.Query(ctx, keys, at, version)
	if err == nil {
		needed.Keys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[NeededKey])
	}
	if err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, signing); err != nil {
		return nil, err
	}
	good, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	needed.SigningKeys = slices.DeleteFunc(slices.Clone(good), func(id string) bool { return core.SigningKeyVersion(id) != version })
	if len(needed.SigningKeys) == len(good) {
		return nil, core.ErrKeySigns
	}
	return needed, nil
}

// versionLocks is the class of the advisory locks by which running instances
// tell the newest version of the secret that each knows.
const versionLocks = 0x6469676c // "digl"

// TellSecretVersion has whoever rotates the secret know, while the store's watch is
// connected, which version is the newest that this instance knows: within a second,
// where it is connected already. [Store.Secret] does so too.
func (s *Store) TellSecretVersion(newest int) { s.secretVersion.Store(int64(newest)) }

// holdVersion has the watch's connection hold the lock of that version, and of no
// other, until it ends.
func (s *Store) holdVersion(ctx context.Context, conn *pgx.Conn, held *int64) error {
	version := s.secretVersion.Load()
	if version == *held {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, watchPing)
	defer cancel()
	const lock, unlock = `SELECT pg_advisory_lock_shared($1, $2)`, `SELECT pg_advisory_unlock_shared($1, $2)`
	if _, err := conn.Exec(ctx, lock, versionLocks, int32(version)); err != nil { //nolint:gosec // it counts how often the secret was rotated
		return err
	}
	if *held > 0 {
		if _, err := conn.Exec(ctx, unlock, versionLocks, int32(*held)); err != nil { //nolint:gosec // likewise
			return err
		}
	}
	*held = version
	return nil
}

// requireNewer gives a Conflict on "instances" where an instance is running that
// knows no version of the secret from this one on. It is one that watches: builds
// of before, and one that has lost its watch at the moment, tell nothing.
func requireNewer(ctx context.Context, db querier, version int) error {
	behind, err := instancesBelow(ctx, db, version)
	if err != nil || behind == 0 {
		return err
	}
	don, them := "instances don't know", "them"
	if behind == 1 {
		don, them = "instance doesn't know", "it"
	}
	return &core.Error{
		Kind: core.Conflict, Noun: "secret", Fields: map[string]string{"instances": "are behind"},
		Message: fmt.Sprintf("%d running %s version %d of the secret: restart %s with it first", behind, don, version, them),
	}
}

// instancesBelow counts the instances that run and know no version of the secret
// from this one on; 0: all that run.
func instancesBelow(ctx context.Context, db querier, version int) (n int, err error) {
	const q = `SELECT count(*) FROM pg_locks
		WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		  AND classid = $1::bigint::oid AND (objid < $2::bigint::oid OR $2 = 0) AND objsubid = 2 AND granted`
	err = db.QueryRow(ctx, q, int64(versionLocks), int64(version)).Scan(&n)
	return n, err
}
