package dialecttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exampleFile lists the example bodies of the maintainers' notes, each once,
// with a line between them:
//
//	2.4 list, v3                             what it is an example of
//	golden: list_mcp_servers/v3              the case that reproduces it
//	differs: /docs/1 /nextPage: abridged     where it does so with a difference, and why
//	{"docs":[…]}                             the body
//
// An example that differs nowhere is in its case byte for byte, as a request or
// as a response. One that no case can reproduce has "none: why" for its case.
const exampleFile = "testdata/contract/examples.txt"

// exampleBody is one of them.
type exampleBody struct {
	label, golden, none, body string
	differs                   map[string]string // JSON pointers, and why
}

// Examples checks that each example body is reproduced by its case, and
// differs from it only where it says so. It prints how many do.
func Examples(t *testing.T) {
	t.Helper()
	exact, differing, none := 0, 0, 0
	for _, e := range readExamples(t) {
		switch {
		case e.none != "":
			none++
			_, _ = fmt.Fprintf(t.Output(), "not reproduced: %s: %s\n", e.label, e.none)
		case len(e.differs) == 0:
			exact++
			require.Contains(t, bodies(t, e.golden), e.body, "%s: no body in %s", e.label, e.golden)
		default:
			differing++
			e.requireOnlyKnownDifferences(t)
		}
	}
	require.Positive(t, exact)
	_, _ = fmt.Fprintf(t.Output(), "%d example bodies: %d byte for byte, %d with named differences, %d not\n",
		exact+differing+none, exact, differing, none)
}

func readExamples(t *testing.T) []exampleBody {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(exampleFile))
	require.NoError(t, err)
	var all []exampleBody
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		if strings.HasPrefix(block, "#") {
			continue
		}
		lines := strings.Split(block, "\n")
		e := exampleBody{label: lines[0], body: lines[len(lines)-1], differs: map[string]string{}}
		require.True(t, json.Valid([]byte(e.body)), "%s: the last line is the body", e.label)
		for _, line := range lines[1 : len(lines)-1] {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "golden":
				e.golden = value
			case "none":
				e.none = value
			case "differs":
				pointers, why, _ := strings.Cut(value, ": ")
				require.NotEmpty(t, why, "%s: %s", e.label, line)
				for _, p := range strings.Fields(pointers) {
					e.differs[p] = why
				}
			default:
				require.Fail(t, "no such line in an example", line)
			}
		}
		require.NotEqual(t, e.golden == "", e.none == "", "%s has a golden, or a reason for none", e.label)
		all = append(all, e)
	}
	return all
}

// bodies are those of the case's requests and responses.
func bodies(t *testing.T, name string) []string {
	t.Helper()
	g := readGolden(t, filepath.Join("testdata", filepath.FromSlash(name)+".txtar"))
	require.Empty(t, g.knownGap, "%s is a known gap and reproduces nothing", name)
	var all []string
	for _, s := range g.steps {
		for _, text := range []string{s.request, s.response} {
			if _, body, ok := strings.Cut(text, "\n\n"); ok {
				all = append(all, body)
			}
		}
	}
	return all
}

// requireOnlyKnownDifferences looks for a body of the case that differs from
// the example where it is said to, and nowhere else.
func (e *exampleBody) requireOnlyKnownDifferences(t *testing.T) {
	t.Helper()
	want := slices.Sorted(maps.Keys(e.differs))
	var found [][]string
	for _, body := range bodies(t, e.golden) {
		if !json.Valid([]byte(body)) {
			continue
		}
		var got []string
		differences("", parsed(t, e.body), parsed(t, body), &got)
		slices.Sort(got)
		if slices.Equal(want, got) {
			return
		}
		found = append(found, got)
	}
	require.Fail(t, "no body differs from the example just where it is said to", "%s: said %v, found %v", e.label, want, found)
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return v
}

// absent stands for a member that is not there.
type absent struct{}

// differences collects the JSON pointers at which two values differ.
func differences(at string, a, b any, out *[]string) {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			names := maps.Clone(a)
			maps.Copy(names, b)
			for name := range names {
				differences(at+"/"+name, member(a, name), member(b, name), out)
			}
			return
		}
	case []any:
		if b, ok := b.([]any); ok {
			for i := range max(len(a), len(b)) {
				differences(at+"/"+strconv.Itoa(i), element(a, i), element(b, i), out)
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		*out = append(*out, at)
	}
}

func member(of map[string]any, name string) any {
	if v, ok := of[name]; ok {
		return v
	}
	return absent{}
}

func element(of []any, i int) any {
	if i < len(of) {
		return of[i]
	}
	return absent{}
}
