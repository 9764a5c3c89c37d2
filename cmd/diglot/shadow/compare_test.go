package shadow

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func answered(body string, header ...string) answer {
	a := answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
	for i := 0; i < len(header); i += 2 {
		a.header[header[i]] = []string{header[i+1]}
	}
	return a
}

func compared(t *testing.T, r Rule, ours, theirs answer) []string {
	t.Helper()
	for _, pointer := range r.Ignore {
		r.ignored = append(r.ignored, strings.Split(pointer[1:], "/"))
	}
	l := &lane{rule: &r}
	found, failed := l.compare(&job{request: &http.Request{}}, ours, theirs)
	require.Empty(t, failed)
	list := []string{}
	for _, d := range found {
		list = append(list, d.Kind+" "+d.Path)
	}
	slices.Sort(list)
	return list
}

// Each pair differs in noise alone; said to be strict about it, it differs.
func TestNoiseIsNoDifference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, ours, theirs, path string }{
		{IDs, `{"_id":"686e23c7397a76e76449bc14"}`, `{"_id":"507f1f77bcf86cd799439011"}`, "/_id"},
		{IDs, `{"request_id":"9141733e-409c-4eb1-add1-72efaec44dc8"}`, `{"request_id":"d59cd81a-1df8-437f-8c54-2e191bed280a"}`, "/request_id"},
		{IDs, `{"message":"no server 686e23c7397a76e76449bc14"}`, `{"message":"no server 507f1f77bcf86cd799439011"}`, "/message"},
		{Times, `{"createdAt":"2026-11-21T19:11:20.594Z"}`, `{"createdAt":"2025-07-08T12:00:00.001Z"}`, "/createdAt"},
		{Times, `{"at":{"createdAt":1752048583177}}`, `{"at":{"createdAt":1795288280594}}`, "/at/createdAt"},
		{Times, `{"next":{"createdAt":1752048583177001}}`, `{"next":{"createdAt":1795288280594002}}`, "/next/createdAt"},
		{Times, `{"issued_at":1752048583}`, `{"issued_at":1795288280}`, "/issued_at"},
		{Order, `{"l":[{"a":1},{"a":2},3]}`, `{"l":[3,{"a":2},{"a":1}]}`, "/l/*"},
	} {
		require.Empty(t, compared(t, Rule{}, answered(c.ours), answered(c.theirs)), c.ours)
		found := compared(t, Rule{Strict: []string{c.kind}}, answered(c.ours), answered(c.theirs))
		require.NotEmpty(t, found, c.ours)
		for _, d := range found {
			require.Contains(t, d, " "+c.path)
		}
	}
}

func TestWhatIsTheSameInJSONIsTheSame(t *testing.T) {
	t.Parallel()
	for ours, theirs := range map[string]string{
		`{"a":1,"b":[true,null]}`:       ` { "b" : [ true , null ] , "a" : 1.0e0 } `,
		`{"a":100}`:                     `{"a":1e2}`,
		`{"a":"\u00e9\/"}`:              `{"a":"é/"}`,
		`{"a":12345678901234567890123}`: `{"a":12345678901234567890123}`,
		`{"token":"one"}`:               `{"token":"two"}`,
		`"text"`:                        `"text"`,
		``:                              " \r\n",
		"\uFEFF{}":                      `{}`,
		"plain":                         "plain",
	} {
		require.Empty(t, compared(t, Rule{}, answered(ours), answered(theirs)), ours)
	}
}

