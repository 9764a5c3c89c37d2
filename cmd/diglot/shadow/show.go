package shadow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/diglot/diglot/cmd/diglot/redact"
)

const (
	// shownBytes is how much of a value is shown.
	shownBytes = 200
	// keptBytes is how much of a body is kept.
	keptBytes = 64 << 10
)

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
	if c.values && !hidden {
		return c.text(v)
	}
	switch v := v.(type) {
	case string:
		if form := c.noise.text(v); form != v && strings.HasPrefix(form, "<") && strings.HasSuffix(form, ">") {
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
	if o, ok := v.(other); ok {
		return shorten(strings.Join(strings.Fields(strings.ToValidUTF8(c.hide.In(string(o)), "\uFFFD")), " "))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return typeOf(v)
	}
	shown, _ := c.hide.Body(text, false)
	return shorten(string(shown))
}

func shorten(text string) string {
	if len(text) <= shownBytes {
		return text
	}
	cut := shownBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// kept gives a body as the log has it.
func kept(hide redact.Secrets, a answer) json.RawMessage {
	body, err := a.unpacked()
	if err != nil || len(body) == 0 {
		return nil
	}
	text, _ := hide.Body(body, len(body) > keptBytes)
	return json.RawMessage(text)
}
