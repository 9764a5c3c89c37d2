package refold

import (
	"errors"
	"net/http"
	"strings"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file words what the vendor's auth service refuses: linked accounts and
// session tokens. Documented: contract 2.5.

// What a request about linked accounts or session tokens is refused for.
var (
	errNoSessionAccount = &core.Error{Kind: core.Invalid, Noun: "session", Message: "no account id"}
	errUnknownAccount   = &core.Error{Kind: core.NotFound, Noun: "account", Message: "no account to issue a session for"}
	errNoToken          = &core.Error{Kind: core.BadCredential, Noun: "credential", Message: "no session token, which alone is taken here"}
	errBadToken         = &core.Error{Kind: core.BadCredential, Noun: "credential", Message: "not a session token that is good"}
	errNoAccountID      = &core.Error{Kind: core.Invalid, Noun: "account", Message: "no account id"}
	errRepeatedUDF      = &core.Error{Kind: core.Invalid, Noun: "account", Message: "a user-defined field is there twice"}
	errYourApp          = &core.Error{Kind: core.Invalid, Noun: "account", Message: "your_app lacks auth_credentials"}
	errAccountInput     = &core.Error{Kind: core.Invalid, Noun: "account", Message: "invalid request body"}
)

// accountError is a failure that is worded with the account's id.
type accountError struct {
	id  string
	err error
}

// Error leaves the id out: it is a client's, and errors are logged.
func (e *accountError) Error() string { return e.err.Error() }

// Unwrap gives the failure.
func (e *accountError) Unwrap() error { return e.err }

// ofAccount says which account a failure is about.
func ofAccount(id string, err error) error {
	if err == nil {
		return nil
	}
	return &accountError{id, err}
}

// noSuchAccount is documented, for linked accounts and applications: contract
// 2.5. For MCP servers it is inferred.
func noSuchAccount(id string, who *core.Principal) string {
	at := who.Tenant.Refold
	return "Linked Account with account id " + id + " for org " + at.OrgID + " in environment " + string(at.Environment) + " not found"
}

// isAuthService reports whether the vendor answers the request in its auth service.
func isAuthService(r *http.Request) bool {
	path, ok := cutFold(r.URL.Path, Prefix)
	if !ok {
		return false
	}
	_, isSession := cutFold(path, "/session/")
	return isSession || isAt(path, "/linked-account") || isAt(path, "/session-token")
}

// isAt reports whether a path is a folder or below it.
func isAt(path, folder string) bool {
	rest, ok := cutFold(path, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// cutFold is [strings.CutPrefix] in whatever case, as paths are compared.
func cutFold(path, prefix string) (rest string, ok bool) {
	if len(path) < len(prefix) || !strings.EqualFold(path[:len(prefix)], prefix) {
		return path, false
	}
	return path[len(prefix):], true
}

// wordAuth changes a failure's words to the auth service's where those differ.
func (rev *revision) wordAuth(b *errorBody, f dialects.Failure) {
	say := func(status int, code, message string) {
		b.StatusCode, b.HTTPErrorType, b.ErrorCode, b.Message = status, errorTypes[status], code, message
	}
	about, _ := errors.AsType[*accountError](f.Err)
	kind := core.KindOf(f.Err)
	switch {
	case errors.Is(f.Err, errNoToken):
		say(http.StatusUnauthorized, "INVALID_TOKEN", "Authorization Token Missing") // documented on another page of the service
	case errors.Is(f.Err, errBadToken), errors.Is(f.Err, core.ErrSessionEnded):
		say(http.StatusUnauthorized, "INVALID_TOKEN", "Invalid token")
	case errors.Is(f.Err, errNoSessionAccount):
		say(http.StatusBadRequest, "SERVER_ERROR", rev.noSessionAccount)
	case errors.Is(f.Err, errUnknownAccount):
		say(rev.unknownAccount, rev.unknownAccountCode, "No linked account found for account id : "+about.id+
			" in environment "+string(f.Principal.Tenant.Refold.Environment))
	case errors.Is(f.Err, errNoAccountID):
		say(http.StatusBadRequest, "INVALID_LINKED_ACCOUNT_ID", "linked_account_id required")
	case errors.Is(f.Err, errRepeatedUDF):
		say(http.StatusBadRequest, "SERVER_ERROR", "Duplicate Auth key_name not allowed")
	case errors.Is(f.Err, errYourApp):
		say(rev.incompleteApp, "SERVER_ERROR", "Valid App ID and Auth credentials required in your_app")
	case about != nil && kind == core.Conflict:
		say(http.StatusBadRequest, "SERVER_ERROR",
			"Linked account with id "+about.id+" already exists in the "+string(f.Principal.Tenant.Refold.Environment)+" environment")
	case about != nil && kind == core.NotFound:
		status := http.StatusNotFound
		if f.Request.Method == http.MethodDelete {
			status = rev.deletedUnknown
		}
		say(status, "SERVER_ERROR", b.Message)
	}
	if rev.authErrors {
		b.ErrorCode, b.Error = "", b.ErrorCode
	}
}
