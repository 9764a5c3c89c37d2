package core_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
)

// TestAnySequenceOfChangesMatchesAListThatIsChangedByHand drives a service and
// a plain list with the same random changes. Names, slugs and moments are
// drawn from so few that they collide all the time.
func TestAnySequenceOfChangesMatchesAListThatIsChangedByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		g := newGateway(t)
		m := &machine{gateway: g, tenant: g.demo(t, "demo").ID}
		rt.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"create": m.create,
			"update": m.update,
			"delete": m.delete,
			"page":   m.page,
			"from":   m.from,
			"clock":  m.clock,
		})
	})
}

type machine struct {
	*gateway

	tenant core.TenantID
	list   []core.MCPServer // what should be there, in order of place
}

var (
	someNames = rapid.SampledFrom([]string{"name", "Name!", "other", "日本"})
	someSlugs = rapid.SampledFrom([]string{"", "", "name", "other", "slug"})
	someURLs  = rapid.SampledFrom([]string{"", "http://a", "https://b/?c"})
	someIcons = rapid.SampledFrom([]string{"", "http://a", "data:image/png;base64,AA", "/icons/é.png", "//cdn.example.com/x", "🚀"})
	someJSON  = rapid.SampledFrom([]core.JSON{nil, core.JSON(`[]`), core.JSON(`[{"b":1,"a":1e400}]`)})
)

func (m *machine) clock(t *rapid.T) {
	*m.now = m.now.Add(time.Duration(rapid.IntRange(-2000, 3000).Draw(t, "microseconds")) * time.Microsecond)
}

func (m *machine) create(t *rapid.T) {
	in := core.NewMCPServer{
		Name:           someNames.Draw(t, "name"),
		Description:    rapid.Ptr(rapid.String(), true).Draw(t, "description"),
		Slug:           someSlugs.Draw(t, "slug"),
		URL:            someURLs.Draw(t, "url"),
		Icon:           someIcons.Draw(t, "icon"),
		RefuseSameName: rapid.Bool().Draw(t, "refuse same name"),
	}
	got, err := m.CreateMCPServer(t.Context(), m.tenant, in)
	nameTaken := in.RefuseSameName && m.has(func(s core.MCPServer) bool { return s.Name == in.Name })
	slugTaken := m.has(func(s core.MCPServer) bool { return s.Slug == in.Slug })
	switch {
	case in.Description != nil && !core.ValidText(*in.Description):
		require.Equal(t, core.Invalid, core.KindOf(err))
		return
	case nameTaken || slugTaken:
		require.Equal(t, core.Conflict, core.KindOf(err), "%v", err)
		require.True(t, nameTaken && core.IsConflictOn(err, "name") || slugTaken && core.IsConflictOn(err, "slug"))
		return
	}
	require.NoError(t, err)
	require.False(t, m.has(func(s core.MCPServer) bool { return s.ID == got.ID }))
	at := m.now.Truncate(time.Millisecond)
	want := core.MCPServer{
		ID: got.ID, Slug: m.slugFor(in, got.ID), Name: in.Name, Description: in.Description, URL: in.URL, Icon: in.Icon,
		Place: core.PlaceAt(*m.now), CreatedAt: at, UpdatedAt: at, Revision: 1,
	}
	for m.has(func(s core.MCPServer) bool { return s.Place == want.Place }) {
		want.Place++
	}
	require.Equal(t, want, got)
	m.list = append(m.list, want)
	slices.SortFunc(m.list, func(a, b core.MCPServer) int { return cmp.Compare(a.Place, b.Place) })
}

func (m *machine) slugFor(in core.NewMCPServer, id core.ObjectID) string {
	made := map[string]string{"name": "name", "Name!": "name", "other": "other", "日本": ""}[in.Name]
	switch {
	case in.Slug != "":
		return in.Slug
	case made == "":
		return id.String()
	case m.has(func(s core.MCPServer) bool { return s.Slug == made }):
		return made + "-" + id.String()
	default:
		return made
	}
}

func (m *machine) update(t *rapid.T) {
	i, ref := m.pick(t)
	in := core.MCPServerUpdate{
		Name:           rapid.Ptr(someNames, true).Draw(t, "name"),
		Description:    rapid.Ptr(rapid.SampledFrom([]string{"described", ""}), true).Draw(t, "description"),
		URL:            rapid.Ptr(someURLs, true).Draw(t, "url"),
		Icon:           rapid.Ptr(someIcons, true).Draw(t, "icon"),
		Suggestions:    someJSON.Draw(t, "suggestions"),
		AssociatedApps: someJSON.Draw(t, "apps"),
		Branding:       core.Branding{SafeMode: rapid.Ptr(rapid.Bool(), true).Draw(t, "safe mode")},

		KeepNoDescription: rapid.Bool().Draw(t, "keep no description"),
	}
	if rapid.Bool().Draw(t, "with chains") {
		in.Chains = new(rapid.SliceOfN(rapid.Just(core.JSON(`{"z":1,"a":2}`)), 0, 3).Draw(t, "chains"))
	}
	got, err := m.UpdateMCPServer(t.Context(), m.tenant, ref, in)
	if i < 0 {
		require.Equal(t, core.NotFound, core.KindOf(err))
		return
	}
	require.NoError(t, err)
	want := &m.list[i]
	keepOr(&want.Name, in.Name)
	keepOr(&want.URL, in.URL)
	keepOr(&want.Icon, in.Icon)
	if want.Description != nil || in.Description == nil || *in.Description != "" || !in.KeepNoDescription {
		keepOrPoint(&want.Description, in.Description)
	}
	keepOrPoint(&want.Branding.SafeMode, in.Branding.SafeMode)
	if in.Suggestions != nil {
		want.Suggestions = in.Suggestions
	}
	if in.AssociatedApps != nil {
		want.AssociatedApps = in.AssociatedApps
	}
	if in.Chains != nil {
		want.Chains = m.newChains(t, *in.Chains, got.Chains)
	}
	if at := m.now.Truncate(time.Millisecond); at.After(want.UpdatedAt) {
		want.UpdatedAt = at
	}
	want.Revision++
	require.Equal(t, *want, got)
}

