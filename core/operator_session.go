package core

import "context"

// DeleteAccount removes a linked account; its sessions end with it. NotFound.
func (o *Operator) DeleteAccount(ctx context.Context, t Tenant, id string) error {
	return o.changed(t.ID, o.directory.DeleteAccount(ctx, t.ID, id))
}

// RevokeSession ends one session for good. NotFound: there is none, or it has
// ended.
func (o *Operator) RevokeSession(ctx context.Context, t Tenant, id SessionID) error {
	return o.changed(t.ID, o.directory.RevokeSession(ctx, t.ID, id, o.today()))
}

// RevokeSessions ends all sessions of an account for good and gives how many
// lived. NotFound: the tenant has no such account.
func (o *Operator) RevokeSessions(ctx context.Context, t Tenant, account string) (int, error) {
	n, err := o.directory.RevokeSessions(ctx, t.ID, account, o.today())
	return n, o.changed(t.ID, err)
}
