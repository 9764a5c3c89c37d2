package testmode

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/diglot/diglot/core"
)

// checkRules says what is wrong with rules, by JSON pointers below a place. A name
// that nothing has is wrong: such a rule would never be met, and nobody told.
func (m *Mode) checkRules(ctx context.Context, at string, rules []Rule) error {
	var tenants []string
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.Tenant != "" }) {
		found, err := m.backend.Operator.Tenants(ctx)
		if err != nil {
			return err
		}
		for _, t := range found {
			tenants = append(tenants, t.Name)
		}
	}
	for i := range rules {
		wrong := rules[i].check()
		if name := rules[i].Tenant; name != "" && !slices.Contains(tenants, name) {
			wrong["tenant"] = noneThereIs(name, tenants)
		}
		place := at
		if at != "" {
			place += strconv.Itoa(i)
		}
		if err := invalid(place, wrong); err != nil {
			return err
		}
	}
	return nil
}

// invalid is a problem of values that are not acceptable, by member of what is at a
// place; nil: all are.
func invalid(at string, wrong map[string]string) error {
	if len(wrong) == 0 {
		return nil
	}
	p := &problem{http.StatusUnprocessableEntity, "", map[string]string{}}
	var details []string
	for _, member := range slices.Sorted(maps.Keys(wrong)) {
		pointer := at
		if member != "" {
			pointer += "/" + member
		}
		p.fields[pointer] = wrong[member]
		details = append(details, told(pointer, wrong[member]))
	}
	p.detail = strings.Join(details, "; ")
	return p
}

// told gives what is wrong with what is at a pointer as a text.
func told(pointer, detail string) string {
	if pointer == "" {
		pointer = "the body"
	}
	return pointer + " " + detail
}

// notRouted are what requests that no route takes have in place of an operation.
var notRouted = []string{"none", "unserved"}

// operationIDs are the documented operations of a dialect, or of both.
func operationIDs(dialect string) []string {
	var ids []string
	for _, o := range operationsLike(&Rule{Dialect: dialect}) {
		ids = append(ids, o.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// operationsLike are the documented operations that a rule may be about.
func operationsLike(r *Rule) (found []*operation) {
	for _, d := range documents() {
		if r.Dialect != "" && r.Dialect != d.dialect {
			continue
		}
		for _, o := range d.operations {
			if (r.Operation == "" || r.Operation == o.id) && (r.Method == "" || o.takes(strings.ToUpper(r.Method))) &&
				(r.Route == "" || alike(r.Route, o.path)) {
				found = append(found, o)
			}
		}
	}
	return found
}

// checkNames says which of a rule's names nothing has.
func (r *Rule) checkNames(wrong map[string]string) {
	checkWords(r.Dialect, r.Method, r.Operation, wrong)
	if r.Route != "" && !strings.HasPrefix(r.Route, "/") {
		wrong["route"] = "must begin with /"
	}
	if len(wrong) > 0 || slices.Contains(notRouted, r.Operation) || r.Route == "" && r.Operation == "" {
		return
	}
	in := &Rule{Dialect: r.Dialect}
	if in.Route = r.Route; r.Route != "" && len(operationsLike(in)) == 0 {
		var paths []string
		for _, o := range operationsLike(&Rule{Dialect: r.Dialect}) {
			paths = append(paths, o.path)
		}
		wrong["route"] = noneThereIs(r.Route, paths) + `; of a path that is not served, operation is "unserved" or "none"`
		return
	}
	if len(operationsLike(r)) == 0 {
		wrong[""] = "is about no operation: none has that dialect, method, route and operation together"
	}
}

// checkWords says which of the words that rules and questions have in common
// nothing has.
func checkWords(dialect, method, operation string, wrong map[string]string) {
	if dialect != "" && documentNamed(dialect) == nil {
		wrong["dialect"] = "must be refold or cometchat"
		return
	}
	if method != "" && !slices.Contains(methods, strings.ToUpper(method)) {
		wrong["method"] = noneThereIs(strings.ToUpper(method), methods)
	}
	if operation != "" && !slices.Contains(notRouted, operation) {
		if ids := operationIDs(dialect); !slices.Contains(ids, operation) {
			wrong["operation"] = noneThereIs(operation, ids)
		}
	}
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// noneThereIs says that a name is nobody's, and which one may be meant.
func noneThereIs(name string, among []string) string {
	if len(among) == 0 {
		return "is none there is"
	}
	name = name[:min(len(name), maxNamed)]
	return "is none there is; nearest: " + slices.MinFunc(among, func(a, b string) int { return misspelt(name, a) - misspelt(name, b) })
}

// maxNamed is how much of a name is compared with others.
const maxNamed = 200

// check says what is wrong with a question.
func (v *Verification) check() error {
	wrong := map[string]string{}
	checkWords(v.Dialect, v.Method, v.Operation, wrong)
	if v.Path != "" && !strings.HasPrefix(v.Path, "/") {
		wrong["path"] = "must begin with /"
	}
	for name, n := range map[string]*int{"times": v.Times, "at_least": v.AtLeast, "at_most": v.AtMost} {
		if n != nil && *n < 0 {
			wrong[name] = "must not be negative"
		}
	}
	if v.AtLeast != nil && v.AtMost != nil && *v.AtMost < *v.AtLeast {
		wrong["at_most"] = "must not be less than at_least"
	}
	if v.Times != nil && (v.AtLeast != nil || v.AtMost != nil) {
		wrong["times"] = "is exactly so many: leave it out, or at_least and at_most"
	}
	return invalid("", wrong)
}

// unreadable says what of a document can't be read into what it has to be.
func unreadable(err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		detail := mustBe(e)
		if errors.Is(err, json.ErrUnknownName) {
			detail = "is not known here"
		}
		return &seedError{string(e.JSONPointer), detail}
	}
	return &seedError{"", "can't be read: " + err.Error()}
}

// mustBe says what a value must be that can't be read.
func mustBe(e *json.SemanticError) string {
	t := e.GoType
	if t == nil {
		return "has another type than it must have"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return "must be a duration such as 90s, 24h or 150ms"
	case reflect.TypeFor[time.Time]():
		return "must be a time such as 2026-01-02T03:04:05Z"
	case reflect.TypeFor[core.RefoldRevision]():
		return "must be legacy or v3"
	case reflect.TypeFor[Latency]():
		return `must be an object such as {"fixed":"70ms"}`
	}
	switch t.Kind() { //nolint:exhaustive // no member is of another
	case reflect.String:
		return "must be a text"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int:
		return "must be a whole number"
	case reflect.Uint64:
		return "must be a whole number that is not negative"
	case reflect.Float64:
		return "must be a number"
	case reflect.Slice:
		return "must be a list"
	case reflect.Array:
		return "must be a list of " + strconv.Itoa(t.Len())
	}
	return "must be an object"
}
