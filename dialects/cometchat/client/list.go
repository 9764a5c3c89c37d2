package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// pageLimit is how many records a walk asks for at a time: what sibling services
// take at most (contract 1.4).
const pageLimit = 100

// ErrStuck is a list that can't be walked: a whole page of records has one
// creation time, and the vendor's cursor has no more to tell them apart by; or the
// cursor moves on and the records are the same again.
var ErrStuck = errors.New("the list's cursor doesn't move on")

// ErrCursor is a list that goes on where can't be read: to end with it would pass
// records over.
var ErrCursor = errors.New("the list's cursor can't be read")

// maxStale is how many pages in a row may have nothing new: one that a step back
// has made, and the one behind it has.
const maxStale = 2

// Query asks for a page of a list.
type Query struct {
	Limit int // 0: the vendor's
	Cursor
	Search string // of agents: a text within the name
}

// Cursor is where a page begins: behind (append) or before (prepend) a creation
// time in milliseconds, or, from Diglot, a place. Documented: contract 1.4.
type Cursor struct {
	Affix     string // "": from the beginning
	CreatedAt int64
}

func (q Query) values() url.Values {
	v := url.Values{}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Affix != "" {
		v.Set("affix", q.Affix)
		v.Set("createdAt", strconv.FormatInt(q.CreatedAt, 10))
	}
	if q.Search != "" {
		v.Set("search", q.Search)
	}
	return v
}

// Page is one page of a list. Either neighbour may be nil.
type Page[T any] struct {
	Data     []*T
	Limit    int // as the vendor cut it; 0: it doesn't say
	Previous *Cursor
	Next     *Cursor

	lost bool // there is a Next, and it can't be read
}

type wirePage struct {
	Data []jsontext.Value `json:"data"`
	Meta dialects.Object  `json:"meta"`
}

type wireMeta struct {
	Previous dialects.Object `json:"previous"`
	Current  dialects.Object `json:"current"`
	Next     dialects.Object `json:"next"`
}

func list[T any, P vendorhttp.Kept[T]](ctx context.Context, c *Client, path string, q Query) (*Page[T], error) {
	r := c.request(http.MethodGet, nil, path)
	r.Query = q.values()
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	var wire wirePage
	if err := res.Object(&wire); err != nil {
		return nil, err
	}
	out := &Page[T]{}
	if out.Data, err = vendorhttp.ReadAll[T, P](wire.Data); err != nil || wire.Data == nil {
		return nil, res.Unreadable(vendorhttp.ErrAnswer)
	}
	var meta wireMeta
	var current struct {
		Limit dialects.Number `json:"limit"`
	}
	if wire.Meta.Presence == dialects.Given && dialects.Decode(wire.Meta.Value, &meta) == nil {
		out.Previous, _ = cursor(meta.Previous)
		next, ok := cursor(meta.Next)
		out.Next, out.lost = next, !ok
	}
	if meta.Current.Presence == dialects.Given && dialects.Decode(meta.Current.Value, &current) == nil {
		out.Limit, _ = strconv.Atoi(string(current.Limit.Value))
	}
	return out, nil
}

// cursor gives nil where there is no cursor; ok is false where there is one that
// can't be read. A createdAt may be a number or its text.
func cursor(member dialects.Object) (c *Cursor, ok bool) {
	var wire struct {
		Affix     dialects.String `json:"affix"`
		CreatedAt jsontext.Value  `json:"createdAt"`
	}
	switch {
	case member.Presence == dialects.Absent, member.Presence == dialects.Null:
		return nil, true
	case member.Presence != dialects.Given, dialects.Decode(member.Value, &wire) != nil:
		return nil, false
	case wire.Affix.Value == "" || len(wire.CreatedAt) == 0 || wire.CreatedAt.Kind() == 'n':
		return nil, true
	}
	at, err := strconv.ParseInt(strings.Trim(string(wire.CreatedAt), `"`), 10, 64)
	if err != nil {
		return nil, false
	}
	return &Cursor{wire.Affix.Value, at}, true
}

// walk gives each record of a list once, by the cursors of its pages.
//
// The vendor's cursor is a creation time, and records may share one: those that
// a page ends among would be passed over. So each step goes back by a
// millisecond, whichever way the list runs, and what comes again is dropped.
func walk[T any, P vendorhttp.Kept[T]](
	ctx context.Context, c *Client, path string, q Query, of func(*T) (id string, at dialects.Number),
) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		seen, stale := map[string]bool{}, 0
		diglots := false // it gives a place where a time isn't enough
		q.Limit, q.Cursor = pageLimit, Cursor{}
		for {
			page, err := list[T, P](ctx, c, path, q)
			if err != nil {
				yield(nil, err)
				return
			}
			fresh := false
			for _, record := range page.Data {
				if id, _ := of(record); id == "" || !seen[id] {
					fresh, seen[id] = fresh || id != "", id != ""
					if !yield(record, nil) {
						return
					}
				}
			}
			limit := page.Limit
			if limit <= 0 {
				limit = pageLimit
			}
			if len(page.Data) == 0 || len(page.Data) < limit {
				return
			}
			if page.Next == nil {
				if page.lost {
					yield(nil, ErrCursor)
				}
				return
			}
			next := *page.Next
			stale++
			ok := true
			if fresh {
				stale = 0
				next.CreatedAt, ok = overlapping(next.CreatedAt, page.Data, of)
			}
			diglots = diglots || next.CreatedAt >= core.FirstPlace
			if !ok && !diglots || next == q.Cursor || stale == maxStale {
				yield(nil, ErrStuck)
				return
			}
			q.Cursor = next
		}
	}
}

// overlapping moves a cursor back by a millisecond, against the page's
// direction. Diglot's places are exact and stay. Of a page of one creation time
// the vendor's cursor can't tell what else has that time: ok is false.
func overlapping[T any](next int64, page []*T, of func(*T) (string, dialects.Number)) (_ int64, ok bool) {
	at := func(record *T) int64 {
		_, text := of(record)
		n, _ := strconv.ParseInt(string(text.Value), 10, 64)
		return n
	}
	first, last := at(page[0]), at(page[len(page)-1])
	switch {
	case next >= core.FirstPlace || last != next:
		return next, true
	case first < last:
		return next - 1, true
	case first > last:
		return next + 1, true
	}
	return next, false
}
