package admin

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/core"
)

// problemKind is a kind of failure as RFC 9457 has it: its type and title go
// with its status.
type problemKind struct {
	status      int
	name, title string
}

var (
	malformed        = problemKind{http.StatusBadRequest, "malformed", "The request can't be read"}
	unauthorized     = problemKind{http.StatusUnauthorized, "unauthorized", "An operator's token is needed"}
	notFound         = problemKind{http.StatusNotFound, "not-found", "There is no such thing"}
	methodNotAllowed = problemKind{http.StatusMethodNotAllowed, "method-not-allowed", "The path doesn't take this method"}
	conflict         = problemKind{http.StatusConflict, "conflict", "It is refused as things stand"}
	tooLarge         = problemKind{http.StatusRequestEntityTooLarge, "too-large", "The body is too large"}
	unsupportedType  = problemKind{http.StatusUnsupportedMediaType, "unsupported-media-type", "The body has to be JSON"}
	invalid          = problemKind{http.StatusUnprocessableEntity, "invalid", "Values are not acceptable"}
	tooMany          = problemKind{http.StatusTooManyRequests, "too-many-refused", "Too many requests had no good token"}
	internal         = problemKind{http.StatusInternalServerError, "internal", "Something went wrong"}
	unavailable      = problemKind{http.StatusServiceUnavailable, "unavailable", "It can't be done now"}
)

// problemType begins the type of every problem.
const problemType = "urn:diglot:problem:"

// Problem is a failure as it is answered, application/problem+json.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError says what is wrong with one member of the body, by JSON pointer, or
// one parameter of the query.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Detail    string `json:"detail"`
}

// failure is a problem that this package finds itself.
type failure struct {
	kind   problemKind
	detail string
	errors []FieldError
}

// Error implements error.
func (f *failure) Error() string { return f.detail }

// statusClientGone is logged when the client left before the answer.
const statusClientGone = 499

// fail answers with a problem. Of what nobody classified nothing is told.
func (x *exchange) fail(err error) {
	x.err = err
	if errors.Is(err, context.Canceled) {
		x.WriteHeader(statusClientGone)
		return
	}
	f := explain(err)
	switch f.kind {
	case unauthorized:
		x.Header().Set("WWW-Authenticate", `Bearer realm="diglot admin"`)
	case tooMany, unavailable:
		x.Header().Set("Retry-After", "1")
	}
	x.write(f.kind.status, "application/problem+json", Problem{
		Type: problemType + f.kind.name, Title: f.kind.title, Status: f.kind.status, Detail: f.detail, Errors: f.errors,
	})
}

func explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		return &failure{kind: internal, detail: "the log says more"}
	}
	f := &failure{kind: kindOf(e.Kind), detail: e.Message}
	switch f.kind {
	case internal:
		f.detail = "the log says more"
	case invalid, conflict:
		f.errors = fieldErrors(e)
	}
	if refused, ok := errors.AsType[*core.KeyValueError](err); ok {
		at := strconv.Itoa(refused.Index)
		f.detail = "key " + at + ": " + e.Message
		f.errors = []FieldError{{Pointer: "/keys/" + at, Detail: e.Message}}
	}
	return f
}

func kindOf(k core.Kind) problemKind {
	switch k {
	case core.Malformed:
		return malformed
	case core.Invalid:
		return invalid
	case core.NotFound:
		return notFound
	case core.Conflict:
		return conflict
	case core.TooLarge:
		return tooLarge
	case core.TooMany:
		return tooMany
	case core.Unavailable:
		return unavailable
	case core.Internal, core.NoCredential, core.BadCredential, core.NoAccount, core.WrongTenant, core.Forbidden, core.NoRoute,
		core.Unserved, core.PreconditionFailed, core.PreconditionRequired, core.KeyReused, core.OverQuota, core.UnsupportedEncoding: // none of an operator's
		return internal
	default:
		return internal
	}
}

// pointers are the members that core's fields are found in, where that isn't
// the member of the same name. State is no member.
var pointers = map[string]string{
	"address": "", "refold_org": "/refold/org", "refold_env": "/refold/env", "refold_revision": "/refold/revision",
	"require_accounts": "/refold/require_accounts", "protect_servers": "/refold/protect_servers",
	"cometchat_app": "/cometchat/app", "cometchat_region": "/cometchat/region", "expires": "/expires_at",
}

var state = []string{"status", "newest"}

func fieldErrors(e *core.Error) []FieldError {
	var list []FieldError
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		if slices.Contains(state, field) {
			continue
		}
		pointer, ok := pointers[field]
		if !ok {
			pointer = "/" + field
		}
		list = append(list, FieldError{Pointer: pointer, Detail: e.Fields[field]})
	}
	return list
}

// invalidMembers is the failure of a body in which something is wrong.
func invalidMembers(list []FieldError) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	return &failure{kind: invalid, detail: strings.TrimPrefix(list[0].Pointer+" "+list[0].Detail, " "), errors: list}
}
