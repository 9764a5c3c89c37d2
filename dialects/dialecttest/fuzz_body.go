package dialecttest

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// anything is JSON that a schema which says nothing has.
var anything = []string{`"a"`, `1`, `null`, `true`, `{"a":[1,{"b":null}]}`, `[]`, `1e400`, `{"a":1,"a":2}`}

// spoilers are put where a value was. Some are no JSON.
var spoilers = []string{
	`null`, `true`, `0`, `-1`, `1.5`, `1e400`, `-0`, `9223372036854775808`, `123456789012345678901234567890`, `""`, `" "`, `"a"`, `[]`, `{}`, `[null]`, `[[]]`, `[1,"a",null]`,
	`{"a":1,"a":2}`, `{"":""}`, `{"__proto__":{"a":1}}`, `"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, `"\uFFFF"`, "\"\xff\"", "\"\x01\"", `"\x"`, `NaN`, `undefined`, `'a'`, `01`, `1.`, `.5`,
	`+1`, `[1,]`, `{"a"}`, `{a:1}`, `"http://"`, `"ftp://x"`, `"http://\u0000"`, `"//x"`, `"javascript:1"`, `"T\u0000"`, `"server-of-other"`,
}

// spoiler gives one, or a long, deep or wide value.
func (s *session) spoiler() *node {
	switch s.bytes.n(16) {
	case 11:
		n := 1 + s.bytes.n(256)
		return &node{scalar: strings.Repeat("[", n) + strings.Repeat("]", n)}
	case 12:
		n := 1 + s.bytes.n(256)
		return &node{scalar: strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)}
	case 13:
		return &node{scalar: quote(strings.Repeat(pick(s.bytes, []string{"x", "\u00e9", "\U0001F680", " "}), s.bytes.n(256)*200))}
	case 14:
		return &node{scalar: "[" + strings.TrimSuffix(strings.Repeat(`{"name":"n"},`, 1+s.bytes.n(256)*8), ",") + "]"}
	case 15:
		return &node{scalar: quote(s.bytes.text())}
	default:
		return &node{scalar: pick(s.bytes, spoilers)}
	}
}

// nodes appends those of a value, itself first.
func (n *node) nodes(to []*node) []*node {
	to = append(to, n)
	for _, v := range n.values {
		to = v.nodes(to)
	}
	return to
}

// spoil changes a value somewhere in it.
func (s *session) spoil(root *node) {
	n := pick(s.bytes, root.nodes(nil))
	i := 0
	if len(n.values) > 0 {
		i = s.bytes.n(len(n.values))
	}
	switch kind := s.bytes.n(8); {
	case len(n.values) == 0 || kind < 3: // another value
		*n = *s.spoiler()
	case kind == 3: // one less
		n.values = slices.Delete(n.values, i, i+1)
		if n.object {
			n.names = slices.Delete(n.names, i, i+1)
		}
	case n.object && kind == 4: // twice, with another value
		n.names, n.values = append(n.names, n.names[i]), append(n.values, s.spoiler())
	case n.object && kind == 5: // another name
		n.names[i] = pick(s.bytes, []string{`""`, `"Name"`, `"_id"`, `"\u006eame"`, `"\ud800"`, `"__proto__"`, `"\u0000"`, `"payload"`, `1`})
	case n.object: // one more
		n.names = append(n.names, pick(s.bytes, []string{`"x"`, `"name"`, `"createdAt"`, `"appId"`, `"tenant_id"`, `"__v"`}))
		n.values = append(n.values, s.spoiler())
	default:
		n.values = append(n.values, s.spoiler())
	}
}

// body gives the request one: of the schema, a spoiled one, or none of JSON.
func (s *session) body(r *fuzzRequest, schema *openapi3.Schema) {
	contentType := "application/json"
	root := &node{scalar: "{}"}
	if schema != nil {
		root = s.value("", schema, 0)
	}
	kind := s.bytes.n(16)
	if kind >= 8 && kind < 14 {
		for range 1 + s.bytes.n(3) {
			s.spoil(root)
		}
	}
	var b strings.Builder
	root.write(&b)
	r.body = []byte(b.String())
	switch kind {
	case 14:
		r.body, contentType = s.spoilText(r.body), pick(s.bytes, contentTypes)
	case 15:
		contentType = pick(s.bytes, contentTypes)
	}
	if contentType != "none" {
		r.headers = append(r.headers, [2]string{"Content-Type", fieldValue(contentType)})
	}
}

// spoilText changes the text of a body.
func (s *session) spoilText(text []byte) []byte {
	at := len(text) * s.bytes.n(256) / 256
	switch s.bytes.n(12) {
	case 0:
		return []byte{}
	case 1:
		return []byte(" \n")
	case 2:
		return text[:at]
	case 3:
		return append([]byte("\uFEFF"), text...)
	case 4:
		return append(text, "{}"...)
	case 5:
		return slices.Insert(text, at, []byte(s.bytes.text())...)
	case 6:
		return slices.Insert(text, at, 0)
	case 7:
		return []byte("[" + string(text) + "]")
	case 8:
		return []byte(s.spoiler().scalar)
	case 9:
		return []byte(s.bytes.text())
	case 10:
		return slices.Concat([]byte{'{', '"', 'x', '"', ':', '"'}, []byte(strings.Repeat("x", 1<<20)), []byte(`"}`)) // beyond 1 MiB
	default:
		return []byte("\x1f\x8b" + string(text)) // as if it were compressed
	}
}

func sortedNames(properties openapi3.Schemas) []string { return slices.Sorted(maps.Keys(properties)) }

func isRequired(schema *openapi3.Schema, name string) bool {
	return slices.Contains(schema.Required, name)
}
