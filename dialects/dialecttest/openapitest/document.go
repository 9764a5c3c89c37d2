// Package openapitest holds exchanges to the OpenAPI documents that the
// dialects publish: the operation is there, the status is declared, the body
// has the declared members and no others. It is for tests.
package openapitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Document is an OpenAPI document that exchanges are held to.
type Document struct {
	Name string
	// Operations are sorted by path and method.
	Operations []*Operation
}

// Operation is a documented operation.
type Operation struct {
	ID, Method, Path string
	// Cases are its answers, sorted by status.
	Cases []*Case
	// Parameters are those of the path, the query and the header.
	Parameters []*openapi3.Parameter
	// Security names the schemes that say who asks, any one of which will do.
	Security []string

	request *openapi3.RequestBodyRef
}

// Case is one status of an operation.
type Case struct {
	Document  *Document
	Operation *Operation
	Status    int
	// Source is where the status is known from: documented, recorded, library
	// or inferred. Section is that of the maintainers' notes.
	Source, Section string

	response *openapi3.Response
}

// String names the case: "v3 get_mcp_server 404".
func (c *Case) String() string {
	return c.Document.Name + " " + c.Operation.ID + " " + strconv.Itoa(c.Status)
}

// Known reports whether the vendor documents the case or an answer shows it.
func (c *Case) Known() bool { return c.Source == "documented" || c.Source == "recorded" }

// Load reads a document and fails where it is no valid OpenAPI, an example no
// instance of its schema, a case without its source, or an object of an answer
// open for no reason.
func Load(name string, text []byte) (*Document, error) {
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := spec.Validate(loader.Context, openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, ref := range spec.Components.Schemas {
		takeNull(ref)
	}
	d := &Document{Name: name}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			o, err := d.operation(method, path, op, spec.Security)
			if err != nil {
				return nil, fmt.Errorf("%s: %s %s: %w", name, method, path, err)
			}
			d.Operations = append(d.Operations, o)
		}
	}
	slices.SortFunc(d.Operations, func(a, b *Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	if err := d.requireClosed(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// takeNull lets a schema that says nothing at all, an element of an open
// list's, take null too, as the specification has it and the library has not.
func takeNull(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Ref != "" { // a component, which has its own turn
		return
	}
	s := ref.Value
	if s.Type == nil && len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) == 0 {
		s.Nullable = true
	}
	takeNull(s.Items)
	for _, some := range []openapi3.SchemaRefs{s.AnyOf, s.OneOf, s.AllOf} {
		for _, e := range some {
			takeNull(e)
		}
	}
	for _, e := range s.Properties {
		takeNull(e)
	}
}

func (d *Document) operation(method, path string, op *openapi3.Operation, all openapi3.SecurityRequirements) (*Operation, error) {
	o := &Operation{ID: op.OperationID, Method: method, Path: path, request: op.RequestBody}
	for _, ref := range op.Parameters {
		o.Parameters = append(o.Parameters, ref.Value)
	}
	security := all
	if op.Security != nil {
		security = *op.Security
	}
	for _, one := range security {
		o.Security = slices.AppendSeq(o.Security, maps.Keys(one))
	}
	for status, ref := range op.Responses.Map() {
		n, err := strconv.Atoi(status)
		if err != nil {
			return nil, fmt.Errorf("each status is a number: %w", err)
		}
		c := &Case{Document: d, Operation: o, Status: n, response: ref.Value}
		c.Source, _ = ref.Value.Extensions["x-source"].(string)
		c.Section, _ = ref.Value.Extensions["x-contract"].(string)
		if !slices.Contains([]string{"documented", "recorded", "library", "inferred"}, c.Source) || c.Section == "" {
			return nil, fmt.Errorf("%d has no x-source or no x-contract", n)
		}
		o.Cases = append(o.Cases, c)
	}
	slices.SortFunc(o.Cases, func(a, b *Case) int { return cmp.Compare(a.Status, b.Status) })
	return o, nil
}

// RequestBody gives the schema of what is sent, nil where nothing is.
func (o *Operation) RequestBody() *openapi3.Schema {
	if o.request == nil {
		return nil
	}
	return o.request.Value.Content.Get("application/json").Schema.Value
}

// Cases are those of all operations.
func (d *Document) Cases() []*Case {
	var all []*Case
	for _, o := range d.Operations {
		all = append(all, o.Cases...)
	}
	return all
}

// Operation gives the operation that serves a request, nil where none does.
// HEAD is GET's; a slash at the end does not count.
func (d *Document) Operation(method string, u *url.URL) *Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := u.RawPath // as it was written, "{" and all
	if path == "" {
		path = u.EscapedPath()
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	for _, o := range d.Operations {
		if o.Method == method && matches(o.Path, path) {
			return o
		}
	}
	return nil
}

// matches compares segments. A parameter is one that is not empty; the others
// are compared in whatever case, and else as they are written, as Express does:
// "%2D" is no "-" there.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if strings.HasPrefix(want[i], "{") {
			if _, err := url.PathUnescape(got[i]); got[i] == "" || err != nil {
				return false
			}
		} else if !strings.EqualFold(want[i], got[i]) {
			return false
		}
	}
	return true
}
