package core_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestASlugIsMadeOfTheNamesASCIILettersAndDigits(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                       "",
		"Slack":                  "slack",
		"My Slack Server":        "my-slack-server",
		"  padded -- twice  ":    "padded-twice",
		"--a--":                  "a",
		"v2.1_beta~x":            "v2-1-beta-x",
		"ñandú":                  "and",
		"日本語":                    "",
		"日本 7":                   "7",
		"🚀":                      "",
		"../../etc/passwd":       "etc-passwd",
		"a\x00b":                 "a-b",
		"a\xffb":                 "a-b",
		strings.Repeat("a", 64):  strings.Repeat("a", 64),
		strings.Repeat("a", 65):  strings.Repeat("a", 64),
		strings.Repeat("a", 1e6): strings.Repeat("a", 64),
		strings.Repeat("-", 1e6): "",
	} {
		require.Equal(t, want, core.SlugFor(name), "%.80q", name)
	}
}

func TestAMadeSlugIsShortAndNeverEndsInADash(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		for _, name := range []string{strings.Repeat("a ", n), strings.Repeat("a", n) + " b", strings.Repeat("a", n) + " "} {
			slug := core.SlugFor(name)
			require.LessOrEqual(t, len(slug), 64)
			require.False(t, strings.HasSuffix(slug, "-"), "%q", slug)
		}
	}
}

func TestAValidSlugStandsInAPathAsItIs(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string]bool{
		"a": true, "A-b_c.d~9": true, "...": true, "-": true, ".a": true, "a.": true,
		strings.Repeat("a", 255): true,
		strings.Repeat("a", 256): false,
		"":                       false, ".": false, "..": false,
		"a b": false, "a/b": false, "a%20b": false, "a?b": false, "a#b": false, "a+b": false, "a:b": false, "a@b": false,
		"ñ": false, "日": false, "a\x00": false, "a\n": false, "a\xff": false, "a\\b": false, "a;b": false,
	} {
		require.Equal(t, want, core.ValidSlug(slug), "%q", slug)
	}
}

func TestTextThatCanBeKeptIsUTF8WithoutNUL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "a": true, "日本🚀": true, "\u0001\n\t": true, "\ufffd": true, `\u0000`: true,
		"\x00": false, "a\x00b": false, "\xff": false, "\xed\xa0\x80": false, "a\xc3": false,
	} {
		require.Equal(t, want, core.ValidText(text), "%q", text)
	}
}

func TestARefNamesAServerByIDOrBySlug(t *testing.T) {
	t.Parallel()
	id := core.ObjectID{1, 2, 3}
	require.Equal(t, core.MCPServerRef{ID: id}, core.ByID(id))
	require.Equal(t, core.MCPServerRef{Slug: "slug"}, core.BySlug("slug"))
}
