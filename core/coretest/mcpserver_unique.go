package coretest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// createNamed creates a server that refuses to share its name.
func (s *suite) createNamed(t *testing.T, name string) error {
	t.Helper()
	_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: s.server(name), RefuseSameName: true})
	return err
}

func (s *suite) rename(t *testing.T, server core.MCPServer, name string) {
	t.Helper()
	m := core.Modification{UpdatedAt: epoch}
	m.Name = &name
	s.update(t, core.ByID(server.ID), m)
}

var serverNames = []guarantee{
	{"a creation may repeat a name unless it refuses to", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		require.NoError(t, s.createNamed(t, "name"))
		s.create(t, s.server("name"))
		s.create(t, s.server("name"))
		require.Len(t, s.all(t), 3)
	}},
	{"a creation that refuses is refused, however the name came to be there", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.create(t, s.server("created without refusing"))
		require.NoError(t, s.createNamed(t, "created refusing"))
		s.rename(t, s.create(t, s.server("before")), "renamed to")
		before := s.all(t)
		for _, name := range []string{"created without refusing", "created refusing", "renamed to"} {
			requireConflict(t, s.createNamed(t, name), "mcp_server", "name")
		}
		equalServers(t, before, s.all(t))
	}},
	{"a name is free once every server has left it, by rename or deletion", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		renamed, deleted := s.create(t, s.server("name")), s.create(t, s.server("name"))
		s.rename(t, renamed, "other")
		requireConflict(t, s.createNamed(t, "name"), "mcp_server", "name")
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(deleted.ID), core.Precondition{}))
		require.NoError(t, s.createNamed(t, "name"))
		requireConflict(t, s.createNamed(t, "name"), "mcp_server", "name")
	}},
	{"a server may be renamed to a name that another has", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		require.NoError(t, s.createNamed(t, "one"))
		s.rename(t, s.create(t, s.server("two")), "one")
		for _, server := range s.all(t) {
			require.Equal(t, "one", server.Name)
		}
	}},
	{"a server keeps its name in an update that sets the same", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.rename(t, s.create(t, s.server("name")), "name")
		requireConflict(t, s.createNamed(t, "name"), "mcp_server", "name")
	}},
	{"names are the same only byte by byte", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, name := range []string{"name", "Name", "name ", " name", "na\u200bme", "\u00e9", "e\u0301", "ss", "ß"} {
			require.NoError(t, s.createNamed(t, name))
			requireConflict(t, s.createNamed(t, name), "mcp_server", "name")
		}
	}},
	{"of 50 equal creations at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		errs := together(50, func(int) error {
			server := s.server("name")
			server.Slug = "name" // as made from the name, with another behind it
			c := core.Creation{Server: server, FallbackSlug: "name-" + server.ID.String(), RefuseSameName: true}
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, c)
			return err
		})
		requireOneWinner(t, errs, "mcp_server", "name")
		list := s.all(t)
		require.Len(t, list, 1)
		require.Equal(t, "name", list[0].Slug)
	}},
	{"creations of different names at once don't hinder each other", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireNoErrors(t, together(50, func(i int) error {
			server := s.server(fmt.Sprint("name ", i))
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server, RefuseSameName: true})
			return err
		}))
		require.Len(t, s.all(t), 50)
	}},
}

var serverSlugs = []guarantee{
	{"a slug is unique in its tenant", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := s.create(t, s.server("first"))
		second := s.server("second")
		second.Slug = first.Slug
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: second})
		requireConflict(t, err, "mcp_server", "slug")
		equalServers(t, []core.MCPServer{first}, s.all(t))
	}},
	{"slugs are the same only byte by byte", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, slug := range []string{"slug", "Slug", "slug-", "slug_", "slug.", "~slug", "..."} {
			server := s.server("server")
			server.Slug = slug
			equalSlug(t, s, slug, s.create(t, server))
		}
	}},
	{"the fallback is taken only where the slug is taken", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, want := range []string{"slug", "fallback"} {
			server := s.server("server")
			server.Slug = "slug"
			created, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server, FallbackSlug: "fallback"})
			require.NoError(t, err)
			equalSlug(t, s, want, created)
		}
	}},
	{"a fallback that is taken too is a conflict", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := s.create(t, s.server("first"))
		server := s.server("second")
		server.Slug = first.Slug
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server, FallbackSlug: first.Slug})
		requireConflict(t, err, "mcp_server", "slug")
	}},
	{"a fallback does not excuse the same name", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := s.create(t, s.server("name"))
		server := s.server("name")
		server.Slug = first.Slug
		c := core.Creation{Server: server, FallbackSlug: "fallback", RefuseSameName: true}
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, c)
		requireConflict(t, err, "mcp_server", "name")
		_, err = s.MCPServer(t.Context(), s.tenant.ID, core.BySlug("fallback"))
		requireNotFound(t, err)
	}},
	{"a slug is free after a deletion", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := s.create(t, s.server("first"))
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(first.ID), core.Precondition{}))
		second := s.server("second")
		second.Slug = first.Slug
		equalSlug(t, s, first.Slug, s.create(t, second))
	}},
	{"of 50 equal creations at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		errs := together(50, func(i int) error {
			server := s.server(fmt.Sprint("name ", i%2))
			server.Slug = "slug"
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server})
			return err
		})
		requireOneWinner(t, errs, "mcp_server", "slug")
		require.Len(t, s.all(t), 1)
	}},
	{"of 50 creations at once that fall back one gets the slug", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireNoErrors(t, together(50, func(int) error {
			server := s.server("name")
			server.Slug = "slug"
			c := core.Creation{Server: server, FallbackSlug: "slug-" + server.ID.String()}
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, c)
			return err
		}))
		plain := 0
		for _, server := range s.all(t) {
			if server.Slug == "slug" {
				plain++
				continue
			}
			require.Equal(t, "slug-"+server.ID.String(), server.Slug)
		}
		require.Equal(t, 1, plain)
	}},
}

func equalSlug(t *testing.T, s *suite, want string, created core.MCPServer) {
	t.Helper()
	require.Equal(t, want, created.Slug)
	equalServer(t, created, s.read(t, core.BySlug(want)))
}
