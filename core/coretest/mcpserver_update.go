package coretest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var serverUpdates = []guarantee{
	{"each field changes alone", eachFieldChangesAlone},
	{"all fields change at once", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := s.create(t, s.server("bare"))
		full := s.full()
		full.UpdatedAt = epoch.Add(time.Second)
		got := s.update(t, core.BySlug(want.Slug), fullModification(&full))

		full.ID, full.Slug, full.Place, full.Revision = want.ID, want.Slug, want.Place, 2
		full.Resources, full.Notebooks = nil, nil // no update reaches these
		equalServer(t, full, got)
		equalServer(t, full, s.read(t, core.ByID(want.ID)))
	}},
	{"an update of nothing moves the update time and the revision", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := s.create(t, s.full())
		want.UpdatedAt, want.Revision = epoch.Add(time.Minute), 2
		equalServer(t, want, s.update(t, core.ByID(want.ID), core.Modification{UpdatedAt: want.UpdatedAt}))
		equalServer(t, want, s.read(t, core.ByID(want.ID)))
	}},
	{"the update time never goes back", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		for i, step := range []struct{ asked, given time.Duration }{
			{-time.Hour, 0}, {0, 0}, {time.Minute, time.Minute}, {time.Second, time.Minute}, {time.Hour, time.Hour},
		} {
			got := s.update(t, core.ByID(server.ID), core.Modification{UpdatedAt: epoch.Add(step.asked)})
			equalTime(t, epoch.Add(step.given), got.UpdatedAt)
			require.Equal(t, int64(i+2), got.Revision)
			equalServer(t, got, s.read(t, core.ByID(server.ID)))
		}
	}},
	{"an update touches no other server", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 3)
		full := s.full()
		list[1] = s.update(t, core.ByID(list[1].ID), fullModification(&full))
		equalServers(t, list, s.all(t))
	}},
	{"a deleted server is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Precondition{}))
		_, err := s.UpdateMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
		requireNotFound(t, err)
		require.Empty(t, s.all(t))
	}},
	{"50 updates at once are all applied, each to what the one before left", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.create(t, s.server("server"))
		const n = 50
		given := make([]core.MCPServer, n)
		requireNoErrors(t, together(n, func(i int) (err error) {
			m := core.Modification{UpdatedAt: epoch.Add(time.Duration(i) * time.Millisecond)}
			set := []func(string){
				func(v string) { m.Name = &v },
				func(v string) { m.Description = &v },
				func(v string) { m.Icon = &v },
				func(v string) { m.Suggestions = core.JSON(`["` + v + `"]`) },
				func(v string) { m.Branding.BasePrompt = &v },
			}
			set[i%len(set)](fmt.Sprint("set by ", i))
			given[i], err = s.UpdateMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), m)
			return err
		}))
		slices.SortFunc(given, func(a, b core.MCPServer) int { return int(a.Revision - b.Revision) })
		for i, g := range given {
			require.Equal(t, int64(i+2), g.Revision)
		}
		last := s.read(t, core.ByID(server.ID))
		equalServer(t, given[n-1], last)
		equalTime(t, epoch.Add((n-1)*time.Millisecond), last.UpdatedAt)
		require.Contains(t, last.Name, "set by ")
		require.NotNil(t, last.Description)
		require.NotEmpty(t, last.Icon)
		require.NotNil(t, last.Suggestions)
		require.NotNil(t, last.Branding.BasePrompt)
	}},
}

// fieldChanges change one field each: what is asked for, and what it does to a server.
var fieldChanges = map[string]func(m *core.Modification, s *core.MCPServer){
	"name":                func(m *core.Modification, s *core.MCPServer) { m.Name, s.Name = new("new"), "new" },
	"description":         func(m *core.Modification, s *core.MCPServer) { m.Description, s.Description = new("new"), new("new") },
	"description emptied": func(m *core.Modification, s *core.MCPServer) { m.Description, s.Description = new(""), new("") },
	"description, where there may be none": func(m *core.Modification, s *core.MCPServer) {
		m.KeepNoDescription, m.Description, s.Description = true, new("new"), new("new")
	},
	"description emptied, where there is one": func(m *core.Modification, s *core.MCPServer) {
		m.KeepNoDescription, m.Description = true, new("")
		if s.Description != nil {
			s.Description = new("")
		}
	},
	"no description, where there may be none": func(m *core.Modification, _ *core.MCPServer) { m.KeepNoDescription = true },
	"url":          func(m *core.Modification, s *core.MCPServer) { m.URL, s.URL = new("http://new"), "http://new" },
	"url emptied":  func(m *core.Modification, s *core.MCPServer) { m.URL, s.URL = new(""), "" },
	"icon":         func(m *core.Modification, s *core.MCPServer) { m.Icon, s.Icon = new("http://new"), "http://new" },
	"icon emptied": func(m *core.Modification, s *core.MCPServer) { m.Icon, s.Icon = new(""), "" },
	"suggestions": func(m *core.Modification, s *core.MCPServer) {
		m.Suggestions, s.Suggestions = core.JSON(`[]`), core.JSON(`[]`)
	},
	"associated apps": func(m *core.Modification, s *core.MCPServer) {
		m.AssociatedApps, s.AssociatedApps = core.JSON(`[{"b":1,"a":2}]`), core.JSON(`[{"b":1,"a":2}]`)
	},
	"chains": func(m *core.Modification, s *core.MCPServer) {
		s.Chains = []core.Chain{{ID: core.ObjectID{1}, Fields: core.JSON(`{"new":1}`)}}
		m.Chains = &s.Chains
	},
	"chains emptied":          func(m *core.Modification, s *core.MCPServer) { m.Chains, s.Chains = &[]core.Chain{}, []core.Chain{} },
	"chains emptied by a nil": func(m *core.Modification, s *core.MCPServer) { m.Chains, s.Chains = new([]core.Chain), []core.Chain{} },
	"agent name": func(m *core.Modification, s *core.MCPServer) {
		m.Branding.AgentName, s.Branding.AgentName = new("new"), new("new")
	},
	"primary color": func(m *core.Modification, s *core.MCPServer) {
		m.Branding.PrimaryColor, s.Branding.PrimaryColor = new(""), new("")
	},
	"secondary color": func(m *core.Modification, s *core.MCPServer) {
		m.Branding.SecondaryColor, s.Branding.SecondaryColor = new("new"), new("new")
	},
	"base prompt": func(m *core.Modification, s *core.MCPServer) {
		m.Branding.BasePrompt, s.Branding.BasePrompt = new("new"), new("new")
	},
	"safe mode": func(m *core.Modification, s *core.MCPServer) {
		m.Branding.SafeMode, s.Branding.SafeMode = new(false), new(false)
	},
}

// eachFieldChangesAlone wants all the fields that are not named to stay, on a
// server that has them and on one that doesn't.
func eachFieldChangesAlone(t *testing.T, b Backend) {
	t.Helper()
	s := newSuite(t, b, "one")
	for field, change := range fieldChanges {
		for _, before := range []core.MCPServer{s.full(), s.server("bare")} {
			t.Log(field)
			want := s.create(t, before)
			m := core.Modification{UpdatedAt: epoch.Add(time.Millisecond)}
			change(&m, &want)
			want.UpdatedAt, want.Revision = m.UpdatedAt, 2
			equalServer(t, want, s.update(t, core.ByID(want.ID), m))
			equalServer(t, want, s.read(t, core.BySlug(want.Slug)))
		}
	}
}
