package refold

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/diglot/diglot/core"
)

// DefaultTokenLifetime is how long a session token is good for. The vendor's
// pages say 24 hours, about 7 days, and "service configuration"; the recorded
// token lived 72 hours. The legacy pages' word is taken.
const DefaultTokenLifetime = 24 * time.Hour

// tokenLeeway is how far the clocks of two instances may differ.
const tokenLeeway = 30 * time.Second

// maxVerified bounds the memory of verified tokens. Past it, it starts afresh.
const maxVerified = 50_000

// Tokens mints and verifies session tokens: JWTs signed with HS256. It is safe
// for concurrent use.
type Tokens struct {
	key []byte

	// verified remembers the claims of genuine tokens by their SHA-256: a client
	// sends the same one with each request, and reading it costs more than all
	// else that a request is asked. Expiry is judged anew each time.
	mu       sync.RWMutex
	verified map[[sha256.Size]byte]claims
}

// NewTokens makes tokens under an installation's secret.
func NewTokens(secret *core.Secret) *Tokens {
	return &Tokens{key: secret.Derive("session token signature")}
}

// claims are a session token's, in the recorded order; times are seconds
// since the epoch. Recorded: contract 2.7.
type claims struct {
	OrgID           string `json:"org_id"`
	LinkedAccountID string `json:"linked_account_id"`
	Environment     string `json:"environment"`
	IssuedAt        int64  `json:"iat"`
	ExpiresAt       int64  `json:"exp"`
}

// Mint makes a token that acts for a linked account until now plus lifetime,
// in whole seconds.
func (t *Tokens) Mint(address core.RefoldAddress, account string, now time.Time, lifetime time.Duration) (string, error) {
	c := claims{
		OrgID: address.OrgID, LinkedAccountID: account, Environment: string(address.Environment),
		IssuedAt: now.Unix(), ExpiresAt: now.Add(lifetime).Unix(),
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(t.key)
}

// verify gives the claims of a genuine token that is good now.
func (t *Tokens) verify(token string, now time.Time) (claims, error) {
	digest := sha256.Sum256([]byte(token))
	t.mu.RLock()
	c, known := t.verified[digest]
	t.mu.RUnlock()
	if known {
		return c, c.validAt(now)
	}
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation())
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
