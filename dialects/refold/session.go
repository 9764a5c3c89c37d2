package refold

import (
	"context"
	"fmt"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// createSessionTokenRequest is documented in contract 2.7.
type createSessionTokenRequest struct {
	LinkedAccountID dialects.String `json:"linked_account_id"`

	fresh bool
}

// Bind reads the request. An id that is missing, null, empty or no string is
// one failure; force_refresh is the documented "true" or means nothing.
func (in *createSessionTokenRequest) Bind(r *dialects.Request) error {
	if err := r.JSON(in); err != nil {
		return err
	}
	if in.LinkedAccountID.Value == "" {
		return errNoSessionAccount
	}
	in.fresh = r.Query().Get("force_refresh") == "true"
	return nil
}

func (d *dialect) createSessionToken(ctx context.Context, who *core.Principal, in createSessionTokenRequest) (*dialects.Answer, error) {
	account := in.LinkedAccountID.Value
	s, err := d.core.IssueSession(ctx, who.Tenant.ID, core.NewSession{
		Account: account, Lifetime: d.tokens.lifetimes.Token, RefreshLifetime: d.tokens.lifetimes.Refresh, Fresh: in.fresh,
	})
	if core.KindOf(err) == core.NotFound {
		return nil, fmt.Errorf("%w: %w", errUnknownAccount, ofAccount(account, err))
	}
	if err != nil {
		return nil, err
	}
	t, err := d.tokensOf(*who.Tenant.Refold, s)
	if err != nil {
		return nil, err
	}
	return &dialects.Answer{Body: revisionOf(who).sessionIssued(t)}, nil
}

// sessionTokens is all that can be answered of a session.
type sessionTokens struct {
	token, refreshToken         string
	expiresIn, refreshExpiresIn int64 // seconds that are left
}

func (d *dialect) tokensOf(address core.RefoldAddress, s core.Session) (t sessionTokens, err error) {
	now := d.core.Now().Unix()
	t.expiresIn, t.refreshExpiresIn = s.ExpiresAt-now, s.RefreshExpiresAt-now
	if t.token, err = d.tokens.Token(address, s.SessionID); err != nil {
		return t, fmt.Errorf("sign session token: %w", err)
	}
	if t.refreshToken, err = d.tokens.RefreshToken(address, s); err != nil {
		return t, fmt.Errorf("sign refresh token: %w", err)
	}
	return t, nil
}

type legacySessionToken struct {
	Token string `json:"token"`
}

func legacySessionIssued(t sessionTokens) any { return &legacySessionToken{t.token} }

// v3SessionToken has the order of the vendor's example.
type v3SessionToken struct {
	Token            string `json:"token"`
	RefreshToken     string `json:"refresh_token"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
}

func v3SessionIssued(t sessionTokens) any {
	return &v3SessionToken{t.token, t.refreshToken, t.expiresIn, t.refreshExpiresIn}
}

// revokeSessionTokenRequest has a body that is documented to be unused.
type revokeSessionTokenRequest struct{}

// Bind reads nothing, whatever there is.
func (*revokeSessionTokenRequest) Bind(*dialects.Request) error { return nil }

type revokedSessionToken struct {
	Success      bool `json:"success"`
	RevokedCount int  `json:"revoked_count"`
}

func (d *dialect) revokeSessionToken(ctx context.Context, who *core.Principal, _ revokeSessionTokenRequest) (*revokedSessionToken, error) {
	if err := d.core.RevokeSession(ctx, who); err != nil {
		return nil, err
	}
	return &revokedSessionToken{Success: true, RevokedCount: 1}, nil
}
