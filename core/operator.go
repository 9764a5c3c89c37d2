package core

import (
	"context"
	"strconv"
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
	newUUID   UUIDSource
	service   *Service // nil: none in this process
}

// OperatorOption changes what an operator is made of.
type OperatorOption func(*Operator)

// WithIDs has object ids taken from a source; without it, from a new one.
func WithIDs(next IDSource) OperatorOption { return func(o *Operator) { o.newID = next } }

// WithOperatorUUIDs has the ids of tenants, keys and signing keys taken from a source; without it
// they are random.
func WithOperatorUUIDs(next UUIDSource) OperatorOption { return func(o *Operator) { o.newUUID = next } }

// WithService has a service of this process forget what an operator takes back
// before the operator is told that it is done; others hear of it from the store.
func WithService(s *Service) OperatorOption { return func(o *Operator) { o.service = s } }

// NewOperator makes an operator over a directory.
func NewOperator(directory Directory, secret *Secret, now Clock, options ...OperatorOption) *Operator {
	o := &Operator{directory: directory, secret: secret, now: now, newID: NewIDSource(), newUUID: NewUUID}
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
	t.ID, t.CreatedAt = TenantID(o.newUUID()), o.today()
	return t, o.directory.CreateTenant(ctx, t)
}

// UpdateTenant changes the settings that the update names, and gives the
// tenant as it is then. Gateways follow at once. Invalid, NotFound; Conflict on
// "refold" or "cometchat" for an address that another tenant has, on "status"
// when the tenant is being deleted.
func (o *Operator) UpdateTenant(ctx context.Context, t Tenant, u TenantUpdate) (Tenant, error) {
	t = t.With(u)
	if err := t.Validate(); err != nil {
		return Tenant{}, err
	}
	if t.Status == TenantDeleting {
		return Tenant{}, ErrTenantDeleting
	}
	updated, err := o.directory.UpdateTenant(ctx, t.Name, u)
	return updated, o.changed(t.ID, err)
}

// changed has the service of this process forget a tenant's credentials, also
// after a failure: what was done may have been done all the same.
func (o *Operator) changed(tenant TenantID, err error) error {
	if o.service != nil {
		o.service.cache.forget(tenant)
	}
	return err
}

// Tenants gives all tenants by name.
func (o *Operator) Tenants(ctx context.Context) ([]Tenant, error) { return o.directory.Tenants(ctx) }

// Tenant gives the tenant of that name. NotFound.
func (o *Operator) Tenant(ctx context.Context, name string) (Tenant, error) {
	return o.directory.Tenant(ctx, name)
}

// CreateAccount adds a linked account. Invalid; Conflict on "id", and on
// "status" when the tenant is being deleted.
func (o *Operator) CreateAccount(ctx context.Context, t Tenant, id string) (Account, error) {
	at := o.today()
	a := Account{Tenant: t.ID, ID: id, ObjectID: o.newID(at), CreatedAt: at, UpdatedAt: at, Version: 1}
	if err := a.Validate(); err != nil {
		return Account{}, err
	}
	if t.Status == TenantDeleting {
		return Account{}, ErrTenantDeleting
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

// RotateSigningKey makes a key with a random id, derived from the newest version
// of the secret, which signs from then on. What others have signed stays good.
// Conflict on "instances" while an instance is running that doesn't know that
// version.
func (o *Operator) RotateSigningKey(ctx context.Context) (SigningKey, error) {
	id := "k" + strings.ReplaceAll(o.newUUID(), "-", "")
	if v := o.secret.Newest(); v > 1 {
		id = "s" + strconv.Itoa(v) + "-" + id
	}
	return o.directory.CreateSigningKey(ctx, SigningKey{ID: id, CreatedAt: o.today()})
}

// SigningKeys gives all signing keys, the newest first.
func (o *Operator) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return o.directory.SigningKeys(ctx)
}

// RetireSigningKey ends all sessions of a key. NotFound; Conflict on "newest" for
// the key that signs.
func (o *Operator) RetireSigningKey(ctx context.Context, id string) (SigningKey, error) {
	return o.directory.RetireSigningKey(ctx, id, o.today())
}

func (o *Operator) today() time.Time { return o.now().UTC().Truncate(time.Millisecond) }
