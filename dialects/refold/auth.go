package refold

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/diglot/diglot/core"
)

// NewAPIKey makes an API key in the vendor's shape: "pk" for production or
// "tk" for test, glued to a UUID. Recorded: contract 2.2.
func NewAPIKey(environment core.Environment) string {
	prefix := "tk"
	if environment == core.Production {
		prefix = "pk"
	}
	return prefix + core.NewUUID()
}

var keyShape = regexp.MustCompile(`^[pt]k[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// HasKeyShape reports whether a value looks like one of the vendor's API keys.
func HasKeyShape(value string) bool { return keyShape.MatchString(value) }

// NewOrgID makes an org id in the vendor's shape: 24 hex digits.
func NewOrgID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

// authenticate takes a session token, or an API key with a linked account. A
// token "replaces both headers", so it counts where both are sent (inferred).
//
// The account named beside a key is not looked up, unless the tenant says so:
// servers belong to the org and environment, and a client that moves here brings
// accounts that were never registered with Diglot (inferred).
func (d *dialect) authenticate(ctx context.Context, r *http.Request) (*core.Principal, error) {
	who, err := d.principal(ctx, r)
	if who == nil {
		return nil, err
	}
	return forRequest(r.Header, who), err
}

// onlyByKey is for operations of the org: a key alone says who it is, and a
// session token, which speaks for one account, does not.
func (d *dialect) onlyByKey(ctx context.Context, r *http.Request) (*core.Principal, error) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		return nil, &core.Error{Kind: core.NoCredential, Noun: "credential", Message: "no key, which alone is taken here"}
	}
	who, err := d.core.PrincipalByKey(ctx, core.Refold, key)
	if err != nil {
		return nil, err
	}
	return forRequest(r.Header, who), nil
}

// onlyByToken is for what a linked account asks about itself.
func (d *dialect) onlyByToken(ctx context.Context, r *http.Request) (*core.Principal, error) {
	token, isToken := bearer(r.Header.Get("Authorization"))
	if !isToken {
		return nil, errNoToken
	}
	who, err := d.byToken(ctx, token)
	switch {
	case core.KindOf(err) == core.BadCredential:
		return nil, fmt.Errorf("%w: %w", errBadToken, err)
	case err != nil:
		return nil, err
	}
	return forRequest(r.Header, who), nil
}

// byKeyOrToken takes either; as everywhere the token counts where both are sent.
func (d *dialect) byKeyOrToken(ctx context.Context, r *http.Request) (*core.Principal, error) {
	if _, isToken := bearer(r.Header.Get("Authorization")); isToken {
		return d.onlyByToken(ctx, r)
	}
	if r.Header.Get("X-Api-Key") == "" {
		return nil, neither(r.Header)
	}
	return d.onlyByKey(ctx, r)
}

// neither says what is wrong with a request that has no token and no key: another
// scheme is a bad credential (inferred).
func neither(h http.Header) error {
	if h.Get("Authorization") != "" {
		return &core.Error{Kind: core.BadCredential, Noun: "credential", Message: "the authorization is not a bearer token"}
	}
	return &core.Error{Kind: core.NoCredential, Noun: "credential", Message: "neither a token nor a key"}
}

// principal gives the key's tenant also where no account is named beside it.
func (d *dialect) principal(ctx context.Context, r *http.Request) (*core.Principal, error) {
	token, isToken := bearer(r.Header.Get("Authorization"))
	if isToken {
		return d.byToken(ctx, token)
	}
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		return nil, neither(r.Header)
	}
	p, err := d.core.PrincipalByKey(ctx, core.Refold, key)
	if err != nil {
		return nil, err
	}
	if linkedAccount(r.Header) == "" {
		return p, &core.Error{Kind: core.NoAccount, Noun: "account", Message: "a key without a linked account"}
	}
	return p, nil
}

// checkAccount looks up the account beside a key, for tenants that want it to be
// there. It comes after the tenant's limits: each account that there isn't asks
// the store.
func (d *dialect) checkAccount(ctx context.Context, r *http.Request, who *core.Principal) error {
	if who.Session != nil {
		return nil
	}
	account := linkedAccount(r.Header)
	return ofAccount(account, d.core.CheckAccount(ctx, who, account))
}

func (d *dialect) byToken(ctx context.Context, token string) (*core.Principal, error) {
	c, err := d.tokens.verify(token, d.core.Now())
	if err != nil {
		return nil, &core.Error{Kind: core.BadCredential, Noun: "credential", Message: "the session token is not valid", Err: err}
	}
	address := core.RefoldAddress{OrgID: c.OrgID, Environment: core.Environment(c.Environment)}
	return d.core.PrincipalBySession(ctx, address, c.session())
}

// bearer takes the token out of an Authorization header; the scheme's case
// does not matter (RFC 9110, 11.1).
func bearer(authorization string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "bearer")
}

// linkedAccount reads the header in the vendor's spelling or with dashes: a
// proxy may drop headers with underscores, and the vendor's own overview has
// the dashes once.
func linkedAccount(h http.Header) string {
	if id := h.Get("linked_account_id"); id != "" {
		return id
	}
	return h.Get("Linked-Account-Id")
}
