package refold

import (
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

// Tokens mints and verifies session tokens: JWTs signed with HS256.
type Tokens struct {
	key []byte
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

func (t *Tokens) verify(token string, now time.Time) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(tokenLeeway),
		jwt.WithTimeFunc(func() time.Time { return now }))
	return c, err
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
