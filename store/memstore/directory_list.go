package memstore

import (
	"context"
	"slices"

	"github.com/diglot/diglot/core"
)

// after gives up to limit elements of a sorted list: those that come after.
func after[E any](list []E, limit int, comesAfter func(E) bool) []E {
	if i := slices.IndexFunc(list, comesAfter); i >= 0 {
		return list[i:][:min(max(limit, 0), len(list)-i)]
	}
	return nil
}

// TenantsAfter implements [core.Directory].
func (s *Store) TenantsAfter(ctx context.Context, name string, limit int) ([]core.Tenant, error) {
	tenants, err := s.Tenants(ctx)
	return after(tenants, limit, func(t core.Tenant) bool { return t.Name > name }), err
}

// KeysAfter implements [core.Directory].
func (s *Store) KeysAfter(ctx context.Context, id core.TenantID, from core.KeyPosition, limit int) ([]core.Key, error) {
	keys, err := s.Keys(ctx, id)
	last := core.Key{CreatedAt: from.CreatedAt, ID: from.ID}
	return after(keys, limit, func(k core.Key) bool { return compareKeys(k, last) > 0 }), err
}

// AccountsAfter implements [core.Directory].
func (s *Store) AccountsAfter(
	ctx context.Context, id core.TenantID, from core.AccountPosition, limit int,
) (accounts []core.Account, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		for _, a := range t.accounts {
			accounts = append(accounts, cloneAccount(&a))
		}
		return nil
	})
	slices.SortFunc(accounts, compareAccounts)
	last := core.Account{CreatedAt: from.CreatedAt, ObjectID: from.ObjectID}
	return after(accounts, limit, func(a core.Account) bool { return compareAccounts(a, last) > 0 }), err
}

// SessionsAfter implements [core.Directory].
func (s *Store) SessionsAfter(ctx context.Context, id core.TenantID, q core.SessionQuery) (sessions []core.Session, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		for _, candidate := range t.sessions[q.Account] {
			if candidate.ExpiresAt > q.ExpiresAfter && s.lives(t, candidate.SessionID) {
				sessions = append(sessions, candidate.Session)
			}
		}
		return nil
	})
	slices.SortFunc(sessions, func(a, b core.Session) int { return compareSessions(a.SessionID, b.SessionID) })
	return after(sessions, q.Limit, func(s core.Session) bool { return compareSessions(s.SessionID, q.After) > 0 }), err
}