func TestWhatDiffersIsSaidByMember(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ours, theirs string
		want         []string
	}{
		{`{"a":1}`, `{"a":2}`, []string{"value /a"}},
		{`{"a":1}`, `{"a":"1"}`, []string{"type /a"}},
		{`{"a":null}`, `{}`, []string{"extra /a"}},
		{`{}`, `{"a":null}`, []string{"missing /a"}},
		{`{"a":0.1}`, `{"a":0.2}`, []string{"value /a"}},
		{`{"a":12345678901234567890123}`, `{"a":12345678901234567890124}`, []string{"value /a"}},
		{`{"a":19007199254740993}`, `{"a":19007199254740992}`, []string{"value /a"}},
		{`{"a/b":{"c~d":1}}`, `{"a/b":{"c~d":2}}`, []string{"value /a~1b/c~0d"}},
		{`{"a":true}`, `{"a":false}`, []string{"value /a"}},
		{`{"token":"one"}`, `{"token":1}`, []string{"type /token"}},
		{`{"createdAt":"2026-11-21T19:11:20.594Z"}`, `{"createdAt":"2026-11-21T19:11:20Z"}`, []string{"value /createdAt"}},
		{`{"createdAt":1752048583177}`, `{"createdAt":1752048583}`, []string{"value /createdAt"}},
		{`{"_id":"686e23c7397a76e76449bc14"}`, `{"_id":"9141733e-409c-4eb1-add1-72efaec44dc8"}`, []string{"value /_id"}},
		{`[1,2]`, `[2]`, []string{"extra /*"}},
		{`[2]`, `[1,2]`, []string{"missing /*"}},
		{`[1,1,2]`, `[1,2,2]`, []string{"value /*"}},
		{
			`[{"slug":"a","n":1},{"slug":"b","n":2},{"slug":"c","n":3}]`, `[{"slug":"c","n":3},{"slug":"b","n":3},{"slug":"a","n":1,"o":1}]`,
			[]string{"missing /*/o", "value /*/n"},
		},
		{`[{"slug":"a","n":1},{"slug":"a","n":2}]`, `[{"slug":"a","n":2},{"slug":"a","n":3}]`, []string{"value /*/n"}},
		{`{"docs":[{"x":{"y":[1]}},{"x":{"y":[1]}}]}`, `{"docs":[{"x":{"y":[2]}},{"x":{"y":[3]}}]}`, []string{"value /docs/*/x/y/*"}},
		{`{}`, `plain`, []string{"type "}},
		{`plain`, `other`, []string{"value "}},
	} {
		require.Equal(t, c.want, compared(t, Rule{}, answered(c.ours), answered(c.theirs)), c.ours+" "+c.theirs)
	}
}

// What a peer nests, lists and names costs no more than its length.
func TestAnAnswerOfAnyShapeIsComparedOnce(t *testing.T) {
	t.Parallel()
	const depth, many = 100, 190_000
	deep := func(elements string) string {
		return strings.Repeat(`{"a":[`, depth/2) + elements + strings.Repeat(`]}`, depth/2)
	}
	ones := strings.Repeat("1,", many)
	require.Equal(t, []string{"value " + strings.Repeat("/a/*", depth/2)}, compared(t, Rule{}, answered(deep(ones+"2")), answered(deep("3,"+ones[:len(ones)-1]))))
	name := strings.Repeat("n", 1<<20)
	require.Len(t, compared(t, Rule{}, answered(`{"`+name+`":[`+ones+`0]}`), answered(`{"`+name+`":[`+strings.Repeat("2,", many)+`0]}`)), 1)
}

func TestAnAnswerOfTooManyValuesIsNotRead(t *testing.T) {
	t.Parallel()
	l := &lane{rule: &Rule{}}
	few, many := answered(`["`+strings.Repeat(`\",[{`, maxValues)+`"]`), answered("["+strings.Repeat("1,", maxValues)+"1]")
	_, failed := l.compare(&job{request: &http.Request{}}, few, few)
	require.Empty(t, failed, "what is within a text is no value")
	_, failed = l.compare(&job{request: &http.Request{}}, few, many)
	require.Equal(t, failedTooLarge, failed)
}

// What is kept of a pair of answers is bounded, whatever the peer names its members.
func TestWhatIsKeptIsShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100_000)
	theirs := answered(`{"`+long+`":{"`+long+`":{"`+long+`":1}},"`+long+`2":"x"}`, "Content-Type", long, "X-Ratelimit-"+long, "1")
	for i := range 300 {
		theirs.header["Ratelimit-"+strings.Repeat("x", 1000+i)] = []string{"1"}
	}
	l := &lane{rule: &Rule{Values: true}}
	found, failed := l.compare(&job{request: &http.Request{}}, answered(`{"`+long+`":{"`+long+`":{}}}`), theirs)
	require.Empty(t, failed)
	require.NotEmpty(t, found)
	kept := 0
	for _, d := range found {
		require.LessOrEqual(t, len(d.Path), shownPathBytes)
		require.LessOrEqual(t, max(len(d.Ours), len(d.Theirs)), shownBytes)
		require.True(t, utf8.ValidString(d.Path+d.Ours+d.Theirs))
		kept += d.size()
	}
	require.Less(t, kept, 2*maxDifferenceBytes)
}

