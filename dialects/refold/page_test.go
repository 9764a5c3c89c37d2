package refold

import (
	"math"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseIntReadsAsJavaScriptDoes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct {
		n  int
		ok bool
	}{
		"7": {7, true}, "007": {7, true}, "+7": {7, true}, "-7": {-7, true}, " \t\n7 ": {7, true},
		"7.9": {7, true}, "7abc": {7, true}, "1e2": {1, true}, "0x10": {0, true}, "-0": {0, true}, "1_000": {1, true},
		"2147483647": {math.MaxInt32, true}, "2147483648": {math.MaxInt32 + 1, true}, "9007199254740991": {maxPage, true}, "9007199254740992": {maxPage, true},
		"99999999999999999999999": {maxPage, true}, "-99999999999999999999999": {-maxPage, true},
		"": {0, false}, " ": {0, false}, "+": {0, false}, "-": {0, false}, "--7": {0, false}, "+ 7": {0, false},
		"abc": {0, false}, "x7": {0, false}, ".5": {0, false}, "Infinity": {0, false}, "NaN": {0, false}, "٣": {0, false},
	} {
		n, ok := parseInt(s)
		require.Equal(t, want.ok, ok, "%q", s)
		require.Equal(t, want.n, n, "%q", s)
	}
}

func TestIsNumberReadsAsJavaScriptDoes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "\t\n", "0", "7", "007", "+7", "-7", " 7 ", "7.9", ".5", "5.", "-.5", "1e2", "1E+2", "1e-400", "1e400",
		"0x1F", "0XffffffffffffffffffffffffFF", "0b101", "0o17", "Infinity", "+Infinity", "-Infinity",
		"null", // as the contract's table has it
	} {
		require.True(t, isNumber(s), "%q", s)
	}
	for _, s := range []string{
		"abc", "7abc", "10abc", "NaN", "nan", "inf", "Inf", "infinity", "-inf", "1_000", "0x", "0xg", "-0x10", "+0b1", "0b2", "0o8", "0x1p4", "0x_1",
		"1e", "e1", ".", "+", "-", "--1", "1 2", "1,5", "undefined", "true", "٣", "7\x00",
	} {
		require.False(t, isNumber(s), "%q", s)
	}
}

func TestPagesAsInTheContractsTable(t *testing.T) {
	t.Parallel()
	type want struct {
		limit, totalPages, page, counter int
		prev, next                       int // 0: null
	}
	first := want{10, 3, 1, 1, 0, 2}
	none := want{0, 1, 1, 1, 0, 0}
	for _, c := range []struct {
		total int
		query string
		want  want
	}{
		{25, "page=3&limit=10", want{10, 3, 3, 21, 2, 0}},
		{25, "page=4", want{10, 3, 4, 31, 3, 0}},
		{25, "page=99", want{10, 3, 99, 981, 98, 0}},
		{25, "", first},
		{25, "page=0", first},
		{25, "page=-1", first},
		{25, "page=abc", first},
		{25, "page=1.9", first},
		{25, "page=2abc", want{10, 3, 2, 11, 1, 3}},
		{25, "limit=abc", first},
		{25, "limit=10abc", first},
		{25, "limit=NaN", first},
		{25, "limit=0", none},
		{25, "limit=-5", none},
		{25, "limit=", none},
		{25, "limit", none},
		{25, "limit=null", none},
		{25, "limit=0&page=2", none},
		{25, "limit=-5&page=2", none},
		{25, "limit=&page=2", none},
		{25, "limit=1e2", want{1, 25, 1, 1, 0, 2}},
		{25, "limit=7.9", want{7, 4, 1, 1, 0, 2}},
		{250, "limit=100", want{100, 3, 1, 1, 0, 2}},
		{250, "limit=101", want{100, 3, 1, 1, 0, 2}}, // the library: 101; ours: the documented maximum
		{0, "page=1", want{10, 1, 1, 1, 0, 0}},
		{0, "page=5", want{10, 1, 5, 41, 4, 0}},
		{10, "", want{10, 1, 1, 1, 0, 0}},
		{11, "", want{10, 2, 1, 1, 0, 2}},
	} {
		q, err := url.ParseQuery(c.query)
		require.NoError(t, err)
		p := newPage(readPage(q), []int{}, c.total)
		got := want{p.Limit, p.TotalPages, p.Page, p.PagingCounter, 0, 0}
		if p.PrevPage != nil {
			got.prev = *p.PrevPage
		}
		if p.NextPage != nil {
			got.next = *p.NextPage
		}
		require.Equal(t, c.want, got, "%d documents, ?%s", c.total, c.query)
		require.Equal(t, p.PrevPage != nil, p.HasPrevPage, c.query)
		require.Equal(t, p.NextPage != nil, p.HasNextPage, c.query)
		require.Equal(t, c.total, p.TotalDocs, c.query)
	}
}

func FuzzReadPage(f *testing.F) {
	f.Add("page=3&limit=10", 25)
	f.Add("limit=1e400&page=-0x1", 0)
	f.Add("page=99999999999999999999&limit=9223372036854775808", 1_000_000)
	f.Fuzz(func(t *testing.T, query string, total int) {
		q, _ := url.ParseQuery(query)
		r := readPage(q)
		require.GreaterOrEqual(t, r.page, 1)
		require.LessOrEqual(t, r.page, maxPage)
		require.GreaterOrEqual(t, r.limit, 0)
		require.LessOrEqual(t, r.limit, maxLimit)
		require.GreaterOrEqual(t, r.offset(), 0)
		total &= math.MaxInt32
		p := newPage(r, []int{}, total)
		require.GreaterOrEqual(t, p.TotalPages, 1)
		require.Equal(t, r.page > 1, p.HasPrevPage)
		require.Equal(t, r.limit > 0 && r.offset()+r.limit < total, p.HasNextPage)
		if p.NextPage != nil {
			require.Equal(t, r.page+1, *p.NextPage)
		}
		if n, ok := parseInt(q.Get("page")); ok && n > 0 {
			require.True(t, r.limit == 0 || r.page == min(n, maxPage))
		}
	})
}
