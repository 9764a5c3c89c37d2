package core

import "errors"

// Kind classifies a failure by what a caller can do about it. A dialect gives
// each kind its status and its words.
type Kind int

// The kinds of failure. Internal is the zero value: an error that nobody
// classified is never shown to a client.
const (
	Internal Kind = iota
	// Malformed: the request could not be read at all (broken JSON, wrong content type).
	Malformed
	// Invalid: the request was read and a value in it is not acceptable; Fields says which.
	Invalid
	// NoCredential: none was given.
	NoCredential
	// BadCredential: one was given and it names nobody. Wrong, expired, revoked and
	// foreign credentials are all this kind, so that they look alike from outside.
	BadCredential
	// NoAccount: the credential needs a linked account named beside it.
	NoAccount
	// WrongTenant: the credential is good, the address asks for another tenant.
	WrongTenant
	// Forbidden: the credential is good and may not do this.
	Forbidden
	// NotFound: no such thing in this tenant. Another tenant's is not found either.
	NotFound
	// NoRoute: no such operation.
	NoRoute
	// Unserved: the vendor has such an operation and Diglot has not.
	Unserved
	// Conflict: a uniqueness rule refused it; Fields names the rule's field.
	Conflict
	// PreconditionFailed: the thing is there and not in the state that the client
	// made its change depend on; nothing was changed.
	PreconditionFailed
	// PreconditionRequired: a change that depends on no state, where its tenant
	// takes none such.
	PreconditionRequired
	// KeyReused: the idempotency key was used for another request.
	KeyReused
	// OverQuota: the tenant has as many of such things as it may; another passes
	// when one was removed.
	OverQuota
	// TooLarge: the request body is over the limit.
	TooLarge
	// UnsupportedEncoding: the request body is packed in a way that isn't unpacked.
	UnsupportedEncoding
	// TooMany: the tenant sends more requests than it may; the same request may pass later.
	TooMany
	// Unavailable: the store can't be reached; the same request may pass later.
	Unavailable
)

// Error is a classified failure. Noun says what kind of thing it is about
// ("mcp_server", "agent", "tenant", "key", "account", "session", "signing_key", "credential"); Fields maps a
// field, by its core name, to what is wrong with it. Message may be shown to
// a client. Err is the cause: logged, never shown.
type Error struct {
	Kind    Kind
	Noun    string
	Fields  map[string]string
	Message string
	Err     error
}

// Error implements error. Its text is for logs and the command line.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// What a failure calls a thing, by its noun, and a rule's field; where it says
// nothing they are those words themselves.
var (
	nounWords = map[string]string{
		"mcp_server": "server", "account": "linked account", "signing_key": "signing key", "secret": "version of the secret",
		"idempotency_key": "idempotency key",
	}
	fieldWords = map[string]string{
		"refold": "Refold org and environment", "cometchat": "CometChat app and region", "key": "value", "idempotency_key": "value",
	}
)

func inWords(words map[string]string, name string) string {
	if w, ok := words[name]; ok {
		return w
	}
	return name
}

// Missing is the [NotFound] of a store that has no such thing.
func Missing(noun string) *Error {
	return &Error{Kind: NotFound, Noun: noun, Message: inWords(nounWords, noun) + " not found"}
}

// Taken is the [Conflict] of a store that has another thing with what is to be
// unique.
func Taken(noun, field string) *Error {
	return &Error{
		Kind: Conflict, Noun: noun, Fields: map[string]string{field: "is taken"},
		Message: "another " + inWords(nounWords, noun) + " has this " + inWords(fieldWords, field),
	}
}

// KindOf gives the kind of the first [*Error] in err's chain, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// IsConflictOn reports whether err is a [Conflict] about the named field.
func IsConflictOn(err error, field string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Conflict {
		return false
	}
	_, ok = e.Fields[field]
	return ok
}
