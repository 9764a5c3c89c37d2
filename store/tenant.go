package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// SetTenantStatus implements [core.Directory].
func (s *Store) SetTenantStatus(ctx context.Context, name string, status core.TenantStatus) (core.Tenant, error) {
	const q = `UPDATE tenant SET status = $2
		WHERE name = $1 AND (status <> 'deleting' OR $2 = 'deleting') RETURNING ` + tenantColumns
	if !core.ValidText(name) {
		return core.Tenant{}, notFound("tenant")
	}
	var r tenantRow
	err := s.db.QueryRow(ctx, q, name, status.String()).Scan(r.columns()...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if _, err := s.Tenant(ctx, name); err != nil {
			return core.Tenant{}, err
		}
		return core.Tenant{}, core.ErrTenantDeleting
	case err != nil:
		return core.Tenant{}, wrap(err, "tenant", "update tenant's status")
	}
	return r.toCore(), nil
}

// TenantCounts implements [core.Directory]. Each is counted in an index.
func (s *Store) TenantCounts(ctx context.Context, tenant core.TenantID) (c core.TenantCounts, err error) {
	const q = `SELECT
		(SELECT count(*) FROM mcp_server WHERE tenant_id = $1 AND place >= 0),
		(SELECT count(*) FROM agent WHERE tenant_id = $1 AND place >= 0),
		(SELECT count(*) FROM linked_account WHERE tenant_id = $1),
		(SELECT count(*) FROM api_key WHERE tenant_id = $1)`
	err = s.db.QueryRow(ctx, q, string(tenant)).Scan(&c.Servers, &c.Agents, &c.Accounts, &c.Keys)
	return c, wrap(err, "tenant", "count what a tenant has")
}

// deleteParts removes up to $2 rows of the tenant $1 each. Agents go before
// servers: a server that is deleted is looked for in all agents' lists.
var deleteParts = []string{
	`DELETE FROM agent WHERE tenant_id = $1 AND uid = ANY (ARRAY(
		SELECT uid FROM agent WHERE tenant_id = $1 AND place >= 0 ORDER BY place LIMIT $2))`,
	`DELETE FROM mcp_server WHERE tenant_id = $1 AND id = ANY (ARRAY(
		SELECT id FROM mcp_server WHERE tenant_id = $1 AND place >= 0 ORDER BY place LIMIT $2))`,
	`DELETE FROM session_token s
		USING (
			SELECT account, issued_at, expires_at, key_id FROM session_token
			WHERE tenant_id = $1 AND refresh_expires_at >= 0 ORDER BY refresh_expires_at LIMIT $2
		) AS part
		WHERE s.tenant_id = $1 AND s.account = part.account AND s.issued_at = part.issued_at
		  AND s.expires_at = part.expires_at AND s.key_id = part.key_id`,
	`DELETE FROM linked_account WHERE tenant_id = $1 AND id = ANY (ARRAY(
		SELECT id FROM linked_account WHERE tenant_id = $1 AND version >= 0 ORDER BY created_at, object_id LIMIT $2))`,
}

// DeleteTenantPart implements [core.Directory]. An insert finds no tenant that
// isn't active: so once those have ended that began before, what is not there
// will not come. Whatever has a foreign key to the tenant goes with it.
func (s *Store) DeleteTenantPart(ctx context.Context, tenant core.TenantID, limit int) (removed int, done bool, err error) {
	const (
		query  = `SELECT status FROM tenant WHERE id = $1`
		remove = `DELETE FROM tenant WHERE id = $1 AND status = 'deleting'`
	)
	if limit < 1 {
		return 0, false, errors.New("a part of nothing is asked for")
	}
	var status string
	switch err := s.db.QueryRow(ctx, query, string(tenant)).Scan(&status); {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, true, nil
	case err != nil:
		return 0, false, wrap(err, "tenant", "select tenant's status")
	case tenantStatuses[status] != core.TenantDeleting:
		return 0, false, core.ErrTenantNotDeleting
	}
	if removed, err = s.deletePart(ctx, tenant, limit); err != nil || removed > 0 {
		return removed, false, err
	}
	if err := s.awaitWriters(ctx); err != nil {
		return 0, false, wrap(err, "tenant", "wait for writers")
	}
	if removed, err = s.deletePart(ctx, tenant, limit); err != nil || removed > 0 {
		return removed, false, err
	}
	if err := s.deleteChanges(ctx, tenant); err != nil {
		return 0, false, err
	}
	if _, err := s.db.Exec(ctx, remove, string(tenant)); err != nil {
		return 0, false, wrap(err, "tenant", "delete tenant")
	}
	return 0, true, nil
}

func (s *Store) deletePart(ctx context.Context, tenant core.TenantID, limit int) (int, error) {
	for _, q := range deleteParts {
		tag, err := s.db.Exec(ctx, q, string(tenant), limit)
		if n := tag.RowsAffected(); err != nil || n > 0 {
			return int(n), wrap(err, "tenant", "delete what a tenant has")
		}
	}
	return 0, nil
}

// deleteChanges removes a tenant's history, some at a time; what is added behind
// it goes with the tenant, in its trigger.
func (s *Store) deleteChanges(ctx context.Context, tenant core.TenantID) error {
	const (
		q = `DELETE FROM change WHERE tenant_id = $1 AND seq = ANY (ARRAY(
			SELECT seq FROM change WHERE tenant_id = $1 ORDER BY seq LIMIT $2))`
		limit = 5000
	)
	for {
		tag, err := s.db.Exec(ctx, q, string(tenant), limit)
		if err != nil {
			return wrap(err, "tenant", "delete a tenant's history")
		}
		if tag.RowsAffected() < limit {
			return nil
		}
	}
}

// writersPoll is how often is asked whether writers have ended.
const writersPoll = 20 * time.Millisecond

// awaitWriters waits until each transaction has ended that may be writing
// servers or agents now. Such a one has locked the table before it looks at
// what is there: the same wait as CREATE INDEX CONCURRENTLY's.
func (s *Store) awaitWriters(ctx context.Context) error {
	const (
		query = `SELECT DISTINCT l.virtualtransaction FROM pg_locks l
			WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'RowExclusiveLock' AND l.pid <> pg_backend_pid()
			  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			  AND l.relation IN ('mcp_server'::regclass, 'agent'::regclass)`
		left = `SELECT count(*) FROM pg_locks l WHERE l.locktype = 'virtualxid' AND l.virtualxid = ANY ($1)`
	)
	rows, err := s.db.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("select writers: %w", err)
	}
	writers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("select writers: %w", err)
	}
	for len(writers) > 0 {
		var n int
		if err := s.db.QueryRow(ctx, left, writers).Scan(&n); err != nil {
			return fmt.Errorf("count writers: %w", err)
		}
		if n == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(writersPoll):
		}
	}
	return nil
}
