package diglottest_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/diglottest"
)

// The Go that the page shows is that of readme_test.go, which is compiled and run,
// and the addresses are what it says.
func TestTheGoOfThePageIsRun(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(?:package [a-z_]+\n)?(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		require.Contains(t, string(source), strings.TrimSpace(block[1]))
	}
	for _, function := range regexp.MustCompile(`(?m)^func Test\w+`).FindAllString(string(source), -1) {
		require.Contains(t, string(page), function)
	}

	s := diglottest.New(t)
	require.Equal(t, s.URL()+refold.Prefix, s.RefoldURL())
	require.Equal(t, s.URL()+cometchat.Prefix, s.CometChatURL())
	for _, end := range []string{refold.Prefix, cometchat.Prefix} {
		require.Contains(t, string(page), "`"+end+"`")
	}
}

// stopped is a test whose failure is noted, and ends the function that it is in.
type stopped struct {
	recorded

	said string
}

// Fatalf implements [testing.TB].
func (s *stopped) Fatalf(format string, args ...any) {
	s.said = fmt.Sprintf(format, args...)
	panic(s)
}

func failure(t *testing.T, run func(testing.TB)) (said string) {
	t.Helper()
	of := &stopped{recorded: recorded{TB: t}}
	defer func() {
		require.Equal(t, any(of), recover())
		said = of.said
	}()
	run(of)
	return ""
}

// A variable that is not set does not have a test run in memory and pass.
func TestAnAddressOfPostgresThatIsNoneIsAFailure(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                "diglottest: WithPostgres: the URL is empty",
		"localhost/5432":  "diglottest: WithPostgres: the URL must begin with postgres://",
		"postgres://a b@": "diglottest: WithPostgres: the URL can't be read",
	} {
		require.Equal(t, want, failure(t, func(of testing.TB) { diglottest.New(of, diglottest.WithPostgres(address)) }))
	}
}
