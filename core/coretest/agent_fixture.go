package coretest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// someAgent is the uid of no agent.
const someAgent = core.AgentUID("863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10")

// newAgent makes an agent that collides with no other in its uid: created at
// the epoch, with the name that it is given.
func newAgent(name string) core.Agent {
	return core.Agent{
		UID: core.AgentUID(core.NewUUID()), Name: name, Active: true, MCPServers: []string{},
		Place: core.PlaceAt(epoch), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
	}
}

// fullAgent makes an agent with every field set but its servers.
func fullAgent() core.Agent {
	a := newAgent("Full “Agent” ñ 日本 🚀")
	a.Icon = "http://localhost:3000/icon.png"
	a.Description = new("what it does\n\twith \\ and \" and ' and % and $1")
	a.Instruction, a.Model = new("Be kind."), new("gpt-4o-mini")
	a.Tools, a.APITools = core.JSON(`["gmail","slack"]`), core.JSON(`[{"z":1,"a":1.50}]`)
	a.FrontendActions, a.Files = core.JSON(`["open"]`), core.JSON(`[{"b":1,"a":2,"b":3}]`)
	a.Websites, a.OtherKBIntegrations = core.JSON(`["https://example.com/<>"]`), core.JSON(`[null]`)
	a.Metadata, a.ModelMetadata = core.JSON(`{"z":12345678901234567890,"a":"\u0000"}`), core.JSON(`{"temperature":0.70}`)
	return a
}

func (s *suite) createAgent(t *testing.T, a core.Agent) core.Agent {
	t.Helper()
	created, err := s.CreateAgent(t.Context(), s.tenant.ID, a)
	require.NoError(t, err)
	return created
}

func (s *suite) readAgent(t *testing.T, uid core.AgentUID) core.Agent {
	t.Helper()
	a, err := s.Agent(t.Context(), s.tenant.ID, uid)
	require.NoError(t, err)
	return a
}

func (s *suite) updateAgent(t *testing.T, uid core.AgentUID, u core.AgentUpdate) core.Agent {
	t.Helper()
	a, err := s.UpdateAgent(t.Context(), s.tenant.ID, uid, core.AgentModification{AgentUpdate: u, UpdatedAt: epoch})
	require.NoError(t, err)
	return a
}

// slugs creates n servers and gives their slugs.
func (s *suite) slugs(t *testing.T, n int) []string {
	t.Helper()
	out := make([]string, n)
	for i := range out {
		out[i] = s.create(t, s.server(fmt.Sprint("server ", i))).Slug
	}
	return out
}

// agentWith creates an agent that lists the servers.
func (s *suite) agentWith(t *testing.T, slugs ...string) core.Agent {
	t.Helper()
	a := newAgent("agent")
	a.MCPServers = append(a.MCPServers, slugs...)
	return s.createAgent(t, a)
}

// walkAgents follows the list from one end to the other and gives what it met
// in order of place.
func (s *suite) walkAgents(t *testing.T, dir core.Direction, size int, search string) []core.Agent {
	t.Helper()
	var met []core.Agent
	q := core.AgentQuery{From: math.MinInt64, Dir: dir, Limit: size, Search: search}
	if dir == core.Before {
		q.From = math.MaxInt64
	}
	for {
		page, err := s.AgentsFrom(t.Context(), s.tenant.ID, q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), size)
		if len(page) == 0 {
			return met
		}
		if dir == core.Before {
			met, q.From = append(page, met...), page[0].Place
		} else {
			met, q.From = append(met, page...), page[len(page)-1].Place
		}
	}
}

func (s *suite) allAgents(t *testing.T) []core.Agent {
	t.Helper()
	return s.walkAgents(t, core.After, 1000, "")
}

func equalAgent(t *testing.T, want, got core.Agent) {
	t.Helper()
	equalTime(t, want.CreatedAt, got.CreatedAt)
	equalTime(t, want.UpdatedAt, got.UpdatedAt)
	require.Equal(t, time.UTC, got.CreatedAt.Location())
	require.Equal(t, time.UTC, got.UpdatedAt.Location())
	got.CreatedAt, got.UpdatedAt = want.CreatedAt, want.UpdatedAt
	require.Equal(t, want, got)
}

func equalAgents(t *testing.T, want, got []core.Agent) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		equalAgent(t, want[i], got[i])
	}
}

// requireMissing wants the failure that names these servers.
func requireMissing(t *testing.T, err error, slugs ...string) {
	t.Helper()
	requireNotFound(t, err)
	var missing *core.MissingServersError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, slugs, missing.Slugs)
}
