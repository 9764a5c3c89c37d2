package refold

import (
	"net/http"

	"github.com/diglot/diglot/core"
)

// RevisionHeader asks for an answer of another revision than the tenant's, to
// try it out: v3 or legacy. Anything else in it is overlooked.
const RevisionHeader = "Diglot-Refold-Revision"

// revision is all that one generation of the vendor's API does otherwise than
// another. What is not here is the same in both.
type revision struct {
	// requestIDs: failures carry a request_id.
	requestIDs bool
	// missingMembers words a creation without name or description.
	missingMembers wording
	// notFound is the message for a server that is not there.
	notFound string
	// uniqueNames: a creation is refused a name that is taken.
	uniqueNames bool
	// deleted is the status of a deletion; it has no body.
	deleted int
	// order is what a list begins with.
	order core.Order
	// authErrors: what the vendor's auth service refuses has its code in error,
	// not in error_code.
	authErrors bool
	// deletedUnknown is the status for an account to delete that is not there.
	deletedUnknown int
	// noSessionAccount is the message for a session token of no account.
	noSessionAccount string
	// unknownAccount is the status and code for one of an account that is not there.
	unknownAccount     int
	unknownAccountCode string
	// sessionIssued prints a session's tokens.
	sessionIssued func(sessionTokens) any
	// incompleteApp is the status for a your_app without credentials.
	incompleteApp int
	// accountCreated prints an account that was created.
	accountCreated func(*core.Tenant, *core.Account) any
	// listed, read and updated print a server in a list, alone, and after a change.
	listed, read, updated func(*core.Tenant, *core.MCPServer) any
}

// wording is a failure's code and message.
type wording struct {
	code, message string
}

// legacy is the generation of 2025. Documented: api-reference/mcp, seeds 000
// and 002, contract 2.1; recorded: the order and members of its examples.
var legacy = &revision{
	requestIDs:     true,
	missingMembers: wording{"VALIDATION_ERROR", "Name and description are required"},
	notFound:       "MCP Server not found",
	uniqueNames:    true,
	deleted:        http.StatusNoContent,
	order:          core.OldestFirst,
	authErrors:     false,
	deletedUnknown: http.StatusInternalServerError,
	// Another page's text, as printed.
	noSessionAccount:   "Linked account Id and Template Id both are required",
	unknownAccount:     http.StatusInternalServerError,
	unknownAccountCode: "SERVER_ERROR",
	sessionIssued:      legacySessionIssued,
	incompleteApp:      http.StatusInternalServerError,
	accountCreated:     legacyAccountCreated,
	listed:             legacyListed,
	read:               legacyRead,
	updated:            legacyUpdated,
}

// v3 is the generation of 2026. Documented: v3/api-reference/mcp-servers and
// its OpenAPI, contract 2.1. Of a deletion the page says 200, the OpenAPI 204.
var v3 = &revision{
	requestIDs:         false,
	missingMembers:     wording{"SERVER_ERROR", "name and description are required"},
	notFound:           "MCPEntry not found",
	uniqueNames:        false,
	deleted:            http.StatusOK,
	order:              core.NewestFirst,
	authErrors:         true,
	deletedUnknown:     http.StatusNotFound,
	noSessionAccount:   "linked_account_id is required",
	unknownAccount:     http.StatusBadRequest,
	unknownAccountCode: "INVALID_LINKED_ACCOUNT_ID",
	sessionIssued:      v3SessionIssued,
	incompleteApp:      http.StatusBadRequest,
	accountCreated:     v3AccountCreated,
	listed:             v3Listed,
	read:               v3Read,
	updated:            v3Updated,
}

// revisionNamed gives the revision of that name; legacy where this program
// knows none of it, which a newer one may have given a tenant.
func revisionNamed(name core.RefoldRevision) *revision {
	if name == core.RefoldV3 {
		return v3
	}
	return legacy
}

// asked gives the revision that a request asks for, else the one that it would
// get without asking.
func asked(h http.Header, otherwise core.RefoldRevision) core.RefoldRevision {
	if name := core.RefoldRevision(h.Get(RevisionHeader)); name.Valid() {
		return name
	}
	return otherwise
}

// forRequest gives whose request it is, in the revision that it asks for. A
// principal is shared between requests, so that a changed one is a copy.
func forRequest(h http.Header, who *core.Principal) *core.Principal {
	name := asked(h, who.Tenant.RefoldRevision)
	if name == who.Tenant.RefoldRevision {
		return who
	}
	tenant, copied := *who.Tenant, *who
	tenant.RefoldRevision, copied.Tenant = name, &tenant
	return &copied
}

// revisionOf is what a known client is answered by.
func revisionOf(who *core.Principal) *revision { return revisionNamed(who.Tenant.RefoldRevision) }

// revisionOfFailed is what a client is answered by that may not be known yet:
// then what it asks for counts, else what the installation has for such clients.
func (d *dialect) revisionOfFailed(r *http.Request, who *core.Principal) *revision {
	if who != nil {
		return revisionOf(who)
	}
	return revisionNamed(asked(r.Header, d.unknown))
}
