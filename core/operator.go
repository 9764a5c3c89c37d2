package core

import (
	"context"
	"strings"
	"time"
)

// Operator is the use cases of those who run Diglot: tenants, keys, accounts,
// sessions and what their tokens are signed with.
type Operator struct {
	directory Directory
	secret    *Secret
	now       Clock
	newID     IDSource
}

// OperatorOption changes what an operator is made of.
type OperatorOption func(*Operator)

// WithIDs has object ids taken from a source; without it, from a new one.
func WithIDs(next IDSource) OperatorOption { return func(o *Operator) { o.newID = next } }

// NewOperator makes an operator over a directory.
func NewOperator(directory Directory, secret *Secret, now Clock, options ...OperatorOption) *Operator {
	o := &Operator{directory: directory, secret: secret, now: now, newID: NewIDSource()}
	for _, option := range options {
		option(o)
	}
	return o
}

// CreateTenant adds a tenant; its id and creation time are made here, and its
// Refold revision is legacy where none is given. Invalid; Conflict on "name",
// "refold" or "cometchat".
func (o *Operator) CreateTenant(ctx context.Context, t Tenant) (Tenant, error) {
	if t.RefoldRevision == "" {
		t.RefoldRevision = RefoldLegacy
	}
	if err := t.Validate(); err != nil {
		return Tenant{}, err
	}
	t.ID, t.CreatedAt = NewTenantID(), o.today()
	return t, o.directory.CreateTenant(ctx, t)
}

// UpdateTenant changes the settings that the update names, and gives the
// tenant as it is then. Gateways follow at once. Invalid, NotFound.
func (o *Operator) UpdateTenant(ctx context.Context, t Tenant, u TenantUpdate) (Tenant, error) {
	if u.URLTemplate != nil {
		t.URLTemplate = *u.URLTemplate
	}
	if u.RefoldRevision != nil {
		t.RefoldRevision = *u.RefoldRevision
	}
	if u.RequireAccounts != nil {
		t.RequireAccounts = *u.RequireAccounts
	}
	if u.ProtectServers != nil {
		t.ProtectServers = *u.ProtectServers
	}
	if u.StrongETags != nil {
		t.StrongETags = *u.StrongETags
	}
	if u.RequireIfMatch != nil {
		t.RequireIfMatch = *u.RequireIfMatch
	}
	if err := t.Validate(); err != nil {
		return Tenant{}, err
	}
	return o.directory.UpdateTenant(ctx, t.Name, u)
}

// Tenants gives all tenants by name.
func (o *Operator) Tenants(ctx context.Context) ([]Tenant, error) { return o.directory.Tenants(ctx) }

// Tenant gives the tenant of that name. NotFound.
func (o *Operator) Tenant(ctx context.Context, name string) (Tenant, error) {
	return o.directory.Tenant(ctx, name)
}

// CreateKey makes the value a key of the tenant in a dialect that may do
// everything there; only its hash is kept. Invalid when the tenant has no
// address in that dialect; Conflict on "key" when the value is a key already.
func (o *Operator) CreateKey(ctx context.Context, t Tenant, dialect DialectName, value string) (Key, error) {
	return o.CreateScopedKey(ctx, t, dialect, "", value)
}

// CreateScopedKey is CreateKey with a scope; none is [FullAccess]. Invalid also
// for any scope of a Refold key.
func (o *Operator) CreateScopedKey(
	ctx context.Context, t Tenant, dialect DialectName, scope KeyScope, value string,
) (Key, error) {
	if err := t.mustHave(dialect); err != nil {
		return Key{}, err
	}
	switch {
	case scope == "":
		scope = FullAccess
	case dialect == Refold:
		return Key{}, invalid("key", map[string]string{"scope": "is for CometChat keys: Refold's have none"})
	case !scope.Valid():
		return Key{}, invalid("key", map[string]string{"scope": "must be fullAccess or authOnly"})
	}
	k := Key{
		ID: NewUUID(), Tenant: t.ID, Dialect: dialect, Scope: scope,
		Hash: o.secret.KeyHash(dialect, value), CreatedAt: o.today(),
	}
	return k, o.directory.CreateKey(ctx, k)
}

func (t *Tenant) mustHave(dialect DialectName) error {
	switch {
	case dialect == Refold && t.Refold != nil, dialect == CometChat && t.CometChat != nil:
		return nil
	case dialect == Refold || dialect == CometChat:
		return invalid("key", map[string]string{"dialect": "is " + string(dialect) + ", and tenant " + t.Name + " has no address there"})
	default:
		return invalid("key", map[string]string{"dialect": "must be refold or cometchat"})
	}
}

// CreateAccount adds a linked account. Invalid; Conflict on "id".
func (o *Operator) CreateAccount(ctx context.Context, t Tenant, id string) (Account, error) {
	at := o.today()
	a := Account{Tenant: t.ID, ID: id, ObjectID: o.newID(at), CreatedAt: at, UpdatedAt: at, Version: 1}
	if err := a.Validate(); err != nil {
		return Account{}, err
	}
	return a, o.directory.CreateAccount(ctx, a)
}

// Account gives a tenant's linked account. NotFound.
func (o *Operator) Account(ctx context.Context, t Tenant, id string) (Account, error) {
	return o.directory.Account(ctx, t.ID, id)
}

// IssueSession gives a session of a tenant's linked account, as
// [Service.IssueSession] does. NotFound.
func (o *Operator) IssueSession(ctx context.Context, t Tenant, in NewSession) (Session, error) {
	return o.directory.IssueSession(ctx, t.ID, in.request(o.now()))
}

// RotateSigningKey makes a key with a random id, which signs from then on. What
// others have signed stays good.
func (o *Operator) RotateSigningKey(ctx context.Context) (SigningKey, error) {
	id := "k" + strings.ReplaceAll(NewUUID(), "-", "")
	return o.directory.CreateSigningKey(ctx, SigningKey{ID: id, CreatedAt: o.today()})
}

// SigningKeys gives all signing keys, the newest first.
func (o *Operator) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return o.directory.SigningKeys(ctx)
}

// RetireSigningKey ends all sessions of a key and gives their number. NotFound;
// Conflict on "newest" for the key that signs.
func (o *Operator) RetireSigningKey(ctx context.Context, id string) (k SigningKey, ended int, err error) {
	return o.directory.RetireSigningKey(ctx, id, o.today())
}

func (o *Operator) today() time.Time { return o.now().UTC().Truncate(time.Millisecond) }
