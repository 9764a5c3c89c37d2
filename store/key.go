package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// keyColumns are read into a [keyRow], in this order.
const keyColumns = `k.tenant_id, k.id, k.dialect, k.scope, k.hash, k.hint, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
	k.hash_version, k.next_hash, k.next_hash_version`

type keyRow struct {
	core.Key

	hash, nextHash []byte
	nextVersion    *int
}

func (r *keyRow) columns() []any {
	return []any{
		&r.Tenant, &r.ID, &r.Dialect, &r.Scope, &r.hash, &r.Hint,
		&r.CreatedAt, &r.ExpiresAt, &r.RevokedAt, &r.LastUsedAt,
		&r.HashVersion, &r.nextHash, &r.nextVersion,
	}
}

func (r *keyRow) toCore() core.Key {
	copy(r.Hash[:], r.hash)
	if r.nextVersion != nil {
		r.Next = &core.VersionedHash{Version: *r.nextVersion}
		copy(r.Next.Hash[:], r.nextHash)
	}
	r.CreatedAt = r.CreatedAt.UTC()
	toUTC(r.ExpiresAt, r.RevokedAt, r.LastUsedAt)
	return r.Key
}

func toUTC(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}

var ownerOfKey = `SELECT (o.k).id, (o.k).scope, (o.k).hint, (o.k).created_at, (o.k).expires_at,
		(o.k).hash, (o.k).hash_version, (o.k).next_hash, (o.k).next_hash_version, ` + tenantColumnsOf("(o.t)") + `
	FROM owner_of_key($1, $2) o`

// KeyOwner implements [core.Store].
func (s *Store) KeyOwner(ctx context.Context, dialect core.DialectName, hashes ...core.KeyHash) (core.Tenant, core.Key, error) {
	if len(hashes) == 0 {
		return core.Tenant{}, core.Key{}, notFound("key")
	}
	wanted := make([][]byte, len(hashes))
	for i := range hashes {
		wanted[i] = hashes[i][:]
	}
	k := keyRow{Key: core.Key{Dialect: dialect}}
	columns := []any{
		&k.ID, &k.Scope, &k.Hint, &k.CreatedAt, &k.ExpiresAt, &k.hash, &k.HashVersion, &k.nextHash, &k.nextVersion,
	}
	t, err := s.lookUp(ctx, string(hashes[0][:]), columns, ownerOfKey, string(dialect), wanted)
	if err != nil {
		return core.Tenant{}, core.Key{}, wrap(err, "key", "select owner of api_key")
	}
	k.Tenant = t.ID
	return t, k.toCore(), nil
}

// NoteKeyUses implements [core.Store].
func (s *Store) NoteKeyUses(ctx context.Context, uses []core.KeyUse) error {
	const q = `SELECT count(*) FROM note_key_uses($1::text[]::uuid[], $2::text[]::uuid[], $3::timestamptz[])`
	tenants, keys, times := make([]string, len(uses)), make([]string, len(uses)), make([]time.Time, len(uses))
	for i, u := range uses {
		tenants[i], keys[i], times[i] = string(u.Tenant), u.KeyID, u.At
	}
	var calls int // a row is what a pooled store asks for
	err := s.db.QueryRow(ctx, q, tenants, keys, times).Scan(&calls)
	return wrap(err, "key", "update api_key's last_used_at")
}

// RehashKeys implements [core.Store].
func (s *Store) RehashKeys(ctx context.Context, rehashes []core.KeyRehash) error {
	const q = `SELECT count(*) FROM rehash_keys($1::text[]::uuid[], $2::text[]::uuid[], $3, $4, $5::integer[])`
	n := len(rehashes)
	tenants, keys, from, next, versions := make([]string, n), make([]string, n), make([][]byte, n), make([][]byte, n), make([]int32, n)
	for i := range rehashes {
		r := &rehashes[i]
		tenants[i], keys[i], from[i], next[i] = string(r.Tenant), r.KeyID, r.From[:], r.Next.Hash[:]
		versions[i] = int32(r.Next.Version) //nolint:gosec // it counts how often the secret was rotated
	}
	var calls int // a row is what a pooled store asks for
	err := s.db.QueryRow(ctx, q, tenants, keys, from, next, versions).Scan(&calls)
	return wrap(err, "key", "update api_key's next_hash")
}

// insertKey takes the next hash for the hash where the version of that one was
// retired meanwhile: its maker may have begun before.
const insertKey = `
	INSERT INTO api_key (tenant_id, id, dialect, scope, hash, hint, created_at, expires_at, hash_version, next_hash, next_hash_version)
	SELECT $1::uuid, $2::uuid, $3::text, $4::text, CASE WHEN v.retired THEN $10 ELSE $5::bytea END, $6::text, $7::timestamptz, $8::timestamptz,
		CASE WHEN v.retired THEN $11 ELSE $9::integer END, CASE WHEN NOT v.retired THEN $10::bytea END, CASE WHEN NOT v.retired THEN $11::integer END
	FROM (SELECT EXISTS (SELECT FROM secret_version WHERE version = $9 AND retired_at IS NOT NULL)) AS v (retired)`

