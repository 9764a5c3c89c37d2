package coretest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var servers = []guarantee{
	{"is given back as it was created, every field of it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireRoundTrip(t, s, s.full())
	}},
	{"what was never given stays absent", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireRoundTrip(t, s, s.server("bare"))
	}},
	{"empty is not absent", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.server("empty")
		server.Description = new("")
		server.Chains = []core.Chain{}
		server.Suggestions, server.AssociatedApps = core.JSON(`[]`), core.JSON(`[]`)
		server.Resources, server.Notebooks = core.JSON(`[]`), core.JSON(`[]`)
		server.Branding = core.Branding{
			AgentName: new(""), PrimaryColor: new(""), SecondaryColor: new(""), BasePrompt: new(""), SafeMode: new(false),
		}
		requireRoundTrip(t, s, server)
	}},
	{"any Unicode text is kept as it is", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, text := range unicodeTexts {
			server := s.server(text)
			server.Description = &text
			server.Branding.BasePrompt = &text
			requireRoundTrip(t, s, server)
		}
	}},
	{"a name of 300 KB is kept, and refused a second time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		name := strings.Repeat("long name 日本 ", 300*1024/17+1)
		require.Greater(t, len(name), 300*1024)
		server := s.server(name)
		requireRoundTrip(t, s, server)
		require.NoError(t, s.createNamed(t, name+"."))
		requireConflict(t, s.createNamed(t, name), "mcp_server", "name")
	}},
	{"an unknown id or slug is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.server("server")
		server.Slug = "the-slug"
		s.create(t, server)
		for _, ref := range []core.MCPServerRef{
			core.ByID(s.newID(epoch)), core.ByID(core.ObjectID{}),
			{},
			core.BySlug("the"), core.BySlug("The-Slug"), core.BySlug("the-slug "), core.BySlug("%"),
			{ID: server.ID, Slug: "the-slug-2"}, // the slug counts
		} {
			_, err := s.MCPServer(t.Context(), s.tenant.ID, ref)
			requireNotFound(t, err)
			_, err = s.UpdateMCPServer(t.Context(), s.tenant.ID, ref, core.Modification{UpdatedAt: epoch})
			requireNotFound(t, err)
			requireNotFound(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, ref, core.Precondition{}))
		}
		equalServers(t, []core.MCPServer{server}, s.all(t))
	}},
	{"the id is unique in its tenant", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := s.create(t, s.server("first"))
		second := s.server("second")
		second.ID = first.ID
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: second})
		requireConflict(t, err, "mcp_server", "id")
		equalServers(t, []core.MCPServer{first}, s.all(t))
	}},
	{"of 50 creations with one id at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		id := s.newID(epoch)
		errs := together(50, func(int) error {
			server := s.server("server")
			server.ID = id
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server})
			return err
		})
		requireOneWinner(t, errs, "mcp_server", "id")
		require.Len(t, s.all(t), 1)
	}},
	{"deleted it is gone, by id and by slug, and the others stay", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 5)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(list[0].ID), core.Precondition{}))
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.BySlug(list[3].Slug), core.Precondition{}))
		for _, gone := range []core.MCPServer{list[0], list[3]} {
			for _, ref := range []core.MCPServerRef{core.ByID(gone.ID), core.BySlug(gone.Slug)} {
				_, err := s.MCPServer(t.Context(), s.tenant.ID, ref)
				requireNotFound(t, err)
				requireNotFound(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, ref, core.Precondition{}))
			}
		}
		equalServers(t, []core.MCPServer{list[1], list[2], list[4]}, s.all(t))
	}},
	{"of 20 deletions at once one succeeds", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		errs := together(20, func(int) error {
			return s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Precondition{})
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			requireNotFound(t, err)
		}
		require.Equal(t, 1, won)
	}},
	{"a server given out is the caller's own", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		in := s.full()
		want := duplicate(t, in)
		created := s.create(t, in)
		for _, give := range []func() core.MCPServer{
			func() core.MCPServer { return in },
			func() core.MCPServer { return created },
			func() core.MCPServer { return s.read(t, core.ByID(want.ID)) },
			func() core.MCPServer { return s.read(t, core.BySlug(want.Slug)) },
			func() core.MCPServer { return s.all(t)[0] },
			func() core.MCPServer { return s.walk(t, core.After, 1)[0] },
			func() core.MCPServer { return s.walk(t, core.Before, 1)[0] },
		} {
			given := give()
			scribble(&given)
			equalServer(t, want, s.read(t, core.ByID(want.ID)))
		}
	}},
	{"an update takes and gives the caller's own", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		full := s.full()
		server := s.create(t, s.server("server"))
		m := fullModification(&full)
		updated := s.update(t, core.ByID(server.ID), m)
		scribble(&full)
		scribble(&updated)
		want := s.full()
		got := s.read(t, core.ByID(server.ID))
		require.Equal(t, want.Description, got.Description)
		require.Equal(t, want.Branding, got.Branding)
		require.Equal(t, want.Suggestions, got.Suggestions)
		require.Equal(t, want.AssociatedApps, got.AssociatedApps)
		require.Len(t, got.Chains, len(want.Chains))
		for i := range want.Chains {
			require.Equal(t, want.Chains[i].Fields, got.Chains[i].Fields)
		}
	}},
}

