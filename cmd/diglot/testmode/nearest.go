package testmode

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Nearest is the documented operation that a request is most like, and in what it
// is not like it.
type Nearest struct {
	Document  string   `json:"document"` // its path
	Operation string   `json:"operation"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Reasons   []string `json:"reasons"`
}

// asked is a request as far as documents describe it.
type asked struct {
	method, path string
	query        []string            // names
	headers      map[string]string   // nil: not looked at
	body         []byte              // nil: not looked at
	isJSON       func() (bool, bool) // whether it says so, and whether that is known
}

// nearest finds the operation of some documents that is most like a request.
func nearest(in []*document, a asked) *Nearest {
	var (
		best  *operation
		of    *document
		least int
	)
	path := segments(a.path)
	path = path[:min(len(path), maxSegments)]
	for i := range path {
		path[i] = clipped(path[i])
	}
	for _, d := range in {
		for _, o := range d.operations {
			far := distance(segments(o.path), path, wholeSegment, between)
			if !o.takes(a.method) {
				far += otherMethod
			}
			if best == nil || far < least {
				best, of, least = o, d, far
			}
		}
	}
	if best == nil {
		return nil
	}
	n := &Nearest{Document: "/" + of.name, Operation: best.id, Method: best.method, Path: best.path, Reasons: best.route(of, a)}
	if len(n.Reasons) == 0 {
		n.Reasons = append(best.credential(a), append(best.query(a), best.content(a)...)...)
	}
	if n.Reasons == nil {
		n.Reasons = []string{}
	}
	return n
}

// What of a path is compared with the documented ones, which have less: a client may
// send any number of kilobytes.
const (
	maxSegments = 32
	maxSegment  = 128 // bytes
)

func clipped(segment string) string {
	if len(segment) <= maxSegment {
		return segment
	}
	return strings.ToValidUTF8(segment[:maxSegment], "") + "…"
}

func (o *operation) takes(method string) bool {
	return o.method == method || o.method == http.MethodGet && method == http.MethodHead
}

// What is counted of a difference: a segment that is missing, added or altogether
// another one, and the method.
const (
	wholeSegment = 10
	otherMethod  = 6
)

// between is how unlike two segments are. A parameter is like any, a little less
// than the same one is; a misspelt word is nearer than another word.
func between(want, got string) int {
	switch {
	case want == got:
		return 0
	case strings.HasPrefix(want, "{"):
		return 1
	}
	return 1 + (wholeSegment-1)*misspelt(want, got)/max(len(want), len(got), 1)
}

// misspelt is how many letters have to be changed, added or removed to make one word
// of another.
func misspelt(want, got string) int {
	return distance([]rune(want), []rune(got), 1, func(a, b rune) int {
		if a == b {
			return 0
		}
		return 1
	})
}

// distance is the least that has to be changed, added or removed to make one list
// of another: what is added or removed counts step, what is changed what change says.
func distance[T any](want, got []T, step int, change func(want, got T) int) int {
	row := make([]int, len(got)+1)
	for j := range row {
		row[j] = j * step
	}
	for i, w := range want {
		diagonal := row[0]
		row[0] = (i + 1) * step
		for j, g := range got {
			changed := diagonal + change(w, g)
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+step, row[j+1]+step)
		}
	}
	return row[len(got)]
}

// route says what of the method and the path differs.
func (o *operation) route(of *document, a asked) (reasons []string) {
	want, got := segments(o.path), segments(a.path)
	if len(want) != len(got) {
		reasons = append(reasons, fmt.Sprintf("the path has %d segments, the operation's has %d", len(got), len(want)))
	}
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			reasons = append(reasons, fmt.Sprintf("segment %d of the path is %q, the operation's is %q", i+1, clipped(got[i]), want[i]))
		}
	}
	if len(reasons) == 0 && !o.takes(a.method) {
		var methods []string
		for _, other := range of.operations {
			if other.path == o.path {
				methods = append(methods, other.method)
			}
		}
		reasons = append(reasons, fmt.Sprintf("the method is %s, the path takes %s", a.method, strings.Join(methods, ", ")))
	}
	return reasons
}

// credential says what of every way to say who asks is missing.
func (o *operation) credential(a asked) []string {
	if a.headers == nil || len(o.credentials) == 0 {
		return nil
	}
	var ways []string
	for _, way := range o.credentials {
		missing := slices.DeleteFunc(slices.Clone(way), func(name string) bool {
			_, sent := a.headers[http.CanonicalHeaderKey(name)]
			return sent
		})
		if len(missing) == 0 {
			return o.needed(a)
		}
		ways = append(ways, strings.Join(missing, " and "))
	}
	return append([]string{"the credential is missing: header " + strings.Join(ways, ", or ")}, o.needed(a)...)
}

// needed says which headers are missing that the operation requires.
func (o *operation) needed(a asked) (reasons []string) {
	for _, p := range o.parameters {
		_, sent := a.headers[http.CanonicalHeaderKey(p.name)]
		if p.in == "header" && p.required && !sent {
			reasons = append(reasons, "the header "+p.name+" is missing")
		}
	}
	return reasons
}

func (o *operation) query(a asked) (reasons []string) {
	for _, name := range a.query {
		if !slices.ContainsFunc(o.parameters, func(p parameter) bool { return p.in == "query" && p.name == name }) {
			reasons = append(reasons, fmt.Sprintf("the query has %q, which the operation doesn't", name))
		}
	}
	for _, p := range o.parameters {
		if p.in == "query" && p.required && !slices.Contains(a.query, p.name) {
			reasons = append(reasons, fmt.Sprintf("the query lacks %q", p.name))
		}
	}
	return reasons
}

// content says what of the body differs.
func (o *operation) content(a asked) []string {
	if o.body == nil || a.body == nil {
		return nil
	}
	var reasons []string
	if says, known := a.isJSON(); known && !says {
		reasons = append(reasons, "the header Content-Type is not application/json")
	}
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		return append(reasons, "the body is not JSON")
	}
	return append(reasons, o.body.differs("", value)...)
}

// differs says what of a value is not as the schema has it.
func (s *schema) differs(at string, value any) (reasons []string) {
	where := at
	if at == "" {
		where = "the body"
	}
	if len(s.types) > 0 && !slices.ContainsFunc(s.types, func(t string) bool { return is(t, value) }) {
		return []string{fmt.Sprintf("%s must be of type %s", where, strings.Join(s.types, " or "))}
	}
	members, isObject := value.(map[string]any)
	if !isObject {
		return nil
	}
	for _, name := range s.required {
		if _, sent := members[name]; !sent {
			reasons = append(reasons, at+"/"+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		of, known := s.properties[name]
		switch {
		case known:
			reasons = append(reasons, of.differs(at+"/"+name, members[name])...)
		case s.properties != nil:
			reasons = append(reasons, at+"/"+name+" is not documented")
		}
	}
	return reasons
}

// is reports whether a value is of a schema's type.
func is(t string, value any) bool {
	switch value := value.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && value == float64(int64(value))
	case []any:
		return t == "array"
	case map[string]any:
		return t == "object"
	}
	return false
}
