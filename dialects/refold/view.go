package refold

import (
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// What follows are the bodies that clients of a tenant read, for those who have
// to know them without a request: a move tells by them what it would keep.

// ViewMCPServer gives the answer to a read of a server, in the tenant's revision.
func ViewMCPServer(t *core.Tenant, s *core.MCPServer) (core.JSON, error) {
	return dialects.Encode(revisionNamed(t.RefoldRevision).read(t, s))
}

// ViewListedAccount gives a linked account as lists show it: what a read of it
// answers, and its integrations.
func ViewListedAccount(t *core.Tenant, a *core.Account) (core.JSON, error) {
	return dialects.Encode(listedAccount(t, a))
}
