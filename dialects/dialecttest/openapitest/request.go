package openapitest

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Request is what a client sent to an operation.
type Request struct {
	Query  url.Values
	Header http.Header
	Body   []byte
}

// input is a declared parameter: of the query of one operation, or a header,
// which the operations share.
type input struct {
	of        *Operation // nil for a header
	parameter *openapi3.Parameter
}

// SeeRequest counts what a request has of what its operation declares.
func (v *Coverage) SeeRequest(o *Operation, r Request) {
	for _, p := range o.Parameters {
		switch {
		case p.In == openapi3.ParameterInQuery && r.Query.Has(p.Name):
			v.inputs[input{o, p}] = true
		case p.In == openapi3.ParameterInHeader && len(r.Header.Values(p.Name)) > 0:
			v.inputs[input{nil, p}] = true
		}
	}
	if schema := o.RequestBody(); schema != nil {
		if value, err := r.value(); err == nil {
			see(v.sent, schema, value)
		}
	}
}

// MissingInputs names the parameters of queries and headers and the members of
// bodies that are declared and that no request was seen with.
func (v *Coverage) MissingInputs() []string {
	missing := map[string]bool{}
	done := map[*openapi3.Schema]bool{}
	headers := map[*openapi3.Parameter]bool{}
	for _, o := range v.document.Operations {
		at := v.document.Name + " " + o.ID + " "
		for _, p := range o.Parameters {
			switch {
			case p.In == openapi3.ParameterInQuery && !v.inputs[input{o, p}]:
				missing[at+"query "+p.Name] = true
			case p.In == openapi3.ParameterInHeader && !v.inputs[input{nil, p}] && !headers[p]:
				headers[p] = true
				missing[at+"header "+p.Name] = true
			}
		}
		if schema := o.RequestBody(); schema != nil {
			addMissing(v.sent, schema, at+"request ", done, missing)
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// Undeclared names the members of a request's query and body that its operation
// does not declare; those of a body at the top, where it is an object. A body
// that is no JSON is an error, but of an operation that takes none.
func (o *Operation) Undeclared(r Request) ([]string, error) {
	declared := map[string]bool{}
	for _, p := range o.Parameters {
		declared[p.In+" "+p.Name] = true
	}
	undeclared := map[string]bool{}
	for name := range r.Query {
		if !declared[openapi3.ParameterInQuery+" "+name] {
			undeclared[name] = true
		}
	}
	schema := o.RequestBody()
	value, err := r.value()
	if err != nil && schema != nil {
		return nil, err
	}
	object, _ := value.(map[string]any)
	for name := range object {
		if schema == nil || schema.Properties[name] == nil {
			undeclared[name] = true
		}
	}
	return slices.Sorted(maps.Keys(undeclared)), nil
}

// value is that of the body, nil where there is none.
func (r Request) value() (any, error) {
	body := bytes.TrimPrefix(r.Body, []byte("\uFEFF"))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil //nolint:nilnil // no body, and no failure
	}
	return decode(body)
}