// newChains takes the ids that were minted, if nothing has them yet.
func (m *machine) newChains(t *rapid.T, sent []core.JSON, got []core.Chain) []core.Chain {
	require.Len(t, got, len(sent))
	out := make([]core.Chain, len(sent))
	for i, fields := range sent {
		id := got[i].ID
		require.False(t, slices.ContainsFunc(out, func(c core.Chain) bool { return c.ID == id }))
		require.False(t, m.has(func(s core.MCPServer) bool {
			return s.ID == id || slices.ContainsFunc(s.Chains, func(c core.Chain) bool { return c.ID == id })
		}))
		out[i] = core.Chain{ID: id, Fields: fields}
	}
	return out
}

func (m *machine) delete(t *rapid.T) {
	i, ref := m.pick(t)
	err := m.DeleteMCPServer(t.Context(), m.tenant, ref, core.Precondition{})
	if i < 0 {
		require.Equal(t, core.NotFound, core.KindOf(err))
		return
	}
	require.NoError(t, err)
	m.list = slices.Delete(m.list, i, i+1)
}

// pick refers to a server by id or slug, or, now and then, to none: -1.
func (m *machine) pick(t *rapid.T) (int, core.MCPServerRef) {
	i := rapid.IntRange(-1, len(m.list)-1).Draw(t, "index")
	bySlug := rapid.Bool().Draw(t, "by slug")
	switch {
	case i < 0 && bySlug:
		return i, core.BySlug("nobody's")
	case i < 0:
		return i, core.ByID(core.ObjectID{1})
	case bySlug:
		return i, core.BySlug(m.list[i].Slug)
	default:
		return i, core.ByID(m.list[i].ID)
	}
}

func (m *machine) page(t *rapid.T) {
	offset, limit := rapid.IntRange(0, len(m.list)+2).Draw(t, "offset"), rapid.IntRange(0, 5).Draw(t, "limit")
	order := rapid.SampledFrom([]core.Order{core.OldestFirst, core.NewestFirst}).Draw(t, "order")
	got, total, err := m.MCPServerPage(t.Context(), m.tenant, order, offset, limit)
	require.NoError(t, err)
	require.Equal(t, len(m.list), total)
	list := slices.Clone(m.list)
	if order == core.NewestFirst {
		slices.Reverse(list)
	}
	want := []core.MCPServer{}
	for i, s := range list {
		if i >= offset && i < offset+limit {
			want = append(want, s)
		}
	}
	require.Equal(t, listed(want), got)
}

func (m *machine) from(t *rapid.T) {
	from := core.PlaceAt(*m.now)
	if len(m.list) > 0 {
		from = rapid.SampledFrom(m.list).Draw(t, "from").Place
	}
	from += core.Place(rapid.IntRange(-1, 1).Draw(t, "beside"))
	dir := rapid.SampledFrom([]core.Direction{core.After, core.Before}).Draw(t, "direction")
	limit := rapid.IntRange(0, 4).Draw(t, "limit")
	got, err := m.MCPServersFrom(t.Context(), m.tenant, from, dir, limit)
	require.NoError(t, err)
	want := []core.MCPServer{}
	for _, s := range m.list {
		if dir == core.After && s.Place > from || dir == core.Before && s.Place < from {
			want = append(want, s)
		}
	}
	if over := len(want) - limit; over > 0 && dir == core.After {
		want = want[:limit]
	} else if over > 0 {
		want = want[over:]
	}
	require.Equal(t, listed(want), got)
}

func (m *machine) check(t *rapid.T) {
	got, total, err := m.MCPServerPage(t.Context(), m.tenant, core.OldestFirst, 0, 1_000_000)
	require.NoError(t, err)
	require.Equal(t, len(m.list), total)
	require.Equal(t, listed(m.list), got)
	for _, want := range m.list {
		server, err := m.MCPServer(t.Context(), m.tenant, core.BySlug(want.Slug))
		require.NoError(t, err)
		require.Equal(t, want, server)
	}
}

func (m *machine) has(f func(core.MCPServer) bool) bool { return slices.ContainsFunc(m.list, f) }

func keepOr[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

func keepOrPoint[T any](field **T, to *T) {
	if to != nil {
		*field = to
	}
}

// listed is servers as lists give them.
func listed(servers []core.MCPServer) []core.MCPServer {
	out := append([]core.MCPServer{}, servers...)
	for i := range out {
		s := &out[i]
		s.Suggestions, s.AssociatedApps, s.Resources, s.Notebooks, s.Chains = nil, nil, nil, nil, nil
		s.Branding = core.Branding{}
	}
	return out
}
