package refold

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Defaults and bounds of a list's page. The defaults and the maximum are
// documented; that more than the maximum is cut without a word is inferred.
const (
	defaultLimit = 10
	maxLimit     = 100
	maxPage      = 1<<53 - 1 // beyond it JavaScript's numbers are not whole ones
)

// page is the envelope of a list: the ten members that mongoose-paginate-v2
// gives, in its order.
type page[T any] struct {
	Docs          []T  `json:"docs"`
	TotalDocs     int  `json:"totalDocs"`
	Limit         int  `json:"limit"`
	TotalPages    int  `json:"totalPages"`
	Page          int  `json:"page"`
	PagingCounter int  `json:"pagingCounter"`
	HasPrevPage   bool `json:"hasPrevPage"`
	HasNextPage   bool `json:"hasNextPage"`
	PrevPage      *int `json:"prevPage"`
	NextPage      *int `json:"nextPage"`
}

// pageRequest is which page a list asks for.
type pageRequest struct {
	page, limit int
}

// readPage reads page and limit as the library reads what Express hands it:
// see the table in contract 2.6.
func readPage(q url.Values) pageRequest {
	p := pageRequest{page: 1, limit: defaultLimit}
	if n, ok := parseInt(q.Get("page")); ok && n > 0 {
		p.page = n
	}
	if q.Has("limit") && isNumber(q.Get("limit")) {
		n, _ := parseInt(q.Get("limit")) // NaN and negative numbers are 0
		p.limit = min(max(n, 0), maxLimit)
	}
	if p.limit == 0 {
		p.page = 1
	}
	return p
}

func (p pageRequest) offset() int { return (p.page - 1) * p.limit }

func newPage[T any](p pageRequest, docs []T, total int) *page[T] {
	out := &page[T]{Docs: docs, TotalDocs: total, Limit: p.limit, TotalPages: 1, Page: p.page, PagingCounter: p.offset() + 1}
	if p.limit > 0 {
		out.TotalPages = max(1, (total+p.limit-1)/p.limit)
	}
	if p.page > 1 {
		prev := p.page - 1
		out.HasPrevPage, out.PrevPage = true, &prev
	}
	if p.page < out.TotalPages {
		next := p.page + 1
		out.HasNextPage, out.NextPage = true, &next
	}
	return out
}

// parseInt reads a string as JavaScript's parseInt(s, 10) does: a sign and
// digits at the front, whatever follows; ok is false where that gives NaN.
// Beyond maxPage, above or below zero, it gives that.
func parseInt(s string) (n int, ok bool) {
	s = strings.TrimSpace(s)
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			break
		}
		n, ok = min(n*10+int(c-'0'), maxPage), true
	}
	return sign * n, ok
}

// isNumber reports whether JavaScript's Number(s) is not NaN. The word null
// counts as one: the contract's table has it beside the empty string.
func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || s == "null" || s == "Infinity" || s == "+Infinity" || s == "-Infinity" {
		return true
	}
	if len(s) > 2 && s[0] == '0' && strings.ContainsRune("xXoObB", rune(s[1])) {
		_, err := strconv.ParseUint(s, 0, 64)
		return (err == nil || errors.Is(err, strconv.ErrRange)) && !strings.Contains(s, "_")
	}
	if strings.ContainsAny(s, "xXpP_iInN") { // Go reads these as numbers, JavaScript doesn't
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}
