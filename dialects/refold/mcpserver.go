package refold

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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

func (in *createMCPServerRequest) toCore() core.NewMCPServer {
	return core.NewMCPServer{Name: in.Name.Value, Description: &in.Description.Value, RefuseSameName: true}
}

// createMCPServerResponse has three members and no more, in either generation
// of the documentation.
type createMCPServerResponse struct {
	ID          string `json:"_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (d *dialect) createMCPServer(ctx context.Context, who *core.Principal, in createMCPServerRequest) (*createMCPServerResponse, error) {
	s, err := d.core.CreateMCPServer(ctx, who.Tenant.ID, in.toCore())
	if err != nil {
		return nil, err
	}
	return &createMCPServerResponse{ID: s.ID.String(), Name: s.Name, Description: text(s.Description)}, nil
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

func (d *dialect) mcpServer(ctx context.Context, who *core.Principal, in serverPath) (*mcpServerResponse, error) {
	s, err := d.core.MCPServer(ctx, who.Tenant.ID, core.ByID(in.id))
	if err != nil {
		return nil, err
	}
	return fromMCPServer(who.Tenant, &s), nil
}

func (d *dialect) updateMCPServer(ctx context.Context, who *core.Principal, in updateMCPServerRequest) (*mcpServerResponse, error) {
	s, err := d.core.UpdateMCPServer(ctx, who.Tenant.ID, core.ByID(in.path.id), in.update)
	if err != nil {
		return nil, err
	}
	out := fromMCPServer(who.Tenant, &s)
	out.Version = new(int)
	return out, nil
}

func (d *dialect) deleteMCPServer(ctx context.Context, who *core.Principal, in serverPath) (*struct{}, error) {
	return nil, d.core.DeleteMCPServer(ctx, who.Tenant.ID, core.ByID(in.id))
}

type listMCPServersRequest struct {
	pageRequest
}

// Bind reads the query. Nothing in it is an error.
func (in *listMCPServersRequest) Bind(r *dialects.Request) error {
	in.pageRequest = readPage(r.Query())
	return nil
}

// listedMCPServer is a server as the legacy list prints it. Recorded: contract 2.4.
type listedMCPServer struct {
	ID          string `json:"_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

func (d *dialect) listMCPServers(ctx context.Context, who *core.Principal, in listMCPServersRequest) (*page[listedMCPServer], error) {
	servers, total, err := d.core.MCPServerPage(ctx, who.Tenant.ID, core.OldestFirst, in.offset(), in.limit)
	if err != nil {
		return nil, err
	}
	docs := make([]listedMCPServer, len(servers))
	for i := range servers {
		s := &servers[i]
		docs[i] = listedMCPServer{s.ID.String(), s.Name, text(s.Description), timestamp(s.CreatedAt), timestamp(s.UpdatedAt)}
	}
	return newPage(in.pageRequest, docs, total), nil
}

// mcpServerResponse is the full object, members in the order of seed 002:
// chains come last because the vendor's database appended them at an update.
type mcpServerResponse struct {
	ID              string         `json:"_id"`
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	AssociatedOrgID string         `json:"associated_org_id"`
	Environment     string         `json:"environment"`
	Suggestions     jsontext.Value `json:"suggestions"`
	AssociatedApps  jsontext.Value `json:"associated_apps"`
	Resources       jsontext.Value `json:"resources"`
	CreatedAt       string         `json:"createdAt"`
	UpdatedAt       string         `json:"updatedAt"`
	Version         *int           `json:"__v,omitzero"` // only an update prints it: 0, always
	Chains          jsontext.Value `json:"chains,omitzero"`
}

func fromMCPServer(t *core.Tenant, s *core.MCPServer) *mcpServerResponse {
	return &mcpServerResponse{
		ID: s.ID.String(), Name: s.Name, Description: text(s.Description),
		AssociatedOrgID: t.Refold.OrgID, Environment: string(t.Refold.Environment),
		Suggestions: array(s.Suggestions), AssociatedApps: array(s.AssociatedApps), Resources: array(s.Resources),
		CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt), Chains: fromChains(s.Chains),
	}
}

// fromChains prints each chain with its id last; nothing where none were ever sent.
func fromChains(chains []core.Chain) jsontext.Value {
	if chains == nil {
		return nil
	}
	out := make([]core.JSON, len(chains))
	for i, c := range chains {
		fields := c.Fields[:len(c.Fields)-1] // without the closing brace
		b := append(make(core.JSON, 0, len(fields)+40), fields...)
		if len(fields) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, `"_id":"`...), c.ID.String()...)
		out[i] = append(b, `"}`...)
	}
	return jsontext.Value(dialects.JoinArray(out))
}

// array shows an array that was never given as an empty one.
func array(j core.JSON) jsontext.Value {
	if j == nil {
		return jsontext.Value("[]")
	}
	return jsontext.Value(j)
}

// text shows a description that was never given, as the other dialect may
// leave it, as an empty one.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// timestamp prints ISO-8601 UTC with three decimals and Z, as JavaScript does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
