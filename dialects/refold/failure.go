package refold

import (
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// failure gives what an operation is answered with a status for where that is
// not the same for all operations.
func failure(c *dialects.Call, status int) error {
	switch status {
	case http.StatusBadRequest:
		return invalidFor(c.Operation)
	case http.StatusUnauthorized:
		if _, isToken := bearer(c.Request.Header.Get("Authorization")); isToken && isAuthService(c.Request) {
			return errBadToken
		}
	case http.StatusForbidden:
		if c.Operation == "create_mcp_server" {
			return &core.Error{Kind: core.OverQuota, Noun: "mcp_server", Message: "as many as there may be"}
		}
		return errMayNotDelete
	case http.StatusNotFound:
		return missingFor(c)
	case http.StatusNotImplemented:
		return &core.Error{Kind: core.Unserved, Noun: "route", Message: c.Request.Method + " " + c.Request.URL.Path}
	}
	return nil
}

func invalidFor(operation string) error {
	switch operation {
	case "create_mcp_server":
		return errNameAndDescription
	case "create_session_token":
		return errNoSessionAccount
	case "create_linked_account", "upsert_linked_account":
		return errNoAccountID
	}
	return errInvalidBody
}

// missingFor is of the record that the path or the token names. Where they name
// none, the credential is what is missing.
func missingFor(c *dialects.Call) error {
	account := c.Param("linked_account_id")
	if c.Who != nil && c.Operation == "get_active_linked_account" {
		account = c.Who.Account
	}
	switch {
	case c.Param("mcp_server_id") != "":
		return errNotFound
	case account == "" || c.Who == nil:
	case c.Request.Method == http.MethodDelete && revisionOf(c.Who).deletedUnknown != http.StatusNotFound:
	default:
		return ofAccount(account, &core.Error{Kind: core.NotFound, Noun: "account", Message: "no such account"})
	}
	return &core.Error{Kind: core.NoCredential, Noun: "credential", Message: "neither a token nor a key"}
}
