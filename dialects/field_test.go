package dialects

import (
	"bytes"
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

type members struct {
	S String `json:"s"`
	B Bool   `json:"b"`
	A Array  `json:"a"`
}

func decode(t *testing.T, text string) members {
	t.Helper()
	var m members
	require.NoError(t, json.Unmarshal([]byte(text), &m, syntax), text)
	return m
}

func TestFieldsTellAbsentNullWrongAndGivenApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Presence{
		`{}`:            Absent,
		`{"S":"x"}`:     Absent,
		`{"s":null}`:    Null,
		`{"s":1}`:       Wrong,
		`{"s":1e400}`:   Wrong,
		`{"s":true}`:    Wrong,
		`{"s":["x"]}`:   Wrong,
		`{"s":{"x":1}}`: Wrong,
		`{"s":""}`:      Given,
		`{"s":"null"}`:  Given,
	} {
		require.Equal(t, want, decode(t, text).S.Presence, text)
	}
	for text, want := range map[string]Presence{
		`{}`: Absent, `{"b":null}`: Null, `{"b":0}`: Wrong, `{"b":"true"}`: Wrong, `{"b":[]}`: Wrong,
		`{"b":true}`: Given, `{"b":false}`: Given,
	} {
		require.Equal(t, want, decode(t, text).B.Presence, text)
	}
	for text, want := range map[string]Presence{
		`{}`: Absent, `{"a":null}`: Null, `{"a":{}}`: Wrong, `{"a":"[]"}`: Wrong, `{"a":0}`: Wrong,
		`{"a":[]}`: Given, `{"a":[null]}`: Given,
	} {
		require.Equal(t, want, decode(t, text).A.Presence, text)
	}
}

func TestFieldsHoldTheirValue(t *testing.T) {
	t.Parallel()
	m := decode(t, `{"s":"a\u0000\"\ud83d\ude80","b":true,"a":[ {"x" : 1} , 2 ]}`)
	require.Equal(t, "a\x00\"🚀", m.S.Value)
	require.True(t, m.B.Value)
	require.Equal(t, `[{"x":1},2]`, string(m.A.Value))
}

func TestOfTheSameMemberTheLastCounts(t *testing.T) {
	t.Parallel()
	m := decode(t, `{"s":1,"s":"last","b":true,"b":null,"a":[1],"a":[]}`)
	require.Equal(t, String{Field[string]{"last", Given}}, m.S)
	require.Equal(t, Bool{Field[bool]{false, Null}}, m.B)
	require.Equal(t, Array{Field[core.JSON]{core.JSON("[]"), Given}}, m.A)
	m = decode(t, `{"s":"first","s":2,"a":[1],"a":3}`)
	require.Equal(t, String{Field[string]{"", Wrong}}, m.S)
	require.Equal(t, Array{Field[core.JSON]{nil, Wrong}}, m.A)
}

func TestArraysKeepTheirElements(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`[]`:                                  `[]`,
		`[ 1 , "a" ]`:                         `[1,"a"]`,
		`[1e400,-0.10,1E+2,9007199254740993]`: `[1e400,-0.10,1E+2,9007199254740993]`,
		`[{"b":1,"a":2,"b":3}]`:               `[{"b":1,"a":2,"b":3}]`,
		`["<&>\u003c\u2028\/"]`:               "[\"<&><\u2028/\"]",
		`["\u0000\u001f\t"]`:                  `["\u0000\u001f\t"]`,
	} {
		m := decode(t, `{"a":`+in+`}`)
		require.Equal(t, want, string(m.A.Value), in)
	}
}

// A megabyte of two-byte elements is a megabyte, and not a record of each.
func TestAnArrayTakesNoMoreThanItsText(t *testing.T) { //nolint:paralleltest // allocations of others would count
	body := []byte(`{"a":[` + strings.TrimSuffix(strings.Repeat("1,", 500_000), ",") + `]}`)
	n := 0
	allocs := testing.AllocsPerRun(1, func() {
		var m members
		require.NoError(t, json.Unmarshal(body, &m, syntax))
		require.Len(t, m.A.Value, len(body)-len(`{"a":}`))
		require.True(t, Elements(m.A.Value, func(core.JSON) bool { n++; return true }))
	})
	require.Equal(t, 1_000_000, n) // AllocsPerRun runs it once more
	require.Less(t, allocs, 50.0)
}

func TestArraysDoNotShareTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(`{"s":"first","a":["second"]}`)
	var m members
	require.NoError(t, json.Unmarshal(body, &m, syntax))
	copy(body, bytes.Repeat([]byte{'x'}, len(body)))
	require.Equal(t, "first", m.S.Value)
	require.Equal(t, `["second"]`, string(m.A.Value))
}

func TestWhatIsNotJSONStopsTheDecoding(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `{`, `{"s"}`, `{"s":}`, `{"s":"x"`, `{"a":[1,]}`, `{"a":[1}`, `{"s":"\ud800"}`, `{"x":"\udc00"}`,
		"{\"s\":\"\xff\"}", `{"s":tru}`, `{"s":01}`, `{"s":NaN}`, `{"s":"x"}}`, `{"s":"x"} 1`,
	} {
		var m members
		require.Error(t, json.Unmarshal([]byte(text), &m, syntax), text)
	}
}

