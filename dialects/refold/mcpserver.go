package refold

import (
	"context"
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

type createMCPServerRequest struct {
	Name        dialects.String `json:"name"`
	Description dialects.String `json:"description"`
}

// Bind reads the request. Missing, null, empty and of another type are one
// failure for both members.
func (in *createMCPServerRequest) Bind(r *dialects.Request) error {
	if err := r.JSON(in); err != nil {
		return err
	}
	if in.Name.Value == "" || in.Description.Value == "" {
		return errNameAndDescription
	}
	return nil
}

func (in *createMCPServerRequest) toCore(who *core.Principal) core.NewMCPServer {
	return core.NewMCPServer{
		Name: in.Name.Value, Description: &in.Description.Value, RefuseSameName: revisionOf(who).uniqueNames,
		MaxServers: who.Tenant.Limits.Servers,
	}
}

// createMCPServerResponse has three members and no more, in either revision.
type createMCPServerResponse struct {
	ID          string `json:"_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// about is an answer about one server. The two revisions print it differently,
// and one request may ask for either.
func about(who *core.Principal, s *core.MCPServer, body any) *dialects.Answer {
	return &dialects.Answer{Body: body, Version: s.Version(), View: string(who.Tenant.RefoldRevision)}
}

func (d *dialect) createMCPServer(ctx context.Context, who *core.Principal, in createMCPServerRequest) (*dialects.Answer, error) {
	show := func(s *core.MCPServer) *dialects.Answer {
		return about(who, s, &createMCPServerResponse{ID: s.ID.String(), Name: s.Name, Description: text(s.Description)})
	}
	dialects.Keep(ctx, http.StatusCreated, show)
	s, err := d.core.CreateMCPServer(ctx, who.Tenant.ID, in.toCore(who))
	if err != nil {
		return nil, err
	}
	return show(&s), nil
}

// serverPath is the id in a path. Anything but 24 hex digits is not found: the
// vendor may answer 500, which is only inferred, and no client should see one.
type serverPath struct {
	id core.ObjectID
}

// Bind reads the path.
func (in *serverPath) Bind(r *dialects.Request) error {
	id, ok := core.ParseObjectID(r.Param("mcp_server_id"))
	if !ok {
		return errNotFound
	}
	in.id = id
	return nil
}

func (d *dialect) mcpServer(ctx context.Context, who *core.Principal, in serverPath) (*dialects.Answer, error) {
	s, err := d.core.MCPServer(ctx, who.Tenant.ID, core.ByID(in.id))
	if err != nil {
		return nil, err
	}
	return about(who, &s, revisionOf(who).read(who.Tenant, &s)), nil
}

func (d *dialect) updateMCPServer(ctx context.Context, who *core.Principal, in updateMCPServerRequest) (*dialects.Answer, error) {
	s, err := d.core.UpdateMCPServer(ctx, who.Tenant.ID, core.ByID(in.path.id), in.update)
	if err != nil {
		return nil, err
	}
	return about(who, &s, revisionOf(who).updated(who.Tenant, &s)), nil
}

type deleteMCPServerRequest struct {
	path    serverPath
	only    core.Precondition
	refused error // what is wrong with it: who may not delete is told that first
}

// Bind reads the request.
func (in *deleteMCPServerRequest) Bind(r *dialects.Request) error {
	if in.refused = in.path.Bind(r); in.refused == nil {
		in.only, in.refused = r.IfMatch()
	}
	return nil
}

func (d *dialect) deleteMCPServer(ctx context.Context, who *core.Principal, in deleteMCPServerRequest) (*dialects.Answer, error) {
	if who.Session != nil && who.Tenant.ProtectServers {
		return nil, errMayNotDelete
	}
	if in.refused != nil {
		return nil, in.refused
	}
	return &dialects.Answer{Status: revisionOf(who).deleted}, d.core.DeleteMCPServer(ctx, who.Tenant.ID, core.ByID(in.path.id), in.only)
}

type listMCPServersRequest struct {
	pageRequest
}

// Bind reads the query. Nothing in it is an error.
func (in *listMCPServersRequest) Bind(r *dialects.Request) error {
	in.pageRequest = readPage(r.Query())
	return nil
}

func (d *dialect) listMCPServers(ctx context.Context, who *core.Principal, in listMCPServersRequest) (*page[any], error) {
	rev := revisionOf(who)
	servers, total, err := d.core.MCPServerPage(ctx, who.Tenant.ID, rev.order, in.offset(), in.limit)
	if err != nil {
		return nil, err
	}
	docs := make([]any, len(servers))
	for i := range servers {
		docs[i] = rev.listed(who.Tenant, &servers[i])
	}
	return newPage(in.pageRequest, docs, total), nil
}