func insertKeyArgs(k *core.Key) []any {
	var (
		next        []byte
		nextVersion *int
	)
	if k.Next != nil {
		next, nextVersion = k.Next.Hash[:], &k.Next.Version
	}
	return []any{
		string(k.Tenant), k.ID, string(k.Dialect), string(k.Scope), k.Hash[:], k.Hint, k.CreatedAt, k.ExpiresAt,
		max(k.HashVersion, 1), next, nextVersion,
	}
}

// CreateKey implements [core.Directory].
func (s *Store) CreateKey(ctx context.Context, k core.Key) error {
	_, err := s.db.Exec(ctx, insertKey, insertKeyArgs(&k)...)
	return wrap(err, "key", "insert api_key")
}

// CreateKeys implements [core.Directory].
func (s *Store) CreateKeys(ctx context.Context, keys []core.Key) error {
	if s.stepsDown() {
		return errLooksUpOnly
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.actIn(ctx, tx); err != nil {
			return err
		}
		var batch pgx.Batch
		for i := range keys {
			batch.Queue(insertKey+` ON CONFLICT (hash) DO NOTHING`, insertKeyArgs(&keys[i])...)
		}
		results := tx.SendBatch(ctx, &batch)
		for i := range keys {
			tag, err := results.Exec()
			if err == nil && tag.RowsAffected() == 0 {
				err = core.KeyTaken(i)
			}
			if err != nil {
				_ = results.Close() // the error that led here is the one to tell
				return err
			}
		}
		return results.Close()
	})
	return wrap(err, "key", "insert api_keys")
}

// Keys implements [core.Directory].
func (s *Store) Keys(ctx context.Context, tenant core.TenantID) ([]core.Key, error) {
	const q = `SELECT ` + keyColumns + ` FROM api_key k WHERE k.tenant_id = $1 ORDER BY k.created_at, k.id`
	rows, err := s.db.Query(ctx, q, string(tenant))
	if err != nil {
		return nil, wrap(err, "key", "select api_keys")
	}
	keys, err := pgx.CollectRows(rows, collectKey)
	return keys, wrap(err, "key", "select api_keys")
}

// Key implements [core.Directory].
func (s *Store) Key(ctx context.Context, id string) (core.Tenant, core.Key, error) {
	q := `SELECT ` + keyColumns + `, ` + tenantColumnsOf("t") + ` FROM api_key k JOIN tenant t ON t.id = k.tenant_id WHERE k.id = $1`
	if !core.TenantID(id).Valid() { // no UUID
		return core.Tenant{}, core.Key{}, notFound("key")
	}
	var (
		k keyRow
		t tenantRow
	)
	if err := s.db.QueryRow(ctx, q, id).Scan(append(k.columns(), t.columns()...)...); err != nil {
		return core.Tenant{}, core.Key{}, wrap(err, "key", "select api_key")
	}
	return t.toCore(), k.toCore(), nil
}

// RotateKey implements [core.Directory].
func (s *Store) RotateKey(ctx context.Context, id string, endsAt *time.Time, next core.Key) (core.Key, error) {
	const (
		find = `SELECT ` + keyColumns + ` FROM api_key k WHERE k.id = $1 AND k.tenant_id = $2 FOR UPDATE`
		end  = `UPDATE api_key k SET expires_at = LEAST(k.expires_at, $2), revoked_at = $3
			WHERE k.id = $1 RETURNING ` + keyColumns
	)
	if !core.TenantID(id).Valid() {
		return core.Key{}, notFound("key")
	}
	if s.stepsDown() {
		return core.Key{}, errLooksUpOnly
	}
	var r keyRow
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.actIn(ctx, tx); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, find, id, string(next.Tenant)).Scan(r.columns()...); err != nil {
			return err
		}
		if r.RevokedAt != nil {
			return core.ErrKeyEnded
		}
		var revokedAt *time.Time
		if endsAt == nil {
			revokedAt = &next.CreatedAt
		}
		r = keyRow{}
		if err := tx.QueryRow(ctx, end, id, endsAt, revokedAt).Scan(r.columns()...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertKey, insertKeyArgs(&next)...)
		return err
	})
	if err != nil {
		return core.Key{}, wrap(err, "key", "rotate api_key")
	}
	return r.toCore(), nil
}

// RevokeKey implements [core.Directory].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (core.Key, error) {
	const q = `UPDATE api_key k SET revoked_at = COALESCE(k.revoked_at, $2) WHERE k.id = $1 RETURNING ` + keyColumns
	if !core.TenantID(id).Valid() {
		return core.Key{}, notFound("key")
	}
	var r keyRow
	if err := s.db.QueryRow(ctx, q, id, at).Scan(r.columns()...); err != nil {
		return core.Key{}, wrap(err, "key", "revoke api_key")
	}
	return r.toCore(), nil
}
