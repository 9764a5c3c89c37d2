package refold

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/diglot/diglot/core"
)

// Lifetimes say how long new tokens are good for, in whole seconds.
type Lifetimes struct {
	Token   time.Duration
	Refresh time.Duration // of the refresh token that v3 answers with; no less than Token
}

// DefaultLifetimes are what there is without a setting. Of a token the vendor's
// pages say 24 hours, about 7 days, and "service configuration"; the recorded
// one lived 72 hours. The legacy pages' word is taken. That a refresh token
// lives 30 days is read from what the v3 example has left (inferred).
var DefaultLifetimes = Lifetimes{Token: 24 * time.Hour, Refresh: 30 * 24 * time.Hour}

// MinTokenLifetime is the least that tokens are issued for: a shorter one would
// not be given twice, see [core.Service.IssueSession].
const MinTokenLifetime = time.Minute

// tokenLeeway is how far the clocks of two instances may differ.
const tokenLeeway = 30 * time.Second

// maxVerified bounds the memory of verified tokens. Past it, it starts afresh.
const maxVerified = 50_000

// Tokens signs and verifies the tokens of sessions: JWTs signed with HS256, and
// nothing else. It is safe for concurrent use.
type Tokens struct {
	lifetimes Lifetimes
	secret    *core.Secret
	first     []byte // the key of the id ""; nil: the secret has not the version that it is of

	// verified remembers the claims of genuine tokens by their SHA-256: a client
	// sends the same one with each request, and reading it costs more than all
	// else that a request is asked. Expiry is judged anew each time.
	mu       sync.RWMutex
	verified map[[sha256.Size]byte]claims
}

// NewTokens makes tokens under an installation's secret; those that clients
// ask for live that long.
func NewTokens(secret *core.Secret, l Lifetimes) *Tokens {
	t := &Tokens{lifetimes: l, secret: secret}
	t.first, _ = secret.DeriveFrom(core.SigningKeyVersion(""), signaturePurpose)
	return t
}

const signaturePurpose = "session token signature"

// key gives the key of an id. It is made anew each time: who sends made-up ids
// shall not fill a memory, and a token's signature is looked at once. Without a
// key it is an error: an empty one would be anybody's.
func (t *Tokens) key(id string) (key []byte, err error) {
	if id == "" {
		key = t.first
	} else {
		key, _ = t.secret.DeriveFrom(core.SigningKeyVersion(id), signaturePurpose+" "+id)
	}
	if key == nil {
		return nil, errNoKey
	}
	return key, nil
}

// claims are a session token's, in the recorded order; times are seconds
// since the epoch. Recorded: contract 2.7. A refresh token's has one more,
// before those two as the vendor's signer has it (inferred).
type claims struct {
	OrgID           string `json:"org_id"`
	LinkedAccountID string `json:"linked_account_id"`
	Environment     string `json:"environment"`
	IsRefresh       bool   `json:"is_refresh,omitempty"`
	IssuedAt        int64  `json:"iat"`
	ExpiresAt       int64  `json:"exp"`

	KeyID string `json:"-"` // the header's kid
}

// session is what the token was issued for.
func (c *claims) session() core.SessionID {
	return core.SessionID{Account: c.LinkedAccountID, IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, KeyID: c.KeyID}
}

func claimsOf(address core.RefoldAddress, s core.SessionID) claims {
	return claims{
		OrgID: address.OrgID, LinkedAccountID: s.Account, Environment: string(address.Environment),
		IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt, KeyID: s.KeyID,
	}
}

// Token gives the token of a session, the same each time.
func (t *Tokens) Token(address core.RefoldAddress, s core.SessionID) (string, error) {
	return t.sign(claimsOf(address, s))
}

// RefreshToken gives the refresh token of a session, the same each time. It is
// no session token.
func (t *Tokens) RefreshToken(address core.RefoldAddress, s core.Session) (string, error) {
	c := claimsOf(address, s.SessionID)
	c.IsRefresh, c.ExpiresAt = true, s.RefreshExpiresAt
	return t.sign(c)
}

// sign names no key in the header while it is the first one: recorded tokens
// have none.
func (t *Tokens) sign(c claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	if c.KeyID != "" {
		token.Header["kid"] = c.KeyID
	}
	key, err := t.key(c.KeyID)
	if err != nil {
		return "", err
	}
	return token.SignedString(key)
}

// verify gives the claims of a genuine session token that is good now. Whether
// its session lives is not for it to know.
func (t *Tokens) verify(token string, now time.Time) (claims, error) {
	digest := sha256.Sum256([]byte(token))
	t.mu.RLock()
	c, known := t.verified[digest]
	t.mu.RUnlock()
	if known {
		return c, c.validAt(now)
	}
	c, err := t.parse(token)
	if err != nil {
		return claims{}, err
	}
	t.mu.Lock()
	if t.verified == nil || len(t.verified) >= maxVerified {
		t.verified = make(map[[sha256.Size]byte]claims)
	}
	t.verified[digest] = c
	t.mu.Unlock()
	return c, c.validAt(now)
}

var (
	errBadKeyID     = errors.New("the token's header has a kid that no key has")
	errNoKey        = errors.New("the token's signing key is of a version of the secret that this instance has not")
	errRefreshToken = errors.New("a refresh token is no session token")
)

func (t *Tokens) parse(token string) (c claims, err error) {
	key := func(token *jwt.Token) (any, error) {
		kid, named := token.Header["kid"]
		if !named {
			return t.key("")
		}
		id, isText := kid.(string)
		if !isText || !core.ValidSigningKeyID(id) {
			return nil, errBadKeyID
		}
		c.KeyID = id
		return t.key(id)
	}
	_, err = jwt.ParseWithClaims(token, &c, key,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation())
	if err == nil && c.IsRefresh {
		err = errRefreshToken
	}
	return c, err
}

// validAt says why a token with these claims is not good at a moment.
func (c claims) validAt(now time.Time) error {
	switch {
	case !now.Add(-tokenLeeway).Before(time.Unix(c.ExpiresAt, 0)): // one without an end ended in 1970
		return jwt.ErrTokenExpired
	case now.Add(tokenLeeway).Before(time.Unix(c.IssuedAt, 0)):
		return jwt.ErrTokenUsedBeforeIssued
	}
	return nil
}

// The methods below implement [jwt.Claims].

// GetExpirationTime gives the moment the token ends.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}

// GetIssuedAt gives the moment the token was made.
func (c claims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}

// GetNotBefore gives nothing: the recorded tokens have no such claim.
func (claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuer gives nothing: the recorded tokens have no such claim.
func (claims) GetIssuer() (string, error) { return "", nil }

// GetSubject gives nothing: the recorded tokens have no such claim.
func (claims) GetSubject() (string, error) { return "", nil }

// GetAudience gives nothing: the recorded tokens have no such claim.
func (claims) GetAudience() (jwt.ClaimStrings, error) { return nil, nil }
