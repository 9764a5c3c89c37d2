package openapitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Exchange is a request and its answer.
type Exchange struct {
	Method      string
	URL         *url.URL
	RequestBody []byte
	Status      int
	Header      http.Header
	Body        []byte
}

// Check holds an exchange to the document and gives the case that it is one
// of. The case is nil where no operation serves the request, and then the
// answer has to say so: 404, 501 where the vendor serves it, or any to OPTIONS,
// which no document lists.
func (d *Document) Check(x Exchange) (*Case, error) {
	o := d.Operation(x.Method, x.URL)
	if o == nil {
		if x.Method == http.MethodOptions || x.Status == http.StatusNotFound || x.Status == http.StatusNotImplemented {
			return nil, nil //nolint:nilnil // no case, and no failure
		}
		return nil, fmt.Errorf("%s: %s %s is answered %d and not documented", d.Name, x.Method, x.URL.Path, x.Status)
	}
	for _, c := range o.Cases {
		if c.Status != x.Status {
			continue
		}
		if err := c.check(x); err != nil {
			return c, fmt.Errorf("%s: %w\n%s", c, err, x.Body)
		}
		return c, nil
	}
	return nil, fmt.Errorf("%s %s: the status %d is not documented", d.Name, o.ID, x.Status)
}

func (c *Case) check(x Exchange) error {
	return errors.Join(c.checkHeader(x.Header), c.checkBody(x), c.checkRequest(x))
}

func (c *Case) checkHeader(h http.Header) error {
	for name, ref := range c.response.Headers {
		values := h.Values(name)
		if len(values) == 0 && ref.Value.Required {
			return fmt.Errorf("the header %s is missing", name)
		}
		for _, v := range values {
			var value any = v
			if ref.Value.Schema.Value.Type.Is("integer") {
				value = json.Number(v)
			}
			if err := visit(ref.Value.Schema.Value, value); err != nil {
				return fmt.Errorf("the header %s: %w", name, err)
			}
		}
	}
	return nil
}

// body gives the schema of the body, nil where there is none.
func (c *Case) body() *openapi3.Schema {
	if media := c.response.Content.Get(c.media()); media != nil {
		return media.Schema.Value
	}
	return nil
}

// jsonLines is the type of a body that is a JSON value on each line.
const jsonLines = "application/x-ndjson"

// media is the type of the body: JSON, a problem of RFC 9457, or JSON lines.
func (c *Case) media() string {
	for _, other := range []string{"application/problem+json", jsonLines} {
		if c.response.Content[other] != nil {
			return other
		}
	}
	return "application/json"
}

// values reads a body: one value, or that of each line.
func (c *Case) values(body []byte) ([]any, error) {
	texts := [][]byte{body}
	if c.media() == jsonLines {
		if len(body) > 0 && body[len(body)-1] != '\n' {
			return nil, errors.New("the last line has no end")
		}
		texts = bytes.SplitAfter(body, []byte("\n"))
		texts = texts[:len(texts)-1] // nothing is behind the last
	}
	values := make([]any, len(texts))
	for i, text := range texts {
		var err error
		if values[i], err = decode(text); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (c *Case) checkBody(x Exchange) error {
	schema, contentType := c.body(), x.Header.Get("Content-Type")
	if schema == nil {
		if len(x.Body) > 0 || contentType != "" {
			return fmt.Errorf("a body of %d bytes, %q, where none is documented", len(x.Body), contentType)
		}
		return nil
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != c.media() {
		return fmt.Errorf("the content type is %q", contentType)
	}
	if x.Method == http.MethodHead {
		return nil
	}
	values, err := c.values(x.Body)
	for _, value := range values {
		err = errors.Join(err, visit(schema, value))
	}
	return err
}

// checkRequest holds the body of a request that succeeded to its schema: what
// is taken has to be documented.
func (c *Case) checkRequest(x Exchange) error {
	body := bytes.TrimPrefix(x.RequestBody, []byte("\uFEFF"))
	schema := c.Operation.RequestBody()
	if c.Status >= http.StatusMultipleChoices || schema == nil || len(body) == 0 {
		return nil
	}
	value, err := decode(body)
	if err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	if err := visit(schema, value); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

func visit(schema *openapi3.Schema, value any) error {
	return schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.EnableFormatValidation(),
		openapi3.SetSchemaErrorMessageCustomizer(func(err *openapi3.SchemaError) string {
			return "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
		}))
}

// decode reads JSON; numbers that no float64 holds are the largest that is
// one, as only open members have such.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return math.MaxFloat64
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	}
	return v
}