// A credential may stand wherever a peer puts it.
func TestNoCredentialIsKeptOfAnAnswer(t *testing.T) {
	t.Parallel()
	const key = "the-clients/own-key"
	for _, theirs := range []answer{
		answered(`{"` + key + `":1,"a":{"` + key + `":[{"x ` + key + `":2}]}}`),
		answered(`{"a":"` + key + `","b":"https://u:some-password@h/?apikey=some-password&x=1#y","c":["see /x?a=1&token=some-password"]}`),
		answered(`{}`, "Content-Type", "text/x-"+key),
		answered("it is " + key + " or some-password"),
		answered(strings.Repeat("x", shownBytes-10)+key, "Content-Type", strings.Repeat("x", shownBytes-10)+key),
	} {
		for _, values := range []bool{true, false} {
			l := &lane{rule: &Rule{Values: values}}
			j := &job{request: &http.Request{Header: http.Header{"X-Api-Key": {key}}}}
			found, failed := l.compare(j, answered(`[]`), theirs)
			require.Empty(t, failed)
			more, failed := l.compare(j, answered(`{"a":{},"b":1}`), theirs)
			require.Empty(t, failed)
			text, err := json.Marshal(append(found, more...))
			require.NoError(t, err)
			require.NotContains(t, string(text), "the-clients")
			require.NotContains(t, string(text), "some-password")
			require.NotContains(t, string(kept(l.secrets(j), theirs)), "some-password")
		}
	}
	found, _ := (&lane{rule: &Rule{}}).compare(&job{request: &http.Request{}}, answered(`{"a":"<of a client 686e23c7397a76e76449bc14>"}`), answered(`{"a":1}`))
	require.Equal(t, "string of 38", found[0].Ours, "a text with noise in it is more than noise")
}

func TestIgnoredMembersMayDiffer(t *testing.T) {
	t.Parallel()
	r := Rule{Ignore: []string{"/docs/*/updated", "/meta", "/*/seen"}}
	require.Empty(t, compared(t, r,
		answered(`{"docs":[{"updated":1,"a":2},{"updated":2,"a":1}],"meta":{"page":1},"a":{"seen":1}}`),
		answered(`{"docs":[{"a":1},{"updated":"x","a":2}],"a":{"seen":[2]}}`)))
	require.Equal(t, []string{"value /docs/*/a"}, compared(t, r, answered(`{"docs":[{"a":1}]}`), answered(`{"docs":[{"a":2}]}`)))
}

func TestHeadersThatMatterAreCompared(t *testing.T) {
	t.Parallel()
	ours := answered(`{}`, "Content-Type", "application/json; charset=UTF-8", "X-RateLimit-Limit", "1", "X-Request-Id", "a", "Etag", "b")
	require.Empty(t, compared(t, Rule{}, ours, answered(`{}`, "Content-Type", "application/json;charset=utf-8", "X-Ratelimit-Limit", "2")))
	require.Equal(t, []string{"header Content-Type", "header retry-after", "header x-ratelimit-limit"},
		compared(t, Rule{}, ours, answered(`{}`, "Retry-After", "1")))
}

func TestIDsOfTheOtherSideAreLearntAndUsed(t *testing.T) {
	t.Parallel()
	const (
		a, b = "686e23c7397a76e76449bc14", "507f1f77bcf86cd799439011"
		c, d = "9141733e-409c-4eb1-add1-72efaec44dc8", "d59cd81a-1df8-437f-8c54-2e191bed280a"
	)
	m := newIDMap()
	m.learn(answered(`{"_id":"`+a+`","list":[{"id":"`+c+`"}],"request_id":"`+strings.Repeat("0", 24)+`","name":"x"}`),
		answered(`{"_id":"`+b+`","list":[{"id":"`+d+`"}],"request_id":"`+strings.Repeat("1", 24)+`","name":"y"}`))
	u, err := url.Parse("/servers/" + a + "/x%2Fy/" + strings.Repeat("0", 24) + "?id=" + c + "&q=x+" + a)
	require.NoError(t, err)
	m.translate(u)
	require.Equal(t, "/servers/"+b+"/x%2Fy/"+strings.Repeat("0", 24)+"?id="+d+"&q=x+"+a, u.RequestURI())
	for given, want := range map[string]string{
		`{ "` + a + `": ["` + c + `" ,1.50],"n":"a ` + a + `"} `: `{ "` + b + `": ["` + d + `" ,1.50],"n":"a ` + a + `"} `,
		`{"` + a + `",`: `{"` + b + `",`, // not JSON
		``:              ``,
	} {
		require.Equal(t, want, string(m.inBody([]byte(given))))
	}
	for i := range maxIDs + 10 {
		id := core.NewUUID()
		m.put(id, a)
		if i > 10 {
			require.Len(t, m.other, min(i+3, maxIDs))
		}
	}
	require.Equal(t, a, m.get(a), "the oldest is forgotten")
}
