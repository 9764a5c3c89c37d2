package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// asDefault is how a page says a default.
var asDefault = map[string]string{"none": "", "off": "false"}

var code = regexp.MustCompile("`([^`]*)`")

// rows gives the cells of a page's tables, less their heads.
func rows(t *testing.T, path string) (out [][]string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(page)) {
		line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "¦")
		if strings.HasPrefix(line, "| `") {
			out = append(out, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return out
}

// The settings in README are the flags of serve, and their defaults are the program's.
func TestReadmeHasEachSettingAndItsDefault(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, row := range rows(t, "../../README.md") {
		if len(row) != 3 {
			continue
		}
		flags, defaults := code.FindAllStringSubmatch(row[0], -1), strings.Split(row[1], ", ")
		for i, f := range flags {
			said[strings.TrimPrefix(f[1], "--")] = strings.Trim(defaults[min(i, len(defaults)-1)], "`")
		}
	}
	kit, err := os.ReadFile("../../diglottest/README.md")
	require.NoError(t, err)
	cmd, _, err := newRootCommand().Find([]string{"serve"})
	require.NoError(t, err)
	require.NoError(t, cmd.ParseFlags(nil)) // which brings the root's
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		want, has := said[f.Name]
		delete(said, f.Name)
		switch {
		case f.Name == "help":
		case strings.HasPrefix(f.Name, "test-") && !has:
			require.Contains(t, string(kit), "--"+f.Name)
		default:
			require.True(t, has, "README has no --%s", f.Name)
			if as, is := asDefault[want]; is {
				want = as
			}
			is := strings.TrimSuffix(f.DefValue, "0m0s")
			if is == "" && f.Value.Type() == "number" { // not given counts as 0
				is = "0"
			}
			require.Equal(t, want, is, "--%s", f.Name)
		}
	})
	require.Empty(t, said, "README has flags that serve hasn't")
}

// The page of the commands has each command, and nothing that is none.
func TestThePageOfTheCommandsHasEach(t *testing.T) {
	t.Parallel()
	var said, flags []string
	for _, row := range rows(t, "README.md") {
		for _, m := range code.FindAllStringSubmatch(row[0], -1) {
			if strings.HasPrefix(m[1], "--") {
				name, _, _ := strings.Cut(strings.TrimPrefix(m[1], "--"), " ")
				flags = append(flags, name)
			} else {
				said = append(said, "diglot "+strings.TrimPrefix(m[1], "diglot "))
			}
		}
	}
	var are, have []string
	eachCommand(newRootCommand(), func(cmd *cobra.Command) { are = append(are, cmd.CommandPath()) })
	require.ElementsMatch(t, are, said)
	cmd, _, err := newRootCommand().Find([]string{"tenant", "update"})
	require.NoError(t, err)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "output" {
			have = append(have, f.Name)
		}
	})
	require.ElementsMatch(t, have, flags)
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInName = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
)

// anchors are what a page's headings are called in links, as GitHub has it.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		names[strings.ReplaceAll(notInName.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return names
}

// What a page points at within the repository is there, the heading included.
func TestEachLinkOfThePagesLeadsSomewhere(t *testing.T) {
	t.Parallel()
	seen := 0
	root := filepath.Join("..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(page), ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			text := []byte(nil)
			info, err := os.Stat(target)
			require.NoError(t, err, "%s links to %s", path, m[1])
			if !info.IsDir() {
				text, err = os.ReadFile(target)
				require.NoError(t, err)
			}
			if anchor != "" {
				require.True(t, anchors(string(text))[anchor], "%s links to %s, which has no such heading", path, m[1])
			}
			seen++
		}
		return nil
	}))
	require.NotZero(t, seen)
}
