package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// tenantColumns are read into a [tenantRow], in this order.
const tenantColumns = `id, name, refold_org_id, refold_environment,
	cometchat_app_id, cometchat_region, url_template, refold_revision, require_accounts, protect_servers,
	strong_etags, require_if_match, created_at`

// writeSettings are the columns of tenantColumns that the functions which find a
// tenant by a credential don't have, to be joined to one that is called t.
const writeSettings = `, tenant_write_settings(t.id)`

type tenantRow struct {
	id, name                   string
	refoldOrg, refoldEnv       *string
	cometchatApp, cometchatReg *string
	urlTemplate, refoldRev     string
	requireAccounts            bool
	protectServers             bool
	strongETags                bool
	requireIfMatch             bool
	createdAt                  time.Time
}

func (r *tenantRow) columns() []any {
	return []any{
		&r.id, &r.name, &r.refoldOrg, &r.refoldEnv,
		&r.cometchatApp, &r.cometchatReg, &r.urlTemplate, &r.refoldRev, &r.requireAccounts, &r.protectServers,
		&r.strongETags, &r.requireIfMatch, &r.createdAt,
	}
}

func (r *tenantRow) toCore() core.Tenant {
	t := core.Tenant{
		ID: core.TenantID(r.id), Name: r.name, URLTemplate: r.urlTemplate,
		RefoldRevision: core.RefoldRevision(r.refoldRev), RequireAccounts: r.requireAccounts,
		ProtectServers: r.protectServers, StrongETags: r.strongETags, RequireIfMatch: r.requireIfMatch,
		CreatedAt: r.createdAt.UTC(),
	}
	if r.refoldOrg != nil {
		t.Refold = &core.RefoldAddress{OrgID: *r.refoldOrg, Environment: core.Environment(*r.refoldEnv)}
	}
	if r.cometchatApp != nil {
		t.CometChat = &core.CometChatAddress{AppID: *r.cometchatApp, Region: *r.cometchatReg}
	}
	return t
}

// KeyOwner implements [core.Store].
func (s *Store) KeyOwner(ctx context.Context, dialect core.DialectName, hash core.KeyHash) (core.Tenant, core.Key, error) {
	const q = `SELECT key_id, key_scope, key_created_at, ` + tenantColumns + ` FROM tenant_by_key($1, $2) t` + writeSettings
	var r tenantRow
	k := core.Key{Dialect: dialect, Hash: hash}
	err := s.db.QueryRow(ctx, q, string(dialect), hash[:]).Scan(append([]any{&k.ID, &k.Scope, &k.CreatedAt}, r.columns()...)...)
	if err != nil {
		return core.Tenant{}, core.Key{}, wrap(err, "key", "select owner of api_key")
	}
	k.Tenant, k.CreatedAt = core.TenantID(r.id), k.CreatedAt.UTC()
	return r.toCore(), k, nil
}

// CreateTenant implements [core.Directory].
func (s *Store) CreateTenant(ctx context.Context, t core.Tenant) error {
	const q = `INSERT INTO tenant (` + tenantColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	r := tenantRow{
		id: string(t.ID), name: t.Name, urlTemplate: t.URLTemplate, refoldRev: string(t.RefoldRevision),
		requireAccounts: t.RequireAccounts, protectServers: t.ProtectServers,
		strongETags: t.StrongETags, requireIfMatch: t.RequireIfMatch, createdAt: t.CreatedAt,
	}
	if a := t.Refold; a != nil {
		r.refoldOrg, r.refoldEnv = &a.OrgID, (*string)(&a.Environment)
	}
	if a := t.CometChat; a != nil {
		r.cometchatApp, r.cometchatReg = &a.AppID, &a.Region
	}
	_, err := s.db.Exec(ctx, q, r.id, r.name, r.refoldOrg, r.refoldEnv,
		r.cometchatApp, r.cometchatReg, r.urlTemplate, r.refoldRev, r.requireAccounts, r.protectServers,
		r.strongETags, r.requireIfMatch, r.createdAt)
	return wrap(err, "tenant", "insert tenant")
}

// UpdateTenant implements [core.Directory].
func (s *Store) UpdateTenant(ctx context.Context, name string, u core.TenantUpdate) (core.Tenant, error) {
	const q = `UPDATE tenant SET url_template = COALESCE($2, url_template), refold_revision = COALESCE($3, refold_revision),
			require_accounts = COALESCE($4, require_accounts), protect_servers = COALESCE($5, protect_servers),
			strong_etags = COALESCE($6, strong_etags), require_if_match = COALESCE($7, require_if_match)
		WHERE name = $1 RETURNING ` + tenantColumns
	if !core.ValidText(name) {
		return core.Tenant{}, notFound("tenant")
	}
	var r tenantRow
	err := s.db.QueryRow(ctx, q, name, u.URLTemplate, (*string)(u.RefoldRevision), u.RequireAccounts, u.ProtectServers,
		u.StrongETags, u.RequireIfMatch).Scan(r.columns()...)
	if err != nil {
		return core.Tenant{}, wrap(err, "tenant", "update tenant")
	}
	return r.toCore(), nil
}

// Tenants implements [core.Directory].
func (s *Store) Tenants(ctx context.Context) ([]core.Tenant, error) {
	const q = `SELECT ` + tenantColumns + ` FROM tenant ORDER BY name COLLATE "C"`
	rows, err := s.db.Query(ctx, q)
	if err != nil {
		return nil, wrap(err, "tenant", "select tenants")
	}
	tenants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (core.Tenant, error) {
		var r tenantRow
		err := row.Scan(r.columns()...)
		return r.toCore(), err
	})
	return tenants, wrap(err, "tenant", "select tenants")
}

// Tenant implements [core.Directory].
func (s *Store) Tenant(ctx context.Context, name string) (core.Tenant, error) {
	const q = `SELECT ` + tenantColumns + ` FROM tenant WHERE name = $1`
	if !core.ValidText(name) {
		return core.Tenant{}, notFound("tenant")
	}
	var r tenantRow
	if err := s.db.QueryRow(ctx, q, name).Scan(r.columns()...); err != nil {
		return core.Tenant{}, wrap(err, "tenant", "select tenant")
	}
	return r.toCore(), nil
}

// CreateKey implements [core.Directory].
func (s *Store) CreateKey(ctx context.Context, k core.Key) error {
	const q = `INSERT INTO api_key (tenant_id, id, dialect, scope, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	_, err := s.db.Exec(ctx, q, string(k.Tenant), k.ID, string(k.Dialect), string(k.Scope), k.Hash[:], k.CreatedAt)
	return wrap(err, "key", "insert api_key")
}
