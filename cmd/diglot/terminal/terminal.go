// Package terminal makes what others wrote safe to show to whoever sits at one:
// a client's ids and names reach the operator's screen.
package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line gives text as one line that moves no cursor and hides nothing: what is no
// graphic character, as controls, line separators, and marks of direction or of no
// width, is written as Go escapes it, \n or \u202e, and so is a byte that is no
// UTF-8. Text without such is given as it is; a backslash stays one.
func Line(text string) string {
	if IsPlain(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[0]), 16))
		case shown(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		text = text[size:]
	}
	return b.String()
}

// Cell is [Line] of what stands in a table, where two spaces end a column: of
// spaces in a row, all but the first are written as \x20.
func Cell(text string) string {
	text = Line(text)
	if !strings.Contains(text, "  ") {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		if i > 0 && text[i] == ' ' && text[i-1] == ' ' {
			b.WriteString(`\x20`)
		} else {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// IsPlain reports whether [Line] gives text as it is.
func IsPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !shown(r) })
}

// fillers are graphic characters of Unicode that show nothing, or nothing but a space.
const fillers = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"

func shown(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r) && !unicode.Is(unicode.Variation_Selector, r) && !strings.ContainsRune(fillers, r)
}

// Count says how many of something there are.
func Count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
