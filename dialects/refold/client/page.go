package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// pageLimit is how many records a walk asks for at a time: the documented
// maximum (contract 2.6).
const pageLimit = 100

// maxPasses bounds how often a list is walked anew because it changed meanwhile.
const maxPasses = 10

// ErrMoving is a list that never stood still while it was walked, ErrTwice one that
// stood still and has a record twice.
var (
	ErrMoving = errors.New("the list changed at every walk")
	ErrTwice  = errors.New("the list has two records of one id")
)

// A pass takes as many records as endlessTimes the list's total and endlessMore:
// more than can have been made since the total was counted.
const (
	endlessTimes = 4
	endlessMore  = 1000
)

// ErrEndless is a list that goes on far behind the total that it says it has.
var ErrEndless = errors.New("the list goes on though it has given many more records than it counts")

// Page is one page of a list. Of its ten members the vendor's examples leave
// some out.
type Page[T any] struct {
	Docs  []*T
	Total dialects.Number // of all pages
	Limit dialects.Number // as the vendor cut it
	Next  dialects.Bool   // whether there is another page
}

type wirePage struct {
	Docs  []jsontext.Value `json:"docs"`
	Total dialects.Number  `json:"totalDocs"`
	Limit dialects.Number  `json:"limit"`
	Next  dialects.Bool    `json:"hasNextPage"`
}

// list gives one page, the first is 1.
func list[T any, P vendorhttp.Kept[T]](ctx context.Context, c *Client, r vendorhttp.Request, page, limit int) (*Page[T], error) {
	r.Query = url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(limit)}}
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	var wire wirePage
	if err := res.Object(&wire); err != nil {
		return nil, err
	}
	out := &Page[T]{Total: wire.Total, Limit: wire.Limit, Next: wire.Next}
	if out.Docs, err = vendorhttp.ReadAll[T, P](wire.Docs); err != nil || wire.Docs == nil {
		return nil, res.Unreadable(vendorhttp.ErrAnswer)
	}
	return out, nil
}

// last reports whether nothing follows a page: it is empty, says so, or, where
// it says nothing, has fewer records than asked for.
func (p *Page[T]) last(limit int) bool {
	if len(p.Docs) == 0 {
		return true
	}
	if p.Next.Presence == dialects.Given {
		return !p.Next.Value
	}
	if n, err := strconv.Atoi(string(p.Limit.Value)); err == nil && n > 0 {
		limit = n
	}
	return len(p.Docs) < limit
}

// walk gives each record of a list once. A page is a number of records to pass
// over, so that one which comes or goes meanwhile shifts the others: while the
// total changes, or a record comes twice, the list is walked once more for those
// that were passed over. ErrMoving, ErrTwice, ErrEndless.
func walk[T any, P vendorhttp.Kept[T]](ctx context.Context, c *Client, path string, id func(*T) string) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		seen, twice := map[string]bool{}, ""
		for range maxPasses {
			var stood bool
			var err error
			stood, twice, err = pass[T, P](ctx, c, path, func(record *T) bool {
				if key := id(record); key == "" || !seen[key] {
					seen[key] = key != ""
					return yield(record, nil)
				}
				return true
			}, id)
			switch {
			case errors.Is(err, errStopped):
				return
			case err != nil:
				yield(nil, err)
				return
			case stood:
				return
			}
		}
		err := ErrMoving
		if twice != "" {
			err = fmt.Errorf("%w: %q", ErrTwice, twice)
		}
		yield(nil, fmt.Errorf("refold: GET %s/%s: %w", refold.Prefix, path, err))
	}
}

// errStopped is a walk that its caller has enough of.
var errStopped = errors.New("stopped")

// pass walks a list once and reports whether it stood still, and where only its total
// did, the id that came twice. A page of nothing but what the pass has given ends it:
// what follows such a page is found by the next pass, and of a list that gives it for
// ever nothing does.
func pass[T any, P vendorhttp.Kept[T]](ctx context.Context, c *Client, path string, each func(*T) bool, id func(*T) string) (stood bool, twice string, err error) {
	r := c.beside(request(http.MethodGet, nil, path))
	total, inPass := "", map[string]bool{}
	stood, moved := true, false
	for number := 1; ; number++ {
		page, err := list[T, P](ctx, c, r, number, pageLimit)
		if err != nil {
			return false, "", err
		}
		if number > 1 && string(page.Total.Value) != total {
			stood, moved = false, true
		}
		total = string(page.Total.Value)
		before := len(inPass)
		for _, record := range page.Docs {
			if inPass[id(record)] {
				stood, twice = false, id(record)
			}
			inPass[id(record)] = true
			if !each(record) {
				return false, "", errStopped
			}
		}
		switch counted, err := strconv.ParseUint(total, 10, 31); {
		case page.last(pageLimit):
			if moved {
				twice = ""
			}
			return stood, twice, nil
		case len(inPass) == before:
			return false, "", nil
		case err == nil && uint64(len(inPass)) > counted*endlessTimes+endlessMore:
			return false, "", ErrEndless
		}
	}
}
