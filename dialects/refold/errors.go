package refold

import (
	"errors"
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// errorBody is the error envelope. Documented: seeds 000 and 002, contract 2.5.
type errorBody struct {
	StatusCode    int    `json:"status_code"`
	HTTPErrorType string `json:"http_error_type"`
	ErrorCode     string `json:"error_code,omitzero"`
	Error         string `json:"error,omitzero"` // the code, where the vendor's auth service has it here
	Message       string `json:"message"`
	RequestID     string `json:"request_id,omitzero"` // a UUID, where the revision has one
}

// What a request's reader says when the request is not what the operation takes.
var (
	errNameAndDescription = &core.Error{Kind: core.Invalid, Noun: "mcp_server", Message: "name and description are required"}
	errInvalidBody        = &core.Error{Kind: core.Invalid, Noun: "mcp_server", Message: "invalid request body"}
	errMayNotDelete       = &core.Error{Kind: core.Forbidden, Noun: "mcp_server", Message: "a session token, where servers are protected from them"}
	errNotFound           = &core.Error{Kind: core.NotFound, Noun: "mcp_server", Message: "no such server"}
)

// statuses gives each kind of failure its HTTP status.
var statuses = map[core.Kind]int{
	core.Internal:      http.StatusInternalServerError,
	core.Malformed:     http.StatusBadRequest,
	core.Invalid:       http.StatusBadRequest,
	core.NoCredential:  http.StatusNotFound, // documented on pages of the same service: a missing key is a missing field, 404
	core.BadCredential: http.StatusUnauthorized,
	core.NoAccount:     http.StatusNotFound,
	core.WrongTenant:   http.StatusUnauthorized,
	core.Forbidden:     http.StatusForbidden,
	core.NotFound:      http.StatusNotFound,
	core.NoRoute:       http.StatusNotFound,       // Express answers an unknown method like an unknown path
	core.Unserved:      http.StatusNotImplemented, // ours
	core.Conflict:      http.StatusConflict,
	core.OverQuota:     http.StatusForbidden,
	core.TooLarge:      http.StatusRequestEntityTooLarge,

	core.UnsupportedEncoding:  http.StatusUnsupportedMediaType,
	core.PreconditionFailed:   http.StatusPreconditionFailed,   // ours
	core.PreconditionRequired: http.StatusPreconditionRequired, // ours
	core.KeyReused:            http.StatusUnprocessableEntity,  // ours
	core.TooMany:              http.StatusTooManyRequests,
	core.Unavailable:          http.StatusServiceUnavailable,
}

// errorTypes gives each status its http_error_type. The first six are
// documented; the others follow their pattern.
var errorTypes = map[int]string{
	http.StatusBadRequest:            "BAD_REQUEST",
	http.StatusUnauthorized:          "UNAUTHORIZED",
	http.StatusForbidden:             "FORBIDDEN",
	http.StatusNotFound:              "NOT_FOUND",
	http.StatusConflict:              "CONFLICT",
	http.StatusInternalServerError:   "INTERNAL_SERVER_ERROR",
	http.StatusRequestEntityTooLarge: "PAYLOAD_TOO_LARGE",
	http.StatusUnsupportedMediaType:  "UNSUPPORTED_MEDIA_TYPE",
	http.StatusPreconditionFailed:    "PRECONDITION_FAILED",
	http.StatusPreconditionRequired:  "PRECONDITION_REQUIRED",
	http.StatusUnprocessableEntity:   "UNPROCESSABLE_ENTITY",
	http.StatusTooManyRequests:       "TOO_MANY_REQUESTS",
	http.StatusNotImplemented:        "NOT_IMPLEMENTED",
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE",
}

// word is the one place that words a failure.
func (d *dialect) word(f dialects.Failure) (int, any) {
	rev := d.revisionOfFailed(f.Request, f.Principal)
	kind := core.KindOf(f.Err)
	status := statuses[kind]
	w := rev.word(kind, f.Err)
	body := errorBody{StatusCode: status, HTTPErrorType: errorTypes[status], ErrorCode: w.code, Message: w.message}
	if about, ok := errors.AsType[*accountError](f.Err); ok && kind == core.NotFound {
		body.Message = noSuchAccount(about.id, f.Principal)
	}
	if kind == core.Unserved || isAuthService(f.Request) { // most services have the code where the auth service has it: contract 2.1
		rev.wordAuth(&body, f)
	}
	if rev.requestIDs {
		body.RequestID = f.RequestID
	}
	return body.StatusCode, body
}

func (rev *revision) word(kind core.Kind, err error) wording {
	switch kind {
	case core.Malformed, core.Invalid:
		if errors.Is(err, errNameAndDescription) {
			return rev.missingMembers
		}
		return wording{"VALIDATION_ERROR", "Invalid request body"} // documented: seed 002; v3 prints no such failure
	case core.NoCredential:
		return wording{"MISSING_REQUIRED_FIELD", "Missing API Key"}
	case core.NoAccount:
		return wording{"MISSING_REQUIRED_FIELD", "Linked account id is required with API Key, for this resource"}
	case core.BadCredential, core.WrongTenant:
		return wording{"SERVER_ERROR", "Invalid Credentials"}
	case core.OverQuota:
		return wording{"SERVER_ERROR", "MCP Server limit reached"} // ours: contract 2.5 has no such failure
	case core.Forbidden:
		return wording{"SERVER_ERROR", "Insufficient permissions to delete this MCP server"} // nothing else is forbidden
	case core.NotFound:
		return wording{"SERVER_ERROR", rev.notFound}
	case core.Conflict:
		return wording{"SERVER_ERROR", "MCP Server with this name already exists"}
	case core.PreconditionFailed:
		return wording{"SERVER_ERROR", "Precondition Failed"}
	case core.KeyReused:
		return wording{"SERVER_ERROR", "Idempotency-Key was used with another request body"}
	case core.PreconditionRequired:
		return wording{"SERVER_ERROR", "Precondition Required"}
	case core.NoRoute:
		return wording{"SERVER_ERROR", "Cannot " + messageOf(err)} // Express's words
	case core.Unserved:
		return wording{"NOT_SERVED", "Diglot does not serve " + messageOf(err) + "; it serves MCP servers, linked accounts and session tokens"}
	case core.TooLarge:
		return wording{"SERVER_ERROR", "request entity too large"} // body-parser's words
	case core.UnsupportedEncoding:
		return wording{"SERVER_ERROR", messageOf(err)} // body-parser's words
	case core.TooMany:
		return wording{"SERVER_ERROR", "Too many requests, please try again later."} // express-rate-limit's words: contract 2.10
	case core.Unavailable:
		return wording{"SERVER_ERROR", "Service Unavailable"}
	case core.Internal:
		return wording{"SERVER_ERROR", "Internal Server Error"}
	}
	return wording{"SERVER_ERROR", "Internal Server Error"}
}

// messageOf gives the method and path that matched no route, the operation that
// is not served, or how a body is packed in vain.
func messageOf(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Message
	}
	return ""
}
