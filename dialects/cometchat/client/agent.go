package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/diglot/diglot/dialects"
)

const agents = "agents"

// Agent is an agent. Times are milliseconds since the epoch. Documented:
// contract 1.3.1.
type Agent struct {
	dialects.Raw

	UID                  dialects.String `json:"uid"`
	AppID                dialects.String `json:"appId"`
	Name                 dialects.String `json:"name"`
	Icon                 dialects.String `json:"icon"`
	IsActive             dialects.Bool   `json:"isActive"`
	Description          dialects.String `json:"description"`
	Tools                dialects.Array  `json:"tools"`
	Files                dialects.Array  `json:"files"`
	Websites             dialects.Array  `json:"websites"`
	OtherKBIntegrations  dialects.Array  `json:"otherKbIntegrations"`
	APITools             dialects.Array  `json:"apiTools"`
	MCPServers           dialects.Array  `json:"mcpServers"`
	FrontendActions      dialects.Array  `json:"frontendActions"`
	RAGVersion           dialects.String `json:"ragVersion"`
	LastMessageAt        dialects.Number `json:"lastMessageAt"`
	Instruction          dialects.String `json:"instruction"`
	FormattedInstruction dialects.String `json:"formattedInstruction"`
	Metadata             dialects.Object `json:"metaData"`
	Model                dialects.String `json:"model"`
	ModelMetadata        dialects.Object `json:"modelMetaData"`
	CreatedAt            dialects.Number `json:"createdAt"`
	UpdatedAt            dialects.Number `json:"updatedAt"`
}

// AgentInput is what a creation or a change says; what is nil is not sent.
type AgentInput struct {
	Name          *string   `json:"name,omitzero"` // a creation has to have one
	Icon          *string   `json:"icon,omitzero"`
	Description   *string   `json:"description,omitzero"`
	Tools         Value     `json:"tools,omitzero"`
	APITools      Value     `json:"apiTools,omitzero"`
	MCPServers    *[]string `json:"mcpServers,omitzero"` // slugs
	Instruction   *string   `json:"instruction,omitzero"`
	Metadata      Value     `json:"metaData,omitzero"`
	Model         *string   `json:"model,omitzero"`
	ModelMetadata Value     `json:"modelMetaData,omitzero"`
	IsActive      *bool     `json:"isActive,omitzero"`
}

// ListAgents gives one page of agents.
func (c *Client) ListAgents(ctx context.Context, q Query) (*Page[Agent], error) {
	return list[Agent](ctx, c, agents, q)
}

// Agents gives each agent once. It ends after an error. ErrStuck, ErrCursor.
func (c *Client) Agents(ctx context.Context) iter.Seq2[*Agent, error] {
	return walk[Agent](ctx, c, agents, Query{}, func(a *Agent) (string, dialects.Number) {
		return a.UID.Value, a.CreatedAt
	})
}

// Agent gives one agent.
func (c *Client) Agent(ctx context.Context, uid string) (*Agent, error) {
	return record[Agent](ctx, c, c.request(http.MethodGet, nil, agents, uid))
}

// CreateAgent makes an agent.
func (c *Client) CreateAgent(ctx context.Context, in AgentInput) (*Agent, error) {
	return record[Agent](ctx, c, c.request(http.MethodPost, in, agents).Once())
}

// UpdateAgent changes what the input names; the vendor says that it was done and
// no more.
func (c *Client) UpdateAgent(ctx context.Context, uid string, in AgentInput) error {
	return c.done(ctx, c.request(http.MethodPatch, in, agents, uid))
}

// DeleteAgent removes an agent.
func (c *Client) DeleteAgent(ctx context.Context, uid string) error {
	return c.done(ctx, c.request(http.MethodDelete, nil, agents, uid))
}

// AddMCPServers has an agent list servers, and gives it as it is then.
func (c *Client) AddMCPServers(ctx context.Context, uid string, slugs ...string) (*Agent, error) {
	return c.changeServers(ctx, uid, "add", slugs)
}

// RemoveMCPServers has an agent list servers no more, and gives it as it is then.
func (c *Client) RemoveMCPServers(ctx context.Context, uid string, slugs ...string) (*Agent, error) {
	return c.changeServers(ctx, uid, "remove", slugs)
}

func (c *Client) changeServers(ctx context.Context, uid, how string, slugs []string) (*Agent, error) {
	return record[Agent](ctx, c, c.request(http.MethodPatch, map[string][]string{"mcps": slugs}, agents, uid, "mcp", how))
}
