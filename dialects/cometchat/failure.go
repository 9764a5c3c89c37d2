package cometchat

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// failureFor gives what an operation is answered with a status for where that is
// not the same for all operations.
func failureFor(c *dialects.Call, status int) error {
	key := mask(c.Request.Header.Get("apikey"))
	switch status {
	case http.StatusBadRequest:
		if strings.HasPrefix(c.Operation, "list_") {
			var p problems
			p.add("limit", "must be an integer number")
			return &p
		}
	case http.StatusUnauthorized:
		if key == "" {
			return &core.Error{Kind: core.NoCredential, Noun: "credential", Message: "no apikey"}
		}
		return &keyError{masked: key, err: &core.Error{Kind: core.BadCredential, Noun: "credential", Message: "the credential names nobody"}}
	case http.StatusForbidden:
		return &keyError{masked: key, err: errScope}
	case http.StatusNotFound:
		return missingFor(c)
	case http.StatusConflict:
		return aboutSlug(sentSlugs(c.Request).Slug, &core.Error{Kind: core.Conflict, Noun: "mcp_server", Message: "the slug is taken"})
	case http.StatusInternalServerError:
		if c.Operation == "create_agent" {
			return &creationError{&core.Error{Message: "a failure that was asked for"}}
		}
	}
	return nil
}

func missingFor(c *dialects.Call) error {
	slugs := sentSlugs(c.Request)
	switch {
	case c.Operation == "create_agent": // its only way to be not found
		return &core.MissingServersError{Slugs: slugs.MCPServers}
	case c.Param("uid") != "":
		return &core.Error{Kind: core.NotFound, Noun: "agent", Message: "no such uid"}
	}
	return aboutSlug(c.Param("slug"), &core.Error{Kind: core.NotFound, Noun: "mcp_server", Message: "no such slug"})
}

// sent is the servers that a body names.
type sent struct {
	Slug       string   `json:"slug"`
	MCPServers []string `json:"mcpServers"`
}

// sentSlugs reads the body of a request that is going to fail anyway; one that
// can't be read names none.
func sentSlugs(r *http.Request) (s sent) {
	text, err := io.ReadAll(io.LimitReader(r.Body, core.DefaultMaxBytes))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return sent{}
	}
	return s
}
