package core

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Account is a linked account: an end user of the tenant's product, in whose
// name session tokens are minted.
type Account struct {
	Tenant    TenantID
	ID        string // chosen by the tenant, unique in it, never changes
	ObjectID  ObjectID
	Name      *string        // nil: never given
	Fields    []AccountField // the tenant's own; nil: never given, which is not the same as empty
	CreatedAt time.Time      // UTC, whole milliseconds
	UpdatedAt time.Time      // UTC, whole milliseconds; never before CreatedAt
	Version   int64          // 1 or, where an upsert made it, 0; one more each time its fields are replaced
}

// AccountField is one of a tenant's own fields of an account. Fields are
// replaced as a whole, so that one that stays is a new one as well.
type AccountField struct {
	ID        ObjectID
	Name      string
	Value     JSON
	CreatedAt time.Time // UTC, whole milliseconds
}

// NewAccount is what a client says of an account that it creates or upserts.
type NewAccount struct {
	ID     string
	Name   *string            // nil leaves it alone in an upsert
	Fields *[]NewAccountField // nil leaves them alone in an upsert
}

// NewAccountField is a field without an id.
type NewAccountField struct {
	Name  string
	Value JSON
}

// maxAccountIDBytes bounds a linked account's id: clients send it in a header
// and the store keeps it in an index.
const maxAccountIDBytes = 500

// Validate reports what keeps the account from being created, as an [Invalid] error.
func (a *Account) Validate() error { return invalid("account", a.problems()) }

func (a *Account) problems() map[string]string {
	fields := map[string]string{}
	if a.ID == "" || len(a.ID) > maxAccountIDBytes || !ValidText(a.ID) || strings.TrimSpace(a.ID) != a.ID {
		fields["id"] = "must be 1 to 500 bytes of text without surrounding space"
	}
	checkText(fields, "name", a.Name, false)
	for i, f := range a.Fields {
		checkText(fields, "fields."+strconv.Itoa(i), &f.Name, false)
	}
	return fields
}

// CreateLinkedAccount adds an account to the tenant. Invalid; Conflict on "id".
func (s *Service) CreateLinkedAccount(ctx context.Context, tenant TenantID, in NewAccount) (Account, error) {
	a := s.newAccount(tenant, &in)
	a.Version = 1
	if err := a.Validate(); err != nil {
		return Account{}, err
	}
	return a, s.store.CreateAccount(ctx, a)
}

// UpsertLinkedAccount changes what is said of the account of that id, and adds
// it where there is none. Invalid.
func (s *Service) UpsertLinkedAccount(
	ctx context.Context, tenant TenantID, in NewAccount,
) (account Account, created bool, err error) {
	a := s.newAccount(tenant, &in)
	if err := a.Validate(); err != nil {
		return Account{}, false, err
	}
	account, err = s.store.UpsertAccount(ctx, a)
	return account, account.ObjectID == a.ObjectID, err
}

func (s *Service) newAccount(tenant TenantID, in *NewAccount) Account {
	now := s.now()
	at := now.UTC().Truncate(time.Millisecond)
	a := Account{Tenant: tenant, ID: in.ID, ObjectID: s.newID(now), Name: in.Name, CreatedAt: at, UpdatedAt: at}
	if in.Fields != nil {
		a.Fields = make([]AccountField, len(*in.Fields))
		for i, f := range *in.Fields {
			a.Fields[i] = AccountField{ID: s.newID(now), Name: f.Name, Value: f.Value, CreatedAt: at}
		}
	}
	return a
}

// LinkedAccount gives one account. NotFound.
func (s *Service) LinkedAccount(ctx context.Context, tenant TenantID, id string) (Account, error) {
	return s.store.Account(ctx, tenant, id)
}

// LinkedAccountPage gives up to limit accounts from offset on, in that order,
// and how many the tenant has.
func (s *Service) LinkedAccountPage(
	ctx context.Context, tenant TenantID, order Order, offset, limit int,
) ([]Account, int, error) {
	return s.store.AccountPage(ctx, tenant, order, offset, limit)
}

// DeleteLinkedAccount removes one account; session tokens for it are good for
// nothing from then on. NotFound.
func (s *Service) DeleteLinkedAccount(ctx context.Context, tenant TenantID, id string) error {
	if err := s.store.DeleteAccount(ctx, tenant, id); err != nil {
		return err
	}
	s.cache.forget(tenant) // the watch will tell of it, maybe after the client's next request
	return nil
}
