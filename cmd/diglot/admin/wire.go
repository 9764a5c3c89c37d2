package admin

import (
	"errors"
	"time"

	"github.com/diglot/diglot/core"
)

// The things of the API as JSON has them; the program's commands print the same.

// Time is a moment as RFC 3339 in UTC with milliseconds.
type Time time.Time

const timeFormat = "2006-01-02T15:04:05.000Z"

// String gives the moment as it is written.
func (t Time) String() string { return time.Time(t).UTC().Format(timeFormat) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *Time) UnmarshalText(text []byte) error {
	at, err := time.Parse(timeFormat, string(text))
	*t = Time(at)
	return err
}

func optTime(t *time.Time) *Time { return (*Time)(t) }

// Tenant is a tenant.
type Tenant struct {
	ID             core.TenantID `json:"id"`
	Name           string        `json:"name"`
	Status         string        `json:"status"`
	Refold         *Refold       `json:"refold,omitempty"`
	CometChat      *CometChat    `json:"cometchat,omitempty"`
	URLTemplate    string        `json:"url_template,omitempty"`
	ETags          ETags         `json:"etags"`
	RequireIfMatch bool          `json:"require_if_match"`
	Limits         Limits        `json:"limits"`
	CreatedAt      Time          `json:"created_at"`
	Counts         *Counts       `json:"counts,omitempty"` // where one tenant is shown
}

// Refold is a tenant's Refold address and what is set for it.
type Refold struct {
	Org             string              `json:"org"`
	Env             core.Environment    `json:"env"`
	Revision        core.RefoldRevision `json:"revision"`
	RequireAccounts bool                `json:"require_accounts"`
	ProtectServers  bool                `json:"protect_servers"`
}

// CometChat is a tenant's CometChat address.
type CometChat struct {
	App    string `json:"app"`
	Region string `json:"region"`
}

// Counts is how much a tenant has.
type Counts struct {
	Servers  int `json:"servers"`
	Agents   int `json:"agents"`
	Accounts int `json:"accounts"`
	Keys     int `json:"keys"`
}

// ETags says which entity tags a tenant's clients get without asking. It is a
// flag's value.
type ETags string

// The entity tags there are to choose from.
const (
	VendorETags ETags = "vendor" // the vendor's, which are weak
	StrongETags ETags = "strong"
)

// String implements [github.com/spf13/pflag.Value].
func (e *ETags) String() string { return string(*e) }

// Type implements [github.com/spf13/pflag.Value].
func (e *ETags) Type() string { return "string" }

// Set implements [github.com/spf13/pflag.Value].
func (e *ETags) Set(s string) error {
	if s != string(VendorETags) && s != string(StrongETags) {
		return errors.New("it must be vendor or strong")
	}
	*e = ETags(s)
	return nil
}

// FromTenant gives a tenant without its counts.
func FromTenant(t core.Tenant) Tenant {
	out := Tenant{
		ID: t.ID, Name: t.Name, Status: t.Status.String(), URLTemplate: t.URLTemplate,
		ETags: VendorETags, RequireIfMatch: t.RequireIfMatch, Limits: FromLimits(t.Limits), CreatedAt: Time(t.CreatedAt),
	}
	if t.StrongETags {
		out.ETags = StrongETags
	}
	if a := t.Refold; a != nil {
		out.Refold = &Refold{a.OrgID, a.Environment, t.RefoldRevision, t.RequireAccounts, t.ProtectServers}
	}
	if a := t.CometChat; a != nil {
		out.CometChat = &CometChat{a.AppID, a.Region}
	}
	return out
}

// FromCounts gives how much a tenant has.
func FromCounts(n core.TenantCounts) *Counts { return &Counts{n.Servers, n.Agents, n.Accounts, n.Keys} }

// Key is an API key that there is, never its value.
type Key struct {
	ID         string           `json:"id"`
	Tenant     string           `json:"tenant"` // its name
	Dialect    core.DialectName `json:"dialect"`
	Scope      core.KeyScope    `json:"scope,omitempty"` // none in a dialect whose keys have none
	Hint       string           `json:"hint,omitempty"`  // the end of its value; keys of before have none
	Status     core.KeyStatus   `json:"status"`
	CreatedAt  Time             `json:"created_at"`
	ExpiresAt  *Time            `json:"expires_at,omitempty"`
	RevokedAt  *Time            `json:"revoked_at,omitempty"`
	LastUsedAt *Time            `json:"last_used_at,omitempty"`
}

// FromKey gives a tenant's key as it is now.
func FromKey(o *core.Operator, tenant string, k core.Key) Key {
	out := Key{
		ID: k.ID, Tenant: tenant, Dialect: k.Dialect, Scope: k.Scope, Hint: k.Hint, Status: o.KeyStatus(k), CreatedAt: Time(k.CreatedAt),
		ExpiresAt: optTime(k.ExpiresAt), RevokedAt: optTime(k.RevokedAt), LastUsedAt: optTime(k.LastUsedAt),
	}
	if k.Dialect == core.Refold {
		out.Scope = ""
	}
	return out
}

// NewKey is a key that was made: the only time that its value is shown.
type NewKey struct {
	Key

	Value    string `json:"key"`
	Replaced *Key   `json:"replaced,omitempty"` // the key that was rotated
}

// Account is a linked account. Its tenant's own fields of it are not an
// operator's to see.
type Account struct {
	ID        string  `json:"id"`
	Tenant    string  `json:"tenant"` // its name
	ObjectID  string  `json:"object_id"`
	Name      *string `json:"name,omitempty"`
	CreatedAt Time    `json:"created_at"`
	UpdatedAt Time    `json:"updated_at"`
}

// FromAccount gives a tenant's linked account.
func FromAccount(tenant string, a core.Account) Account {
	return Account{a.ID, tenant, a.ObjectID.String(), a.Name, Time(a.CreatedAt), Time(a.UpdatedAt)}
}

// SigningKey is what session tokens are signed with.
type SigningKey struct {
	ID        string `json:"id"`
	Signs     bool   `json:"signs"`
	CreatedAt *Time  `json:"created_at,omitempty"` // the first key has none
	RetiredAt *Time  `json:"retired_at,omitempty"`
}

// firstSigningKey names the key whose id is empty.
const firstSigningKey = "first"

// SigningKeyName gives the name that an operator has for a signing key.
func SigningKeyName(id string) string {
	if id == "" {
		return firstSigningKey
	}
	return id
}

// SigningKeyID gives the id of the signing key of that name.
func SigningKeyID(name string) string {
	if name == firstSigningKey {
		return ""
	}
	return name
}

// FromSigningKey gives a signing key.
func FromSigningKey(k core.SigningKey, signs bool) SigningKey {
	out := SigningKey{ID: SigningKeyName(k.ID), Signs: signs, RetiredAt: optTime(k.RetiredAt)}
	if k.ID != "" {
		out.CreatedAt = new(Time(k.CreatedAt))
	}
	return out
}

// FromSigningKeys gives all signing keys, the newest first, as they come.
func FromSigningKeys(keys []core.SigningKey) []SigningKey {
	list, signs := make([]SigningKey, len(keys)), true
	for i, k := range keys {
		list[i] = FromSigningKey(k, signs && k.RetiredAt == nil)
		signs = signs && k.RetiredAt != nil
	}
	return list
}
