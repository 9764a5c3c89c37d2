package openapitest

import (
	"errors"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// requireClosed fails where an answer has an object that may have members that
// are not declared, or a value of any type, unless x-open says why: what is
// open is the client's own.
func (d *Document) requireClosed() error {
	var failures []error
	done := map[*openapi3.Schema]bool{}
	for _, c := range d.Cases() {
		if schema := c.body(); schema != nil {
			failures = append(failures, closed(schema, c.String()+" ", done))
		}
	}
	return errors.Join(failures...)
}

func closed(s *openapi3.Schema, at string, done map[*openapi3.Schema]bool) error {
	if done[s] {
		return nil
	}
	done[s] = true
	failures := []error{itself(s, at)}
	for _, some := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf, s.AllOf} {
		for _, ref := range some {
			failures = append(failures, closed(ref.Value, at, done))
		}
	}
	if s.Items != nil && (s.MaxItems == nil || *s.MaxItems > 0) {
		failures = append(failures, closed(s.Items.Value, at+"/*", done))
	}
	if more := s.AdditionalProperties.Schema; more != nil {
		failures = append(failures, closed(more.Value, at+"/*", done))
	}
	for name, ref := range s.Properties {
		failures = append(failures, closed(ref.Value, at+"/"+name, done))
	}
	return errors.Join(failures...)
}

// itself is closed without what is below.
func itself(s *openapi3.Schema, at string) error {
	mark, marked := s.Extensions["x-open"]
	anything := s.Type == nil && len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) == 0
	object := s.Type.Includes(openapi3.TypeObject) || len(s.Properties) > 0
	more := s.AdditionalProperties
	empty := s.MaxProps != nil && *s.MaxProps == 0
	open := anything || object && !empty && (more.Schema != nil || more.Has == nil || *more.Has)
	why, _ := mark.(string)
	switch {
	case marked && why == "":
		return fmt.Errorf("%s: x-open has to say why", at)
	case marked && !open:
		return fmt.Errorf("%s is marked x-open and closed", at)
	case open && !marked:
		return fmt.Errorf("%s is open: additionalProperties: false, or x-open: why", at)
	}
	return nil
}
