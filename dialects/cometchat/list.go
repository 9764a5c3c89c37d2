package cometchat

import (
	"context"
	"errors"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Bounds of a list's limit. That the default is 10 is read off the examples of
// sibling lists; that more than 100 is cut is inferred.
const (
	defaultLimit = 10
	maxLimit     = 100
)

// The two values of affix. Lists are oldest first, so that append goes on
// towards newer servers and prepend back to older ones (inferred from the
// vendor's chat API: contract 1.4).
const (
	appendAffix  = "append"
	prependAffix = "prepend"
)

// minMicro tells the two forms of a cursor apart: a smaller createdAt counts
// in milliseconds (this one would be the year 5138), a larger one in
// microseconds.
const minMicro = core.FirstPlace

// cursor is a place in a list, as a query and as a meta member have it.
//
// The documented cursor is a createdAt in milliseconds, with no second member
// to tell servers of one millisecond apart. Where a page ends among such, the
// cursor is the exact place in the list instead, in microseconds: still one
// number that a client copies. What is created in the last millisecond of a
// page after that was read is behind a plain cursor, as it is at the vendor:
// the price of the documented number where it is enough for what is there.
type cursor struct {
	Affix     string `json:"affix"`
	CreatedAt int64  `json:"createdAt"`
}

// listRequest is the query of any list.
type listRequest struct {
	limit int
	dir   core.Direction
	from  core.Place
	exact bool // from is the place of one item, not a whole millisecond
}

// Bind reads the query.
func (in *listRequest) Bind(r *dialects.Request) error {
	var p problems
	in.read(&p, r.Query())
	return p.err()
}

func (in *listRequest) read(p *problems, q url.Values) {
	in.limit = readLimit(p, q)
	in.dir = readAffix(p, q)
	in.from = firstPlace(in.dir)
	if q.Has("createdAt") {
		in.readCreatedAt(p, q.Get("createdAt"))
	}
}

func readLimit(p *problems, q url.Values) int {
	if !q.Has("limit") {
		return defaultLimit
	}
	n, err := strconv.ParseInt(q.Get("limit"), 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange): // out of range, n is the bound, and is cut as one
		p.add("limit", "must be an integer number")
	case n < 1:
		p.add("limit", "must not be less than 1")
	}
	return int(min(n, maxLimit))
}

func readAffix(p *problems, q url.Values) core.Direction {
	switch affix := q.Get("affix"); {
	case affix == prependAffix:
		return core.Before
	case affix == appendAffix, !q.Has("affix"):
	default:
		p.add("affix", "must be one of the following values: prepend, append")
	}
	return core.After
}

// firstPlace is where a list without a createdAt starts: at its beginning, or
// for prepend at its end.
func firstPlace(dir core.Direction) core.Place {
	if dir == core.Before {
		return math.MaxInt64
	}
	return math.MinInt64
}

func (in *listRequest) readCreatedAt(p *problems, s string) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n < 0:
		p.add("createdAt", "must be an integer number of milliseconds since the epoch")
	case n >= minMicro:
		in.from, in.exact = core.Place(n), true
	case in.dir == core.Before:
		in.from = core.Place(n * core.PlacesPerMilli)
	default:
		in.from = core.Place(n*core.PlacesPerMilli + core.PlacesPerMilli - 1)
	}
}

// listResponse is a page of a list. That of servers is inferred: its form is
// that of three sibling lists, agents' among them.
type listResponse[T any] struct {
	Data []*T `json:"data"`
	Meta meta `json:"meta"`
}

// meta says where a page stands. An empty page has neither neighbour.
type meta struct {
	Previous *cursor `json:"previous,omitzero"`
	Current  current `json:"current"`
	Next     *cursor `json:"next,omitzero"`
}

type current struct {
	Limit int `json:"limit"`
	Count int `json:"count"`
}

func (d *dialect) listMCPServers(
	ctx context.Context, who *core.Principal, in listRequest,
) (*listResponse[mcpServerResponse], error) {
	servers, err := d.core.MCPServersFrom(ctx, who.Tenant.ID, in.from, in.dir, in.asked())
	if err != nil {
		return nil, err
	}
	shown, m := page(&in, servers, func(s *core.MCPServer) position { return position{s.Place, s.CreatedAt} })
	out := &listResponse[mcpServerResponse]{Data: make([]*mcpServerResponse, len(shown)), Meta: m}
	for i := range shown {
		out.Data[i] = fromMCPServer(who.Tenant, &shown[i])
	}
	return out, nil
}

// asked is how many items to ask core for: one more than are shown tells
// whether the page ends among equals.
func (in *listRequest) asked() int { return in.limit + 1 }

// position is what a cursor is made of.
type position struct {
	place     core.Place
	createdAt time.Time
}

// page cuts the items to the limit and gives the cursors around them. The side
// that the request came from is exact where the request was; the side that the
// page goes on to is exact where the next item shares its millisecond.
func page[T any](in *listRequest, items []T, of func(*T) position) ([]T, meta) {
	milli := func(i int) int64 { return of(&items[i]).place.Milli() }
	shown, tied := items, false
	if len(items) > in.limit {
		if in.dir == core.Before {
			shown, tied = items[1:], milli(0) == milli(1)
		} else {
			shown, tied = items[:in.limit], milli(in.limit) == milli(in.limit-1)
		}
	}
	m := meta{Current: current{Limit: in.limit, Count: len(shown)}}
	if len(shown) == 0 {
		return shown, m
	}
	tiedBefore, tiedAfter := in.exact, tied
	if in.dir == core.Before {
		tiedBefore, tiedAfter = tied, in.exact
	}
	m.Previous = &cursor{prependAffix, of(&shown[0]).number(tiedBefore)}
	m.Next = &cursor{appendAffix, of(&shown[len(shown)-1]).number(tiedAfter)}
	return shown, m
}

// number gives a cursor's createdAt: the plain creation time unless that is
// not exact enough.
func (at position) number(exact bool) int64 {
	if ms := at.createdAt.UnixMilli(); !exact && ms == at.place.Milli() {
		return ms
	}
	return int64(at.place)
}
