package coretest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var serverPlaces = []guarantee{
	{"a free place is kept", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, place := range []core.Place{core.PlaceAt(epoch) + 999, core.PlaceAt(epoch), core.PlaceAt(epoch) - 1, 1} {
			server := s.server("server")
			server.Place = place
			require.Equal(t, place, s.create(t, server).Place)
			require.Equal(t, place, s.read(t, core.ByID(server.ID)).Place)
		}
	}},
	{"a taken place moves to the next free one", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		first := core.PlaceAt(epoch)
		for _, step := range []struct{ asked, given core.Place }{
			{0, 0}, {1, 1}, {3, 3}, {0, 2}, {0, 4}, {10, 10}, {4, 5}, {9, 9}, {9, 11},
		} {
			server := s.server("server")
			server.Place = first + step.asked
			require.Equal(t, first+step.given, s.create(t, server).Place)
			require.Equal(t, first+step.given, s.read(t, core.ByID(server.ID)).Place)
		}
	}},
	{"only the place moves, not the time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.create(t, s.server("first"))
		second := s.server("second")
		got := s.create(t, second)
		second.Place++
		equalServer(t, second, got)
	}},
	{"1,100 servers of one moment have places of their own, into the next millisecond", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		const n = core.PlacesPerMilli + 100
		first := core.PlaceAt(epoch)
		for i := range core.Place(n) {
			require.Equal(t, first+i, s.create(t, s.server("server")).Place)
		}
		list := s.all(t)
		require.Len(t, list, n)
		require.Equal(t, first.Milli(), list[core.PlacesPerMilli-1].Place.Milli())
		require.Equal(t, first.Milli()+1, list[core.PlacesPerMilli].Place.Milli())
		equalTime(t, epoch, list[n-1].CreatedAt)
	}},
	{"60 servers of one moment made at once list in one order, whoever asks", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		requireNoErrors(t, together(60, func(int) error {
			_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: s.server("server")})
			return err
		}))
		list := s.all(t)
		require.Len(t, list, 60)
		places := placesOf(list)
		require.True(t, slices.IsSorted(places))
		require.Len(t, slices.Compact(slices.Clone(places)), 60, "places are unique")
		require.GreaterOrEqual(t, places[0], core.PlaceAt(epoch))
		for _, size := range []int{1, 7, 60} {
			equalServers(t, list, s.walk(t, core.After, size))
			equalServers(t, list, s.walk(t, core.Before, size))
		}
	}},
}

