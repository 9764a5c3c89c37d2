package testmode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

// state is what is kept, as far as a test mode replaces it. Its methods are called
// one at a time.
type state interface {
	// begin makes the tenants, and takes what there is then for the start.
	begin(ctx context.Context) error
	// end removes what test mode made and would outlive it.
	end(ctx context.Context) error
	// create makes a tenant.
	create(ctx context.Context, t Tenant) error
	// seeds reports why a tenant that there is may not be seeded. Conflict.
	seeds(t core.Tenant) error
	// reset brings back the start: of one tenant, or of all where the name is empty.
	// NotFound.
	reset(ctx context.Context, tenant string) error
	// snapshot keeps what there is under a name, in place of what had it.
	snapshot(name string) error
	// restore brings back what was kept. NotFound.
	restore(name string) error
	// drop forgets what was kept. NotFound.
	drop(name string) error
	// snapshots are the names, sorted.
	snapshots() []string
	// undo gives what brings back what there is now; nil: that can't be done.
	undo() func()
}

// memory is state in memory: all of it can be copied.
type memory struct {
	mode  *Mode
	start *kept

	mu    sync.Mutex
	named map[string]*kept
}

// kept is state at a moment, with the place in the row of ids: what is made after
// it was restored is called as it was the first time.
type kept struct {
	data *memstore.Snapshot
	seed *uint64
	made made
}

func (s *memory) take() *kept {
	k := &kept{data: s.mode.backend.Memory.Snapshot()}
	k.seed, k.made = s.mode.IDs.at()
	return k
}

func (s *memory) put(k *kept) {
	s.mode.backend.Memory.Restore(k.data)
	s.mode.IDs.goTo(k.seed, k.made)
	s.mode.forget()
}

func (s *memory) begin(ctx context.Context) error {
	for _, t := range s.mode.options.Tenants {
		if err := s.create(ctx, t); err != nil {
			return err
		}
	}
	s.mode.known.add(s.mode.options.Tenants...)
	s.start, s.named = s.take(), map[string]*kept{}
	return nil
}

func (s *memory) end(context.Context) error { return nil }

func (s *memory) create(ctx context.Context, t Tenant) error {
	return t.create(ctx, s.mode.backend.Operator, func(core.Tenant) {})
}

func (s *memory) seeds(core.Tenant) error { return nil }

func (s *memory) reset(_ context.Context, tenant string) error {
	if tenant == "" {
		s.put(s.start)
		return nil
	}
	err := s.mode.backend.Memory.RestoreTenant(s.start.data, tenant)
	s.mode.forget()
	return err
}

func (s *memory) snapshot(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named[name] = s.take()
	return nil
}

func (s *memory) restore(name string) error {
	s.mu.Lock()
	k := s.named[name]
	s.mu.Unlock()
	if k == nil {
		return noSnapshot(name)
	}
	s.put(k)
	return nil
}

func (s *memory) drop(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named[name] == nil {
		return noSnapshot(name)
	}
	delete(s.named, name)
	return nil
}

func noSnapshot(name string) error {
	return &core.Error{Kind: core.NotFound, Noun: "snapshot", Message: "there is no snapshot " + name}
}

func (s *memory) snapshots() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.named))
}

func (s *memory) undo() func() {
	k := s.take()
	return func() { s.put(k) }
}

// database is state in PostgreSQL: tenants are removed and made anew, by the same
// means as an operator has. Only what test mode made is touched: this run, or one
// before it that did not end in order.
type database struct {
	mode *Mode

	mu   sync.Mutex
	made map[core.TenantID]bool // of this run: their addresses may have been changed
}

// NotOursError is why a test mode does not begin: a tenant of a name that it takes
// was there before.
type NotOursError struct{ Tenant string }

// Error implements error.
func (e *NotOursError) Error() string {
	return fmt.Sprintf("the database has a tenant %q that test mode did not make", e.Tenant)
}

// owns reports whether test mode made a tenant. One of an earlier run is known by
// its addresses: both follow from its name, and nobody else has them by accident.
func (s *database) owns(t core.Tenant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Tenant{Name: t.Name}.Credentials()
	return s.made[t.ID] || t.Refold != nil && t.Refold.OrgID == c.RefoldOrg && t.Refold.Environment == core.Test &&
		t.CometChat != nil && t.CometChat.AppID == c.CometChatApp && t.CometChat.Region == c.Region
}

func (s *database) begin(ctx context.Context) error {
	found, err := s.mode.backend.Operator.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range found {
		taken := slices.ContainsFunc(s.mode.options.Tenants, func(o Tenant) bool { return o.Name == t.Name })
		if taken && !s.owns(t) {
			return &NotOursError{t.Name}
		}
	}
	s.mode.known.add(s.mode.options.Tenants...)
	return s.remake(ctx)
}

// remake has the tenants that there are to be, and nothing in them.
func (s *database) remake(ctx context.Context) error {
	if err := s.end(ctx); err != nil {
		return err
	}
	for _, t := range s.mode.options.Tenants {
		if err := s.create(ctx, t); err != nil {
			return errors.Join(err, s.end(ctx))
		}
	}
	return nil
}

func (s *database) create(ctx context.Context, t Tenant) error {
	return t.create(ctx, s.mode.backend.Operator, func(made core.Tenant) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.made == nil {
			s.made = map[core.TenantID]bool{}
		}
		s.made[made.ID] = true
	})
}

// end removes what test mode made.
func (s *database) end(ctx context.Context) error {
	found, err := s.mode.backend.Operator.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range found {
		if !s.owns(t) {
			continue
		}
		if err := s.mode.backend.Operator.DeleteTenant(core.WithActor(ctx, actor), t.Name, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *database) reset(ctx context.Context, tenant string) error {
	defer s.mode.forget()
	if tenant == "" {
		s.mode.IDs.Reset() // the tenants' ids are made anew too
		return s.remake(ctx)
	}
	t, err := s.mode.backend.Operator.Tenant(ctx, tenant)
	if err == nil {
		if !s.owns(t) {
			return errNotOurs
		}
		err = s.mode.backend.Operator.DeleteTenant(core.WithActor(ctx, actor), tenant, nil)
	}
	if err != nil && core.KindOf(err) != core.NotFound {
		return err
	}
	for _, t := range s.mode.options.Tenants {
		if t.Name == tenant {
			return s.create(ctx, t)
		}
	}
	return err
}

// seeds refuses a tenant that test mode did not make: a seed gives keys that follow
// from the name, which everybody can make.
func (s *database) seeds(t core.Tenant) error {
	if s.owns(t) {
		return nil
	}
	return errNotOurs
}

var errNotOurs = &core.Error{Kind: core.Conflict, Noun: "tenant", Message: "test mode did not make the tenant: in a database it is left alone"}

var errInMemory = &core.Error{
	Kind: core.Conflict, Noun: "snapshot", Message: "snapshots need everything in memory: start with --memory, or seed after a reset",
}

func (s *database) snapshot(string) error { return errInMemory }
func (s *database) restore(string) error  { return errInMemory }
func (s *database) drop(string) error     { return errInMemory }
func (s *database) snapshots() []string   { return []string{} }
func (s *database) undo() func()          { return nil }
