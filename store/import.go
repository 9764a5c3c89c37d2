package store

import (
	"context"

	"github.com/diglot/diglot/core"
)

// ImportMCPServer implements [core.Directory].
func (s *Store) ImportMCPServer(ctx context.Context, tenant core.TenantID, c core.Creation) (core.MCPServer, error) {
	return s.CreateMCPServer(ctx, tenant, c)
}

// ImportAgent implements [core.Directory].
func (s *Store) ImportAgent(ctx context.Context, tenant core.TenantID, a core.Agent) (core.Agent, error) {
	return s.CreateAgent(ctx, tenant, a)
}
