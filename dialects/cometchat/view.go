package cometchat

import (
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// What follows are the bodies that clients of a tenant read, for those who have
// to know them without a request: a move tells by them what it would keep.

// ViewMCPServer gives the answer to a read of a server.
func ViewMCPServer(t *core.Tenant, s *core.MCPServer) (core.JSON, error) {
	return dialects.Encode(fromMCPServer(t, s))
}

// ViewAgent gives an agent as answers to a creation and a change show it: what a
// read of it answers, and the app's id.
func ViewAgent(t *core.Tenant, a *core.Agent) (core.JSON, error) {
	return dialects.Encode(fromAgent(a).of(t))
}
