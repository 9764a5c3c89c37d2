package dialects

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/diglot/diglot/core"
)

// Operation is a method and a path, parameters in braces: GET /servers/{id}.
type Operation struct {
	Method, Path string
}

// String gives both, a space between.
func (o Operation) String() string { return o.Method + " " + o.Path }

// ParseOperations reads one operation a line. Empty lines, and those that
// begin with #, say nothing.
func ParseOperations(text string) ([]Operation, error) {
	var list []Operation
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		method, path, ok := strings.Cut(line, " ")
		if !ok || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("no operation: %q", line)
		}
		list = append(list, Operation{method, path})
	}
	return list, nil
}

// Routes gives the operations that are served, HEAD left out.
func (k *Kit) Routes() []Operation {
	var list []Operation
	for _, s := range k.Served() {
		list = append(list, s.Operation)
	}
	slices.SortFunc(list, func(a, b Operation) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// unserved names, in the log and in metrics, an operation that is refused.
const unserved = "unserved"

// refusal is an operation of a vendor's that no route serves.
type refusal struct {
	Operation

	segments []string    // "" for a parameter
	logged   atomic.Bool // that it was asked for
}

// Refuse has the operations of a vendor's API that no route serves answered as
// [core.Unserved] instead of [core.NoRoute]; the others of the list are left
// alone. Call it when all routes are there. A credential counts for the words
// alone: what is said is in the vendor's documentation, and tells nothing of a
// tenant, so that a request without one is answered as well.
func (k *Kit) Refuse(api []Operation) {
	served := map[string]bool{}
	for _, o := range k.Routes() {
		served[shape(o)] = true
	}
	for _, o := range api {
		if !served[shape(o)] {
			k.refusals = append(k.refusals, &refusal{Operation: o, segments: segmentsOf(o.Path)})
		}
	}
	// A path may fit several: literal segments count before parameters, from the left.
	slices.SortStableFunc(k.refusals, func(a, b *refusal) int {
		return slices.CompareFunc(a.segments, b.segments, func(a, b string) int {
			switch {
			case (a == "") == (b == ""):
				return 0
			case a == "":
				return 1
			}
			return -1
		})
	})
}

// shape is an operation without its parameters' names.
func shape(o Operation) string { return o.Method + " " + strings.Join(segmentsOf(o.Path), "/") }

// segmentsOf splits a path, "" for each parameter: {id} or, as the router has it, :id.
func segmentsOf(path string) []string {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") || strings.HasPrefix(s, ":") {
			segments[i] = ""
		}
	}
	return segments
}

// refused gives the refusal for a request that no route takes, else nil.
func (k *Kit) refused(r *http.Request) *refusal {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for _, f := range k.refusals {
		if f.Method == method && fits(f.segments, path) {
			return f
		}
	}
	return nil
}

// tell logs, once a process, that a client asks for what is not served: the
// operation, nothing of the request.
func (f *refusal) tell(ctx context.Context, log *slog.Logger) {
	if f.logged.CompareAndSwap(false, true) {
		log.WarnContext(ctx, "a client asked for an operation that is not served; said once for each",
			slog.String("method", f.Method), slog.String("path", f.Path))
	}
}

// noRoute is the failure of a request that no route takes; nil: it was answered
// elsewhere.
func (k *Kit) noRoute(w http.ResponseWriter, r *http.Request) error {
	f := k.refused(r)
	if f != nil {
		callOf(r).operation = unserved
	}
	if answered, failed := k.relayUnrouted(w, r); answered || failed != nil {
		return failed
	}
	if f == nil {
		if err := k.interceptUnrouted(w, r); err != nil {
			return err
		}
		return &core.Error{Kind: core.NoRoute, Noun: "route", Message: r.Method + " " + callOf(r).sent.EscapedPath()}
	}
	f.tell(r.Context(), k.log)
	ctx, cancel := k.within()
	defer cancel()
	callOf(r).who, _ = k.Authenticate(ctx, r) // nil where it fails
	if err := k.interceptUnrouted(w, r); err != nil {
		return err
	}
	return &core.Error{Kind: core.Unserved, Noun: "route", Message: f.String()}
}
