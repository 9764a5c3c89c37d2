package testmode

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// document is what of an OpenAPI document tells which operation a request is.
type document struct {
	dialect, name string
	operations    []*operation
}

type operation struct {
	id, method, path string
	statuses         []int
	parameters       []parameter
	credentials      [][]string // headers, all of one of these lists
	body             *schema    // nil: it takes none
}

type parameter struct {
	name, in string
	required bool
}

// schema is what of a schema is checked: more would be the dialect's own answer.
type schema struct {
	types      []string
	required   []string
	properties map[string]*schema // nil: any
}

// node is YAML as it is read.
type node = map[string]any

// documents gives those of both dialects: Refold's legacy and v3, CometChat's.
// They are read when they are first needed, which takes some ten milliseconds.
var documents = sync.OnceValue(func() []*document {
	return []*document{
		read("refold", "openapi/refold.yaml", refold.OpenAPI(core.RefoldLegacy)),
		read("refold", "openapi/refold-v3.yaml", refold.OpenAPI(core.RefoldV3)),
		read("cometchat", "openapi/cometchat.yaml", cometchat.OpenAPI()),
	}
})

// documentNamed gives a dialect's document; nil: there is no such dialect.
func documentNamed(dialect string) *document {
	for _, d := range documents() {
		if d.dialect == dialect {
			return d
		}
	}
	return nil
}

// documentFor gives the document that a client of a dialect is answered by.
func documentFor(dialect string, revision core.RefoldRevision) *document {
	if dialect == string(core.Refold) && revision == core.RefoldV3 {
		return documents()[1]
	}
	return documentNamed(dialect)
}

func documentOf(c *dialects.Call) *document {
	if c.Who == nil {
		return documentFor(c.Dialect, "")
	}
	return documentFor(c.Dialect, c.Who.Tenant.RefoldRevision)
}

// has reports whether an operation is documented to answer with a status.
func (d *document) has(operation string, status int) bool {
	for _, o := range d.operations {
		if o.id == operation {
			return slices.Contains(o.statuses, status)
		}
	}
	return false
}

// reader reads one document, references resolved.
type reader struct{ root node }

func read(dialect, name string, text []byte) *document {
	r := &reader{}
	if err := yaml.Unmarshal(text, &r.root); err != nil {
		panic(err) // impossible: the tests hold every answer to these documents
	}
	d := &document{dialect: dialect, name: name}
	for path, item := range r.at(r.root["paths"]) {
		for method, of := range r.at(item) {
			if o := r.operation(method, path, r.at(of)); o.id != "" {
				d.operations = append(d.operations, o)
			}
		}
	}
	slices.SortFunc(d.operations, func(a, b *operation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return d
}

// at gives an object, that of a reference where it is one.
func (r *reader) at(v any) node {
	n, _ := v.(node)
	ref, isRef := n["$ref"].(string)
	if !isRef {
		return n
	}
	found := any(r.root)
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		of, _ := found.(node)
		found = of[step]
	}
	return r.at(found)
}

func (r *reader) operation(method, path string, n node) *operation {
	o := &operation{method: strings.ToUpper(method), path: path}
	o.id, _ = n["operationId"].(string)
	for status := range r.at(n["responses"]) {
		if code, err := strconv.Atoi(status); err == nil {
			o.statuses = append(o.statuses, code)
		}
	}
	slices.Sort(o.statuses)
	for _, p := range list(n["parameters"]) {
		p := r.at(p)
		one := parameter{}
		one.name, _ = p["name"].(string)
		one.in, _ = p["in"].(string)
		one.required, _ = p["required"].(bool)
		o.parameters = append(o.parameters, one)
	}
	o.credentials = r.credentials(n)
	if body := r.at(n["requestBody"]); body != nil {
		o.body = r.schema(r.at(r.at(body["content"])["application/json"])["schema"], 0)
	}
	return o
}

// credentials gives, of each way to say who asks, the headers.
func (r *reader) credentials(n node) (ways [][]string) {
	security, own := n["security"]
	if !own {
		security = r.root["security"]
	}
	schemes := r.at(r.at(r.root["components"])["securitySchemes"])
	for _, way := range list(security) {
		var headers []string
		for name := range r.at(way) {
			scheme := r.at(schemes[name])
			header, isKey := scheme["name"].(string)
			if !isKey {
				header = "Authorization"
			}
			headers = append(headers, header)
		}
		ways = append(ways, headers)
	}
	return ways
}

// maxSchemaDepth is how far a body is looked into.
const maxSchemaDepth = 4

func (r *reader) schema(v any, depth int) *schema {
	n := r.at(v)
	if n == nil || depth > maxSchemaDepth {
		return &schema{}
	}
	s := &schema{}
	if t, ok := n["type"].(string); ok {
		s.types = []string{t}
		if nullable, _ := n["nullable"].(bool); nullable {
			s.types = append(s.types, "null")
		}
	}
	for _, name := range list(n["required"]) {
		text, _ := name.(string)
		s.required = append(s.required, text)
	}
	for name, of := range r.at(n["properties"]) {
		if s.properties == nil {
			s.properties = map[string]*schema{}
		}
		s.properties[name] = r.schema(of, depth+1)
	}
	return s
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
