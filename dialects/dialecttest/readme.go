package dialecttest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	caseName  = regexp.MustCompile("`([a-z_]+/[a-z0-9_]+)\\.txtar`")
	testName  = regexp.MustCompile("`(Test[A-Z]\\w*)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
	rowSource = regexp.MustCompile(`\b(documented|recorded|library|inferred)\b`)
)

// Readme checks that the dialect's README names each of its cases, no case and
// no test that there is not, and for each row of its tables what pins it and,
// where the table has sources, where it is known from.
func Readme(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Empty(t, readmeProblems(string(text), Cases(t), testNames(t)))
}

// readmeProblems says what is wrong with a README beside the cases and the
// tests that there are.
func readmeProblems(text string, cases, tests []string) []string {
	var problems, named []string
	for _, m := range caseName.FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
		if !slices.Contains(cases, m[1]) {
			problems = append(problems, "there is no case "+m[1])
		}
	}
	for _, c := range cases {
		if !slices.Contains(named, c) {
			problems = append(problems, "no row names the case "+c)
		}
	}
	for _, m := range testName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(tests, m[1]) {
			problems = append(problems, "there is no test "+m[1])
		}
	}
	return append(problems, rowProblems(text)...)
}

// rowProblems says which rows of tables with a column "Source", "Pinned by" or
// "Cases" leave it open.
func rowProblems(text string) []string {
	var problems, head []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		row := cells(line)
		if head == nil {
			head = row
			continue
		}
		if strings.Trim(line, "|-: ") == "" {
			continue
		}
		if len(row) != len(head) {
			problems = append(problems, fmt.Sprintf("%d cells below %d: %s", len(row), len(head), line))
			continue
		}
		for i, cell := range row {
			switch head[i] {
			case "Source":
				if !rowSource.MatchString(cell) {
					problems = append(problems, "a row without a source: "+line)
				}
			case "Pinned by", "Cases":
				if !caseName.MatchString(cell) && !testName.MatchString(cell) {
					problems = append(problems, "a row that neither a case nor a test pins: "+line)
				}
			}
		}
	}
	return problems
}

// cells are those of a table's line; a bar behind a backslash is text.
func cells(line string) []string {
	line = strings.ReplaceAll(line, `\|`, "\x00")
	all := strings.Split(strings.Trim(line, "|"), "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// testNames are those of all Go tests of the repository.
func testNames(t *testing.T) []string {
	t.Helper()
	root, err := filepath.Abs(".")
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, root, filepath.Dir(root), "no folder above has a go.mod")
		root = filepath.Dir(root)
	}
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "." && (strings.HasPrefix(e.Name(), ".") || path == "bin"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(os.DirFS(root), path)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
		return err
	}))
	return names
}
