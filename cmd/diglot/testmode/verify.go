package testmode

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/gateway"
)

// Filter is what requests of the journal are picked by; members that are left out
// match any.
type Filter struct {
	Tenant  string `json:"tenant,omitempty"`
	Dialect string `json:"dialect,omitempty"`
	Method  string `json:"method,omitempty"`
	// Path may have parameters in braces, for any segment.
	Path      string `json:"path,omitempty"`
	Operation string `json:"operation,omitempty"`
	Status    *int   `json:"status,omitempty"`
	// Headers have to be there with these values; credentials are not kept.
	Headers map[string]string `json:"headers,omitempty"`
	// Body has to be in the request's: an object's members have to be among its own,
	// all else equal.
	Body jsontext.Value `json:"body,omitempty"`
}

// Verification is a question to the journal: did such a request come so often?
// Without a number: once or more.
type Verification struct {
	Filter

	Times   *int `json:"times,omitempty"`
	AtLeast *int `json:"at_least,omitempty"`
	AtMost  *int `json:"at_most,omitempty"`
}

// Verified is its answer.
type Verified struct {
	Verified bool   `json:"verified"`
	Wanted   string `json:"wanted"`
	Count    int    `json:"count"`
	// Near is, where it failed, what came instead: the three requests that are most
	// like the one asked for, and why none is it.
	Near []NearRequest `json:"near,omitempty"`
	// Operation is, where it failed and the question names a path, the documented
	// operation that is most like it.
	Operation *Nearest `json:"operation,omitempty"`
}

// NearRequest is a request that came and how it differs.
type NearRequest struct {
	Request Request  `json:"request"`
	Reasons []string `json:"reasons"`
}

// maxNear is how many requests are shown that are not what was asked for.
const maxNear = 3

// differs says why a request is not one that the filter picks, nothing where it is.
func (f *Filter) differs(e *Request) (reasons []string) {
	text := func(what, want, got string) {
		if want != "" && want != got {
			reasons = append(reasons, fmt.Sprintf("the %s is %q, not %q", what, got, want))
		}
	}
	text("tenant", f.Tenant, e.Tenant)
	text("dialect", f.Dialect, e.Dialect)
	text("method", strings.ToUpper(f.Method), e.Method)
	if f.Path != "" && !fits(f.Path, unescaped(e.Path)) {
		text("path", f.Path, e.Path)
	}
	text("operation", f.Operation, e.Operation)
	if f.Status != nil && *f.Status != e.Status {
		reasons = append(reasons, fmt.Sprintf("the status is %d, not %d", e.Status, *f.Status))
	}
	for name, want := range f.Headers {
		if got, sent := e.Headers[http.CanonicalHeaderKey(name)]; !sent || got != want {
			reasons = append(reasons, fmt.Sprintf("the header %s is %q, not %q", name, got, want))
		}
	}
	if f.Body != nil {
		reasons = append(reasons, bodyDiffers(f.Body, e.Body)...)
	}
	return reasons
}

func bodyDiffers(want, got jsontext.Value) []string {
	var w, g any
	if err := json.Unmarshal(want, &w); err != nil {
		return []string{"the body asked for is not JSON"}
	}
	if len(got) == 0 {
		return []string{"there is no body"}
	}
	if err := json.Unmarshal(got, &g, jsontext.AllowDuplicateNames(true)); err != nil {
		return []string{"the body is not JSON"}
	}
	return contains("", w, g)
}

// contains says where a value has not what is wanted in it.
func contains(at string, want, got any) (reasons []string) {
	wanted, isObject := want.(map[string]any)
	if !isObject {
		if !reflect.DeepEqual(want, got) {
			where := at
			if where == "" {
				where = "the body"
			}
			reasons = append(reasons, fmt.Sprintf("%s is %s, not %s", where, shown(got), shown(want)))
		}
		return reasons
	}
	members, isObject := got.(map[string]any)
	if !isObject {
		return []string{fmt.Sprintf("%s is no object", at)}
	}
	for name, value := range wanted {
		if of, sent := members[name]; sent {
			reasons = append(reasons, contains(at+"/"+name, value, of)...)
		} else {
			reasons = append(reasons, at+"/"+name+" is not there")
		}
	}
	return reasons
}

// maxShown is how much of a value a reason has.
const maxShown = 200

func shown(v any) string {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil || len(text) > maxShown {
		return fmt.Sprintf("a value of %d bytes", len(text))
	}
	return string(text)
}

// verify asks the journal.
func (m *Mode) verify(v *Verification) Verified {
	all := m.journal.all(func(e *Request) bool { return v.Tenant == "" || e.Tenant == v.Tenant })
	var near []NearRequest
	out := Verified{Wanted: v.wanted()}
	for _, e := range all {
		reasons := v.differs(&e)
		if len(reasons) == 0 {
			out.Count++
			continue
		}
		near = append(near, NearRequest{e, reasons})
	}
	if out.Verified = v.holds(out.Count); out.Verified {
		return out
	}
	slices.SortStableFunc(near, func(a, b NearRequest) int { return len(a.Reasons) - len(b.Reasons) })
	out.Near = near[:min(len(near), maxNear)]
	for i := range out.Near {
		out.Near[i].Request.explain()
	}
	if v.Path != "" {
		in := documents()
		if d := gateway.DialectAt(v.Path); d != "" {
			in = slices.DeleteFunc(slices.Clone(in), func(doc *document) bool { return doc.dialect != string(d) })
		}
		method := strings.ToUpper(v.Method)
		if method == "" {
			method = http.MethodGet
		}
		out.Operation = nearest(in, asked{method: method, path: v.Path, body: v.Body, isJSON: func() (bool, bool) { return false, false }})
	}
	return out
}

func (v *Verification) wanted() string {
	switch {
	case v.Times != nil:
		return fmt.Sprintf("exactly %d", *v.Times)
	case v.AtLeast != nil && v.AtMost != nil:
		return fmt.Sprintf("%d to %d", *v.AtLeast, *v.AtMost)
	case v.AtMost != nil:
		return fmt.Sprintf("at most %d", *v.AtMost)
	case v.AtLeast != nil:
		return fmt.Sprintf("at least %d", *v.AtLeast)
	}
	return "at least 1"
}

func (v *Verification) holds(count int) bool {
	switch {
	case v.Times != nil:
		return count == *v.Times
	case v.AtLeast == nil && v.AtMost == nil:
		return count >= 1
	}
	return (v.AtLeast == nil || count >= *v.AtLeast) && (v.AtMost == nil || count <= *v.AtMost)
}
