package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/store/memstore"
)

// expected is a server as the clients of both dialects made it: each member's
// JSON text.
type expected struct {
	id, slug  string
	members   map[string]string // name, description, url, icon, suggestions, associated_apps
	chains    []string          // without their ids; nil: never sent
	hasChains bool
}

// lossless is a state machine: whatever clients of both dialects do to one
// tenant, each of them reads back all that any of them wrote.
type lossless struct {
	url      string
	headers  credentials
	servers  map[string]*expected // by slug
	last     *expected            // what was touched last
	sequence int
}

func TestNoSequenceOfChangesThroughBothDialectsLosesAnything(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	g := newInProcess(t, s, s)
	tenants := 0
	rapid.Check(t, func(rt *rapid.T) {
		tenants++
		_, headers := g.tenant(t, fmt.Sprintf("tenant-%d", tenants), fmt.Sprintf("%024x", tenants), fmt.Sprintf("app-%d", tenants))
		m := &lossless{url: g.url, headers: headers, servers: map[string]*expected{}}
		rt.Repeat(rapid.StateMachineActions(m))
		for _, s := range m.servers {
			m.check(rt, s)
		}
	})
}

func (m *lossless) send(t *rapid.T, method, path, body string, headers []string) reply {
	r, err := try(t.Context(), method, m.url+path, body, headers...)
	require.NoError(t, err)
	return r
}

const (
	refoldServers    = "/api/v2/public/mcp-servers"
	cometChatServers = "/v3/ai-agents/agent-builder/mcp-servers"
)

// RefoldCreate makes a server, or is refused because the name is taken.
func (m *lossless) RefoldCreate(t *rapid.T) {
	name, description := aText(t, "name"), aText(t, "description")
	r := m.send(t, http.MethodPost, refoldServers, `{"name":`+name+`,"description":`+description+`}`, m.headers["key"])
	if m.named(name) {
		require.Equal(t, http.StatusConflict, r.status, r.body)
		return
	}
	require.Equal(t, http.StatusCreated, r.status, r.body)
	id := member(t, r.body, "_id")
	slug := m.slugOf(t)
	m.last = &expected{id: unquote(t, id), slug: slug, members: map[string]string{
		"name": name, "description": description, "url": `""`, "suggestions": "[]", "associated_apps": "[]",
	}}
	m.servers[slug] = m.last
}

// CometChatCreate makes a server whose name may be taken.
func (m *lossless) CometChatCreate(t *rapid.T) {
	m.sequence++
	slug := fmt.Sprintf("slug-%d", m.sequence)
	members := map[string]string{"name": aText(t, "name"), "url": aURL(t), "suggestions": "[]", "associated_apps": "[]"}
	body := `{"name":` + members["name"] + `,"slug":"` + slug + `","url":` + members["url"]
	for _, optional := range []string{"description", "icon"} {
		if rapid.Bool().Draw(t, "with "+optional) {
			members[optional] = aText(t, optional)
			body += `,"` + optional + `":` + members[optional]
		}
	}
	r := m.send(t, http.MethodPost, cometChatServers, body+"}", m.headers["apikey"])
	require.Equal(t, http.StatusCreated, r.status, r.body)
	m.last = &expected{id: m.idOf(t), slug: slug, members: members}
	m.servers[slug] = m.last
}

