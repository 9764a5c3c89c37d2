package core

import (
	"context"
	"time"
)

// KeyPosition is a place in a list of keys; the zero one is before the first.
type KeyPosition struct {
	CreatedAt time.Time
	ID        string // UUID
}

// AccountPosition is a place in a list of linked accounts; the zero one is
// before the first.
type AccountPosition struct {
	CreatedAt time.Time
	ObjectID  ObjectID
}

// SessionQuery asks for up to Limit of an account's sessions that live and
// expire after ExpiresAfter, in seconds since the epoch: those that come after
// After, whose account is not looked at; after the zero one, the first.
type SessionQuery struct {
	Account      string
	After        SessionID
	ExpiresAfter int64
	Limit        int
}

// TenantsAfter gives up to limit tenants whose names come after that one, by
// name in byte order; after "", the first.
func (o *Operator) TenantsAfter(ctx context.Context, name string, limit int) ([]Tenant, error) {
	return o.directory.TenantsAfter(ctx, name, limit)
}

// KeysAfter gives up to limit of a tenant's keys from a position on, the oldest
// first, also those that are good no more.
func (o *Operator) KeysAfter(ctx context.Context, t Tenant, after KeyPosition, limit int) ([]Key, error) {
	return o.directory.KeysAfter(ctx, t.ID, after, limit)
}

// AccountsAfter gives up to limit of a tenant's linked accounts from a position
// on, the oldest first.
func (o *Operator) AccountsAfter(ctx context.Context, t Tenant, after AccountPosition, limit int) ([]Account, error) {
	return o.directory.AccountsAfter(ctx, t.ID, after, limit)
}

// SessionsAfter gives up to limit sessions of an account that live, from one of
// them on, the oldest first. NotFound: the tenant has no such account.
func (o *Operator) SessionsAfter(ctx context.Context, t Tenant, account string, after SessionID, limit int) ([]Session, error) {
	if _, err := o.directory.Account(ctx, t.ID, account); err != nil {
		return nil, err
	}
	return o.directory.SessionsAfter(ctx, t.ID, SessionQuery{Account: account, After: after, ExpiresAfter: o.now().Unix(), Limit: limit})
}
