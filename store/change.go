package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// changeColumns are read into a [changeRow], in this order.
const changeColumns = `tenant_id, seq, at, actor_kind, actor, dialect, request_id, action, noun, record, COALESCE(revision, 0),
	before, after, before_digest, after_digest, hash`

type changeRow struct {
	core.Change

	before, after *string // as text, which is how it came
	hash          []byte
}

func (r *changeRow) columns() []any {
	return []any{
		&r.Tenant, &r.Seq, &r.At, &r.Kind, &r.ID, &r.Dialect, &r.RequestID, &r.Action, &r.Noun, &r.Record, &r.Revision,
		&r.before, &r.after, &r.BeforeDigest, &r.AfterDigest, &r.hash,
	}
}

func (r *changeRow) toCore() core.Change {
	r.At = r.At.UTC()
	copy(r.Hash[:], r.hash)
	if r.before != nil {
		r.Before = core.JSON(*r.before)
	}
	if r.after != nil {
		r.After = core.JSON(*r.after)
	}
	return r.Change
}

// selectChanges walks a tenant's entries, or those of the record where one is
// named, one after the other: only so are no images looked at but those of the
// page. It is filled in with the conditions, the order, how an entry stands to
// the next one, the limit's number, and how many bytes of images end a page.
const selectChanges = `
	WITH RECURSIVE page AS (
		(SELECT seq, 1 AS number, ` + imageBytes + ` AS bytes FROM change WHERE tenant_id = $1 AND seq > 0%[1]s ORDER BY seq %[2]s LIMIT LEAST($%[4]d::bigint, 1))
		UNION ALL
		SELECT next.seq, page.number + 1, page.bytes + next.bytes FROM page, LATERAL (
			SELECT seq, ` + imageBytes + ` AS bytes FROM change WHERE tenant_id = $1 AND seq > 0 AND seq %[3]s page.seq%[1]s ORDER BY seq %[2]s LIMIT 1
		) next
		WHERE page.number < $%[4]d::bigint AND page.bytes < %[5]d
	)
	SELECT entry.* FROM page, LATERAL (
		SELECT ` + changeColumns + ` FROM change WHERE tenant_id = $1 AND seq = page.seq OFFSET 0
	) entry ORDER BY page.seq %[2]s` // OFFSET keeps it from being a join that reads all entries

const imageBytes = `(COALESCE(octet_length(before::text), 0) + COALESCE(octet_length(after::text), 0))::bigint`

// Changes implements [core.Directory]. It puts what is new into its chain first.
func (s *Store) Changes(ctx context.Context, tenant core.TenantID, q core.ChangeQuery) ([]core.Change, error) {
	if !tenant.Valid() {
		return nil, fmt.Errorf("tenant id %q is not a UUID", tenant)
	}
	var where strings.Builder
	args := []any{string(tenant)}
	and := func(given bool, condition string, arg any) {
		if given {
			args = append(args, arg)
			fmt.Fprintf(&where, " AND %s $%d", condition, len(args))
		}
	}
	and(q.After > 0, "seq >", q.After)
	and(q.Before > 0, "seq <", q.Before)
	and(!q.Since.IsZero(), "at >=", q.Since)
	and(!q.Until.IsZero(), "at <", q.Until)
	for _, filter := range [...]struct{ column, wanted string }{
		{"actor_kind", string(q.Kind)},
		{"actor", q.Actor},
		{"dialect", q.Dialect},
		{"request_id", q.RequestID},
		{"action", q.Action},
		{"noun", q.Noun},
		{"record", q.Record},
	} {
		if !core.ValidText(filter.wanted) {
			return nil, nil // PostgreSQL would call it an error, and no entry has it
		}
		and(filter.wanted != "", filter.column+" =", filter.wanted)
	}
	if _, err := chainChanges(ctx, s.db, true); err != nil {
		return nil, err
	}
	args = append(args, max(q.Limit, 0))
	rows, err := s.db.Query(ctx, changesSQL(where.String(), q.Newest, len(args)), args...)
	if err != nil {
		return nil, wrap(err, "change", "select changes")
	}
	changes, err := pgx.CollectRows(rows, scanChange)
	return changes, wrap(err, "change", "select changes")
}

// changesSQL fills in selectChanges; limit is the number of the argument that is it.
func changesSQL(conditions string, newest bool, limit int) string {
	order, next := "ASC", ">"
	if newest {
		order, next = "DESC", "<"
	}
	return fmt.Sprintf(selectChanges, conditions, order, next, limit, core.MaxImageBytes)
}

func scanChange(row pgx.CollectableRow) (core.Change, error) {
	var r changeRow
	err := row.Scan(r.columns()...)
	return r.toCore(), err
}

