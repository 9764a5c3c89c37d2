package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

const accounts = "linked-account"

// Value is JSON text to send; nil: it is not sent.
type Value = jsontext.Value

// Account is a linked account. Documented: contract 2.8.
type Account struct {
	dialects.Raw

	ID            dialects.String `json:"_id"`
	AssociatedOrg dialects.String `json:"associated_org"`
	AccountID     dialects.String `json:"account_id"`
	Environment   dialects.String `json:"environment"`
	Name          dialects.String `json:"name"`
	UDF           dialects.Array  `json:"udf"`
	Integrations  dialects.Array  `json:"integrations"`
	CreatedAt     dialects.String `json:"createdAt"`
	UpdatedAt     dialects.String `json:"updatedAt"`
	Version       dialects.Number `json:"__v"`
	New           dialects.Bool   `json:"new_account"` // in answers to an upsert
}

// AccountInput is what a creation or an upsert says; what is nil is not sent.
type AccountInput struct {
	AccountID string  `json:"account_id,omitzero"`
	Name      *string `json:"name,omitzero"`
	UDF       Value   `json:"udf,omitzero"` // an object of primitive values
}

// ListLinkedAccounts gives one page of accounts, the first is 1.
func (c *Client) ListLinkedAccounts(ctx context.Context, page, limit int) (*Page[Account], error) {
	return list[Account](ctx, c, request(http.MethodGet, nil, accounts), page, limit)
}

// LinkedAccounts gives each account once. It ends after an error. ErrMoving, ErrTwice, ErrEndless.
func (c *Client) LinkedAccounts(ctx context.Context) iter.Seq2[*Account, error] {
	return walk[Account](ctx, c, accounts, func(a *Account) string { return a.AccountID.Value })
}

// LinkedAccount gives one account, by its account_id.
func (c *Client) LinkedAccount(ctx context.Context, id string) (*Account, error) {
	return vendorhttp.Record[Account](ctx, c.Client, request(http.MethodGet, nil, accounts, id))
}

// CreateLinkedAccount makes an account.
func (c *Client) CreateLinkedAccount(ctx context.Context, in AccountInput) (*Account, error) {
	return vendorhttp.Record[Account](ctx, c.Client, request(http.MethodPost, in, accounts).Once())
}

// UpsertLinkedAccount makes an account or changes what is named of it.
func (c *Client) UpsertLinkedAccount(ctx context.Context, in AccountInput) (*Account, error) {
	return vendorhttp.Record[Account](ctx, c.Client, request(http.MethodPut, in, accounts))
}

// DeleteLinkedAccount removes an account, by its account_id.
func (c *Client) DeleteLinkedAccount(ctx context.Context, id string) error {
	return c.done(ctx, request(http.MethodDelete, nil, accounts, id))
}

// ActiveLinkedAccount gives the account of the client's session token.
func (c *Client) ActiveLinkedAccount(ctx context.Context) (*Account, error) {
	return vendorhttp.Record[Account](ctx, c.Client, request(http.MethodGet, nil, "session", "active-linked-account"))
}

// Session is a session of a linked account; legacy answers with the token alone.
type Session struct {
	Token            vendorhttp.Secret
	RefreshToken     vendorhttp.Secret
	ExpiresIn        dialects.Number // seconds
	RefreshExpiresIn dialects.Number // seconds
}

// CreateSessionToken gives a session token of an account: the one that lives, or
// with fresh a new one.
func (c *Client) CreateSessionToken(ctx context.Context, account string, fresh bool) (*Session, error) {
	r := request(http.MethodPost, map[string]string{"linked_account_id": account}, "session-token")
	r.Private = true
	if fresh {
		r.Query = url.Values{"force_refresh": {"true"}}
	}
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	var wire struct {
		Token            dialects.String `json:"token"`
		RefreshToken     dialects.String `json:"refresh_token"`
		ExpiresIn        dialects.Number `json:"expires_in"`
		RefreshExpiresIn dialects.Number `json:"refresh_expires_in"`
	}
	if err := res.Object(&wire); err != nil {
		return nil, err
	}
	if wire.Token.Value == "" {
		return nil, res.Unreadable(vendorhttp.ErrAnswer)
	}
	return &Session{
		Token: vendorhttp.Secret(wire.Token.Value), RefreshToken: vendorhttp.Secret(wire.RefreshToken.Value),
		ExpiresIn: wire.ExpiresIn, RefreshExpiresIn: wire.RefreshExpiresIn,
	}, nil
}

// RevokeSessionToken ends the session of the client's token.
func (c *Client) RevokeSessionToken(ctx context.Context) error {
	return c.done(ctx, request(http.MethodPost, nil, "session-token", "revoke"))
}
