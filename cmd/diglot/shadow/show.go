package shadow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/diglot/diglot/cmd/diglot/redact"
)

const (
	// shownBytes is how much of a value is shown.
	shownBytes = 200
	// keptBytes is how much of a body is kept.
	keptBytes = 64 << 10
)

// allNoise is the form of texts that are nothing but noise.
var allNoise = regexp.MustCompile(`^<(?:uuid|24 hex|[0T:.Z+-]+)>$`)

// show gives a value as it may be kept: what it is, or where values are asked for
// how it begins.
func (c *comparison) show(v any, hidden bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case nothing:
		return "no body"
	case bool:
		if !hidden {
			return strconv.FormatBool(v)
		}
	}
	if text, ok := v.(other); ok { // what can't be read can't be looked through for credentials
		return fmt.Sprintf("%s, %d bytes", typeOf(v), len(text))
	}
	if c.values && !hidden {
		return c.text(v)
	}
	switch v := v.(type) {
	case string:
		if form := c.noise.text(v); allNoise.MatchString(form) {
			return form
		}
		return fmt.Sprintf("string of %d", utf8.RuneCountInString(v))
	case []any:
		return fmt.Sprintf("array of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("object of %d", len(v))
	}
	return typeOf(v)
}

func (c *comparison) text(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return typeOf(v)
	}
	shown, _ := c.hide.Body(text, false)
	return redact.InURLs(string(shown)) // and add shortens it
}

// ellipsis is where text was cut.
const ellipsis = "…"

// shorten gives text of most bytes at most.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.Clone(text[:cut]) + ellipsis
}

// kept gives a body as the log has it.
func kept(hide redact.Secrets, a answer) json.RawMessage {
	body, err := a.unpacked()
	if err != nil || len(body) == 0 {
		return nil
	}
	text, _ := hide.Body(body, len(body) > keptBytes)
	return json.RawMessage(redact.InURLs(string(text)))
}

// Escaped gives JSON with \u in place of all that is not for a terminal: a member's
// name may be of a peer's choice.
func Escaped(text []byte) []byte {
	if !bytes.ContainsFunc(text, unshown) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/4)
	for _, c := range string(text) {
		switch {
		case !unshown(c):
			out = utf8.AppendRune(out, c)
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
	}
	return out
}

// unshown reports whether a character is none that a terminal shows. Those below
// DEL are JSON's own, or escaped by it.
func unshown(c rune) bool { return c >= '\x7f' && !unicode.IsPrint(c) }