// selectDeleted walks the tenant's entries from the newest on, and looks for each
// deletion whether something became of the server after it.
const selectDeleted = `SELECT ` + changeColumns + ` FROM change d
	WHERE tenant_id = $1 AND seq > 0 AND ($2::bigint = 0 OR seq < $2) AND at >= $3
		AND action = 'delete' AND noun = 'mcp_server' AND before IS NOT NULL
		AND NOT EXISTS (
			SELECT FROM change later
			WHERE later.tenant_id = $1 AND later.seq > 0 AND later.record = d.record AND later.seq > d.seq AND later.noun = 'mcp_server'
		)
	ORDER BY seq DESC LIMIT $4`

// DeletedMCPServers implements [core.Directory].
func (s *Store) DeletedMCPServers(
	ctx context.Context, tenant core.TenantID, since time.Time, before int64, limit int,
) ([]core.DeletedMCPServer, error) {
	if _, err := chainChanges(ctx, s.db, true); err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, selectDeleted, string(tenant), before, since, max(limit, 0))
	if err != nil {
		return nil, wrap(err, "mcp_server", "select deleted mcp_server")
	}
	servers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (core.DeletedMCPServer, error) {
		c, err := scanChange(row)
		if err != nil {
			return core.DeletedMCPServer{}, err
		}
		return image.Deleted(&c) // one after the other: each may be megabytes
	})
	return servers, wrap(err, "mcp_server", "select deleted mcp_server")
}

// eraseImages is filled in with which entries' images. A trigger enters it, and up
// to when as is said here.
const eraseImages = `UPDATE change c SET before = NULL, after = NULL
	FROM (
		SELECT tenant_id, seq FROM change
		WHERE at < $1 AND (before IS NOT NULL OR after IS NOT NULL)%s
		ORDER BY at LIMIT $2
		FOR NO KEY UPDATE SKIP LOCKED
	) AS old, (SELECT set_config('app.erases_before', $3, true)) AS said
	WHERE c.tenant_id = old.tenant_id AND c.seq = old.seq`

// EraseImages implements [core.Directory].
func (s *Store) EraseImages(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.eraseImages(ctx, fmt.Sprintf(eraseImages, ""), before, limit)
}

// EraseTenantImages implements [core.Directory].
func (s *Store) EraseTenantImages(ctx context.Context, tenant core.TenantID, before time.Time, limit int) (int, error) {
	return s.eraseImages(ctx, fmt.Sprintf(eraseImages, " AND tenant_id = $4"), before, limit, string(tenant))
}

func (s *Store) eraseImages(ctx context.Context, sql string, before time.Time, limit int, of ...any) (int, error) {
	if _, err := chainChanges(ctx, s.db, true); err != nil {
		return 0, err
	}
	tag, err := s.db.Exec(ctx, sql, append([]any{before, max(limit, 0), core.ChangeTime(before)}, of...)...)
	return int(tag.RowsAffected()), wrap(err, "change", "erase images of changes")
}

// ImagesBeyond implements [core.Directory]. It looks at all entries that have
// images, but not at the images.
func (s *Store) ImagesBeyond(ctx context.Context, most int64) ([]core.ImageCut, error) {
	const q = `SELECT tenant_id, max(at) + interval '1 microsecond' FROM (
			SELECT tenant_id, at, sum(COALESCE(pg_column_size(before), 0) + COALESCE(pg_column_size(after), 0))
				OVER (PARTITION BY tenant_id ORDER BY at DESC, seq DESC) AS bytes
			FROM change WHERE seq > 0 AND (before IS NOT NULL OR after IS NOT NULL)
		) newest_first
		WHERE bytes > $1 AND tenant_id <> '` + core.Installation + `' GROUP BY tenant_id ORDER BY tenant_id`
	if _, err := chainChanges(ctx, s.db, true); err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, q, most)
	if err != nil {
		return nil, wrap(err, "change", "select images")
	}
	cuts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c core.ImageCut, err error) {
		err = row.Scan(&c.Tenant, &c.Before)
		c.Before = c.Before.UTC()
		return c, err
	})
	return cuts, wrap(err, "change", "select images")
}

// historyPage is how many of a server's changes are read at a time.
const historyPage = 100

// MCPServerAt implements [core.Directory].
func (s *Store) MCPServerAt(ctx context.Context, tenant core.TenantID, id core.ObjectID, revision int64) (core.MCPServer, error) {
	var current *core.MCPServer
	switch found, err := s.MCPServer(ctx, tenant, core.ByID(id)); {
	case err == nil:
		current = &found
	case core.KindOf(err) != core.NotFound:
		return core.MCPServer{}, err
	}
	return image.ServerAt(current, revision, func(before int64) ([]core.Change, error) {
		return s.Changes(ctx, tenant, core.ChangeQuery{
			Noun: core.MCPServerNoun, Record: id.String(), Newest: true, Before: before, Limit: historyPage,
		})
	})
}
