package store

import (
	"context"
	"errors"

	"github.com/diglot/diglot/core"
)

// An agent is created as a server is: in one round trip, and where something
// is in the way, a second asks what.

const (
	insertAgent = `
	INSERT INTO agent (tenant_id, ` + agentColumns + `, name_folded)
	SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::boolean, $6::text, $7::text, $8::text, $9::text[],
		$10::json, $11::json, $12::json, $13::json, $14::json, $15::json, $16::json, $17::json, `

	insertAgentRest = `, $19::timestamptz, $20::timestamptz, $21::bigint, $22::text
	FROM tenant
	WHERE tenant.id = $1::uuid AND `

	insertAgentEnd = `
	ON CONFLICT DO NOTHING
	RETURNING place`

	// nextAgentPlace is $18, or behind the run of taken places that it begins.
	nextAgentPlace = `
		CASE WHEN NOT EXISTS (SELECT FROM agent WHERE tenant_id = $1::uuid AND place = $18::bigint AND place >= 0)
		THEN $18::bigint
		ELSE (
			SELECT run.place + 1
			FROM (
				SELECT place, lead(place) OVER (ORDER BY place) AS next
				FROM agent WHERE tenant_id = $1::uuid AND place >= $18::bigint AND place >= 0
			) AS run
			WHERE run.next IS DISTINCT FROM run.place + 1
			ORDER BY run.place LIMIT 1)
		END`
)

var (
	insertAgentAt = prepared("insert_agent_at",
		insertAgent+`$18::bigint`+insertAgentRest+serversThere("$9")+insertAgentEnd)
	insertAgentNext = prepared("insert_agent_next",
		insertAgent+nextAgentPlace+insertAgentRest+serversThere("$9")+insertAgentEnd)
)

// CreateAgent implements [core.Store].
func (s *Store) CreateAgent(ctx context.Context, tenant core.TenantID, a core.Agent) (core.Agent, error) {
	if a.MCPServers == nil {
		a.MCPServers = []string{}
	}
	movePlace := false
	for range maxCreateAttempts {
		inserted, missing, err := s.insertAgent(ctx, tenant, &a, movePlace)
		if err != nil {
			return core.Agent{}, wrap(err, "agent", "insert agent")
		}
		if inserted {
			return a, nil
		}
		taken, err := s.agentTakenBy(ctx, tenant, &a)
		switch {
		case err != nil:
			return core.Agent{}, wrap(err, "agent", "find what agent conflicts with")
		case taken.noTenant:
			return core.Agent{}, notFound("tenant")
		case missing != nil:
			return core.Agent{}, missing
		case taken.uid:
			return core.Agent{}, conflict("agent", "uid")
		}
		movePlace = movePlace || taken.place
	}
	return core.Agent{}, errors.New("insert agent: something is in the way at every attempt")
}

// insertAgent reports whether the agent was inserted; its place is the one that
// it got then. With movePlace, that is the next free one.
func (s *Store) insertAgent(
	ctx context.Context, tenant core.TenantID, a *core.Agent, movePlace bool,
) (inserted bool, missing, err error) {
	stmt := insertAgentAt
	if movePlace {
		stmt = insertAgentNext
	}
	insert := &call{stmt: stmt, each: func(r *row) error {
		inserted, a.Place = true, core.Place(r.int())
		return nil
	}}
	insert.args = [][]byte{
		uuidArg(tenant),
		agentUIDArg(a.UID), textArg(a.Name), textArg(a.Icon), boolArg(a.Active),
		optTextArg(a.Description), optTextArg(a.Instruction), optTextArg(a.Model), slugsArg(a.MCPServers),
		jsonArg(a.Tools), jsonArg(a.APITools), jsonArg(a.FrontendActions), jsonArg(a.Files), jsonArg(a.Websites),
		jsonArg(a.OtherKBIntegrations), jsonArg(a.Metadata), jsonArg(a.ModelMetadata),
		intArg(int64(a.Place)), timeArg(a.CreatedAt), timeArg(a.UpdatedAt), intArg(a.Revision),
		textArg(core.FoldText(a.Name)),
	}
	var calls []*call
	if movePlace {
		calls = append(calls, &call{stmt: lockPlaces, args: [][]byte{placesLock(tenant)}})
	}
	hold, whichMissing := holdCall(tenant, a.MCPServers)
	if hold != nil {
		calls = append(calls, hold)
	}
	keep, err := keepCalls(ctx, tenant, keepAgentAnswer, agentUIDArg(a.UID), a)
	if err != nil {
		return false, nil, err
	}
	err = s.inTenant(ctx, tenant, begin, append(append(calls, insert), keep...)...)
	return inserted, whichMissing(), err
}

// agentTakenRow is which of an agent's unique values another agent has, and
// whether there is no tenant to have any.
type agentTakenRow struct{ uid, place, noTenant bool }

var agentTaken = prepared("agent_taken", `
	SELECT EXISTS (SELECT FROM agent WHERE tenant_id = $1 AND uid = $2),
	       EXISTS (SELECT FROM agent WHERE tenant_id = $1 AND place = $3 AND place >= 0),
	       NOT EXISTS (SELECT FROM tenant WHERE id = $1)`)

func (s *Store) agentTakenBy(
	ctx context.Context, tenant core.TenantID, a *core.Agent,
) (taken agentTakenRow, err error) {
	err = s.inTenant(ctx, tenant, beginRead, &call{
		stmt: agentTaken,
		args: [][]byte{uuidArg(tenant), agentUIDArg(a.UID), intArg(int64(a.Place))},
		each: func(r *row) error {
			taken = agentTakenRow{uid: r.bool(), place: r.bool(), noTenant: r.bool()}
			return nil
		},
	})
	return taken, err
}
