package core

import (
	"context"
	"time"
)

// CreateAgent adds an agent to the tenant. Invalid; [MissingServersError].
func (s *Service) CreateAgent(ctx context.Context, tenant TenantID, in NewAgent) (Agent, error) {
	if err := in.validate(); err != nil {
		return Agent{}, err
	}
	now := s.now()
	at := now.UTC().Truncate(time.Millisecond)
	return s.store.CreateAgent(ctx, tenant, Agent{
		UID: AgentUID(s.newUUID()), Name: in.Name, Icon: in.Icon, Active: !in.Inactive,
		Description: in.Description, Instruction: in.Instruction, Model: in.Model,
		MCPServers: once(in.MCPServers),
		Tools:      in.Tools, APITools: in.APITools, FrontendActions: in.FrontendActions,
		Files: in.Files, Websites: in.Websites, OtherKBIntegrations: in.OtherKBIntegrations,
		Metadata: in.Metadata, ModelMetadata: in.ModelMetadata,
		Place: PlaceAt(now), CreatedAt: at, UpdatedAt: at, Revision: 1,
	})
}

// Agent gives one agent. NotFound.
func (s *Service) Agent(ctx context.Context, tenant TenantID, uid AgentUID) (Agent, error) {
	return s.store.Agent(ctx, tenant, uid)
}

// AgentsFrom gives the agents that the query asks for, oldest first.
func (s *Service) AgentsFrom(ctx context.Context, tenant TenantID, q AgentQuery) ([]Agent, error) {
	return s.store.AgentsFrom(ctx, tenant, q)
}

// UpdateAgent changes what the update names, and gives the agent as it is
// then. Even an update that names nothing moves the update time and the
// revision. Invalid, NotFound, PreconditionFailed; [MissingServersError].
func (s *Service) UpdateAgent(ctx context.Context, tenant TenantID, uid AgentUID, in AgentUpdate) (Agent, error) {
	if err := in.validate(); err != nil {
		return Agent{}, err
	}
	at := s.now().UTC().Truncate(time.Millisecond)
	return s.store.UpdateAgent(ctx, tenant, uid, AgentModification{AgentUpdate: in, UpdatedAt: at})
}

// DeleteAgent removes one agent. NotFound, PreconditionFailed.
func (s *Service) DeleteAgent(ctx context.Context, tenant TenantID, uid AgentUID, p Precondition) error {
	return s.store.DeleteAgent(ctx, tenant, uid, p)
}
