package main

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// So few that they collide all the time.
var (
	modelNames = rapid.SampledFrom([]string{"name", "Name!", "other", "日本"})
	modelSlugs = rapid.SampledFrom([]string{"name", "other", "slug"})
)

const (
	strong  = "Diglot-ETag"
	missing = "686e2393750d509493c6d87c" // no record's id

	isoMillis = "2006-01-02T15:04:05.000Z" // as Refold writes times
)

// server gives the tenant's server of that id, else nil.
func (tn *modelTenant) server(id string) *core.MCPServer {
	return tn.find(func(s *core.MCPServer) bool { return s.ID.String() == id })
}

// bySlug gives the tenant's server of that slug, else nil.
func (tn *modelTenant) bySlug(slug string) *core.MCPServer {
	return tn.find(func(s *core.MCPServer) bool { return s.Slug == slug })
}

func (tn *modelTenant) find(is func(*core.MCPServer) bool) *core.MCPServer {
	if i := slices.IndexFunc(tn.servers, is); i >= 0 {
		return tn.servers[i]
	}
	return nil
}

func (tn *modelTenant) hasName(name string) bool {
	return slices.ContainsFunc(tn.servers, func(s *core.MCPServer) bool { return s.Name == name })
}

// addServer adds a server as it was made now.
func (m *model) addServer(t *rapid.T, tn *modelTenant, s core.MCPServer) *core.MCPServer {
	require.NotContains(t, m.serverIDs, s.ID.String())
	m.serverIDs = append(m.serverIDs, s.ID.String())
	s.CreatedAt, s.UpdatedAt, s.Revision, s.Place = m.today(), m.today(), 1, core.PlaceAt(m.now())
	s.Place = tn.freePlace(s.Place)
	tn.putServer(&s)
	tn.changed(core.CreateAction, core.MCPServerNoun, s.ID.String())
	return &s
}

func (tn *modelTenant) putServer(s *core.MCPServer) {
	tn.servers = append(tn.servers, s)
	slices.SortFunc(tn.servers, func(a, b *core.MCPServer) int { return cmp.Compare(a.Place, b.Place) })
	tn.was[serverAt{s.ID.String(), s.Revision}] = *s
}

func versionOf(s *core.MCPServer) core.Version {
	if s == nil {
		return ""
	}
	return s.Version()
}

// freePlace gives a place, or the next one that no server has.
func (tn *modelTenant) freePlace(p core.Place) core.Place {
	for slices.ContainsFunc(tn.servers, func(s *core.MCPServer) bool { return s.Place == p }) {
		p++
	}
	return p
}

// madeSlug is that of a server which came without one.
func (tn *modelTenant) madeSlug(name, id string) string {
	made := map[string]string{"name": "name", "Name!": "name", "other": "other", "日本": ""}[name]
	switch {
	case made == "":
		return id
	case tn.bySlug(made) != nil:
		return made + "-" + id
	}
	return made
}

// tagged takes the id out of an answer's strong tag, and requires its version
// to be the first.
func tagged(t *rapid.T, r reply) core.ObjectID {
	text, _, ok := strings.Cut(strings.Trim(r.header.Get("ETag"), `"`), "-r1")
	require.True(t, ok, r.header.Get("ETag"))
	id, ok := core.ParseObjectID(text)
	require.True(t, ok, text)
	return id
}

func (m *model) createRefoldServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	name, unique := modelNames.Draw(t, "name"), rapid.Bool().Draw(t, "unique")
	revision := core.RefoldV3
	if unique {
		revision = core.RefoldLegacy
	}
	r, isNew, keep := m.once(t, c, "create_mcp_server", refoldServers, `{"name":"`+name+`","description":"`+tn.mark+`"}`,
		refold.RevisionHeader, string(revision), strong, "strong")
	if !isNew {
		return
	}
	if unique && tn.hasName(name) {
		require.Equal(t, http.StatusConflict, r.status)
		return
	}
	require.Equal(t, http.StatusCreated, r.status)
	id := tagged(t, r)
	requireBody(t, map[string]any{"_id": id.String(), "name": name, "description": tn.mark}, r)
	m.addServer(t, tn, core.MCPServer{ID: id, Slug: tn.madeSlug(name, id.String()), Name: name, Description: new(tn.mark)})
	keep()
}

