package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/diglot/diglot/dialects"
)

const servers = "mcp-servers"

// MCPServer is a server. Times are milliseconds since the epoch. Documented:
// contract 1.3.1.
type MCPServer struct {
	dialects.Raw

	ID          dialects.String `json:"_id"`
	AppID       dialects.String `json:"appId"`
	Slug        dialects.String `json:"slug"`
	Name        dialects.String `json:"name"`
	Description dialects.String `json:"description"`
	URL         dialects.String `json:"url"`
	Icon        dialects.String `json:"icon"`
	CreatedAt   dialects.Number `json:"createdAt"`
	UpdatedAt   dialects.Number `json:"updatedAt"`
}

// NewMCPServer is what a creation says; what is nil is not sent.
type NewMCPServer struct {
	Name        string  `json:"name"`
	Slug        string  `json:"slug"`
	Description *string `json:"description,omitzero"`
	URL         string  `json:"url"`
	Icon        string  `json:"icon,omitzero"`
}

// MCPServerUpdate is what a change says; what is nil is not sent and stays. A
// slug never changes.
type MCPServerUpdate struct {
	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`
	URL         *string `json:"url,omitzero"`
	Icon        *string `json:"icon,omitzero"`
}

// ListMCPServers gives one page of servers.
func (c *Client) ListMCPServers(ctx context.Context, q Query) (*Page[MCPServer], error) {
	return list[MCPServer](ctx, c, servers, q)
}

// MCPServers gives each server once. It ends after an error. ErrStuck, ErrCursor.
func (c *Client) MCPServers(ctx context.Context) iter.Seq2[*MCPServer, error] {
	return walk[MCPServer](ctx, c, servers, Query{}, func(s *MCPServer) (string, dialects.Number) {
		return s.Slug.Value, s.CreatedAt
	})
}

// MCPServer gives one server.
func (c *Client) MCPServer(ctx context.Context, slug string) (*MCPServer, error) {
	return record[MCPServer](ctx, c, c.request(http.MethodGet, nil, servers, slug))
}

// CreateMCPServer makes a server.
func (c *Client) CreateMCPServer(ctx context.Context, in NewMCPServer) (*MCPServer, error) {
	return record[MCPServer](ctx, c, c.request(http.MethodPost, in, servers).Once())
}

// UpdateMCPServer changes what the update names.
func (c *Client) UpdateMCPServer(ctx context.Context, slug string, in MCPServerUpdate) (*MCPServer, error) {
	return record[MCPServer](ctx, c, c.request(http.MethodPatch, in, servers, slug))
}

// DeleteMCPServer removes a server.
func (c *Client) DeleteMCPServer(ctx context.Context, slug string) error {
	return c.done(ctx, c.request(http.MethodDelete, nil, servers, slug))
}
