package coretest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var agentLists = []guarantee{
	{"an empty tenant lists no agents", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		require.Empty(t, s.walkAgents(t, core.After, 10, ""))
		require.Empty(t, s.walkAgents(t, core.Before, 10, "x"))
	}},
	{"a taken place moves to the next free one, a server's place is not taken", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.create(t, s.server("at the same place"))
		first := core.PlaceAt(epoch)
		for _, step := range []struct{ asked, given core.Place }{{0, 0}, {1, 1}, {3, 3}, {0, 2}, {0, 4}, {10, 10}, {9, 9}, {9, 11}} {
			a := newAgent("agent")
			a.Place = first + step.asked
			require.Equal(t, first+step.given, s.createAgent(t, a).Place)
			require.Equal(t, first+step.given, s.readAgent(t, a.UID).Place)
		}
	}},
	{"40 agents of one moment made at once have places of their own", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireNoErrors(t, together(40, func(int) error {
			_, err := s.CreateAgent(t.Context(), s.tenant.ID, newAgent("agent"))
			return err
		}))
		list := s.allAgents(t)
		require.Len(t, list, 40)
		for i, a := range list[1:] {
			require.Greater(t, a.Place, list[i].Place)
		}
	}},
	{"a walk meets every agent exactly once, both ways, at any page size", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for i := range 23 {
			a := newAgent("agent")
			a.Place += core.Place(i / 7 * core.PlacesPerMilli)
			s.createAgent(t, a)
		}
		list := s.allAgents(t)
		require.Len(t, list, 23)
		for _, size := range []int{1, 7, 22, 23, 24} {
			equalAgents(t, list, s.walkAgents(t, core.After, size, ""))
			equalAgents(t, list, s.walkAgents(t, core.Before, size, ""))
		}
	}},
	{"from a place on come the next after it, or the last before it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := make([]core.Agent, 5)
		for i := range list {
			list[i] = newAgent("agent")
			list[i].Place += core.Place(10 * i)
			list[i] = s.createAgent(t, list[i])
		}
		for _, c := range []struct {
			from            core.Place
			dir             core.Direction
			limit, low, top int
		}{
			{list[0].Place, core.After, 2, 1, 3},
			{list[0].Place - 1, core.After, 2, 0, 2},
			{list[4].Place, core.After, 2, 0, 0},
			{0, core.After, 0, 0, 0},
			{0, core.After, -1, 0, 0},
			{list[4].Place, core.Before, 2, 2, 4},
			{list[0].Place, core.Before, 2, 0, 0},
			{math.MaxInt64, core.Before, 2, 3, 5},
		} {
			got, err := s.AgentsFrom(t.Context(), s.tenant.ID, core.AgentQuery{From: c.from, Dir: c.dir, Limit: c.limit})
			require.NoError(t, err)
			equalAgents(t, list[c.low:c.top], got)
		}
	}},
	{"a search finds a text within a name, whatever its case, page by page", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for i, name := range []string{"Support Agent", "ÄRGER 100%", "sales_agent", "ärger in Öl", `back\slash`, "SUPPORT", "İstanbul ẞ"} {
			a := newAgent(name)
			a.Place += core.Place(i)
			s.createAgent(t, a)
		}
		for search, want := range map[string][]string{
			"support":    {"Support Agent", "SUPPORT"},
			"AGENT":      {"Support Agent", "sales_agent"},
			"t a":        {"Support Agent"},
			"Ärger":      {"ÄRGER 100%", "ärger in Öl"},
			"%":          {"ÄRGER 100%"},
			"_":          {"sales_agent"},
			`\`:          {`back\slash`},
			"İSTANBUL ẞ": {"İstanbul ẞ"},
			"nothing":    nil,
		} {
			for _, size := range []int{1, 10} {
				for _, dir := range []core.Direction{core.After, core.Before} {
					var names []string
					for _, a := range s.walkAgents(t, dir, size, search) {
						names = append(names, a.Name)
					}
					require.Equal(t, want, names, search)
				}
			}
		}
	}},
	{"a search goes by the name that an agent has now", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := s.createAgent(t, newAgent("Before"))
		s.updateAgent(t, a.UID, core.AgentUpdate{Name: new("After")})
		require.Empty(t, s.walkAgents(t, core.After, 10, "before"))
		require.Len(t, s.walkAgents(t, core.After, 10, "after"), 1)
	}},
}

var agentIsolation = []guarantee{
	{"a second tenant reads and changes nothing of the first's agents", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		a := fullAgent()
		a.MCPServers = s.slugs(t, 1)
		a = s.createAgent(t, a)
		_, err := b.Agent(t.Context(), other.tenant.ID, a.UID)
		requireNotFound(t, err)
		require.Empty(t, other.walkAgents(t, core.After, 100, ""))
		require.Empty(t, other.walkAgents(t, core.Before, 100, "full"))
		_, err = b.UpdateAgent(t.Context(), other.tenant.ID, a.UID, core.AgentModification{UpdatedAt: epoch})
		requireNotFound(t, err)
		requireNotFound(t, b.DeleteAgent(t.Context(), other.tenant.ID, a.UID, core.Precondition{}))
		equalAgents(t, []core.Agent{a}, s.allAgents(t))
	}},
	{"uids and places collide in one tenant only", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		mine := s.createAgent(t, newAgent("mine"))
		theirs := mine
		theirs.Name = "theirs"
		equalAgent(t, theirs, other.createAgent(t, theirs))
		require.NoError(t, b.DeleteAgent(t.Context(), s.tenant.ID, mine.UID, core.Precondition{}))
		equalAgents(t, []core.Agent{theirs}, other.allAgents(t))
	}},
	{"tenants that create agents at once don't mix", func(t *testing.T, b Backend) {
		suites := []*suite{newSuite(t, b, "a"), newSuite(t, b, "b")}
		requireNoErrors(t, together(20, func(i int) error {
			s := suites[i%2]
			_, err := b.CreateAgent(t.Context(), s.tenant.ID, newAgent(fmt.Sprint(s.tenant.Name, i)))
			return err
		}))
		for _, s := range suites {
			list := s.allAgents(t)
			require.Len(t, list, 10)
			for _, a := range list {
				require.Equal(t, s.tenant.Name, a.Name[:1])
			}
		}
	}},
}
