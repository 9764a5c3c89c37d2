package store

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// A creation is inserted as it is, in one round trip. Where a unique key
// refused it, a second round trip asks which; what can give way (a made slug,
// the place) gives way in the next attempt.

// maxCreateAttempts bounds the attempts. Each but the first has been made to
// fit what was there, so even two is rare.
const maxCreateAttempts = 10

const (
	// insertMCPServer has the place put in before its rest. It inserts nothing
	// where a unique key is in the way, a name that is refused ($23) is there, the
	// tenant has as many servers as it may ($24), or the tenant isn't there.
	insertMCPServer = `
	INSERT INTO mcp_server (
		tenant_id, ` + mcpServerColumns + `, name_digest, name_claimed)
	SELECT $1::uuid, $2::bytea, $3::text, $4::text, $5::text, $6::text, $7::text,
		$8::json, $9::json, $10::json, $11::json, $12::json,
		$13::text, $14::text, $15::text, $16::text, $17::boolean, `

	insertMCPServerRest = `, $19::timestamptz, $20::timestamptz, $21::bigint,
		$22::bytea, nullif($23::boolean, false)
	FROM tenant
	WHERE tenant.id = $1::uuid
	  AND (NOT $23::boolean
	   OR NOT EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1::uuid AND name_digest = $22::bytea AND name_digest <> ''))
	  AND ` + hasRoom + `
	ON CONFLICT DO NOTHING
	RETURNING place`

	// hasRoom counts no further than it has to, and not where there is no limit.
	// What it counts stays: whoever has a limit creates alone.
	hasRoom = `($24::bigint IS NULL OR $24::bigint > (
		SELECT count(*) FROM (SELECT FROM mcp_server WHERE tenant_id = $1::uuid AND place >= 0 LIMIT $24::bigint) AS counted))`

	// nextPlace is $18, or behind the run of taken places that it begins.
	nextPlace = `
		CASE WHEN NOT EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1::uuid AND place = $18::bigint AND place >= 0)
		THEN $18::bigint
		ELSE (
			SELECT run.place + 1
			FROM (
				SELECT place, lead(place) OVER (ORDER BY place) AS next
				FROM mcp_server WHERE tenant_id = $1::uuid AND place >= $18::bigint AND place >= 0
			) AS run
			WHERE run.next IS DISTINCT FROM run.place + 1
			ORDER BY run.place LIMIT 1)
		END`
)

var (
	insertMCPServerAt = prepared("insert_mcp_server_at",
		insertMCPServer+`$18::bigint`+insertMCPServerRest)
	insertMCPServerNext = prepared("insert_mcp_server_next",
		insertMCPServer+nextPlace+insertMCPServerRest)

	// lockPlaces lets one creation of the tenant at a time look for a place, or
	// whether there is room; it sees the one before, since a lock ends after its transaction is visible.
	lockPlaces = prepared("lock_places", `SELECT pg_advisory_xact_lock($1)`)
)

// CreateMCPServer implements [core.Store].
func (s *Store) CreateMCPServer(ctx context.Context, tenant core.TenantID, c core.Creation) (core.MCPServer, error) {
	movePlace := false
	for range maxCreateAttempts {
		inserted, err := s.insertMCPServer(ctx, tenant, &c, movePlace)
		if err != nil {
			return core.MCPServer{}, wrap(err, "mcp_server", "insert mcp_server")
		}
		if inserted {
			return c.Server, nil
		}
		taken, err := s.takenBy(ctx, tenant, &c)
		if err != nil {
			return core.MCPServer{}, wrap(err, "mcp_server", "find what mcp_server conflicts with")
		}
		switch {
		case taken.noTenant:
			return core.MCPServer{}, notFound("tenant")
		case taken.id:
			return core.MCPServer{}, conflict("mcp_server", "id")
		case taken.name && c.RefuseSameName:
			return core.MCPServer{}, conflict("mcp_server", "name")
		case taken.slug && c.FallbackSlug == "":
			return core.MCPServer{}, conflict("mcp_server", "slug")
		case taken.full:
			return core.MCPServer{}, core.QuotaReached("mcp_server")
		case taken.slug:
			c.Server.Slug, c.FallbackSlug = c.FallbackSlug, ""
		}
		movePlace = movePlace || taken.place
	}
	return core.MCPServer{}, errors.New("insert mcp_server: something is in the way at every attempt")
}

