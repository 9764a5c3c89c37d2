package admin

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/diglot/diglot/core"
)

func accountPath(tenant, id string) string {
	return tenantPath(tenant) + "/accounts/" + url.PathEscape(id)
}

func (h *Handler) listAccounts(r *request) (reply, error) {
	last, err := r.afterOf("accounts", 2)
	if err != nil {
		return reply{}, err
	}
	var after core.AccountPosition
	if last != nil {
		micros, err := strconv.ParseInt(last[0], 10, 64)
		id, ok := core.ParseObjectID(last[1])
		if err != nil || !ok {
			return reply{}, errCursor
		}
		after = core.AccountPosition{CreatedAt: time.UnixMicro(micros).UTC(), ObjectID: id}
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.AccountsAfter(r.ctx, t, after, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, func(a core.Account) Account { return FromAccount(t.Name, a) }, func(a core.Account) string {
		return cursor("accounts", strconv.FormatInt(a.CreatedAt.UnixMicro(), 10), a.ObjectID.String())
	}), nil
}

func (h *Handler) createAccount(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	r.body.require("id")
	id := ""
	set(&id, r.body.text("id"))
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	a, err := h.Operator.CreateAccount(r.ctx, t, id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, body: FromAccount(t.Name, a), location: accountPath(t.Name, a.ID)}, nil
}

func (h *Handler) getAccount(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	a, err := h.Operator.Account(r.ctx, t, r.PathValue("account"))
	return reply{status: http.StatusOK, body: FromAccount(t.Name, a)}, err
}

func (h *Handler) deleteAccount(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, h.Operator.DeleteAccount(r.ctx, t, r.PathValue("account"))
}
