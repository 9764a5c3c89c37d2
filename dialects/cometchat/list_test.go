package cometchat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
)

const servers = "/v3/ai-agents/agent-builder/mcp-servers"

type cursor struct {
	Affix     string
	CreatedAt json.Number
}

type listPage struct {
	Data []struct {
		Slug      string
		CreatedAt int64
	}
	Meta struct {
		Previous, Next *cursor
		Current        struct{ Limit, Count int }
	}
}

// shelf is a list of servers whose creation times a test chooses.
type shelf struct {
	*dialecttest.Direct

	slugs []string // in order of creation
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	return &shelf{Direct: dialecttest.NewDirect(t, dialect)}
}

// add creates n servers in one millisecond, and moves the clock.
func (s *shelf) add(t testing.TB, n int, then time.Duration) {
	t.Helper()
	for range n {
		slug := fmt.Sprintf("server-%04d", len(s.slugs))
		_, err := s.World.Core.CreateMCPServer(t.Context(), s.World.Acme.ID, core.NewMCPServer{
			Name: "n", Slug: slug, URL: "http://localhost",
		})
		require.NoError(t, err)
		s.slugs = append(s.slugs, slug)
	}
	s.World.Clock.Set(s.World.Clock.Now().Add(then))
}

// list asks as a client does that copies the two members of a cursor.
func (s *shelf) list(t testing.TB, limit int, affix string, c *cursor) listPage {
	t.Helper()
	target := fmt.Sprintf("%s?limit=%d", servers, limit)
	if c != nil {
		require.Equal(t, affix, c.Affix)
		target += "&affix=" + c.Affix + "&createdAt=" + c.CreatedAt.String()
	} else if affix != "" {
		target += "&affix=" + affix
	}
	reply := s.Do(http.MethodGet, target, "")
	require.Equal(t, http.StatusOK, reply.Status, "%s: %s", target, reply.Body)
	var p listPage
	require.NoError(t, json.Unmarshal(reply.Body, &p))
	require.Equal(t, limit, p.Meta.Current.Limit)
	require.Len(t, p.Data, p.Meta.Current.Count)
	require.LessOrEqual(t, len(p.Data), limit)
	return p
}

func (p *listPage) slugs() []string {
	out := make([]string, len(p.Data))
	for i, s := range p.Data {
		out[i] = s.Slug
	}
	return out
}

// forward walks from the beginning by meta.next until an empty page.
func (s *shelf) forward(t testing.TB, limit int) (all []string, pages []listPage) {
	t.Helper()
	p := s.list(t, limit, "", nil)
	for len(p.Data) > 0 {
		pages = append(pages, p)
		all = append(all, p.slugs()...)
		require.LessOrEqual(t, len(all), len(s.slugs), "a server came twice")
		p = s.list(t, limit, "append", p.Meta.Next)
	}
	return all, pages
}

// back walks by meta.previous from a page until an empty one.
func (s *shelf) back(t testing.TB, limit int, p listPage) (all []string) {
	t.Helper()
	for len(p.Data) > 0 {
		all = append(p.slugs(), all...)
		require.LessOrEqual(t, len(all), len(s.slugs), "a server came twice")
		p = s.list(t, limit, "prepend", p.Meta.Previous)
	}
	return all
}

func TestFiftyServersOfOneMillisecondAreWalkedExactlyOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(t, 50, time.Millisecond)
	all, pages := s.forward(t, 7)
	require.Equal(t, s.slugs, all)
	require.Len(t, pages, 8)
	require.Equal(t, s.slugs, s.back(t, 7, pages[len(pages)-1]))
	for _, p := range pages {
		for _, server := range p.Data {
			require.Equal(t, dialecttest.Epoch.UnixMilli(), server.CreatedAt, "the places in the list do not show in the servers")
		}
	}
}

func TestMoreServersThanAMillisecondHasPlacesAreWalkedExactlyOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(t, 3, time.Millisecond)
	s.add(t, 2*core.PlacesPerMilli+5, time.Millisecond)
	s.add(t, 4, time.Millisecond)
	s.add(t, 4, time.Second)
	s.add(t, 2, 0)
	for _, limit := range []int{1, 100} {
		all, pages := s.forward(t, limit)
		require.Equal(t, s.slugs, all)
		require.Equal(t, s.slugs, s.back(t, limit, pages[len(pages)-1]))
	}
}

// Whatever the times, the limit and the page that a client turns at.
func TestEveryWalkGivesEachServerOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := newShelf(t)
		for range rapid.IntRange(1, 8).Draw(r, "moments") {
			s.add(t, rapid.IntRange(1, 6).Draw(r, "servers"), time.Duration(rapid.IntRange(0, 3).Draw(r, "milliseconds"))*time.Millisecond)
		}
		limit := rapid.IntRange(1, 9).Draw(r, "limit")
		all, pages := s.forward(t, limit)
		require.Equal(t, s.slugs, all)
		turn := pages[rapid.IntRange(0, len(pages)-1).Draw(r, "turn")]
		last := turn.Data[len(turn.Data)-1].Slug
		require.Equal(t, s.slugs[:slices.Index(s.slugs, last)+1], s.back(t, limit, turn))
		require.Equal(t, s.slugs, s.back(t, limit, s.list(t, limit, "prepend", nil)), "from the end")
	})
}

func TestAWalkGoesOnWhereItsServersWereDeleted(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(t, 10, time.Millisecond)
	p := s.list(t, 4, "", nil)
	for _, slug := range p.slugs() {
		require.Equal(t, http.StatusOK, s.Do(http.MethodDelete, servers+"/"+slug, "").Status)
	}
	p = s.list(t, 4, "append", p.Meta.Next)
	require.Equal(t, s.slugs[4:8], p.slugs())
}

func FuzzListQuery(f *testing.F) {
	for _, q := range []string{
		"limit=7&affix=append&createdAt=1752048583177", "limit=0", "affix=prepend", "createdAt=1752048583177000", "limit=1e1&affix=x&createdAt=-1",
		"affix=prepend&createdAt=9223372036854775807", "createdAt=99999999999999", "createdAt=100000000000000", "limit=%zz;",
	} {
		f.Add(q)
	}
	s := newShelf(f)
	for range 4 {
		s.add(f, 3, time.Millisecond)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r, err := http.NewRequest(http.MethodGet, servers, nil)
		require.NoError(t, err)
		r.URL.RawQuery = query
		target := servers + "?" + r.URL.Query().Encode() // what could be read of it
		reply := s.Do(http.MethodGet, target, "")
		if reply.Status != http.StatusOK {
			require.Equal(t, http.StatusBadRequest, reply.Status)
			require.Contains(t, string(reply.Body), `"details":{"`)
			return
		}
		var p listPage
		require.NoError(t, json.Unmarshal(reply.Body, &p))
		limit := p.Meta.Current.Limit
		require.GreaterOrEqual(t, limit, 1)
		require.LessOrEqual(t, limit, 100)
		if len(p.Data) == 0 {
			require.Nil(t, p.Meta.Next)
			return
		}
		first := slices.Index(s.slugs, p.Data[0].Slug)
		require.Equal(t, s.slugs[first:first+len(p.Data)], p.slugs(), "a page is a run of the list")
		require.Equal(t, s.slugs[:first+len(p.Data)], s.back(t, limit, p))
		next := s.list(t, limit, "append", p.Meta.Next)
		require.Equal(t, s.slugs[first+len(p.Data):min(first+len(p.Data)+limit, len(s.slugs))], next.slugs())
	})
}
