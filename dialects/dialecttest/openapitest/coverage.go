package openapitest

import (
	"maps"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Coverage is which cases and members of a document were seen.
type Coverage struct {
	document *Document
	cases    map[*Case]int
	members  map[member]bool
	headers  map[string]bool
	sent     map[member]bool
	inputs   map[input]bool
}

// member is a declared member of an object.
type member struct {
	of   *openapi3.Schema
	name string
}

// NewCoverage has seen nothing.
func NewCoverage(d *Document) *Coverage {
	return &Coverage{
		document: d, cases: map[*Case]int{}, members: map[member]bool{}, headers: map[string]bool{},
		sent: map[member]bool{}, inputs: map[input]bool{},
	}
}

// Hold checks an exchange, of which sent are the request's headers, and counts it;
// where it succeeded, what was sent too. One that no operation serves is none.
func (v *Coverage) Hold(x Exchange, sent http.Header) error {
	c, err := v.document.Check(x)
	if c == nil || err != nil {
		return err
	}
	v.See(c, x)
	if c.Status < http.StatusMultipleChoices {
		v.SeeRequest(c.Operation, Request{Query: x.URL.Query(), Header: sent, Body: x.RequestBody})
	}
	return nil
}

// Missing names all that is documented and that no exchange had: cases, members
// and headers of answers, and what requests are documented to have.
func (v *Coverage) Missing() (all []string) {
	for _, c := range v.document.Cases() {
		if v.Seen(c) == 0 {
			all = append(all, c.String())
		}
	}
	return append(append(all, v.MissingMembers()...), v.MissingInputs()...)
}

// See counts an exchange that was checked, as the case that it is one of.
func (v *Coverage) See(c *Case, x Exchange) {
	v.cases[c]++
	for name := range c.response.Headers {
		if len(x.Header.Values(name)) > 0 {
			v.headers[name] = true
		}
	}
	if schema := c.body(); schema != nil && len(x.Body) > 0 {
		values, _ := c.values(x.Body) // it was checked
		for _, value := range values {
			see(v.members, schema, value)
		}
	}
}

// see adds the declared members that a value has.
func see(members map[member]bool, schema *openapi3.Schema, value any) {
	for _, some := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf, schema.AllOf} {
		for _, ref := range some {
			if visit(ref.Value, value) == nil {
				see(members, ref.Value, value)
			}
		}
	}
	switch value := value.(type) {
	case []any:
		if schema.Items != nil {
			for _, e := range value {
				see(members, schema.Items.Value, e)
			}
		}
	case map[string]any:
		for name, ref := range schema.Properties {
			if e, ok := value[name]; ok {
				members[member{schema, name}] = true
				see(members, ref.Value, e)
			}
		}
	}
}

// Seen reports how many exchanges were of the case.
func (v *Coverage) Seen(c *Case) int { return v.cases[c] }

// MissingMembers names the members and headers that an answer is documented to
// have and that none was seen with, by the first case that has them.
func (v *Coverage) MissingMembers() []string {
	missing := map[string]bool{}
	done := map[*openapi3.Schema]bool{}
	for _, c := range v.document.Cases() {
		for name := range c.response.Headers {
			if !v.headers[name] {
				v.headers[name] = true // named once
				missing[c.String()+" header "+name] = true
			}
		}
		if schema := c.body(); schema != nil {
			addMissing(v.members, schema, c.String()+" ", done, missing)
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// addMissing adds the declared members that were not seen.
func addMissing(members map[member]bool, schema *openapi3.Schema, at string, done map[*openapi3.Schema]bool, missing map[string]bool) {
	if done[schema] {
		return
	}
	done[schema] = true
	for _, some := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf, schema.AllOf} {
		for _, ref := range some {
			addMissing(members, ref.Value, at, done, missing)
		}
	}
	if schema.Items != nil {
		addMissing(members, schema.Items.Value, at+"/*", done, missing)
	}
	for name, ref := range schema.Properties {
		if !members[member{schema, name}] {
			missing[at+"/"+name] = true
		}
		addMissing(members, ref.Value, at+"/"+name, done, missing)
	}
}
