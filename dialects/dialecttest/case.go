package dialecttest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// pattern finds a dialect's cases from its folder.
const pattern = "testdata/*/*.txtar"

// golden is one case.
type golden struct {
	comment     []byte
	given       []string
	clock       string
	urlTemplate string
	rateLimit   string
	knownGap    string
	undeclared  []string
	verbatim    bool
	steps       []step
}

// step is a request and its response, placeholders not filled in.
type step struct {
	request  string
	response string
}

var (
	directive = regexp.MustCompile(`(?m)^(source|given|clock|url-template|rate-limit|known-gap|undeclared|verbatim): *(.+)$`)
	sources   = regexp.MustCompile(`^(documented|recorded|library|inferred)\b`)
)

// readGolden reads a case and refuses what would make it mean nothing.
func readGolden(t *testing.T, path string) golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(path))
	require.NoError(t, err)
	a := txtar.Parse(text)
	g := golden{comment: a.Comment}
	sourced := false
	for _, m := range directive.FindAllSubmatch(a.Comment, -1) {
		switch value := string(m[2]); string(m[1]) {
		case "source":
			sourced = sources.MatchString(value)
		case "given":
			g.given = append(g.given, value)
		case "clock":
			g.clock = value
		case "url-template":
			g.urlTemplate = value
		case "rate-limit":
			g.rateLimit = value
		case "known-gap":
			g.knownGap = value
		case "undeclared":
			names, err := parseUndeclared(value)
			require.NoError(t, err)
			g.undeclared = append(g.undeclared, names...)
		case "verbatim":
			g.verbatim = true
		}
	}
	require.True(t, sourced, "the comment needs a line \"source: …\" that begins with documented, recorded, library or inferred")
	require.NotEmpty(t, directive.ReplaceAll(bytes.TrimSpace(a.Comment), nil), "the comment has to say what the case pins")
	for _, f := range a.Files {
		body := strings.TrimSuffix(string(f.Data), "\n")
		switch {
		case f.Name == "request":
			g.steps = append(g.steps, step{request: body})
		case f.Name == "response" && len(g.steps) > 0:
			g.steps[len(g.steps)-1].response = body
		default:
			require.Fail(t, "a case has pairs of files named request and response", f.Name)
		}
	}
	require.NotEmpty(t, g.steps, "the case has no request")
	return g
}

// write puts the case back into its file.
func (g *golden) write(t *testing.T, path string) {
	t.Helper()
	a := txtar.Archive{Comment: g.comment}
	for _, s := range g.steps {
		a.Files = append(a.Files,
			txtar.File{Name: "request", Data: []byte(s.request + "\n")},
			txtar.File{Name: "response", Data: []byte(s.response + "\n")})
	}
	require.NoError(t, os.WriteFile(path, txtar.Format(&a), 0o600))
}

// Cases gives the names of a dialect's cases, <operation>/<case>, sorted.
func Cases(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths, "no case matches %s", pattern)
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(p), "testdata/"), ".txtar")
	}
	slices.Sort(paths)
	return paths
}