var serverLists = []guarantee{
	{"an empty tenant lists nothing", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, order := range []core.Order{core.OldestFirst, core.NewestFirst} {
			list, total, err := s.MCPServerPage(t.Context(), s.tenant.ID, order, 0, 10)
			require.NoError(t, err)
			require.Empty(t, list)
			require.Zero(t, total)
		}
		for _, dir := range []core.Direction{core.After, core.Before} {
			list, err := s.MCPServersFrom(t.Context(), s.tenant.ID, core.PlaceAt(epoch), dir, 10)
			require.NoError(t, err)
			require.Empty(t, list)
		}
	}},
	{"are in order of place, whatever the order of creation, names and ids", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, i := range []int{3, 0, 4, 1, 2} {
			server := s.server(string(rune('z' - i)))
			server.Place += core.Place(i)
			s.create(t, server)
		}
		list := s.all(t)
		first := core.PlaceAt(epoch)
		require.Equal(t, []core.Place{first, first + 1, first + 2, first + 3, first + 4}, placesOf(list))
		equalServers(t, list, s.walk(t, core.After, 2))
	}},
	{"a page is the window asked for, with the total beside it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 7)
		newestFirst := slices.Clone(list)
		slices.Reverse(newestFirst)
		const huge = 1 << 40
		for _, c := range []struct{ offset, limit, from, to int }{
			{0, 3, 0, 3},
			{3, 3, 3, 6},
			{6, 3, 6, 7},
			{0, 7, 0, 7},
			{0, 8, 0, 7},
			{1, 1, 1, 2},
			{0, huge, 0, 7},
			{5, huge, 5, 7},
			{0, 0, 0, 0},
			{3, 0, 0, 0},
			{7, 3, 0, 0},
			{8, 3, 0, 0},
			{huge, 3, 0, 0},
			{huge, huge, 0, 0},
			{huge, 0, 0, 0},
		} {
			for order, list := range map[core.Order][]core.MCPServer{core.OldestFirst: list, core.NewestFirst: newestFirst} {
				got, total, err := s.MCPServerPage(t.Context(), s.tenant.ID, order, c.offset, c.limit)
				require.NoError(t, err)
				require.Equal(t, 7, total, "offset %d, limit %d", c.offset, c.limit)
				equalServers(t, list[c.from:c.to], got)
			}
		}
	}},
	{"from a place on come the next after it, or the last before it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 5)
		at := placesOf(list)
		for _, c := range []struct {
			from            core.Place
			dir             core.Direction
			limit, low, top int
		}{
			{0, core.After, 10, 0, 5},
			{at[0] - 1, core.After, 2, 0, 2},
			{at[0], core.After, 2, 1, 3},
			{at[0] + 1, core.After, 2, 1, 3},
			{at[3], core.After, 2, 4, 5},
			{at[4], core.After, 2, 0, 0},
			{math.MaxInt64, core.After, 2, 0, 0},
			{math.MinInt64, core.After, 2, 0, 2},
			{at[1], core.After, 0, 0, 0},
			{math.MaxInt64, core.Before, 10, 0, 5},
			{at[4] + 1, core.Before, 2, 3, 5},
			{at[4], core.Before, 2, 2, 4},
			{at[4] - 1, core.Before, 2, 2, 4},
			{at[1], core.Before, 2, 0, 1},
			{at[0], core.Before, 2, 0, 0},
			{0, core.Before, 2, 0, 0},
			{math.MinInt64, core.Before, 2, 0, 0},
			{at[1], core.Before, 0, 0, 0},
		} {
			got, err := s.MCPServersFrom(t.Context(), s.tenant.ID, c.from, c.dir, c.limit)
			require.NoError(t, err)
			require.Equal(t, idsOf(list[c.low:c.top]), idsOf(got), "%+v", c)
		}
	}},
	{"a walk meets every server exactly once, both ways, at any page size", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for i := range 53 { // some share a moment, some have it to themselves
			server := s.server("server")
			server.Place += core.Place(i / 7 * core.PlacesPerMilli)
			s.create(t, server)
		}
		list := s.all(t)
		for _, size := range []int{1, 2, 7, 10, 52, 53, 54, 1000} {
			equalServers(t, list, s.walk(t, core.After, size))
			equalServers(t, list, s.walk(t, core.Before, size))
		}
	}},
	{"a walk goes on where it was though servers come and go around it", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 6)
		page, err := s.MCPServersFrom(t.Context(), s.tenant.ID, 0, core.After, 3)
		require.NoError(t, err)
		equalServers(t, list[:3], page)

		older := s.server("older")
		older.Place = list[0].Place - 1
		s.create(t, older)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(list[2].ID), core.Precondition{}))
		page, err = s.MCPServersFrom(t.Context(), s.tenant.ID, list[2].Place, core.After, 3)
		require.NoError(t, err)
		equalServers(t, list[3:], page)
	}},
	{"a change leaves a server in its place", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		list := s.fill(t, 4)
		m := core.Modification{UpdatedAt: epoch.Add(time.Hour)}
		m.Name = new("aaa")
		s.update(t, core.ByID(list[2].ID), m)
		require.Equal(t, idsOf(list), idsOf(s.all(t)))
		require.Equal(t, placesOf(list), placesOf(s.all(t)))
	}},
}

// walk follows the list from one end to the other and gives what it met in
// order of place.
func (s *suite) walk(t *testing.T, dir core.Direction, size int) []core.MCPServer {
	t.Helper()
	var met []core.MCPServer
	from := core.Place(math.MinInt64)
	if dir == core.Before {
		from = math.MaxInt64
	}
	for {
		page, err := s.MCPServersFrom(t.Context(), s.tenant.ID, from, dir, size)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), size)
		if len(page) == 0 {
			return met
		}
		if dir == core.Before {
			met = append(page, met...)
			from = page[0].Place
		} else {
			met = append(met, page...)
			from = page[len(page)-1].Place
		}
	}
}