func TestMembersWalksInOrder(t *testing.T) {
	t.Parallel()
	var got []string
	ok := Members(core.JSON(`{"b":1,"a":{"x":[]},"b":"2","\u0061\"":null}`), func(name string, v core.JSON) {
		got = append(got, name+"="+string(v))
	})
	require.True(t, ok)
	require.Equal(t, []string{`b=1`, `a={"x":[]}`, `b="2"`, `a"=null`}, got)
	for _, text := range []string{``, `[]`, `1`, `"{}"`, `null`} {
		require.False(t, Members(core.JSON(text), func(string, core.JSON) {}), text)
	}
}

func TestElementsAsksAboutEach(t *testing.T) {
	t.Parallel()
	short := func(v core.JSON) bool { return len(v) < 4 }
	for text, want := range map[string]bool{
		`[]`: true, `[1,"a",{}]`: true, `[1,"abc"]`: false, `{}`: false, `1`: false, `"[]"`: false, ``: false,
	} {
		require.Equal(t, want, Elements(core.JSON(text), short), text)
	}
}

func TestWithoutTakesOutEveryMemberOfTheName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{}`:                            `{}`,
		`{"_id":1}`:                     `{}`,
		`{"a":1}`:                       `{"a":1}`,
		`{"_id":1,"a":{"_id":2}}`:       `{"a":{"_id":2}}`,
		`{"a":1,"_id":1,"b":2,"_id":3}`: `{"a":1,"b":2}`,
		`{"a":1,"a":2}`:                 `{"a":1,"a":2}`,
		`{"_\u0069d":1,"\u0061":1e400}`: `{"a":1e400}`,
		`{"<\"\u2028":"<"}`:             "{\"<\\\"\u2028\":\"<\"}",
	} {
		require.Equal(t, want, string(Without(core.JSON(in), "_id")), in)
	}
}

func TestAnObjectIsKeptAsItsCompactText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		text     string
		presence Presence
	}{
		`{}`: {"", Absent}, `{"o":null}`: {"", Null}, `{"o":[]}`: {"", Wrong}, `{"o":"{}"}`: {"", Wrong},
		`{"o":{ "b" : 1e400, "a":[1.50, "<"], "b":{} }}`: {`{"b":1e400,"a":[1.50,"<"],"b":{}}`, Given},
		`{"o":{"a":1},"o":{}}`:                           {`{}`, Given},
		`{"o":{"a":1},"o":7}`:                            {"", Wrong},
	} {
		var v struct {
			O Object `json:"o"`
		}
		require.NoError(t, json.Unmarshal([]byte(in), &v, syntax), in)
		require.Equal(t, want.presence, v.O.Presence, in)
		require.Equal(t, want.text, string(v.O.Value), in)
	}
}

func TestStringsOfAnArrayAreAllOrNone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		`[]`: {}, `["a","\u00e9\n",""]`: {"a", "é\n", ""}, `[1]`: nil, `["a",null]`: nil, `[["a"]]`: nil, `["a",{}]`: nil, `[true]`: nil,
	} {
		var v struct {
			A Array `json:"a"`
		}
		require.NoError(t, json.Unmarshal([]byte(`{"a":`+in+`}`), &v, syntax), in)
		got, ok := v.A.Strings()
		require.Equal(t, want != nil, ok, in)
		require.Equal(t, want, got, in)
	}
}

func FuzzWithout(f *testing.F) {
	f.Add(`{"_id":1,"a":[1e400,"<"],"b":{"_id":null},"a":""}`, "_id")
	f.Add(`{"a":1}`, "a")
	f.Add(`{"\u2028":"\ud83d\ude80"}`, "x")
	f.Fuzz(func(t *testing.T, text, name string) {
		object, err := jsontext.AppendFormat(nil, []byte(text), syntax)
		if err != nil || object[0] != '{' {
			return
		}
		var want []string
		Members(object, func(n string, v core.JSON) {
			if n != name {
				want = append(want, n, string(v))
			}
		})
		out := Without(object, name)
		require.True(t, stdjson.Valid(out), "%s", out)
		var got []string
		require.True(t, Members(out, func(n string, v core.JSON) { got = append(got, n, string(v)) }))
		require.Equal(t, want, got)
	})
}

func FuzzArray(f *testing.F) {
	f.Add(`[1, "a", {"b":[null]}]`)
	f.Add(`[1e400,{"a":1,"a":2}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var m members
		if json.Unmarshal([]byte(`{"a":`+text+`}`), &m, syntax) != nil || m.A.Presence != Given {
			return
		}
		out := string(m.A.Value)
		require.True(t, stdjson.Valid([]byte(out)), out)
		again := decode(t, `{"a":`+out+`}`)
		require.Equal(t, out, string(again.A.Value), "what was read once reads the same again")
		require.False(t, strings.HasPrefix(out, "[,"))
	})
}
