package dialecttest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
)

// Faulty is a store that fails where it is told to.
type Faulty struct {
	Backend

	mu    sync.Mutex
	fault func(context.Context) error
}

// Fail makes every later use of servers, agents, accounts and their sessions run f first, and fail as it does.
func (s *Faulty) Fail(f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Faulty) failure(ctx context.Context) error {
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

// The faults. Their texts are internals that no reply may show.
const internals = "dial tcp 10.20.30.40:5432: relation \"mcp_server\""

func unavailable(context.Context) error {
	return &core.Error{Kind: core.Unavailable, Message: "the database is away", Err: errors.New(internals)}
}

func broken(context.Context) error { return errors.New(internals) }

func panics(context.Context) error { panic(internals) }

// CreateMCPServer implements [core.Store].
func (s *Faulty) CreateMCPServer(ctx context.Context, tenant core.TenantID, c core.Creation) (core.MCPServer, error) {
	if err := s.failure(ctx); err != nil {
		return core.MCPServer{}, err
	}
	return s.Backend.CreateMCPServer(ctx, tenant, c)
}

// MCPServer implements [core.Store].
func (s *Faulty) MCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	if err := s.failure(ctx); err != nil {
		return core.MCPServer{}, err
	}
	return s.Backend.MCPServer(ctx, tenant, ref)
}

// MCPServerPage implements [core.Store].
func (s *Faulty) MCPServerPage(
	ctx context.Context, tenant core.TenantID, order core.Order, offset, limit int,
) (servers []core.MCPServer, total int, err error) {
	if err := s.failure(ctx); err != nil {
		return nil, 0, err
	}
	return s.Backend.MCPServerPage(ctx, tenant, order, offset, limit)
}

// MCPServersFrom implements [core.Store].
func (s *Faulty) MCPServersFrom(
	ctx context.Context, tenant core.TenantID, from core.Place, dir core.Direction, limit int,
) ([]core.MCPServer, error) {
	if err := s.failure(ctx); err != nil {
		return nil, err
	}
	return s.Backend.MCPServersFrom(ctx, tenant, from, dir, limit)
}

// UpdateMCPServer implements [core.Store].
func (s *Faulty) UpdateMCPServer(
	ctx context.Context, tenant core.TenantID, ref core.MCPServerRef, m core.Modification,
) (core.MCPServer, error) {
	if err := s.failure(ctx); err != nil {
		return core.MCPServer{}, err
	}
	return s.Backend.UpdateMCPServer(ctx, tenant, ref, m)
}

// KeptAnswer implements [core.Store].
func (s *Faulty) KeptAnswer(ctx context.Context, tenant core.TenantID, scope, key string, at time.Time) (core.KeptAnswer, error) {
	if err := s.failure(ctx); err != nil {
		return core.KeptAnswer{}, err
	}
	return s.Backend.KeptAnswer(ctx, tenant, scope, key, at)
}

// DeleteMCPServer implements [core.Store].
func (s *Faulty) DeleteMCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef, p core.Precondition) error {
	if err := s.failure(ctx); err != nil {
		return err
	}
	return s.Backend.DeleteMCPServer(ctx, tenant, ref, p)
}

// CreateAgent implements [core.Store].
func (s *Faulty) CreateAgent(ctx context.Context, tenant core.TenantID, a core.Agent) (core.Agent, error) {
	if err := s.failure(ctx); err != nil {
		return core.Agent{}, err
	}
	return s.Backend.CreateAgent(ctx, tenant, a)
}

// Agent implements [core.Store].
func (s *Faulty) Agent(ctx context.Context, tenant core.TenantID, uid core.AgentUID) (core.Agent, error) {
	if err := s.failure(ctx); err != nil {
		return core.Agent{}, err
	}
	return s.Backend.Agent(ctx, tenant, uid)
}

// AgentsFrom implements [core.Store].
func (s *Faulty) AgentsFrom(ctx context.Context, tenant core.TenantID, q core.AgentQuery) ([]core.Agent, error) {
	if err := s.failure(ctx); err != nil {
		return nil, err
	}
	return s.Backend.AgentsFrom(ctx, tenant, q)
}

// UpdateAgent implements [core.Store].
func (s *Faulty) UpdateAgent(
	ctx context.Context, tenant core.TenantID, uid core.AgentUID, m core.AgentModification,
) (core.Agent, error) {
	if err := s.failure(ctx); err != nil {
		return core.Agent{}, err
	}
	return s.Backend.UpdateAgent(ctx, tenant, uid, m)
}

// DeleteAgent implements [core.Store].
func (s *Faulty) DeleteAgent(ctx context.Context, tenant core.TenantID, uid core.AgentUID, p core.Precondition) error {
	if err := s.failure(ctx); err != nil {
		return err
	}
	return s.Backend.DeleteAgent(ctx, tenant, uid, p)
}

// CreateAccount implements [core.Store].
func (s *Faulty) CreateAccount(ctx context.Context, a core.Account) error {
	if err := s.failure(ctx); err != nil {
		return err
	}
	return s.Backend.CreateAccount(ctx, a)
}

// UpsertAccount implements [core.Store].
func (s *Faulty) UpsertAccount(ctx context.Context, a core.Account) (core.Account, error) {
	if err := s.failure(ctx); err != nil {
		return core.Account{}, err
	}
	return s.Backend.UpsertAccount(ctx, a)
}

// Account implements [core.Store].
func (s *Faulty) Account(ctx context.Context, tenant core.TenantID, id string) (core.Account, error) {
	if err := s.failure(ctx); err != nil {
		return core.Account{}, err
	}
	return s.Backend.Account(ctx, tenant, id)
}

// AccountPage implements [core.Store].
func (s *Faulty) AccountPage(
	ctx context.Context, tenant core.TenantID, order core.Order, offset, limit int,
) (accounts []core.Account, total int, err error) {
	if err := s.failure(ctx); err != nil {
		return nil, 0, err
	}
	return s.Backend.AccountPage(ctx, tenant, order, offset, limit)
}

// DeleteAccount implements [core.Store].
func (s *Faulty) DeleteAccount(ctx context.Context, tenant core.TenantID, id string) error {
	if err := s.failure(ctx); err != nil {
		return err
	}
	return s.Backend.DeleteAccount(ctx, tenant, id)
}

// IssueSession implements [core.Store].
func (s *Faulty) IssueSession(ctx context.Context, tenant core.TenantID, r core.SessionRequest) (core.Session, error) {
	if err := s.failure(ctx); err != nil {
		return core.Session{}, err
	}
	return s.Backend.IssueSession(ctx, tenant, r)
}

// RevokeSession implements [core.Store].
func (s *Faulty) RevokeSession(ctx context.Context, tenant core.TenantID, id core.SessionID, at time.Time) error {
	if err := s.failure(ctx); err != nil {
		return err
	}
	return s.Backend.RevokeSession(ctx, tenant, id, at)
}
