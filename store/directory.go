package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// tenantColumns are read into a [tenantRow], in this order.
const tenantColumns = `id, name, refold_org_id, refold_environment, cometchat_app_id, cometchat_region, ` +
	`url_template, refold_revision, require_accounts, protect_servers, ` +
	`strong_etags, require_if_match, limits, created_at, status`

// tenantColumnsOf are tenantColumns of a row that is called so: of a table, or of
// what a function gives, (o.t).
func tenantColumnsOf(row string) string {
	return row + "." + strings.ReplaceAll(tenantColumns, ", ", ", "+row+".")
}

type tenantRow struct {
	id, name                   string
	refoldOrg, refoldEnv       *string
	cometchatApp, cometchatReg *string
	urlTemplate, refoldRev     string
	requireAccounts            bool
	protectServers             bool
	strongETags                bool
	requireIfMatch             bool
	limits                     image.Limits
	createdAt                  time.Time
	status                     string
}

func (r *tenantRow) columns() []any {
	return []any{
		&r.id, &r.name, &r.refoldOrg, &r.refoldEnv,
		&r.cometchatApp, &r.cometchatReg, &r.urlTemplate, &r.refoldRev, &r.requireAccounts, &r.protectServers,
		&r.strongETags, &r.requireIfMatch, &r.limits, &r.createdAt, &r.status,
	}
}

func (r *tenantRow) toCore() core.Tenant {
	t := core.Tenant{
		ID: core.TenantID(r.id), Name: r.name, URLTemplate: r.urlTemplate, Status: tenantStatuses[r.status],
		RefoldRevision: core.RefoldRevision(r.refoldRev), RequireAccounts: r.requireAccounts,
		ProtectServers: r.protectServers, StrongETags: r.strongETags, RequireIfMatch: r.requireIfMatch,
		Limits: core.Limits(r.limits), CreatedAt: r.createdAt.UTC(),
	}
	if r.refoldOrg != nil {
		t.Refold = &core.RefoldAddress{OrgID: *r.refoldOrg, Environment: core.Environment(*r.refoldEnv)}
	}
	if r.cometchatApp != nil {
		t.CometChat = &core.CometChatAddress{AppID: *r.cometchatApp, Region: *r.cometchatReg}
	}
	return t
}

var tenantStatuses = map[string]core.TenantStatus{
	core.TenantActive.String():    core.TenantActive,
	core.TenantSuspended.String(): core.TenantSuspended,
	core.TenantDeleting.String():  core.TenantDeleting,
}

// CreateTenant implements [core.Directory].
func (s *Store) CreateTenant(ctx context.Context, t core.Tenant) error {
	const q = `INSERT INTO tenant (` + tenantColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'active')`
	r := tenantRow{
		id: string(t.ID), name: t.Name, urlTemplate: t.URLTemplate, refoldRev: string(t.RefoldRevision),
		requireAccounts: t.RequireAccounts, protectServers: t.ProtectServers,
		strongETags: t.StrongETags, requireIfMatch: t.RequireIfMatch,
		limits: image.Limits(t.Limits), createdAt: t.CreatedAt,
	}
	if a := t.Refold; a != nil {
		r.refoldOrg, r.refoldEnv = &a.OrgID, (*string)(&a.Environment)
	}
	if a := t.CometChat; a != nil {
		r.cometchatApp, r.cometchatReg = &a.AppID, &a.Region
	}
	_, err := s.db.Exec(ctx, q, r.id, r.name, r.refoldOrg, r.refoldEnv,
		r.cometchatApp, r.cometchatReg, r.urlTemplate, r.refoldRev, r.requireAccounts, r.protectServers,
		r.strongETags, r.requireIfMatch, &r.limits, r.createdAt)
	return wrap(err, "tenant", "insert tenant")
}

// UpdateTenant implements [core.Directory].
func (s *Store) UpdateTenant(ctx context.Context, name string, u core.TenantUpdate) (core.Tenant, error) {
	const q = `UPDATE tenant SET url_template = COALESCE($2, url_template), refold_revision = COALESCE($3, refold_revision),
			require_accounts = COALESCE($4, require_accounts), protect_servers = COALESCE($5, protect_servers),
			refold_org_id = COALESCE($6, refold_org_id), refold_environment = COALESCE($7, refold_environment),
			cometchat_app_id = COALESCE($8, cometchat_app_id), cometchat_region = COALESCE($9, cometchat_region),
			strong_etags = COALESCE($10, strong_etags), require_if_match = COALESCE($11, require_if_match),
			limits = COALESCE($12, limits)
		WHERE name = $1 RETURNING ` + tenantColumns
	if !core.ValidText(name) {
		return core.Tenant{}, notFound("tenant")
	}
	var org, env, app, region *string
	if a := u.Refold; a != nil {
		org, env = &a.OrgID, (*string)(&a.Environment)
	}
	if a := u.CometChat; a != nil {
		app, region = &a.AppID, &a.Region
	}
	var r tenantRow
	err := s.db.QueryRow(ctx, q, name, u.URLTemplate, (*string)(u.RefoldRevision), u.RequireAccounts, u.ProtectServers,
		org, env, app, region, u.StrongETags, u.RequireIfMatch, (*image.Limits)(u.Limits)).Scan(r.columns()...)
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
	tenants, err := pgx.CollectRows(rows, collectTenant)
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
