package refold

import (
	"errors"
	"net/http"

	"github.com/diglot/diglot/core"
)

// errorBody is the legacy error envelope. Documented: seeds 000 and 002.
type errorBody struct {
	StatusCode    int    `json:"status_code"`
	HTTPErrorType string `json:"http_error_type"`
	ErrorCode     string `json:"error_code"`
	Message       string `json:"message"`
	RequestID     string `json:"request_id"` // a UUID
}

// What a request's reader says when the body is not what the operation takes.
var (
	// Documented: seed 000.
	errNameAndDescription = &core.Error{Kind: core.Invalid, Noun: "mcp_server", Message: "Name and description are required"}
	// Documented: seed 002.
	errInvalidBody = &core.Error{Kind: core.Invalid, Noun: "mcp_server", Message: "Invalid request body"}
	errNotFound    = &core.Error{Kind: core.NotFound, Noun: "mcp_server", Message: "MCP Server not found"}
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
	core.NotFound:      http.StatusNotFound,
	core.NoRoute:       http.StatusNotFound, // Express answers an unknown method like an unknown path
	core.Conflict:      http.StatusConflict,
	core.TooLarge:      http.StatusRequestEntityTooLarge,
	core.Unavailable:   http.StatusServiceUnavailable,
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
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE",
}

// word is the one place that words a failure.
func word(requestID string, err error) (int, any) {
	kind := core.KindOf(err)
	status := statuses[kind]
	code, message := codeAndMessage(kind, err)
	return status, errorBody{
		StatusCode: status, HTTPErrorType: errorTypes[status], ErrorCode: code, Message: message, RequestID: requestID,
	}
}

func codeAndMessage(kind core.Kind, err error) (code, message string) {
	switch kind {
	case core.Malformed:
		return "VALIDATION_ERROR", errInvalidBody.Message
	case core.Invalid:
		if errors.Is(err, errNameAndDescription) {
			return "VALIDATION_ERROR", errNameAndDescription.Message
		}
		return "VALIDATION_ERROR", errInvalidBody.Message
	case core.NoCredential:
		return "MISSING_REQUIRED_FIELD", "Missing API Key"
	case core.NoAccount:
		return "MISSING_REQUIRED_FIELD", "Linked account id is required with API Key, for this resource"
	case core.BadCredential, core.WrongTenant:
		return "SERVER_ERROR", "Invalid Credentials"
	case core.NotFound:
		return "SERVER_ERROR", errNotFound.Message
	case core.Conflict:
		return "SERVER_ERROR", "MCP Server with this name already exists"
	case core.NoRoute:
		return "SERVER_ERROR", "Cannot " + routeOf(err) // Express's words
	case core.TooLarge:
		return "SERVER_ERROR", "request entity too large" // body-parser's words
	case core.Unavailable:
		return "SERVER_ERROR", "Service Unavailable"
	case core.Internal:
		return "SERVER_ERROR", "Internal Server Error"
	}
	return "SERVER_ERROR", "Internal Server Error"
}

// routeOf gives the method and path that matched no route.
func routeOf(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Message
	}
	return ""
}
