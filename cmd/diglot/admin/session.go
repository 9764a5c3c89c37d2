package admin

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// Session is a session of a linked account that lives, never its token.
type Session struct {
	ID               string `json:"id"` // unique in its account
	Tenant           string `json:"tenant"`
	Account          string `json:"account"`
	SigningKey       string `json:"signing_key"`
	IssuedAt         Time   `json:"issued_at"`
	ExpiresAt        Time   `json:"expires_at"`
	RefreshExpiresAt Time   `json:"refresh_expires_at"`
}

// FromSession gives a tenant's session.
func FromSession(tenant string, s core.Session) Session {
	at := func(seconds int64) Time { return Time(time.Unix(seconds, 0)) }
	return Session{
		sessionName(s.SessionID), tenant, s.Account, SigningKeyName(s.KeyID), at(s.IssuedAt), at(s.ExpiresAt), at(s.RefreshExpiresAt),
	}
}

// sessionName gives what an account's sessions are told apart by: when it was
// issued and when it expires, in seconds since the epoch, and its signing key.
func sessionName(s core.SessionID) string {
	name := strconv.FormatInt(s.IssuedAt, 10) + "." + strconv.FormatInt(s.ExpiresAt, 10)
	if s.KeyID != "" {
		name += "." + s.KeyID
	}
	return name
}

// ParseSession reads the id of an account's session; ok is false for what is none.
func ParseSession(account, name string) (id core.SessionID, ok bool) {
	parts := strings.SplitN(name, ".", 3)
	if len(parts) < 2 {
		return id, false
	}
	id.Account = account
	var err, wrong error
	id.IssuedAt, err = strconv.ParseInt(parts[0], 10, 64)
	id.ExpiresAt, wrong = strconv.ParseInt(parts[1], 10, 64)
	if len(parts) == 3 {
		id.KeyID = parts[2]
	}
	return id, err == nil && wrong == nil && sessionName(id) == name
}

// NewSession is a session that was made: the only time that its token is shown.
type NewSession struct {
	Session

	Token string `json:"token"`
}

// ErrNoRefold is why a tenant has no session tokens.
var ErrNoRefold error = &core.Error{
	Kind: core.Conflict, Noun: "tenant", Fields: map[string]string{"status": "has no Refold address"},
	Message: "session tokens are Refold's, and the tenant has no Refold address",
}

// IssueSession makes a session of a tenant's linked account and its token.
// NotFound; [ErrNoRefold].
func IssueSession(
	ctx context.Context, o *core.Operator, tokens *refold.Tokens, t core.Tenant, account string, lifetime time.Duration,
) (NewSession, error) {
	if t.Refold == nil {
		return NewSession{}, ErrNoRefold
	}
	s, err := o.IssueSession(ctx, t, core.NewSession{
		Account: account, Lifetime: lifetime, RefreshLifetime: refold.DefaultLifetimes.Refresh, Fresh: true,
	})
	if err != nil {
		return NewSession{}, err
	}
	token, err := tokens.Token(*t.Refold, s.SessionID)
	return NewSession{FromSession(t.Name, s), token}, err
}

func (h *Handler) listSessions(r *request) (reply, error) {
	account := r.PathValue("account")
	last, err := r.afterOf("sessions", 1)
	if err != nil {
		return reply{}, err
	}
	var after core.SessionID
	if last != nil {
		var ok bool
		if after, ok = ParseSession(account, last[0]); !ok {
			return reply{}, errCursor
		}
	}
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	found, err := h.Operator.SessionsAfter(r.ctx, t, account, after, r.limit+1)
	if err != nil {
		return reply{}, err
	}
	return page(r, found, func(s core.Session) Session { return FromSession(t.Name, s) }, func(s core.Session) string {
		return cursor("sessions", sessionName(s.SessionID))
	}), nil
}

func (h *Handler) createSession(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	seconds := int64(refold.DefaultLifetimes.Token / time.Second)
	set(&seconds, r.body.integer("lifetime_seconds", 1, maxSeconds))
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	made, err := IssueSession(r.ctx, h.Operator, h.Tokens, t, r.PathValue("account"), time.Duration(seconds)*time.Second)
	return reply{status: http.StatusCreated, body: made}, err
}

// Revoked is how many sessions were ended.
type Revoked struct {
	Revoked int `json:"revoked"`
}

func (h *Handler) revokeSessions(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	n, err := h.Operator.RevokeSessions(r.ctx, t, r.PathValue("account"))
	return reply{status: http.StatusOK, body: Revoked{n}}, err
}

func (h *Handler) revokeSession(r *request) (reply, error) {
	t, err := h.tenant(r)
	if err != nil {
		return reply{}, err
	}
	id, ok := ParseSession(r.PathValue("account"), r.PathValue("session"))
	if !ok {
		return reply{}, ErrNoSession
	}
	return reply{status: http.StatusNoContent}, h.Operator.RevokeSession(r.ctx, t, id)
}

// ErrNoSession is what is wrong with an id that no session has.
var ErrNoSession error = core.Missing("session")
