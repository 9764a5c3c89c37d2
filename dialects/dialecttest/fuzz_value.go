package dialecttest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// hostiles are texts that parsers, routers and databases have stumbled on.
var hostiles = []string{
	"", ".", "..", "../..", "/", "%2F", "a%2Fb", "%2e%2e%2f", "%00", "%", "%zz", "%FF", "%C0%AF", "%E2%80%A8", "%F0%9F%9A%80", "?", "#", "&", "a=b", ";", "+",
	"\U0001F680", "\u00e9", "e\u0301", "\u202e", "\ufeff", "\xff\xfe", "\xed\xa0\x80", "\x00", "\t", "\r\nX-Injected: 1",
	"' OR 1=1--", "\\", "\"", "{}", "[]", "null", "undefined", "NaN", "Infinity", "true", "-1", "0", "00", "1.5", "1e3", "1e400", "0x10", "9223372036854775808",
	"4294967296", "99999999999999999999999", " 1", "1 ", "$ne", "__proto__", "constructor", "{{7*7}}", "${HOME}", "*", "%25", "append", "prepend", "legacy", "v3", "v2.0",
	"686e2393750d509493c6d87c", "00000000-0000-0000-0000-000000000000", "Bearer", "Bearer ", "Bearer a.b.c", "Basic eDp5", "W/\"1-x\"", "*, \"a\"",
}

// hostile gives such a text, one of the fuzzer's own, a very long one or the
// other tenant's.
func (s *session) hostile() string {
	switch s.bytes.n(8) {
	case 4:
		return s.bytes.text()
	case 5:
		return url.PathEscape(s.bytes.text())
	case 6:
		return strings.Repeat(pick(s.bytes, []string{"x", "%41", "\u00e9", "9", "../"}), 1+s.bytes.n(256)*10)
	case 7:
		return pick(s.bytes, s.others[pick(s.bytes, []string{"_id", "slug", "uid", "account_id", "token"})])
	default:
		return pick(s.bytes, hostiles)
	}
}

// parameter gives a value of a parameter; ok is false where it is left out.
func (s *session) parameter(p *openapi3.Parameter) (value string, ok bool) {
	inPath := p.In == openapi3.ParameterInPath
	switch n := s.bytes.n(8); {
	case n == 7:
		return s.hostile(), true
	case n >= 4 && !inPath:
		return "", false
	}
	value = s.plain(p.Name, p.Schema.Value)
	if inPath || p.In == openapi3.ParameterInQuery {
		value = url.PathEscape(value)
	}
	return value, true
}

// plain gives a text that a schema has, for a parameter: mostly one that
// answers had.
func (s *session) plain(name string, schema *openapi3.Schema) string {
	if values := s.known(name); len(values) > 0 && s.bytes.n(8) != 7 {
		return values[len(values)-1-s.bytes.n(len(values))] // the last one first
	}
	switch {
	case len(schema.Enum) > 0:
		text, _ := pick(s.bytes, schema.Enum).(string)
		return text
	case schema.Type.Is("integer"):
		return strconv.Itoa(s.bytes.n(128) % 110)
	}
	return pick(s.bytes, texts)
}

// known gives the values that answers had of a parameter or member.
func (s *session) known(name string) (values []string) {
	for _, member := range s.Known[name] {
		values = append(values, s.own[member]...)
	}
	return values
}

var texts = []string{
	"a", "Weather Server", "weather-server", "server-of-acme", "\U0001F680 <b>&\"'\\", "\u2028\u00e9", "a.b_c~d-E", " x ", strings.Repeat("y", 200),
	strings.Repeat("\u00e9", 100),
}

// node is a value of JSON that is still to be spoiled.
type node struct {
	scalar string // its text; empty: an array or an object
	object bool
	names  []string // of an object's values, as JSON
	values []*node
}

func quote(text string) string {
	b, _ := json.Marshal(text) // a string always can
	return string(b)
}

// write appends the value's text.
func (n *node) write(b *strings.Builder) {
	if n.scalar != "" {
		b.WriteString(n.scalar)
		return
	}
	ends := "[]"
	if n.object {
		ends = "{}"
	}
	b.WriteByte(ends[0])
	for i, v := range n.values {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.object {
			b.WriteString(n.names[i] + ":")
		}
		v.write(b)
	}
	b.WriteByte(ends[1])
}

// value makes an instance of a schema.
func (s *session) value(name string, schema *openapi3.Schema, depth int) *node {
	for _, some := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf} {
		if len(some) > 0 {
			return s.value(name, pick(s.bytes, some).Value, depth)
		}
	}
	switch {
	case schema.Nullable && s.bytes.n(8) == 7:
		return &node{scalar: "null"}
	case len(schema.Enum) > 0:
		b, _ := json.Marshal(pick(s.bytes, schema.Enum)) // it was read from YAML
		return &node{scalar: string(b)}
	case schema.Type.Is("string"):
		return &node{scalar: quote(s.string(name, schema))}
	case schema.Type.Is("integer"), schema.Type.Is("number"):
		return &node{scalar: pick(s.bytes, []string{"0", "1", "-1.5", "9007199254740993", "1e21", "1.50", "-0", "1e400"}[:map[bool]int{true: 2, false: 8}[schema.Type.Is("integer")]])}
	case schema.Type.Is("boolean"):
		return &node{scalar: pick(s.bytes, []string{"true", "false"})}
	case schema.Type.Is("array"):
		n := &node{}
		for range s.bytes.n(4) {
			n.values = append(n.values, s.value(name, schema.Items.Value, depth+1))
		}
		return n
	case schema.Type.Is("object"):
		return s.object(schema, depth)
	}
	return &node{scalar: pick(s.bytes, anything)}
}

func (s *session) object(schema *openapi3.Schema, depth int) *node {
	n := &node{object: true}
	for _, name := range sortedNames(schema.Properties) {
		if isRequired(schema, name) || s.bytes.n(3) == 0 {
			n.names, n.values = append(n.names, quote(name)), append(n.values, s.value(name, schema.Properties[name].Value, depth+1))
		}
	}
	more := schema.AdditionalProperties.Schema
	for range s.bytes.n(4) {
		if more == nil {
			break
		}
		n.names, n.values = append(n.names, quote(pick(s.bytes, texts))), append(n.values, s.value("", more.Value, depth+1))
	}
	return n
}

// string makes a text of a schema: one that is known by the member's name, or
// one that its description or pattern asks for.
func (s *session) string(name string, schema *openapi3.Schema) string {
	switch values := s.known(name); {
	case len(values) > 0 && s.bytes.n(4) != 3:
		return pick(s.bytes, values)
	case strings.Contains(schema.Description, "URL"):
		return pick(s.bytes, []string{"http://localhost:3001", "https://example.com/\u00e9?a=<b>#c", "http://[::1]/"})
	case schema.Pattern != "":
		return "slug-" + strconv.Itoa(s.bytes.n(256))
	case schema.MinLength == 0 && s.bytes.n(8) == 7:
		return ""
	}
	return pick(s.bytes, texts)
}
