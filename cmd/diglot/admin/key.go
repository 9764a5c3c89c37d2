package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// maxSeconds bounds a lifetime and an overlap: ten years.
const maxSeconds = 10 * 365 * 24 * 3600

// NewAPIKey makes a key's value in the vendor's shape. Whether the tenant may
// have one there is the operator's to say.
func NewAPIKey(t core.Tenant, dialect core.DialectName) string {
	if dialect == core.Refold && t.Refold != nil {
		return refold.NewAPIKey(t.Refold.Environment)
	}
	return cometchat.NewAPIKey()
}

func keyPath(tenant, id string) string { return tenantPath(tenant) + "/keys/" + id }

// key gives the key that the path names, which is one of the path's tenant.
func (h *Handler) key(r *request) (core.Tenant, core.Key, error) {
	t, err := h.tenant(r)
	if err != nil {
		return core.Tenant{}, core.Key{}, err
	}
	owner, k, err := h.Operator.Key(r.ctx, r.PathValue("key"))
	if err == nil && owner.ID != t.ID {
		err = core.Missing("key")
	}
	return t, k, err
}

func (h *Handler) listKeys(r *request) (reply, error) {
	last, err := r.afterOf("keys", 2)
	if err != nil {
		return reply{}, err
	}
	var after core.KeyPosition
	if last != nil {
		micros, err := strconv.ParseInt(last[0], 10, 64)
		if err != nil || !core.TenantID(last[1]).Valid() { // no UUID
			return reply{}, errCursor
		}
		after = core.KeyPosition{CreatedAt: time.UnixMicro(micros).UTC(), ID: last[1]}
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.KeysAfter(r.ctx, t, after, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, func(k core.Key) Key { return FromKey(h.Operator, t.Name, k) }, func(k core.Key) string {
		return cursor("keys", strconv.FormatInt(k.CreatedAt.UnixMicro(), 10), k.ID)
	}), nil
}

// readKind reads which dialect's key is wanted and what it may do.
func readKind(body *object) (dialect core.DialectName, scope core.KeyScope) {
	body.require("dialect")
	set(&dialect, (*core.DialectName)(body.oneOf("dialect", string(core.Refold), string(core.CometChat))))
	set(&scope, (*core.KeyScope)(body.oneOf("scope", string(core.FullAccess), string(core.AuthOnly))))
	return dialect, scope
}

// readExpiry reads when a key ends, nil: never. That it is to come is for core
// to say.
func readExpiry(body *object) *time.Time {
	const must = "must be a time such as 2027-01-31T00:00:00Z"
	text := body.text("expires_at")
	if text == nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		body.note("expires_at", must)
		return nil
	}
	return new(at.UTC().Truncate(time.Millisecond))
}

func (h *Handler) createKey(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	in := core.NewKey{ExpiresAt: readExpiry(r.body)}
	in.Dialect, in.Scope = readKind(r.body)
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	in.Value = NewAPIKey(t, in.Dialect)
	k, err := h.Operator.IssueKey(r.ctx, t, in)
	if err != nil {
		return reply{}, err
	}
	made := NewKey{Key: FromKey(h.Operator, t.Name, k), Value: in.Value}
	return reply{status: http.StatusCreated, body: made, location: keyPath(t.Name, k.ID)}, nil
}

func (h *Handler) importKeys(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	dialect, scope := readKind(r.body)
	r.body.require("keys")
	values := r.body.texts("keys")
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	keys, err := h.Operator.ImportKeys(r.ctx, t, dialect, scope, values)
	if err != nil {
		return reply{}, err
	}
	list := make([]Key, len(keys))
	for i, k := range keys {
		list[i] = FromKey(h.Operator, t.Name, k)
	}
	return reply{status: http.StatusCreated, body: List{Data: list}}, nil
}

func (h *Handler) getKey(r *request) (reply, error) {
	t, k, err := h.key(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: FromKey(h.Operator, t.Name, k)}, nil
}

func (h *Handler) rotateKey(r *request) (reply, error) {
	t, k, err := h.key(r)
	if err != nil {
		return reply{}, err
	}
	r.body.require("overlap_seconds")
	var overlap int64
	set(&overlap, r.body.integer("overlap_seconds", 0, maxSeconds))
	expiresAt := readExpiry(r.body)
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	value := NewAPIKey(t, k.Dialect)
	next, old, err := h.Operator.RotateKey(r.ctx, k.ID, value, time.Duration(overlap)*time.Second, expiresAt)
	if err != nil {
		return reply{}, err
	}
	made := NewKey{FromKey(h.Operator, t.Name, next), value, new(FromKey(h.Operator, t.Name, old))}
	return reply{status: http.StatusCreated, body: made, location: keyPath(t.Name, next.ID)}, nil
}

func (h *Handler) revokeKey(r *request) (reply, error) {
	t, k, err := h.key(r)
	if err != nil {
		return reply{}, err
	}
	if k, err = h.Operator.RevokeKey(r.ctx, k.ID); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: FromKey(h.Operator, t.Name, k)}, nil
}