var unicodeTexts = []string{
	"日本語", "ñandú", "n\u0303andu\u0301", "🚀👩‍👩‍👧‍👦", "\u202eright to left", "a\u200bb", "\ufeffbom", "\ufffd",
	"\u0001\u001f\u007f\u0085", " leading and trailing ", "tab\tnewline\r\n", "\\u0000 \\x00", "'; drop table mcp_server; --",
	"\"quoted\" {array} (row) NULL", "\U0010ffff",
}

// requireRoundTrip creates the server and wants it back from every way to read it.
func requireRoundTrip(t *testing.T, s *suite, want core.MCPServer) {
	t.Helper()
	created := s.create(t, want)
	want.Place = created.Place // the servers of a test share a moment
	equalServer(t, want, created)
	equalServer(t, want, s.read(t, core.ByID(want.ID)))
	equalServer(t, want, s.read(t, core.BySlug(want.Slug)))
	list := s.all(t)
	equalServer(t, want, list[len(list)-1])
	next, err := s.MCPServersFrom(t.Context(), s.tenant.ID, want.Place-1, core.After, 1)
	require.NoError(t, err)
	require.Len(t, next, 1)
	equalServer(t, listed(want), next[0])
}

// fullModification sets every field to what the server has.
func fullModification(s *core.MCPServer) core.Modification {
	return core.Modification{
		MCPServerUpdate: core.MCPServerUpdate{
			Name: &s.Name, Description: s.Description, URL: &s.URL, Icon: &s.Icon,
			Suggestions: s.Suggestions, AssociatedApps: s.AssociatedApps, Branding: s.Branding,
		},
		Chains:    &s.Chains,
		UpdatedAt: s.UpdatedAt,
	}
}

// duplicate copies a server with all that it points to.
func duplicate(t *testing.T, s core.MCPServer) (out core.MCPServer) {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

// scribble changes all that a full server points to.
func scribble(s *core.MCPServer) {
	*s.Description += " changed"
	if s.Suggestions == nil {
		return // from a list
	}
	for _, j := range []core.JSON{s.Suggestions, s.AssociatedApps, s.Chains[0].Fields} {
		j[0] = 'X'
	}
	for _, j := range []core.JSON{s.Resources, s.Notebooks} {
		if j != nil {
			j[0] = 'X'
		}
	}
	s.Chains[1] = core.Chain{Fields: core.JSON(`{"changed":true}`)}
	*s.Branding.AgentName += " changed"
	*s.Branding.PrimaryColor += " changed"
	*s.Branding.SecondaryColor += " changed"
	*s.Branding.BasePrompt += " changed"
	*s.Branding.SafeMode = !*s.Branding.SafeMode
}
