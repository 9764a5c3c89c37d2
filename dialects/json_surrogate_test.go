package dialects

import (
	"bytes"
	stdjson "encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

func TestHalvesOfSurrogatePairsAreReplaced(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\ud83d"`:              `"\ufffd"`,
		`"\uDFFF"`:              `"\ufffd"`,
		`"\udc00\ud800"`:        `"\ufffd\ufffd"`,
		`"\ud83d\ud83d\ude80"`:  `"\ufffd\ud83d\ude80"`,
		`"\ud83dx\ude80"`:       `"\ufffdx\ufffd"`,
		`"\ud83d\u0041"`:        `"\ufffd\u0041"`,
		`"\ud83d\n\\ud83d"`:     `"\ufffd\n\\ud83d"`,
		`{"\ud83d":"\\\ud83d"}`: `{"\ufffd":"\\\ufffd"}`,
		`"\ud83d\ude80\uD83D\uDE80\ufffd\\ud800 \ud7ff\ue000"`: `"\ud83d\ude80\uD83D\uDE80\ufffd\\ud800 \ud7ff\ue000"`,
		`"\ud8`: `"\ud8`, `"\ud83`: `"\ud83`, `"\ud8zz"`: `"\ud8zz"`, "\"\\ud\x1800\"": "\"\\ud\x1800\"", `"\ud83d\ude8`: `"\ufffd\ude8`, `"\`: `"\`, ``: ``,
	} {
		got := []byte(text)
		wholeSurrogates(got)
		require.Equal(t, want, string(got), text)
	}
}

// The reference is encoding/json, which reads half a pair as U+FFFD.
func FuzzHalvesOfSurrogatePairs(f *testing.F) {
	for _, s := range []string{
		`"\ud83d"`, `{"\udc00\ud800":["\ud83d\ude80","\\ud83d"]}`, `"\ud83d\ud83d\ude80"`, `"\ud83d`, `"\ud8zz"`, `"\\\ud83dA"`, `\ud83d`, "\"\\ud\x1800\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := []byte(text)
		wholeSurrogates(got)
		require.Len(t, got, len(text))
		require.Equal(t, stdjson.Valid([]byte(text)), stdjson.Valid(got))
		if !stdjson.Valid(got) {
			return
		}
		require.Equal(t, decoded(t, []byte(text)), decoded(t, got))
		if utf8.ValidString(text) && len(text) < 10_000 { // which is how deep either reads
			require.True(t, jsontext.Value(got).IsValid(syntax))
		}
		if jsontext.Value(text).IsValid(syntax) {
			require.Equal(t, text, string(got))
		}
	})
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}
