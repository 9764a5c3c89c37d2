package cometchat

import (
	"context"
	"math"
	"net/url"
	"strconv"

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
const minMicro = 100_000_000_000_000

// cursor is a place in a list, as a query and as a meta member have it.
//
// The documented cursor is a createdAt in milliseconds, with no second member
// to tell servers of one millisecond apart. Where a page ends among such, the
// cursor is the exact place in the list instead, in microseconds: still one
// number that a client copies.
type cursor struct {
	Affix     string `json:"affix"`
	CreatedAt int64  `json:"createdAt"`
}

type listMCPServersRequest struct {
	limit int
	dir   core.Direction
	from  core.Place
	exact bool // from is the place of one server, not a whole millisecond
}

// Bind reads the query.
func (in *listMCPServersRequest) Bind(r *dialects.Request) error {
	var p problems
	q := r.Query()
	in.limit = readLimit(&p, q)
	in.dir = readAffix(&p, q)
	in.from = firstPlace(in.dir)
	if q.Has("createdAt") {
		in.readCreatedAt(&p, q.Get("createdAt"))
	}
	return p.err()
}

func readLimit(p *problems, q url.Values) int {
	if !q.Has("limit") {
		return defaultLimit
	}
	n, err := strconv.ParseInt(q.Get("limit"), 10, 64)
	switch {
	case err != nil:
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

func (in *listMCPServersRequest) readCreatedAt(p *problems, s string) {
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

// listMCPServersResponse is a page of the list. Inferred: its form is that of
// three sibling lists.
type listMCPServersResponse struct {
	Data []*mcpServerResponse `json:"data"`
	Meta meta                 `json:"meta"`
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

func (d *dialect) listMCPServers(ctx context.Context, who *core.Principal, in listMCPServersRequest) (*listMCPServersResponse, error) {
	servers, err := d.core.MCPServersFrom(ctx, who.Tenant.ID, in.from, in.dir, in.limit+1) // one more shows whether the page ends among equals
	if err != nil {
		return nil, err
	}
	shown, m := in.page(servers)
	out := &listMCPServersResponse{Data: make([]*mcpServerResponse, len(shown)), Meta: m}
	for i := range shown {
		out.Data[i] = fromMCPServer(who.Tenant, &shown[i])
	}
	return out, nil
}

// page cuts the servers to the limit and gives the cursors around them. The
// side that the request came from is exact where the request was; the side
// that the page goes on to is exact where the next server shares its
// millisecond.
func (in *listMCPServersRequest) page(servers []core.MCPServer) ([]core.MCPServer, meta) {
	shown, tied := servers, false
	if len(servers) > in.limit {
		if in.dir == core.Before {
			shown = servers[1:]
			tied = servers[0].Place.Milli() == servers[1].Place.Milli()
		} else {
			shown = servers[:in.limit]
			tied = servers[in.limit].Place.Milli() == servers[in.limit-1].Place.Milli()
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
	m.Previous = &cursor{prependAffix, createdAt(&shown[0], tiedBefore)}
	m.Next = &cursor{appendAffix, createdAt(&shown[len(shown)-1], tiedAfter)}
	return shown, m
}

// createdAt gives a cursor's number for the place of a server: the plain
// creation time unless that is not exact enough.
func createdAt(s *core.MCPServer, exact bool) int64 {
	if ms := s.CreatedAt.UnixMilli(); !exact && ms == s.Place.Milli() {
		return ms
	}
	return int64(s.Place)
}
