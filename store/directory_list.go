package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// firstUUID comes before all others that there are.
const firstUUID = "00000000-0000-0000-0000-000000000000"

// TenantsAfter implements [core.Directory].
func (s *Store) TenantsAfter(ctx context.Context, name string, limit int) ([]core.Tenant, error) {
	const q = `SELECT ` + tenantColumns + ` FROM tenant WHERE name COLLATE "C" > $1 ORDER BY name COLLATE "C" LIMIT $2`
	if !core.ValidText(name) {
		return nil, nil
	}
	rows, err := s.db.Query(ctx, q, name, max(limit, 0))
	if err != nil {
		return nil, wrap(err, "tenant", "select tenants")
	}
	tenants, err := pgx.CollectRows(rows, collectTenant)
	return tenants, wrap(err, "tenant", "select tenants")
}

func collectTenant(row pgx.CollectableRow) (core.Tenant, error) {
	var r tenantRow
	err := row.Scan(r.columns()...)
	return r.toCore(), err
}

// KeysAfter implements [core.Directory].
func (s *Store) KeysAfter(ctx context.Context, tenant core.TenantID, after core.KeyPosition, limit int) ([]core.Key, error) {
	const q = `SELECT ` + keyColumns + ` FROM api_key k
		WHERE k.tenant_id = $1 AND (k.created_at, k.id) > ($2, $3) ORDER BY k.created_at, k.id LIMIT $4`
	if after.ID == "" {
		after.ID = firstUUID
	}
	rows, err := s.db.Query(ctx, q, string(tenant), after.CreatedAt, after.ID, max(limit, 0))
	if err != nil {
		return nil, wrap(err, "key", "select api_keys")
	}
	keys, err := pgx.CollectRows(rows, collectKey)
	return keys, wrap(err, "key", "select api_keys")
}

func collectKey(row pgx.CollectableRow) (core.Key, error) {
	var r keyRow
	err := row.Scan(r.columns()...)
	return r.toCore(), err
}

var accountsAfter = prepared("accounts_after",
	`SELECT `+accountColumns+` FROM linked_account
	WHERE tenant_id = $1 AND version >= 0 AND (created_at, object_id) > ($2, $3)
	ORDER BY created_at, object_id LIMIT $4`)

// AccountsAfter implements [core.Directory].
func (s *Store) AccountsAfter(
	ctx context.Context, tenant core.TenantID, after core.AccountPosition, limit int,
) ([]core.Account, error) {
	list, accounts := accountsCall(tenant, accountsAfter,
		uuidArg(tenant), timeArg(after.CreatedAt), after.ObjectID[:], intArg(int64(max(limit, 0))))
	if err := s.inTenant(ctx, tenant, beginRead, list); err != nil {
		return nil, wrap(err, "account", "select linked_accounts")
	}
	return *accounts, nil
}

var sessionsAfter = prepared("sessions_after",
	`SELECT `+sessionColumns+` FROM session_token s
	WHERE tenant_id = $1 AND account = $2 AND (issued_at, expires_at, key_id) > ($3, $4, $5) AND expires_at > $6 AND `+lives+`
	ORDER BY issued_at, expires_at, key_id LIMIT $7`)

// SessionsAfter implements [core.Directory].
func (s *Store) SessionsAfter(ctx context.Context, tenant core.TenantID, q core.SessionQuery) ([]core.Session, error) {
	var sessions []core.Session
	args := sessionArgs(tenant, core.SessionID{
		Account: q.Account, IssuedAt: q.After.IssuedAt, ExpiresAt: q.After.ExpiresAt, KeyID: q.After.KeyID,
	})
	list := &call{
		stmt: sessionsAfter, args: append(args, intArg(q.ExpiresAfter), intArg(int64(max(q.Limit, 0)))),
		each: func(r *row) error {
			sessions = append(sessions, r.toSession())
			return nil
		},
	}
	if err := s.inTenant(ctx, tenant, beginRead, list); err != nil {
		return nil, wrap(err, "session", "select session_tokens")
	}
	return sessions, nil
}
