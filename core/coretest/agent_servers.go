package coretest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// listed gives what an agent lists.
func (s *suite) listed(t *testing.T, uid core.AgentUID) []string {
	t.Helper()
	return s.readAgent(t, uid).MCPServers
}

var agentServers = []guarantee{
	{"are listed in the order in which they were named", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		slugs := s.slugs(t, 4)
		a := s.agentWith(t, slugs[2], slugs[0])
		require.Equal(t, []string{slugs[2], slugs[0]}, a.MCPServers)
		for _, step := range []struct {
			update core.AgentUpdate
			want   []string
		}{
			{core.AgentUpdate{AddMCPServers: []string{slugs[3], slugs[0], slugs[3]}}, []string{slugs[2], slugs[0], slugs[3]}},
			{core.AgentUpdate{AddMCPServers: []string{slugs[3]}}, []string{slugs[2], slugs[0], slugs[3]}},
			{core.AgentUpdate{RemoveMCPServers: []string{slugs[1], slugs[2]}}, []string{slugs[0], slugs[3]}},
			{core.AgentUpdate{RemoveMCPServers: []string{slugs[1], slugs[2]}}, []string{slugs[0], slugs[3]}},
			{core.AgentUpdate{}, []string{slugs[0], slugs[3]}},
			{core.AgentUpdate{MCPServers: &[]string{slugs[1], slugs[3], slugs[1]}}, []string{slugs[1], slugs[3]}},
			{core.AgentUpdate{MCPServers: &[]string{slugs[0]}, AddMCPServers: slugs[1:3], RemoveMCPServers: slugs[:2]}, slugs[2:3]},
			{core.AgentUpdate{MCPServers: &[]string{}}, []string{}},
			{core.AgentUpdate{AddMCPServers: slugs}, slugs},
			{core.AgentUpdate{RemoveMCPServers: slugs}, []string{}},
		} {
			want := slices.Clone(step.want)
			require.Equal(t, want, step.update.Servers(s.listed(t, a.UID)), "as core says")
			require.Equal(t, want, s.updateAgent(t, a.UID, step.update).MCPServers)
			require.Equal(t, want, s.listed(t, a.UID))
		}
	}},
	{"that are not there can't be named, and nothing changes", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		slugs, theirs := s.slugs(t, 2), other.slugs(t, 1)[0]
		a := s.agentWith(t, slugs[0])
		bad := newAgent("bad")
		bad.MCPServers = []string{"gone", slugs[0], theirs, "\x00", ""}
		_, err := s.CreateAgent(t.Context(), s.tenant.ID, bad)
		requireMissing(t, err, "gone", theirs, "\x00", "")
		for _, u := range []core.AgentUpdate{
			{MCPServers: &[]string{slugs[1], theirs}, Name: new("changed")},
			{AddMCPServers: []string{theirs, slugs[1]}},
			{RemoveMCPServers: []string{slugs[0], theirs}},
		} {
			_, err = s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, core.AgentModification{AgentUpdate: u, UpdatedAt: epoch})
			requireMissing(t, err, theirs)
		}
		equalAgents(t, []core.Agent{a}, s.allAgents(t))
	}},
	{"that are not there matter less than an agent that is not", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		m := core.AgentModification{UpdatedAt: epoch}
		m.AddMCPServers = []string{"gone"}
		_, err := s.UpdateAgent(t.Context(), s.tenant.ID, someAgent, m)
		requireNotFound(t, err)
		var missing *core.MissingServersError
		require.NotErrorAs(t, err, &missing)
	}},
	{"disappear from every list when they are deleted, and nothing else of the agent changes", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		slugs := s.slugs(t, 3)
		theirs := other.server("theirs")
		theirs.Slug = slugs[0]
		other.create(t, theirs)
		stays := other.agentWith(t, slugs[0])
		first, second, none := s.agentWith(t, slugs...), s.agentWith(t, slugs[0]), s.agentWith(t)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.BySlug(slugs[0]), core.Precondition{}))
		first.MCPServers, second.MCPServers = slugs[1:], []string{}
		equalAgents(t, []core.Agent{first, second, none}, s.allAgents(t))
		equalAgents(t, []core.Agent{stays}, other.allAgents(t))

		again := s.server("again")
		again.Slug = slugs[0]
		s.create(t, again)
		equalAgents(t, []core.Agent{first, second, none}, s.allAgents(t))
	}},
	{"20 of them added at once are all listed, once each", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		slugs := s.slugs(t, 20)
		a := s.agentWith(t)
		requireNoErrors(t, together(40, func(i int) error {
			m := core.AgentModification{UpdatedAt: epoch}
			m.AddMCPServers = []string{slugs[i%20], slugs[(i+7)%20]}
			_, err := s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
			return err
		}))
		require.ElementsMatch(t, slugs, s.listed(t, a.UID))
	}},
	{"that are deleted while agents come to list them are on no list", noDanglingServer},
}

// noDanglingServer deletes servers while agents are created with them, are
// given them and lose them: whoever comes first, no list names what is gone.
func noDanglingServer(t *testing.T, b Backend) {
	t.Helper()
	s := newSuite(t, b, "one")
	const rounds = 12
	for range rounds {
		slugs := s.slugs(t, 3)
		agents := []core.Agent{s.agentWith(t, slugs...), s.agentWith(t, slugs[2], slugs[1], slugs[0]), s.agentWith(t)}
		errs := together(12, func(i int) (err error) {
			m := core.AgentModification{UpdatedAt: epoch.Add(time.Second)}
			switch slug := slugs[i%2]; {
			case i < 2:
				return s.DeleteMCPServer(t.Context(), s.tenant.ID, core.BySlug(slug), core.Precondition{})
			case i < 6:
				a := newAgent("made meanwhile")
				a.MCPServers = []string{slugs[2], slug}
				_, err = s.CreateAgent(t.Context(), s.tenant.ID, a)
			case i < 10:
				m.AddMCPServers = []string{slug, slugs[2]}
				_, err = s.UpdateAgent(t.Context(), s.tenant.ID, agents[i%3].UID, m)
			default:
				m.RemoveMCPServers = []string{slugs[1-i%2], slug}
				_, err = s.UpdateAgent(t.Context(), s.tenant.ID, agents[i%3].UID, m)
			}
			return err
		})
		for i, err := range errs {
			if i >= 2 && core.KindOf(err) == core.NotFound {
				continue // the server was gone first
			}
			require.NoError(t, err)
		}
		for _, a := range s.allAgents(t) {
			for _, slug := range a.MCPServers {
				s.read(t, core.BySlug(slug))
			}
		}
	}
}
