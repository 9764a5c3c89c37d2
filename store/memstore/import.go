package memstore

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

// Rehearse implements [core.Directory], on a copy of all that there is.
func (s *Store) Rehearse(ctx context.Context, _ core.TenantID, do func(core.Directory) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rehearsing := New()
	rehearsing.Restore(s.Snapshot())
	return do(rehearsing)
}
