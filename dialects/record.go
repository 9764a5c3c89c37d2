package dialects

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// Decode reads one JSON value that a vendor sent, as requests are read: of a
// member that is there twice the last counts, and what is not UTF-8 is U+FFFD.
func Decode(text core.JSON, into any) error { return json.Unmarshal(text, into, output) }

// Compact gives JSON text without the space between its tokens; member order,
// repeated members and every digit of numbers stay.
func Compact(text core.JSON) (core.JSON, error) { return jsontext.AppendFormat(nil, text, output) }

// Encode writes a value as answers are written.
func Encode(v any) (core.JSON, error) { return json.Marshal(v, output) }

// Raw keeps the text of a record as it came, beside what is read of it: what
// nobody knows of is in there. Embed it and call [Raw.Keep].
type Raw struct {
	Text core.JSON `json:"-"`
}

// Keep keeps a copy of the text.
func (r *Raw) Keep(text core.JSON) { r.Text = slices.Clone(text) }
