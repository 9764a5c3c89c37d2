package terminal_test

import (
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/terminal"
)

func TestWhatOthersWroteIsOneLineThatHidesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, line, cell string }{
		{"plain", "customer+1@example.com", "customer+1@example.com", "customer+1@example.com"},
		{"letters of all kinds", "Zoë 天気 ✓ 🌦 e\u0301", "Zoë 天気 ✓ 🌦 e\u0301", "Zoë 天気 ✓ 🌦 e\u0301"},
		{"a line", "a\nb\r\nc", `a\nb\r\nc`, `a\nb\r\nc`},
		{"a tab", "a\tb\vc\fd", `a\tb\vc\fd`, `a\tb\vc\fd`},
		{"escapes", "\x1b[2J\a\u009b31m\x7f", `\x1b[2J\a\u009b31m\x7f`, `\x1b[2J\a\u009b31m\x7f`},
		{"direction", "a\u202eb\u2066c\u200fd", `a\u202eb\u2066c\u200fd`, `a\u202eb\u2066c\u200fd`},
		{"no width", "a\u200bb\u200dc\ufeffd\u00ade\u2060f\ufe0fg", `a\u200bb\u200dc\ufeffd\u00ade\u2060f\ufe0fg`, `a\u200bb\u200dc\ufeffd\u00ade\u2060f\ufe0fg`},
		{"separators", "a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`, `a\u2028b\u2029c\u0085d`},
		{"other spaces", "a\u00a0b\u3000c\u3164d", `a\u00a0b\u3000c\u3164d`, `a\u00a0b\u3000c\u3164d`},
		{"beyond the basic plane", "a\U000e0041b", `a\U000e0041b`, `a\U000e0041b`},
		{"no UTF-8", "a\xffb\x9b", `a\xffb\x9b`, `a\xffb\x9b`},
		{"a column", "a   b", "a   b", `a \x20\x20b`},
		{"what is escaped already", `a\nb`, `a\nb`, `a\nb`},
		{"a quote", `it's`, `it's`, `it's`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.line, terminal.Line(c.text))
			require.Equal(t, c.cell, terminal.Cell(c.text))
			require.Equal(t, c.text == c.line, terminal.IsPlain(c.text))
		})
	}
}

func FuzzNothingThatIsNotGraphicIsShown(f *testing.F) {
	f.Add("a\x1b\u202e\n\xff'  ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range terminal.Line(text) {
			require.True(t, unicode.IsGraphic(r), "%q", r)
		}
		require.True(t, terminal.IsPlain(terminal.Line(text)))
		require.NotContains(t, terminal.Cell(text), "  ")
	})
}

func TestOneIsNotMany(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1 record", terminal.Count(1, "record", "records"))
	require.Equal(t, "0 records", terminal.Count(0, "record", "records"))
	require.Equal(t, "1234 records", terminal.Count(1234, "record", "records"))
}