func (m *model) createCometChatServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byKey(t, tn, core.CometChat)
	slug, name := modelSlugs.Draw(t, "slug"), modelNames.Draw(t, "name")
	r, isNew, keep := m.once(t, c, "create_mcp_server", cometChatServers,
		`{"name":"`+name+`","slug":"`+slug+`","url":"http://`+tn.mark+`","icon":"http://b"}`, strong, "strong")
	if !isNew {
		return
	}
	if tn.bySlug(slug) != nil {
		require.Equal(t, http.StatusConflict, r.status)
		return
	}
	require.Equal(t, http.StatusCreated, r.status)
	s := m.addServer(t, tn, core.MCPServer{ID: tagged(t, r), Slug: slug, Name: name, URL: "http://" + tn.mark, Icon: "http://b"})
	requireBody(t, tn.asCometChat(s), r)
	keep()
}

// asRefold is how a server is read in the legacy revision.
func (tn *modelTenant) asRefold(s *core.MCPServer) map[string]any {
	v := tn.listedByRefold(s)
	v["associated_org_id"], v["environment"] = tn.Refold.OrgID, string(tn.Refold.Environment)
	v["suggestions"], v["associated_apps"], v["resources"] = []any{}, []any{}, []any{}
	if s.Suggestions != nil {
		v["suggestions"] = []any{map[string]any{"prompt": "p"}}
	}
	return v
}

func (tn *modelTenant) listedByRefold(s *core.MCPServer) map[string]any {
	v := map[string]any{"_id": s.ID.String(), "name": s.Name, "description": "", "createdAt": s.CreatedAt.Format(isoMillis), "updatedAt": s.UpdatedAt.Format(isoMillis)}
	if s.Description != nil {
		v["description"] = *s.Description
	}
	return v
}

func (tn *modelTenant) asCometChat(s *core.MCPServer) map[string]any {
	v := map[string]any{
		"_id": tn.CometChat.AppID + "_" + s.Slug, "appId": tn.CometChat.AppID, "slug": s.Slug, "name": s.Name, "url": s.URL,
		"createdAt": float64(s.CreatedAt.UnixMilli()), "updatedAt": float64(s.UpdatedAt.UnixMilli()),
	}
	if s.Description != nil {
		v["description"] = *s.Description
	}
	if s.Icon != "" {
		v["icon"] = s.Icon
	}
	return v
}

// anyOf gives one of those that are the tenant's, more often than not, or one of the
// others.
func anyOf[T any](t *rapid.T, own, others []T, label string) T {
	if len(own) > 0 && rapid.IntRange(0, 9).Draw(t, "own") < 7 {
		others = own
	}
	return rapid.SampledFrom(others).Draw(t, label)
}

// byID gives an id of any tenant's server, or of none.
func (m *model) byID(t *rapid.T, tn *modelTenant) string {
	var own []string
	for _, s := range tn.servers {
		own = append(own, s.ID.String())
	}
	return anyOf(t, own, append([]string{missing}, m.serverIDs[max(0, len(m.serverIDs)-12):]...), "id")
}

// aSlug gives a slug that a server of any tenant may have.
func (m *model) aSlug(t *rapid.T, tn *modelTenant) string {
	var own []string
	for _, s := range tn.servers {
		own = append(own, s.Slug)
	}
	return anyOf(t, own, []string{"name", "other", "slug", "nothing"}, "slug")
}

// change is a body, and what it does to a server.
type change struct {
	body  string
	apply func(*core.MCPServer)
}

// changeServer has the model do what was done.
func (m *model) changeServer(tn *modelTenant, s *core.MCPServer, do func(*core.MCPServer)) {
	do(s)
	s.UpdatedAt = later(s.UpdatedAt, m.today())
	s.Revision++
	tn.was[serverAt{s.ID.String(), s.Revision}] = *s
	tn.changed(core.UpdateAction, core.MCPServerNoun, s.ID.String())
}

// later gives the time that a change moves another time to: never back.
func later(was, now time.Time) time.Time {
	if now.After(was) {
		return now
	}
	return was
}

func (m *model) changeRefoldServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	id, name := m.byID(t, tn), modelNames.Draw(t, "name")
	do := rapid.SampledFrom([]change{
		{`{"name":"` + name + `"}`, func(s *core.MCPServer) { s.Name = name }},
		{`{"description":"` + tn.mark + ` changed"}`, func(s *core.MCPServer) { s.Description = new(tn.mark + " changed") }},
		{`{"description":""}`, func(s *core.MCPServer) {
			if s.Description != nil {
				s.Description = new("")
			}
		}},
		{`{"suggestions":[{"prompt":"p"}]}`, func(s *core.MCPServer) { s.Suggestions = core.JSON(`[{"prompt":"p"}]`) }},
		{`{}`, func(*core.MCPServer) {}},
	}).Draw(t, "change")
	s := tn.server(id)
	header, holds := condition(t, versionOf(s))
	r, known := m.send(t, c, http.MethodPut, refoldServers+"/"+id, do.body, append(header, strong, "strong")...)
	if known && done(t, r, s != nil, holds) {
		m.changeServer(tn, s, do.apply)
		require.Equal(t, `"`+string(s.Version())+`/legacy"`, r.header.Get("ETag"))
		want := tn.asRefold(s)
		want["__v"] = 0.0
		requireBody(t, want, r)
	}
}

