package dialecttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const readme = "# Things\n\n" +
	"| Operation | Cases |\n| --- | --- |\n| `GET` a \\| b | `get_thing/ok.txtar` |\n\n" +
	"| What | Source | Pinned by |\n| --- | :-- | --- |\n" +
	"| One | documented, 1.1 | `get_thing/one.txtar` `TestOne` |\n| Two | the order is inferred | `TestTwo` |\n\n" +
	"| Setting | Default |\n| --- | --- |\n| `--x` | |\n"

func TestAReadmeIsHeldToItsCasesTestsAndRows(t *testing.T) {
	t.Parallel()
	cases, tests := []string{"get_thing/ok", "get_thing/one"}, []string{"TestOne", "TestTwo"}
	require.Empty(t, readmeProblems(readme, cases, tests))
	for want, change := range map[string][2]string{
		"no row names the case get_thing/one":       {"`get_thing/one.txtar`", ""},
		"there is no case get_thing/none":           {"`get_thing/one.txtar`", "`get_thing/one.txtar` `get_thing/none.txtar`"},
		"there is no test TestThree":                {"`TestTwo`", "`TestThree`"},
		"a row without a source: | One":             {"documented, 1.1", ""},
		"a row without a source: | Two":             {"inferred", "guessed"},
		"a row that neither a case nor a test pins": {"`TestTwo`", "every case"},
		"2 cells below 3: | Two":                    {" | `TestTwo` |", " |"},
	} {
		text := strings.Replace(readme, change[0], change[1], 1)
		require.NotEqual(t, readme, text, want)
		problems := readmeProblems(text, cases, tests)
		require.Len(t, problems, 1, want)
		require.Contains(t, problems[0], want)
	}
}

func TestTheTestsOfTheRepositoryAreFound(t *testing.T) {
	t.Parallel()
	names := testNames(t)
	require.Contains(t, names, t.Name())
	require.Contains(t, names, "TestGeneratedClientsLiveWithAGateway", "of another folder")
}
