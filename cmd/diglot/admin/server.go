package admin

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/diglot/diglot/core"
)

// Server is an MCP server, without what its tenant made it do.
type Server struct {
	ID        string `json:"id"`
	Tenant    string `json:"tenant"` // its name
	Slug      string `json:"slug"`
	Name      string `json:"name"`
	Revision  int64  `json:"revision"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
	// Of a deleted one: when, and until when it can be undeleted.
	DeletedAt     *Time `json:"deleted_at,omitempty"`
	UndeleteUntil *Time `json:"undelete_until,omitempty"`
}

// FromServer gives a tenant's server.
func FromServer(tenant string, s *core.MCPServer) Server {
	return Server{s.ID.String(), tenant, s.Slug, s.Name, s.Revision, Time(s.CreatedAt), Time(s.UpdatedAt), nil, nil}
}

// FromDeletedServer gives a tenant's server that was deleted; keep is how long it
// can be undeleted.
func FromDeletedServer(tenant string, d *core.DeletedMCPServer, keep time.Duration) Server {
	s := FromServer(tenant, &d.MCPServer)
	s.DeletedAt, s.UndeleteUntil = new(Time(d.DeletedAt)), new(Time(d.DeletedAt.Add(keep)))
	return s
}

// ServerRef reads what names a server: 24 hex digits are an id, all else a slug.
func ServerRef(text string) core.MCPServerRef {
	if id, ok := core.ParseObjectID(text); ok {
		return core.ByID(id)
	}
	return core.BySlug(text)
}

var errNoServer = core.Missing("mcp_server")

// server gives the server that the path names, which may be none.
func (r *request) server() (core.MCPServerRef, error) {
	text := r.PathValue("mcp_server")
	if !core.ValidText(text) {
		return core.MCPServerRef{}, errNoServer
	}
	return ServerRef(text), nil
}

func (h *Handler) listServers(r *request) (reply, error) {
	gone := false
	switch text, given := r.query["deleted"]; {
	case text == "true":
		gone = true
	case given && text != "false":
		return reply{}, wrongParameters([]FieldError{{Parameter: "deleted", Detail: "must be true or false"}})
	}
	if gone {
		return h.listDeletedServers(r)
	}
	last, err := r.afterOf("servers", 1)
	if err != nil {
		return reply{}, err
	}
	after := core.Place(-1)
	if last != nil {
		place, err := strconv.ParseInt(last[0], 10, 64)
		if err != nil || place < 0 || place == math.MaxInt64 {
			return reply{}, errCursor
		}
		after = core.Place(place)
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.MCPServersAfter(r.ctx, t, after, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, func(s core.MCPServer) Server { return FromServer(t.Name, &s) }, func(s core.MCPServer) string {
		return cursor("servers", strconv.FormatInt(int64(s.Place), 10))
	}), nil
}

func (h *Handler) listDeletedServers(r *request) (reply, error) {
	before, err := r.seqBefore("deleted")
	if err != nil {
		return reply{}, err
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.DeletedMCPServers(r.ctx, t, h.KeepImagesFor, before, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, func(d core.DeletedMCPServer) Server { return FromDeletedServer(t.Name, &d, h.KeepImagesFor) },
		func(d core.DeletedMCPServer) string { return cursor("deleted", strconv.FormatInt(d.Seq, 10)) }), nil
}

func (h *Handler) listServerHistory(r *request) (reply, error) {
	before, err := r.seqBefore("history")
	if err != nil {
		return reply{}, err
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	ref, err := r.server()
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.MCPServerHistory(r.ctx, t, ref, before, r.limit+1)
	return changePage(r, "history", found), err
}

func (h *Handler) revertServer(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	ref, err := r.server()
	if err != nil {
		return reply{}, err
	}
	r.body.require("revision")
	revision := r.body.integer("revision", 1, math.MaxInt64)
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	s, err := h.Operator.RevertMCPServer(r.ctx, t, ref, *revision)
	return reply{status: http.StatusOK, body: FromServer(t.Name, &s)}, err
}

func (h *Handler) undeleteServer(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	id, ok := core.ParseObjectID(r.PathValue("mcp_server"))
	if !ok {
		return reply{}, errNoServer
	}
	s, err := h.Operator.UndeleteMCPServer(r.ctx, t, id, h.KeepImagesFor)
	if e, is := errors.AsType[*core.Error](err); is && (e.Kind == core.Conflict || e.Kind == core.OverQuota) {
		return reply{}, &failure{kind: conflict, detail: e.Message} // it is no member's fault
	}
	return reply{status: http.StatusOK, body: FromServer(t.Name, &s)}, err
}
