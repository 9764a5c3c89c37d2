package cometchat

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// problems are what is wrong with a request, all of it at once: texts by
// member, in the order that the members are documented in. The texts are those
// of class-validator, which services on the vendor's stack use (inferred).
type problems struct {
	fields []fieldProblems
}

type fieldProblems struct {
	field string
	texts []string
}

// malformed is the details of a body that could not be read at all.
var malformed = &problems{[]fieldProblems{{"body", []string{"body must be a JSON object sent as application/json"}}}}

// errBadKey is the details of a header Idempotency-Key that cannot be one.
var errBadKey = &problems{[]fieldProblems{{dialects.IdempotencyKeyHeader, []string{"Idempotency-Key must be 1 to 255 printable ASCII characters"}}}}

// Error names the fields, for the log.
func (p *problems) Error() string {
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.field
	}
	return "invalid: " + strings.Join(names, ", ")
}

// Unwrap makes it an Invalid failure.
func (p *problems) Unwrap() error {
	return &core.Error{Kind: core.Invalid, Noun: "request", Message: "the request is not valid"}
}

// MarshalJSONTo writes the texts by field: {"slug":["slug should not be empty"]}.
func (p *problems) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, f := range p.fields {
		if err := e.WriteToken(jsontext.String(f.field)); err != nil {
			return err
		}
		if err := e.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for _, t := range f.texts {
			if err := e.WriteToken(jsontext.String(t)); err != nil {
				return err
			}
		}
		if err := e.WriteToken(jsontext.EndArray); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// err gives the problems as an error, nil when there are none.
func (p *problems) err() error {
	if len(p.fields) == 0 {
		return nil
	}
	return p
}

func (p *problems) add(field, text string) {
	p.fields = append(p.fields, fieldProblems{field, []string{field + " " + text}})
}

// drop takes back what was found of a field.
func (p *problems) drop(field string) {
	p.fields = slices.DeleteFunc(p.fields, func(f fieldProblems) bool { return f.field == field })
}

// required reads a member that has to be there; nil when something is wrong with it.
func (p *problems) required(field string, s dialects.String, check func(string) string) *string {
	if s.Presence == dialects.Absent || s.Presence == dialects.Null {
		p.add(field, "should not be empty")
		return nil
	}
	return p.present(field, s, check)
}

// optional reads a member that may be left out; null leaves it out too, since
// clients that print all their fields send it for those that are not set.
func (p *problems) optional(field string, s dialects.String, check func(string) string) *string {
	if s.Presence == dialects.Absent || s.Presence == dialects.Null {
		return nil
	}
	return p.present(field, s, check)
}

// changed reads a required member in an update: it may be left out, not emptied.
func (p *problems) changed(field string, s dialects.String, check func(string) string) *string {
	if s.Presence == dialects.Absent {
		return nil
	}
	return p.required(field, s, check)
}

func (p *problems) present(field string, s dialects.String, check func(string) string) *string {
	text := "must be a string"
	if s.Presence == dialects.Given {
		text = check(s.Value)
	}
	if text != "" {
		p.add(field, text)
		return nil
	}
	return &s.Value
}

// flag reads a boolean that may be left out.
func (p *problems) flag(field string, b dialects.Bool) *bool {
	switch b.Presence {
	case dialects.Absent, dialects.Null:
		return nil
	case dialects.Given:
		return &b.Value
	case dialects.Wrong:
	}
	p.add(field, "must be a boolean value")
	return nil
}

// array reads an array of anything that may be left out.
func (p *problems) array(field string, a dialects.Array) core.JSON {
	if a.Presence == dialects.Wrong {
		p.add(field, "must be an array")
	}
	return a.Value
}

// object reads an object that may be left out.
func (p *problems) object(field string, o dialects.Object) core.JSON {
	if o.Presence == dialects.Wrong {
		p.add(field, "must be an object")
	}
	return o.Value
}

// maxServers bounds what one request can make of its 1 MiB: each name of a server is
// looked for.
const maxServers = 1000

// slugs reads an array of strings that may be left out. What can't be a slug
// is the slug of no server.
func (p *problems) slugs(field string, a dialects.Array) *[]string {
	if a.Presence == dialects.Absent || a.Presence == dialects.Null {
		return nil
	}
	n := 0
	if !dialects.Elements(a.Value, func(core.JSON) bool { n++; return n <= maxServers }) && n > maxServers {
		p.add(field, "must contain no more than 1000 elements")
		return nil
	}
	if slugs, ok := a.Strings(); ok && a.Presence == dialects.Given {
		return &slugs
	}
	p.add(field, "must be an array of strings")
	return nil
}

// The checks give what is wrong with a value, "" for nothing.

func isText(s string) string {
	if !core.ValidText(s) {
		return "must not contain the character U+0000"
	}
	return ""
}

func isName(s string) string {
	if s == "" {
		return "should not be empty"
	}
	return isText(s)
}

func isAgentName(s string) string {
	if text := isName(s); text != "" {
		return text
	}
	return isShorter(s, core.MaxAgentNameChars)
}

func isInstruction(s string) string {
	if text := isText(s); text != "" {
		return text
	}
	return isShorter(s, core.MaxInstructionChars)
}

// isIcon lets any text be an icon, a data: URL or a path too: the vendor
// documents no rule (contract 1.3). An empty one is none.
func isIcon(s string) string {
	if text := isText(s); text != "" {
		return text
	}
	return isShorter(s, core.MaxIconChars)
}

func isShorter(s string, limit int) string {
	if utf8.RuneCountInString(s) > limit {
		return "must be shorter than or equal to " + strconv.Itoa(limit) + " characters"
	}
	return ""
}

func isSlug(s string) string {
	switch {
	case s == "":
		return "should not be empty"
	case !core.ValidSlug(s):
		return "must be URL-safe: 1 to 255 letters, digits, dots, dashes, underscores or tildes"
	}
	return ""
}

func isURL(s string) string {
	switch {
	case s == "":
		return "should not be empty"
	case !core.ValidURL(s):
		return "must be a URL address"
	}
	return ""
}
