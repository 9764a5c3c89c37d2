package coretest

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// conditional is what servers and agents have in common for who changes them on
// a condition.
type conditional struct {
	create func(t *testing.T) core.Version
	read   func(t *testing.T) (core.Version, string)
	// write sets the text that read gives.
	write  func(p core.Precondition, text string) (core.Version, error)
	remove func(p core.Precondition) error
}

// conditionals makes a server that is known by id, one by slug and an agent.
var conditionals = map[string]func(t *testing.T, b Backend) conditional{
	"server by id": func(t *testing.T, b Backend) conditional {
		t.Helper()
		return conditionalServer(t, newSuite(t, b, "by id"), func(s core.MCPServer) core.MCPServerRef { return core.ByID(s.ID) })
	},
	"server by slug": func(t *testing.T, b Backend) conditional {
		t.Helper()
		return conditionalServer(t, newSuite(t, b, "by slug"), func(s core.MCPServer) core.MCPServerRef { return core.BySlug(s.Slug) })
	},
	"agent": func(t *testing.T, b Backend) conditional {
		t.Helper()
		return conditionalAgent(t, newSuite(t, b, "agent"))
	},
}

func conditionalServer(t *testing.T, s *suite, refer func(core.MCPServer) core.MCPServerRef) conditional {
	t.Helper()
	var ref core.MCPServerRef
	return conditional{
		create: func(t *testing.T) core.Version {
			t.Helper()
			server := s.server("0")
			server.Slug = "the-slug"
			server = s.create(t, server)
			ref = refer(server)
			return server.Version()
		},
		read: func(t *testing.T) (core.Version, string) {
			t.Helper()
			server := s.read(t, ref)
			return server.Version(), server.Name
		},
		write: func(p core.Precondition, text string) (core.Version, error) {
			m := core.Modification{UpdatedAt: epoch}
			m.Name, m.If = &text, p
			server, err := s.UpdateMCPServer(t.Context(), s.tenant.ID, ref, m)
			return server.Version(), err
		},
		remove: func(p core.Precondition) error { return s.DeleteMCPServer(t.Context(), s.tenant.ID, ref, p) },
	}
}

func conditionalAgent(t *testing.T, s *suite) conditional {
	t.Helper()
	var uid core.AgentUID
	return conditional{
		create: func(t *testing.T) core.Version {
			t.Helper()
			a := s.createAgent(t, newAgent("0"))
			uid = a.UID
			return a.Version()
		},
		read: func(t *testing.T) (core.Version, string) {
			t.Helper()
			a := s.readAgent(t, uid)
			return a.Version(), a.Name
		},
		write: func(p core.Precondition, text string) (core.Version, error) {
			m := core.AgentModification{UpdatedAt: epoch}
			m.Name, m.If = &text, p
			a, err := s.UpdateAgent(t.Context(), s.tenant.ID, uid, m)
			return a.Version(), err
		},
		remove: func(p core.Precondition) error { return s.DeleteAgent(t.Context(), s.tenant.ID, uid, p) },
	}
}

// forEach makes a guarantee of one about each of the conditionals.
func forEach(check func(t *testing.T, c conditional)) func(*testing.T, Backend) {
	return func(t *testing.T, b Backend) {
		t.Helper()
		for name, open := range conditionals {
			t.Log(name)
			check(t, open(t, b))
		}
	}
}

func only(versions ...core.Version) core.Precondition { return core.Precondition{OneOf: versions} }

func requireFailed(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, core.PreconditionFailed, core.KindOf(err), "%v", err)
}