// insertMCPServer reports whether the server was inserted; its place is the one
// that it got then. With movePlace, that is the next free one.
func (s *Store) insertMCPServer(
	ctx context.Context, tenant core.TenantID, c *core.Creation, movePlace bool,
) (inserted bool, err error) {
	v := &c.Server
	stmt := insertMCPServerAt
	if movePlace {
		stmt = insertMCPServerNext
	}
	insert := &call{stmt: stmt, each: func(r *row) error {
		inserted, v.Place = true, core.Place(r.int())
		return nil
	}}
	insert.args = [][]byte{
		uuidArg(tenant),
		v.ID[:], textArg(v.Slug), textArg(v.Name), optTextArg(v.Description), textArg(v.URL), textArg(v.Icon),
		jsonArg(v.Suggestions), jsonArg(v.AssociatedApps), jsonArg(v.Resources), jsonArg(v.Notebooks), image.Chains(v.Chains),
		optTextArg(v.Branding.AgentName), optTextArg(v.Branding.PrimaryColor), optTextArg(v.Branding.SecondaryColor),
		optTextArg(v.Branding.BasePrompt), optBoolArg(v.Branding.SafeMode),
		intArg(int64(v.Place)), timeArg(v.CreatedAt), timeArg(v.UpdatedAt), intArg(v.Revision),
		nameDigest(v.Name), boolArg(c.RefuseSameName), limitArg(c.MaxServers),
	}
	calls := []*call{insert}
	if movePlace || c.MaxServers > 0 {
		calls = []*call{{stmt: lockPlaces, args: [][]byte{placesLock(tenant)}}, insert}
	}
	if c.Undeletes {
		calls = append([]*call{{sql: undeletes}}, calls...)
	}
	keep, err := keepCalls(ctx, tenant, keepServerAnswer, v.ID[:], v)
	if err != nil {
		return false, err
	}
	err = s.inTenant(ctx, tenant, begin, append(calls, keep...)...)
	return inserted, err
}

// undeletes tells the triggers what an insert is.
const undeletes = `SELECT set_config('app.undeletes', 'on', true)`

// placesLock gives the number of the tenant's advisory lock: half of its
// random id. Two tenants that share one wait for each other, nothing worse.
func placesLock(tenant core.TenantID) []byte {
	id := uuidArg(tenant)
	return id[len(id)/2:]
}

// takenRow is which of a creation's unique values another server has, and
// whether there is no tenant to have any, or it may have no more.
type takenRow struct{ id, name, slug, place, noTenant, full bool }

var mcpServerTaken = prepared("mcp_server_taken", `
	SELECT EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1 AND id = $2),
	       EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1 AND name_digest = $3 AND name_digest <> ''),
	       EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1 AND slug = $4 AND slug <> ''),
	       EXISTS (SELECT FROM mcp_server WHERE tenant_id = $1 AND place = $5 AND place >= 0),
	       NOT EXISTS (SELECT FROM tenant WHERE id = $1),
	       $6::bigint IS NOT NULL AND $6::bigint <= (
		SELECT count(*) FROM (SELECT FROM mcp_server WHERE tenant_id = $1 AND place >= 0 LIMIT $6::bigint) AS counted)`)

func (s *Store) takenBy(ctx context.Context, tenant core.TenantID, c *core.Creation) (taken takenRow, err error) {
	v := &c.Server
	err = s.inTenant(ctx, tenant, beginRead, &call{
		stmt: mcpServerTaken,
		args: [][]byte{uuidArg(tenant), v.ID[:], nameDigest(v.Name), textArg(v.Slug), intArg(int64(v.Place)), limitArg(c.MaxServers)},
		each: func(r *row) error {
			taken = takenRow{id: r.bool(), name: r.bool(), slug: r.bool(), place: r.bool(), noTenant: r.bool(), full: r.bool()}
			return nil
		},
	})
	return taken, err
}

// nameDigest is what names are compared by in the database.
func nameDigest(name string) []byte {
	h := sha256.Sum256([]byte(name))
	return h[:]
}
