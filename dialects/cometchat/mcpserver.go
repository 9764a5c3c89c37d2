package cometchat

import (
	"context"
	"hash/crc32"
	"net/http"
	"strconv"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// mcpServerBody is what a client says of a server. Members that the vendor
// does not document are ignored.
type mcpServerBody struct {
	Name        dialects.String `json:"name"`
	Slug        dialects.String `json:"slug"`
	Description dialects.String `json:"description"`
	URL         dialects.String `json:"url"`
	Icon        dialects.String `json:"icon"`
}

type createMCPServerRequest struct {
	server core.NewMCPServer
}

// Bind reads the request; its failure names every field that is wrong.
func (in *createMCPServerRequest) Bind(r *dialects.Request) error {
	var body mcpServerBody
	if err := r.JSON(&body); err != nil {
		return err
	}
	var p problems
	name := p.required("name", body.Name, isName)
	slug := p.required("slug", body.Slug, isSlug)
	description := p.optional("description", body.Description, isText)
	url := p.required("url", body.URL, isURL)
	icon := p.optional("icon", body.Icon, isIcon)
	if err := p.err(); err != nil {
		return err
	}
	in.server = core.NewMCPServer{Name: *name, Slug: *slug, Description: description, URL: *url}
	if icon != nil {
		in.server.Icon = *icon
	}
	return nil
}

func (d *dialect) createMCPServer(ctx context.Context, who *core.Principal, in createMCPServerRequest) (*dialects.Answer, error) {
	show := func(s *core.MCPServer) *dialects.Answer { return about(who, s) }
	dialects.Keep(ctx, http.StatusCreated, show)
	in.server.MaxServers = who.Tenant.Limits.Servers
	s, err := d.core.CreateMCPServer(ctx, who.Tenant.ID, in.server)
	if err != nil {
		return nil, aboutSlug(in.server.Slug, err)
	}
	return show(&s), nil
}

// serverPath is the slug in a path. It is free text: what cannot be a slug is
// the slug of no server.
type serverPath struct {
	slug string
}

// Bind reads the path.
func (in *serverPath) Bind(r *dialects.Request) error {
	in.slug = r.Param("slug")
	if !core.ValidSlug(in.slug) {
		return aboutSlug(in.slug, &core.Error{Kind: core.NotFound, Noun: "mcp_server", Message: "no such slug"})
	}
	return nil
}

func (d *dialect) mcpServer(ctx context.Context, who *core.Principal, in serverPath) (*dialects.Answer, error) {
	s, err := d.core.MCPServer(ctx, who.Tenant.ID, core.BySlug(in.slug))
	if err != nil {
		return nil, aboutSlug(in.slug, err)
	}
	return about(who, &s), nil
}

type updateMCPServerRequest struct {
	path   serverPath
	update core.MCPServerUpdate
	url    dialects.String // as it was sent
	wrong  *problems       // unless the url is what is shown already
}

// Bind reads the request. A slug never changes: one that is sent is ignored,
// as the documented members of this operation do not include it. A url that no
// server may be given can still be what a client has read: that of a server
// which has none is empty, and clients send back what they read.
func (in *updateMCPServerRequest) Bind(r *dialects.Request) error {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	only, err := r.IfMatch()
	if err != nil {
		return err
	}
	var body mcpServerBody
	if err := r.JSON(&body); err != nil {
		return err
	}
	p := &problems{}
	in.url, in.wrong = body.URL, p
	in.update = core.MCPServerUpdate{
		Name:        p.changed("name", body.Name, isName),
		Description: p.optional("description", body.Description, isText),
		URL:         p.changed("url", body.URL, isURL),
		Icon:        p.optional("icon", body.Icon, isIcon),
		If:          only,
	}
	if in.refusedURL() {
		return nil
	}
	return p.err()
}

// refusedURL reports whether a url was sent that no server may be given.
func (in *updateMCPServerRequest) refusedURL() bool {
	return in.url.Presence == dialects.Given && in.update.URL == nil
}

// updateMCPServer leaves the url alone that the server is shown with already:
// else one that comes of the tenant's template would be kept as the server's own.
// Only where it may be one of these is the server read before it is changed.
func (d *dialect) updateMCPServer(ctx context.Context, who *core.Principal, in updateMCPServerRequest) (*dialects.Answer, error) {
	ref := core.BySlug(in.path.slug)
	if in.refusedURL() || in.update.URL != nil && who.Tenant.URLTemplate != "" {
		shown, err := d.core.ShowsURL(ctx, who.Tenant, ref, in.url.Value)
		if err != nil {
			return nil, err
		}
		if shown {
			in.update.URL = nil
			in.wrong.drop("url")
		}
	}
	if err := in.wrong.err(); err != nil {
		return nil, err
	}
	s, err := d.core.UpdateMCPServer(ctx, who.Tenant.ID, ref, in.update)
	if err != nil {
		return nil, aboutSlug(in.path.slug, err)
	}
	return about(who, &s), nil
}

type deleteMCPServerRequest struct {
	path serverPath
	only core.Precondition
}

// Bind reads the request.
func (in *deleteMCPServerRequest) Bind(r *dialects.Request) (err error) {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	in.only, err = r.IfMatch()
	return err
}

// successResponse answers a deletion; that of a server is inferred from the
// service's other deletions: contract 1.3.
type successResponse struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

func succeeded() *successResponse {
	return &successResponse{Success: true, Message: "Operation completed successfully"}
}

func (d *dialect) deleteMCPServer(ctx context.Context, who *core.Principal, in deleteMCPServerRequest) (*successResponse, error) {
	if err := d.core.DeleteMCPServer(ctx, who.Tenant.ID, core.BySlug(in.path.slug), in.only); err != nil {
		return nil, aboutSlug(in.path.slug, err)
	}
	return succeeded(), nil
}

// mcpServerResponse is a server in the order of seed 004; optional members
// that were never given are absent. Times are milliseconds since the epoch.
type mcpServerResponse struct {
	ID          string  `json:"_id"`
	AppID       string  `json:"appId"`
	Slug        string  `json:"slug"`
	Name        string  `json:"name"`
	Description *string `json:"description,omitzero"`
	URL         string  `json:"url"`
	Icon        string  `json:"icon,omitzero"`
	CreatedAt   int64   `json:"createdAt"`
	UpdatedAt   int64   `json:"updatedAt"`
}

// about is an answer about one server. What it shows depends on the server's
// version and, where that has no url, on the tenant's template.
func about(who *core.Principal, s *core.MCPServer) *dialects.Answer {
	a := &dialects.Answer{Body: fromMCPServer(who.Tenant, s), Version: s.Version()}
	if s.URL == "" && who.Tenant.URLTemplate != "" {
		a.View = strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(who.Tenant.URLTemplate))), 16)
	}
	return a
}

// fromMCPServer shows a server. One that was created without a url has the
// tenant's template's, else an empty one.
func fromMCPServer(t *core.Tenant, s *core.MCPServer) *mcpServerResponse {
	return &mcpServerResponse{
		ID: t.CometChat.AppID + "_" + s.Slug, AppID: t.CometChat.AppID, Slug: s.Slug, Name: s.Name,
		Description: s.Description, URL: t.ServerURL(s), Icon: s.Icon,
		CreatedAt: s.CreatedAt.UnixMilli(), UpdatedAt: s.UpdatedAt.UnixMilli(),
	}
}
