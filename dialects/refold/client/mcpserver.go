package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

const servers = "mcp-servers"

// MCPServer is a server as either revision shows it, alone or in a list. Times
// are ISO-8601 in UTC with three decimals. Documented: contract 2.3.
type MCPServer struct {
	dialects.Raw

	ID              dialects.String `json:"_id"`
	Name            dialects.String `json:"name"`
	Description     dialects.String `json:"description"`
	AssociatedOrgID dialects.String `json:"associated_org_id"`
	Environment     dialects.String `json:"environment"`
	Suggestions     dialects.Array  `json:"suggestions"`
	AssociatedApps  dialects.Array  `json:"associated_apps"`
	Resources       dialects.Array  `json:"resources"` // legacy
	Notebooks       dialects.Array  `json:"notebooks"` // v3
	Chains          dialects.Array  `json:"chains"`
	AgentName       dialects.String `json:"agent_name"`
	PrimaryColor    dialects.String `json:"primary_color"`
	SecondaryColor  dialects.String `json:"secondary_color"`
	BasePrompt      dialects.String `json:"base_prompt"`
	SafeMode        dialects.Bool   `json:"safe_mode"`
	CreatedAt       dialects.String `json:"createdAt"`
	UpdatedAt       dialects.String `json:"updatedAt"`
	Version         dialects.Number `json:"__v"` // in legacy's answers to a change
}

// NewMCPServer is what a creation says; the vendor takes no more.
type NewMCPServer struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// MCPServerUpdate is what a change says; what is nil is not sent and stays.
type MCPServerUpdate struct {
	Name           *string `json:"name,omitzero"`
	Description    *string `json:"description,omitzero"`
	Suggestions    Value   `json:"suggestions,omitzero"`
	Chains         Value   `json:"chains,omitzero"`
	AssociatedApps Value   `json:"associated_apps,omitzero"`
	AgentName      *string `json:"agent_name,omitzero"`
	PrimaryColor   *string `json:"primary_color,omitzero"`
	SecondaryColor *string `json:"secondary_color,omitzero"`
	BasePrompt     *string `json:"base_prompt,omitzero"`
	SafeMode       *bool   `json:"safe_mode,omitzero"`
}

// ListMCPServers gives one page of servers, the first is 1.
func (c *Client) ListMCPServers(ctx context.Context, page, limit int) (*Page[MCPServer], error) {
	return list[MCPServer](ctx, c, c.beside(request(http.MethodGet, nil, servers)), page, limit)
}

// MCPServers gives each server of the list once, as the list shows it. It ends
// after an error. ErrMoving, ErrTwice, ErrEndless.
func (c *Client) MCPServers(ctx context.Context) iter.Seq2[*MCPServer, error] {
	return walk[MCPServer](ctx, c, servers, func(s *MCPServer) string { return s.ID.Value })
}

// MCPServer gives one server.
func (c *Client) MCPServer(ctx context.Context, id string) (*MCPServer, error) {
	return vendorhttp.Record[MCPServer](ctx, c.Client, c.beside(request(http.MethodGet, nil, servers, id)))
}

// CreateMCPServer makes a server; the answer has its id, name and description.
func (c *Client) CreateMCPServer(ctx context.Context, in NewMCPServer) (*MCPServer, error) {
	return vendorhttp.Record[MCPServer](ctx, c.Client, c.beside(request(http.MethodPost, in, servers)).Once())
}

// UpdateMCPServer changes what the update names. Where the vendor answers with
// no body, the server is read.
func (c *Client) UpdateMCPServer(ctx context.Context, id string, in MCPServerUpdate) (*MCPServer, error) {
	res, err := c.Do(ctx, c.beside(request(http.MethodPut, in, servers, id)))
	switch {
	case err != nil:
		return nil, err
	case len(res.Body) == 0:
		return c.MCPServer(ctx, id)
	}
	return vendorhttp.RecordOf[MCPServer](res)
}

// DeleteMCPServer removes a server.
func (c *Client) DeleteMCPServer(ctx context.Context, id string) error {
	return c.done(ctx, c.beside(request(http.MethodDelete, nil, servers, id)))
}
