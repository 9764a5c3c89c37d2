package admin

import (
	"net/http"
	"net/url"

	"github.com/diglot/diglot/core"
)

func (h *Handler) tenant(r *request) (core.Tenant, error) {
	return h.Operator.Tenant(r.ctx, r.PathValue("tenant"))
}

func tenantPath(name string) string { return "/tenants/" + url.PathEscape(name) }

func (h *Handler) listTenants(r *request) (reply, error) {
	after, err := r.afterOf("tenants", 1)
	if err != nil {
		return reply{}, err
	}
	name := ""
	if after != nil {
		name = after[0]
	}
	found, err := h.Operator.TenantsAfter(r.ctx, name, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, FromTenant, func(t core.Tenant) string { return cursor("tenants", t.Name) }), nil
}

// readSettings reads what a body says of a tenant. Half an address is completed
// with the one that the tenant has.
func readSettings(body *object, has core.Tenant) (u core.TenantUpdate) {
	if o := body.object("refold"); o != nil {
		address := core.RefoldAddress{}
		if has.Refold != nil {
			address = *has.Refold
		}
		org, env := o.text("org"), (*core.Environment)(o.oneOf("env", string(core.Test), string(core.Production)))
		if has.Refold == nil {
			o.require("org", "env")
		}
		set(&address.OrgID, org)
		set(&address.Environment, env)
		u.Refold = &address
		u.RefoldRevision = (*core.RefoldRevision)(o.oneOf("revision", string(core.RefoldLegacy), string(core.RefoldV3)))
		u.RequireAccounts = o.boolean("require_accounts")
		u.ProtectServers = o.boolean("protect_servers")
	}
	if o := body.object("cometchat"); o != nil {
		address := core.CometChatAddress{}
		if has.CometChat != nil {
			address = *has.CometChat
		}
		app, region := o.text("app"), o.oneOf("region", "us", "eu", "in")
		if has.CometChat == nil {
			o.require("app", "region")
		}
		set(&address.AppID, app)
		set(&address.Region, region)
		u.CometChat = &address
	}
	u.URLTemplate = body.text("url_template")
	if tags := body.oneOf("etags", string(VendorETags), string(StrongETags)); tags != nil {
		u.StrongETags = new(*tags == string(StrongETags))
	}
	u.RequireIfMatch = body.boolean("require_if_match")
	u.Limits = readLimits(body, has.Limits)
	return u
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (h *Handler) createTenant(r *request) (reply, error) {
	r.body.require("name")
	t := core.Tenant{RefoldRevision: core.RefoldLegacy}
	set(&t.Name, r.body.text("name"))
	t = t.With(readSettings(r.body, t))
	if err := r.body.check(t.Validate()); err != nil {
		return reply{}, err
	}
	exchangeOf(r.ctx).tenant = t.Name
	t, err := h.Operator.CreateTenant(r.ctx, t)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, body: FromTenant(t), location: tenantPath(t.Name)}, nil
}

func (h *Handler) getTenant(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	n, err := h.Operator.TenantCounts(r.ctx, t)
	if err != nil {
		return reply{}, err
	}
	out := FromTenant(t)
	out.Counts = FromCounts(n)
	return reply{status: http.StatusOK, body: out}, nil
}

func (h *Handler) updateTenant(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	update := readSettings(r.body, t)
	changed := t.With(update)
	if err := r.body.check(changed.Validate()); err != nil {
		return reply{}, err
	}
	if t, err = h.Operator.UpdateTenant(r.ctx, t, update); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: FromTenant(t)}, nil
}

func (h *Handler) suspendTenant(r *request) (reply, error) {
	t, err := h.Operator.SuspendTenant(r.ctx, r.PathValue("tenant"))
	return reply{status: http.StatusOK, body: FromTenant(t)}, err
}

func (h *Handler) resumeTenant(r *request) (reply, error) {
	t, err := h.Operator.ResumeTenant(r.ctx, r.PathValue("tenant"))
	return reply{status: http.StatusOK, body: FromTenant(t)}, err
}

// deleteTenant answers when the tenant is marked, from when on its credentials
// are unknown; what it has goes behind the answer.
func (h *Handler) deleteTenant(r *request) (reply, error) {
	t, err := h.Operator.BeginTenantDeletion(r.ctx, r.PathValue("tenant"))
	if err != nil {
		return reply{}, err
	}
	h.deletions.start(core.ActorOf(r.ctx), t.Name)
	return reply{status: http.StatusAccepted, body: FromTenant(t), location: tenantPath(t.Name)}, nil
}