// RefoldUpdate changes some members of some server.
func (m *lossless) RefoldUpdate(t *rapid.T) {
	s := m.one(t)
	changes := map[string]string{}
	for member, draw := range map[string]func(*rapid.T) string{
		"name":            func(t *rapid.T) string { return aText(t, "name") },
		"description":     func(t *rapid.T) string { return aText(t, "description") },
		"suggestions":     func(t *rapid.T) string { return anArray(t, "prompt") },
		"associated_apps": func(t *rapid.T) string { return anArray(t, "slug") },
	} {
		if rapid.Bool().Draw(t, "change "+member) {
			changes[member] = draw(t)
		}
	}
	body := objectOf(changes)
	if rapid.Bool().Draw(t, "change chains") {
		s.chains, s.hasChains = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anObject(t, "goals") }), 0, 3).Draw(t, "chains"), true
		changes["chains"] = "[" + strings.Join(s.chains, ",") + "]"
		body = objectOf(changes)
		delete(changes, "chains")
	}
	r := m.send(t, http.MethodPut, refoldServers+"/"+s.id, body, m.headers["token"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	maps.Copy(s.members, changes)
}

// CometChatUpdate changes some members of some server, or sends its url back as it
// was read, if it has none too.
func (m *lossless) CometChatUpdate(t *rapid.T) {
	s := m.one(t)
	changes := map[string]string{}
	for _, member := range []string{"name", "description", "icon"} {
		if rapid.Bool().Draw(t, "change "+member) {
			changes[member] = aText(t, member)
		}
	}
	if rapid.Bool().Draw(t, "with url") {
		changes["url"] = rapid.SampledFrom([]string{aURL(t), s.members["url"]}).Draw(t, "url")
	}
	r := m.send(t, http.MethodPatch, cometChatServers+"/"+s.slug, objectOf(changes), m.headers["apikey"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	maps.Copy(s.members, changes)
}

// Delete removes some server through either dialect.
func (m *lossless) Delete(t *rapid.T) {
	s := m.one(t)
	r := reply{}
	if rapid.Bool().Draw(t, "through Refold") {
		r = m.send(t, http.MethodDelete, refoldServers+"/"+s.id, "", m.headers["key"])
		require.Equal(t, http.StatusNoContent, r.status, r.body)
	} else {
		r = m.send(t, http.MethodDelete, cometChatServers+"/"+s.slug, "", m.headers["apikey"])
		require.Equal(t, http.StatusOK, r.status, r.body)
	}
	delete(m.servers, s.slug)
}

// Check reads the server of the last step in both dialects; all are read at the
// end, as each of a hundred steps would read dozens.
func (m *lossless) Check(t *rapid.T) {
	if m.last != nil && m.servers[m.last.slug] == m.last {
		m.check(t, m.last)
	}
	r := m.send(t, http.MethodGet, refoldServers+"?limit=0", "", m.headers["key"])
	require.Equal(t, fmt.Sprint(len(m.servers)), member(t, r.body, "totalDocs"))
}

func (m *lossless) check(t *rapid.T, s *expected) {
	r := m.send(t, http.MethodGet, refoldServers+"/"+s.id, "", m.headers["key"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	for _, name := range []string{"name", "suggestions", "associated_apps"} {
		require.Equal(t, s.members[name], member(t, r.body, name), "%s in %s", name, r.body)
	}
	if want, given := s.members["description"]; given {
		require.Equal(t, want, member(t, r.body, "description"))
	}
	requireChains(t, s, r.body)

	r = m.send(t, http.MethodGet, cometChatServers+"/"+s.slug, "", m.headers["apikey"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	for _, name := range []string{"name", "description", "url", "icon"} {
		require.Equal(t, s.members[name], member(t, r.body, name), "%s in %s", name, r.body)
	}
}

func requireChains(t *rapid.T, s *expected, body string) {
	if !s.hasChains {
		require.Empty(t, member(t, body, "chains"))
		return
	}
	var chains []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(member(t, body, "chains")), &chains))
	require.Len(t, chains, len(s.chains))
	for i, c := range chains {
		want := strings.TrimSuffix(s.chains[i], "}")
		require.True(t, strings.HasPrefix(string(c), want), "%s begins with %s", c, want)
		require.Regexp(t, `^,?"_id":"[0-9a-f]{24}"}$`, strings.TrimPrefix(string(c), want))
	}
}

func (m *lossless) one(t *rapid.T) *expected {
	if len(m.servers) == 0 {
		t.Skip("there is no server yet")
	}
	slug := rapid.SampledFrom(slices.Sorted(maps.Keys(m.servers))).Draw(t, "server")
	m.last = m.servers[slug]
	return m.last
}

func (m *lossless) named(name string) bool {
	for _, s := range m.servers {
		if s.members["name"] == name {
			return true
		}
	}
	return false
}

// idOf and slugOf find the one name of a server that a dialect does not show,
// by what only the new server can have: it is the newest.
func (m *lossless) idOf(t *rapid.T) string {
	r := m.send(t, http.MethodGet, fmt.Sprintf("%s?limit=1&page=%d", refoldServers, len(m.servers)+1), "", m.headers["key"])
	var page struct {
		Docs []struct {
			ID string `json:"_id"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &page))
	require.Len(t, page.Docs, 1, r.body)
	return page.Docs[0].ID
}

func (m *lossless) slugOf(t *rapid.T) string {
	r := m.send(t, http.MethodGet, cometChatServers+"?affix=prepend&limit=1", "", m.headers["apikey"])
	var page struct{ Data []struct{ Slug string } }
	require.NoError(t, json.Unmarshal([]byte(r.body), &page))
	require.Len(t, page.Data, 1, r.body)
	return page.Data[0].Slug
}

// The generators give compact JSON text as a client would send it.

func aText(t *rapid.T, label string) string {
	s := rapid.OneOf(
		rapid.SampledFrom([]string{"Weather", "weather", "天気", "a<b>&\u2028", "Ünï", " ", "\"\\\n\t"}),
		rapid.StringN(1, 12, -1),
	).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }).Draw(t, label)
	return quote(strings.ToValidUTF8(s, "?"))
}

func aURL(t *rapid.T) string {
	return quote("http://localhost/" + rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "path"))
}

// anObject has its members in any order, one of them known and a string.
func anObject(t *rapid.T, known string) string {
	members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		value := rapid.SampledFrom([]string{"null", "true", "[]", "{}", "1e400", "9007199254740993", "-0", "1.10", `"x"`, `{"z":1,"a":2,"z":3}`}).Draw(t, "value")
		return quote(rapid.SampledFrom([]string{"zeta", "alpha", "ключ", ""}).Draw(t, "member")) + ":" + value
	}), 0, 4).Draw(t, "members")
	if rapid.Bool().Draw(t, "with the known one") {
		at := rapid.IntRange(0, len(members)).Draw(t, "at")
		members = slices.Insert(members, at, quote(known)+":"+aText(t, known))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func anArray(t *rapid.T, known string) string {
	elements := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anObject(t, known) }), 0, 3).Draw(t, "elements")
	return "[" + strings.Join(elements, ",") + "]"
}

func objectOf(members map[string]string) string {
	parts := make([]string, 0, len(members))
	for name, value := range members {
		parts = append(parts, quote(name)+":"+value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// quote writes a string as JavaScript does.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text)
}

func unquote(t *rapid.T, text string) string {
	var s string
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

// member gives the text of an object's member, "" where it is absent.
func member(t *rapid.T, object, name string) string {
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(object), &m), object)
	return string(m[name])
}
