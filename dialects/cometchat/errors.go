package cometchat

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// errorBody is the error envelope. No page of this service prints one: the
// members and their order are those of a sibling service behind the same
// gateway (inferred: contract 1.5, C12).
type errorBody struct {
	Error failure `json:"error"`
}

type failure struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	DevMessage string `json:"devMessage,omitzero"`
	Details    any    `json:"details,omitzero"`
	Source     string `json:"source"`
}

// source is how the service names itself in failures (inferred).
const source = "ai-agents"

// keyError is a failure about a key, its value masked.
type keyError struct {
	masked string
	err    error
}

func (e *keyError) Error() string { return e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

// slugError is a failure about the server that a slug names.
type slugError struct {
	slug string
	err  error
}

func (e *slugError) Error() string { return e.err.Error() }
func (e *slugError) Unwrap() error { return e.err }

// aboutSlug says in a failure which slug it is about; nil stays nil.
func aboutSlug(slug string, err error) error {
	if err == nil {
		return nil
	}
	return &slugError{slug, err}
}

// creationError is a failure to create an agent.
type creationError struct{ err error }

func (e *creationError) Error() string { return e.err.Error() }
func (e *creationError) Unwrap() error { return e.err }

// slugsDetails names servers, the first [namedSlugs], that an agent was to list and can't
// (inferred: the member and its form).
type slugsDetails struct {
	Slugs []string `json:"slugs"`
}

// slugDetails names the server that a failure is about.
type slugDetails struct {
	Slug string `json:"slug"`
}

// statuses gives each kind of failure its HTTP status.
var statuses = map[core.Kind]int{
	core.Internal:      http.StatusInternalServerError,
	core.Malformed:     http.StatusBadRequest,
	core.Invalid:       http.StatusBadRequest,
	core.NoCredential:  http.StatusUnauthorized,
	core.BadCredential: http.StatusUnauthorized,
	core.NoAccount:     http.StatusUnauthorized,
	core.WrongTenant:   http.StatusUnauthorized,
	core.Forbidden:     http.StatusForbidden,
	core.NotFound:      http.StatusNotFound,
	core.NoRoute:       http.StatusNotFound,
	core.Unserved:      http.StatusNotFound, // what is not served here is not there
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

// word is the one place that words a failure.
func word(failed dialects.Failure) (int, any) {
	kind := core.KindOf(failed.Err)
	f := failureOf(kind, failed.Err)
	f.Source = source
	return statuses[kind], errorBody{f}
}

func failureOf(kind core.Kind, err error) failure {
	switch kind {
	case core.NoCredential, core.NoAccount:
		return plain("AUTH_ERR_EMPTY_APIKEY", "The apikey header is missing from the request.")
	case core.BadCredential:
		return unknownKey(err)
	case core.WrongTenant:
		if errors.Is(err, errEmptyApp) {
			return plain("AUTH_ERR_EMPTY_APPID", "The appId is empty.")
		}
		return failure{Code: "AUTH_ERR_INVALID_APPID", Message: "Invalid appId or it does not exist in the region."}
	case core.Forbidden:
		return keyWithoutScope(err)
	case core.OverQuota: // the code is documented, contract 1.5; the status and the text are ours
		return plain("ERR_PLAN_QUOTA_RESTRICTION", "The app has as many MCP servers as it may.")
	case core.Malformed, core.Invalid:
		if errors.Is(err, errAPIVersion) {
			return plain("ERR_INVALID_API_VERSION", "The chatApiVersion is invalid.")
		}
		f := plain("ERR_BAD_REQUEST", "Failed to validate the data sent with the request.")
		f.Details = detailsOf(kind, err)
		return f
	case core.NotFound:
		if nounOf(err) == "agent" {
			return failure{Code: "ERR_AGENT_NOT_FOUND", Message: "No agent exists with the specified ID."}
		}
		return aboutServer("ERR_MCP_SERVER_NOT_FOUND", "MCP server not found.", "MCP server not found: ", err)
	case core.Conflict:
		if nounOf(err) == "agent" { // a random uid that was there already
			return agentNotCreated
		}
		return aboutServer("ERR_MCP_SERVER_ALREADY_EXISTS", "An MCP server with this slug already exists.", "MCP server already exists: ", err)
	case core.PreconditionFailed: // ours, as the next one
		return plain("ERR_PRECONDITION_FAILED", "The resource has changed since it was read, or is not the one that was read.")
	case core.PreconditionRequired:
		return plain("ERR_PRECONDITION_REQUIRED", "The If-Match header is missing from the request.")
	case core.KeyReused: // ours
		return plain("ERR_IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used with another request body.")
	case core.NoRoute, core.Unserved:
		return failure{
			Code: "ERR_API_NOT_FOUND", Message: "API endpoint does not exist / does not use HTTP request method",
			DevMessage: "API endpoint does not exist / does not use HTTP request method: " + messageOf(err),
		}
	case core.TooLarge:
		return failure{Code: "ERR_BAD_REQUEST", Message: "Request body is too large."}
	case core.UnsupportedEncoding:
		return failure{Code: "ERR_BAD_REQUEST", Message: "The content encoding of the request body is not supported."}
	case core.TooMany: // documented: contract 1.6
		return failure{
			Code:    "ERR_TOO_MANY_REQUESTS",
			Message: "Too many requests. You have exceeded the rate limit. Please retry after the specified time.",
		}
	case core.Unavailable:
		return plain("ERR_EXCEPTION", "The service is unavailable. Please try again later.")
	case core.Internal:
		if _, ok := errors.AsType[*creationError](err); ok {
			return agentNotCreated
		}
	}
	return plain("ERR_EXCEPTION", "An unexpected error occurred.")
}

// plain is a failure with nothing more to say to developers.
func plain(code, message string) failure {
	return failure{Code: code, Message: message, DevMessage: message}
}

// agentNotCreated is documented: contract 1.5.
var agentNotCreated = plain("ERR_AGENT_CREATION_FAILED", "Failed to create the agent.")

// unknownKey has the texts of a recorded answer: contract 1.5, C14.
func unknownKey(err error) failure {
	masked := maskedOf(err)
	return failure{
		Code:       "AUTH_ERR_APIKEY_NOT_FOUND",
		Message:    "The key " + masked + " does not exist. Please use correct apiKey.",
		DevMessage: "The " + masked + " key doesn't work. Please use correct apiKey.",
	}
}

// keyWithoutScope has a documented message and a text of a re-implementation
// of the chat API: contract 1.5, C8b and C22.
func keyWithoutScope(err error) failure {
	return failure{
		Code: "AUTH_ERR_NO_ACCESS", Message: "The API key doesn't have the required scope.",
		DevMessage: "The key " + maskedOf(err) + " cannot be used to perform this operation. " +
			"Please use API key with a correct scope to perform the operation.",
	}
}

// maskedOf gives the key that a failure is about, masked.
func maskedOf(err error) string {
	if e, ok := errors.AsType[*keyError](err); ok {
		return e.masked
	}
	return ""
}

// aboutServer has codes that are named by the pattern of the documented ones;
// the vendor's are not known.
func aboutServer(code, message, devMessage string, err error) failure {
	f := plain(code, message)
	if e, ok := errors.AsType[*slugError](err); ok {
		f.DevMessage = devMessage + e.slug
		f.Details = slugDetails{e.slug}
	}
	if e, ok := errors.AsType[*core.MissingServersError](err); ok {
		named, more := someOf(e.Slugs)
		f.DevMessage = devMessage + strings.Join(named, ", ") + more
		f.Details = slugsDetails{named}
	}
	return f
}

// A request may name as many servers that are not there as its body holds; of
// these an answer names that many, each with that many bytes.
const (
	namedSlugs = 100
	namedBytes = 256
)

// someOf gives what is named of slugs, and says how many are not.
func someOf(slugs []string) (named []string, more string) {
	if n := len(slugs) - namedSlugs; n > 0 {
		slugs, more = slugs[:namedSlugs], " and "+strconv.Itoa(n)+" more"
	}
	named = slices.Clone(slugs)
	for i, slug := range named {
		if len(slug) > namedBytes {
			named[i] = strings.ToValidUTF8(slug[:namedBytes], "") + "…"
		}
	}
	return named, more
}

func detailsOf(kind core.Kind, err error) any {
	if p, ok := errors.AsType[*problems](err); ok {
		return p
	}
	if nounOf(err) == "idempotency_key" {
		return errBadKey
	}
	if kind == core.Malformed {
		return malformed
	}
	return nil
}

func nounOf(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Noun
	}
	return ""
}

func messageOf(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Message
	}
	return ""
}
