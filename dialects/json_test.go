package dialects

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestContentTypesThatAreJSON(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]bool{
		"application/json":                       true,
		"application/json; charset=utf-8":        true,
		"APPLICATION/JSON;charset=UTF-8":         true,
		" application/json ":                     true,
		"application/json;":                      true,
		"application/json; charset":              true,
		"application/json; a=b; a=c":             false,
		"":                                       false,
		"json":                                   false,
		"text/json":                              false,
		"text/plain":                             false,
		"application/jsonp":                      false,
		"application/problem+json":               false,
		"application/x-www-form-urlencoded":      false,
		"multipart/form-data; boundary=x":        false,
		"text/plain, application/json":           false,
		"application/json, text/plain":           false,
		"application/\x00json":                   false,
		"text/plain; charset=\"application/json": false,
	} {
		require.Equal(t, want, isJSON(contentType), "%q", contentType)
	}
}

func TestDeeperThanCountsArraysAndObjectsButNotText(t *testing.T) {
	t.Parallel()
	for text, depth := range map[string]int{
		`1`:                       0,
		`"[[[{{{"`:                0,
		`"\"[[["`:                 0,
		`"\\"`:                    0,
		`[]`:                      1,
		`[[],[],[]]`:              2,
		`{"a":[{"b":[]}],"c":[]}`: 4,
		`{"[[[[":"]]]]","\\":[]}`: 2,
		`["\\",["\"]"],[[[]]]]`:   4,
	} {
		require.False(t, DeeperThan([]byte(text), depth), text)
		if depth > 0 {
			require.True(t, DeeperThan([]byte(text), depth-1), text)
		}
	}
}

func FuzzDeeperThan(f *testing.F) {
	f.Add(`{"a":[1,{"b":"[\"]"}]}`)
	f.Add(`[[[[]]],"\\",{"\"":{}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		depth, ok := depthOf(text)
		if !ok {
			DeeperThan([]byte(text), 3) // any answer, no panic
			return
		}
		require.False(t, DeeperThan([]byte(text), depth))
		if depth > 0 {
			require.True(t, DeeperThan([]byte(text), depth-1))
		}
	})
}

// depthOf is the depth of a JSON text as a parser sees it.
func depthOf(text string) (depth int, ok bool) {
	if !jsontext.Value(text).IsValid(syntax) {
		return 0, false
	}
	d := jsontext.NewDecoder(strings.NewReader(text), syntax)
	for {
		if _, err := d.ReadToken(); err != nil {
			return depth, true
		}
		depth = max(depth, d.StackDepth())
	}
}

// body reads a body into members.
func body(contentType, text string) (members, error) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(text))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	var m members
	err := (&Request{http: r, maxBody: core.DefaultMaxBytes}).JSON(&m)
	return m, err
}

func TestBodiesThatAreNotObjectsAreMalformed(t *testing.T) {
	t.Parallel()
	const object = `{"s":"x"}`
	for _, b := range [][2]string{
		{"", object},
		{"text/plain", object},
		{"application/json", "[" + object + "]"},
		{"application/json", `"x"`},
		{"application/json", `null`},
		{"application/json", `1`},
		{"application/json", object + object},
		{"application/json", object + "\x00"},
		{"application/json", "\v" + object},
		{"application/json", "//\n" + object},
		{"application/json", strings.Repeat(`{"x":`, maxDepth) + "{}" + strings.Repeat("}", maxDepth)},
		{"application/json", strings.Repeat(`{"x":`, maxDepth+1)},
	} {
		_, err := body(b[0], b[1])
		require.Equal(t, core.Malformed, core.KindOf(err), "%q %q: %v", b[0], b[1], err)
	}
}

func TestObjectsAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"s":"x"}`, "\uFEFF{\"s\":\"x\"}", " \r\n\t{\"s\":\"x\"} \n", `{"s":"x","y":1e400}`, `{"y":"\u0000","s":"x"}`,
		`{"s":"x","y":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`,
	} {
		m, err := body("application/json", text)
		require.NoError(t, err, text)
		require.Equal(t, "x", m.S.Value, text)
	}
}

func TestNoBodyIsAnObjectWithoutMembers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "\r\n\t "} {
		for _, contentType := range []string{"", "application/json", "text/plain"} {
			m, err := body(contentType, text)
			require.NoError(t, err)
			require.Equal(t, members{}, m)
		}
	}
}

func TestWhiteSpaceCountsAgainstTheLimit(t *testing.T) {
	t.Parallel()
	_, err := body("application/json", strings.Repeat(" ", core.DefaultMaxBytes-2)+"{}")
	require.NoError(t, err)
	_, err = body("application/json", strings.Repeat(" ", core.DefaultMaxBytes+1))
	require.Equal(t, core.TooLarge, core.KindOf(err))
}