var preconditions = []guarantee{
	{"of the version that is there is met, of another it is not and nothing changes", forEach(func(t *testing.T, c conditional) {
		first := c.create(t)
		second, err := c.write(only(first), "1")
		require.NoError(t, err)
		require.NotEqual(t, first, second)
		for _, p := range []core.Precondition{only(first), only("no-version", first), {OneOf: []core.Version{}}} {
			_, err = c.write(p, "lost")
			requireFailed(t, err)
			requireFailed(t, c.remove(p))
		}
		version, text := c.read(t)
		require.Equal(t, second, version)
		require.Equal(t, "1", text)
		third, err := c.write(only("no-version", second, first), "2")
		require.NoError(t, err)
		_, err = c.write(core.Precondition{Exists: true}, "3")
		require.NoError(t, err)
		requireFailed(t, c.remove(only(third)))
		fourth, text := c.read(t)
		require.Equal(t, "3", text)
		require.NoError(t, c.remove(only(fourth)))
	})},
	{"of what is not there is not found, whatever it asks", forEach(func(t *testing.T, c conditional) {
		gone := c.create(t)
		require.NoError(t, c.remove(core.Precondition{Exists: true}))
		for _, p := range []core.Precondition{{}, {Exists: true}, only(gone), {OneOf: []core.Version{}}} {
			_, err := c.write(p, "lost")
			requireNotFound(t, err)
			requireNotFound(t, c.remove(p))
		}
	})},
	{"of one that was removed is not met by the one that took its place", forEach(func(t *testing.T, c conditional) {
		old := c.create(t)
		require.NoError(t, c.remove(only(old)))
		again := c.create(t)
		require.NotEqual(t, old, again)
		_, err := c.write(only(old), "lost")
		requireFailed(t, err)
		requireFailed(t, c.remove(only(old)))
	})},
	{"of one version lets one of 50 writers through", forEach(func(t *testing.T, c conditional) {
		version := c.create(t)
		const n = 50
		winner := -1
		for i, err := range together(n, func(i int) error {
			_, err := c.write(only(version), strconv.Itoa(i+1))
			return err
		}) {
			if err == nil {
				require.Negative(t, winner, "two won")
				winner = i
				continue
			}
			requireFailed(t, err)
		}
		_, text := c.read(t)
		require.Equal(t, strconv.Itoa(winner+1), text)
	})},
	{"of one version lets a writer or who removes it through, not both", forEach(func(t *testing.T, c conditional) {
		version := c.create(t)
		var won atomic.Int32
		for _, err := range together(20, func(i int) error {
			if i%2 == 0 {
				return c.remove(only(version))
			}
			_, err := c.write(only(version), "1")
			return err
		}) {
			if err == nil {
				won.Add(1)
			} else if core.KindOf(err) != core.NotFound {
				requireFailed(t, err)
			}
		}
		require.Equal(t, int32(1), won.Load())
	})},
	{"loses no count of 20 clients that read, add one and write until they are let", forEach(func(t *testing.T, c conditional) {
		c.create(t)
		const n = 20
		requireNoErrors(t, together(n, func(int) error {
			for {
				version, text := c.read(t)
				count, err := strconv.Atoi(text)
				if err != nil {
					return err
				}
				if _, err = c.write(only(version), strconv.Itoa(count+1)); core.KindOf(err) != core.PreconditionFailed {
					return err
				}
			}
		}))
		_, text := c.read(t)
		require.Equal(t, strconv.Itoa(n), text)
	})},
	{"of an agent tells a server that was deleted since", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		slugs := s.slugs(t, 2)
		a := s.agentWith(t, slugs...)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.BySlug(slugs[0]), core.Precondition{}))
		m := core.AgentModification{UpdatedAt: epoch.Add(time.Second)}
		m.If = only(a.Version())
		_, err := s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
		requireFailed(t, err)
		left := s.readAgent(t, a.UID)
		require.Equal(t, a.Revision, left.Revision)
		m.If = only(left.Version())
		_, err = s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
		require.NoError(t, err)
	}},
	{"of an agent comes before servers that are missing", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := s.agentWith(t)
		m := core.AgentModification{UpdatedAt: epoch}
		m.AddMCPServers, m.If = []string{"gone"}, only("no-version")
		_, err := s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
		requireFailed(t, err)
		m.If = only(a.Version())
		_, err = s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
		requireMissing(t, err, "gone")
	}},
	{"of one tenant's is not met by another's", func(t *testing.T, b Backend) {
		mine, other := newSuite(t, b, "mine"), newSuite(t, b, "other")
		server := mine.server("server")
		theirs := other.server("theirs")
		server.Slug, theirs.Slug = "slug", "slug"
		server, theirs = mine.create(t, server), other.create(t, theirs)
		requireFailed(t, mine.DeleteMCPServer(t.Context(), mine.tenant.ID, core.BySlug("slug"), only(theirs.Version())))
		require.NoError(t, mine.DeleteMCPServer(t.Context(), mine.tenant.ID, core.BySlug("slug"), only(server.Version())))
	}},
}