func (m *model) changeCometChatServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byKey(t, tn, core.CometChat)
	slug, name := m.aSlug(t, tn), modelNames.Draw(t, "name")
	do := rapid.SampledFrom([]change{
		{`{"name":"` + name + `"}`, func(s *core.MCPServer) { s.Name = name }},
		{`{"description":""}`, func(s *core.MCPServer) { s.Description = new("") }},
		{`{"url":"http://` + tn.mark + `/c"}`, func(s *core.MCPServer) { s.URL = "http://" + tn.mark + "/c" }},
	}).Draw(t, "change")
	s := tn.bySlug(slug)
	header, holds := condition(t, versionOf(s))
	r, known := m.send(t, c, http.MethodPatch, cometChatServers+"/"+slug, do.body, append(header, strong, "strong")...)
	if known && done(t, r, s != nil, holds) {
		m.changeServer(tn, s, do.apply)
		require.Equal(t, `"`+string(s.Version())+`"`, r.header.Get("ETag"))
		requireBody(t, tn.asCometChat(s), r)
	}
}

func (m *model) readRefoldServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	id := m.byID(t, tn)
	r, known := m.send(t, c, http.MethodGet, refoldServers+"/"+id, "")
	if s := tn.server(id); known && done(t, r, s != nil, true) {
		requireBody(t, tn.asRefold(s), r)
	}
}

func (m *model) readCometChatServer(t *rapid.T) {
	tn := m.tenant(t)
	slug := m.aSlug(t, tn)
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodGet, cometChatServers+"/"+slug, "")
	if s := tn.bySlug(slug); known && done(t, r, s != nil, true) {
		requireBody(t, tn.asCometChat(s), r)
	}
}

func (m *model) deleteRefoldServer(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	id := m.byID(t, tn)
	s := tn.server(id)
	header, holds := condition(t, versionOf(s))
	r, known := m.send(t, c, http.MethodDelete, refoldServers+"/"+id, "", header...)
	if known && done(t, r, s != nil, holds) {
		tn.remove(s)
	}
}

func (m *model) deleteCometChatServer(t *rapid.T) {
	tn := m.tenant(t)
	slug := m.aSlug(t, tn)
	s := tn.bySlug(slug)
	header, holds := condition(t, versionOf(s))
	r, known := m.send(t, m.byKey(t, tn, core.CometChat), http.MethodDelete, cometChatServers+"/"+slug, "", header...)
	if known && done(t, r, s != nil, holds) {
		tn.remove(s)
	}
}

func (tn *modelTenant) remove(s *core.MCPServer) {
	tn.servers = slices.DeleteFunc(tn.servers, func(other *core.MCPServer) bool { return other == s })
	tn.deleted[s.ID.String()] = *s
	tn.changed(core.DeleteAction, core.MCPServerNoun, s.ID.String())
	for _, a := range tn.agents {
		if slices.Contains(a.MCPServers, s.Slug) {
			tn.changed(core.UpdateAction, core.AgentNoun, string(a.UID))
		}
		a.MCPServers = slices.DeleteFunc(a.MCPServers, func(slug string) bool { return slug == s.Slug })
	}
}

func (m *model) pageServers(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	page, limit := rapid.IntRange(1, 4).Draw(t, "page"), rapid.IntRange(1, 5).Draw(t, "limit")
	r, known := m.send(t, c, http.MethodGet, fmt.Sprintf("%s?page=%d&limit=%d", refoldServers, page, limit), "")
	if !known {
		return
	}
	var all []any
	for _, s := range tn.servers {
		all = append(all, tn.listedByRefold(s))
	}
	requirePage(t, r, all, page, limit)
}

func (m *model) walkServers(t *rapid.T) {
	tn := m.tenant(t)
	want := []any{}
	for _, s := range tn.servers {
		want = append(want, tn.asCometChat(s))
	}
	m.walked(t, tn, cometChatServers, want)
}
