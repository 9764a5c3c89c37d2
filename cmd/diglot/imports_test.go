package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/diglot/diglot/"

// A fence says what the files below a folder, tests aside, must not import.
type fence struct {
	folder string
	denied []string
	why    string
}

var fences = []fence{
	{"core", []string{module + "store", module + "dialects", module + "cmd", "net/http", "database/sql", "encoding/json"}, "core is free of wire and storage"},
	{"store", []string{module + "dialects", module + "cmd"}, "a store knows no wire"},
	{"dialects", []string{module + "store", module + "cmd", "github.com/jackc/pgx"}, "a dialect knows no storage"},
	{"dialects/vendorhttp", []string{module + "dialects/refold", module + "dialects/cometchat"}, "what both vendors' clients share knows no vendor"},
	{"cmd/diglot/gateway", []string{module + "cmd/diglot/testmode", module + "diglottest"}, "a gateway knows nothing of tests"},
	{"cmd/diglot/gateway", []string{module + "cmd/diglot/shadow"}, "a gateway knows nothing of shadows"},
	{"cmd", []string{module + "diglottest"}, "the program is not made of its test kit"},
	{"dialects/refold", []string{module + "dialects/cometchat"}, "dialects never meet"},
	{"dialects/cometchat", []string{module + "dialects/refold"}, "dialects never meet"},
}

// testOnly are the packages that only tests may import.
var testOnly = []string{module + "core/coretest", module + "store/storetest", module + "dialects/dialecttest", "github.com/stretchr/testify", "github.com/getkin/kin-openapi", "github.com/oapi-codegen/runtime"}

// containers are the packages that start containers.
var containers = []string{"diglottest/container", "store/storetest"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	checked := 0
	eachGoFile(t, func(file string, imports []string) {
		checked++
		isKit := path.Dir(file) == "diglottest" // for the tests of others
		isTest := strings.HasSuffix(file, "_test.go") || strings.HasSuffix(path.Dir(file), "test") && !isKit || strings.HasPrefix(file, "dialects/dialecttest/")
		for _, imported := range imports {
			require.NotContains(t, imported, "testify/assert", "%s: use require", file)
			require.False(t, imported == "github.com/labstack/echo/v4" && file != "dialects/kit.go",
				"%s: the web framework is used in dialects/kit.go alone", file)
			require.False(t, strings.HasPrefix(imported, "github.com/testcontainers/") && !slices.Contains(containers, path.Dir(file)),
				"%s imports %s: nobody needs Docker's client who does not ask for containers", file, imported)
			if isTest {
				continue
			}
			require.False(t, within(imported, testOnly), "%s imports %s, which is for tests", file, imported)
			for _, f := range fences {
				inside := strings.HasPrefix(file, f.folder+"/")
				require.False(t, inside && within(imported, f.denied), "%s imports %s: %s", file, imported, f.why)
			}
		}
		if path.Dir(file) == "core" && !isTest {
			for _, imported := range imports {
				require.NotContains(t, strings.Split(imported, "/")[0], ".", "%s: core imports the standard library alone", file)
			}
		}
		if path.Dir(file) == "dialects" && !isTest {
			require.False(t, within(strings.Join(imports, " "), []string{module + "dialects/"}), "%s: the kit knows no dialect", file)
		}
	})
	require.Greater(t, checked, 30, "the tree was found")
}

func within(imported string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(imported, p) })
}

// eachGoFile gives each Go file of the module, by its path from the top, with
// what it imports.
func eachGoFile(t *testing.T, do func(file string, imports []string)) {
	t.Helper()
	top := filepath.Join("..", "..")
	require.NoError(t, fs.WalkDir(os.DirFS(top), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := make([]string, len(parsed.Imports))
		for i, spec := range parsed.Imports {
			if imports[i], err = strconv.Unquote(spec.Path.Value); err != nil {
				return err
			}
		}
		do(file, imports)
		return nil
	}))
}
