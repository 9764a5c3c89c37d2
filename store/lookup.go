package store

import (
	"context"
	"sync"

	"github.com/diglot/diglot/core"
)

// owners remembers whose credentials were, only to know in whose turn one is
// looked up: what it says may be of the past, and is never an answer.
type owners struct {
	mu sync.RWMutex
	of map[string]core.TenantID
}

// maxOwners bounds what is remembered. Past it, it starts afresh.
const maxOwners = 50_000

func (o *owners) get(credential string) core.TenantID {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.of[credential]
}

func (o *owners) put(credential string, tenant core.TenantID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil || len(o.of) >= maxOwners {
		o.of = make(map[string]core.TenantID)
	}
	o.of[credential] = tenant
}

// lookUp reads a tenant by a credential, and what else there is in the columns
// before the tenant's. A credential that was somebody's is looked up in that
// tenant's turn. Whoever tries others is in the way of those who come anew, and of
// nobody who is known.
func (s *Store) lookUp(ctx context.Context, credential string, before []any, sql string, args ...any) (core.Tenant, error) {
	between, of := s.turns, s.owners.get(credential)
	if of == anybody {
		between = s.lookUps
	}
	turn, err := between.take(ctx, of)
	if err != nil {
		return core.Tenant{}, err
	}
	defer between.end(turn)
	var r tenantRow
	if err := s.db.QueryRow(ctx, sql, args...).Scan(append(before, r.columns()...)...); err != nil {
		return core.Tenant{}, err
	}
	if of != core.TenantID(r.id) {
		s.owners.put(credential, core.TenantID(r.id))
	}
	return r.toCore(), nil
}
