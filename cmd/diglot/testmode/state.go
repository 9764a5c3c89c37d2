package testmode

import (
	"context"
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
	// reset brings back the start: of one tenant, or of all where the name is empty.
	// NotFound.
	reset(ctx context.Context, tenant string) error
	// snapshot keeps what there is under a name, in place of what had it.
	snapshot(name string) error
	// restore brings back what was kept. NotFound.
	restore(name string) error
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
		if err := t.create(ctx, s.mode.backend.Operator); err != nil {
			return err
		}
	}
	s.mode.known.add(s.mode.options.Tenants...)
	s.start, s.named = s.take(), map[string]*kept{}
	return nil
}

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
		return &core.Error{Kind: core.NotFound, Noun: "snapshot", Message: "there is no snapshot " + name}
	}
	s.put(k)
	return nil
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
// means as an operator has.
type database struct {
	mode   *Mode
	others map[string]bool // tenants that were there before: they are left alone
}

func (s *database) begin(ctx context.Context) error {
	found, err := s.mode.backend.Operator.Tenants(ctx)
	if err != nil {
		return err
	}
	s.others = map[string]bool{}
	for _, t := range found {
		s.others[t.Name] = true
	}
	for _, t := range s.mode.options.Tenants {
		delete(s.others, t.Name)
	}
	s.mode.known.add(s.mode.options.Tenants...)
	return s.remake(ctx)
}

// remake has the tenants that there are to be, and nothing in them.
func (s *database) remake(ctx context.Context) error {
	found, err := s.mode.backend.Operator.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range found {
		if s.others[t.Name] {
			continue
		}
		if err := s.mode.backend.Operator.DeleteTenant(core.WithActor(ctx, actor), t.Name, nil); err != nil {
			return err
		}
	}
	for _, t := range s.mode.options.Tenants {
		if err := t.create(ctx, s.mode.backend.Operator); err != nil {
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
	if s.others[tenant] {
		return &core.Error{Kind: core.Conflict, Noun: "tenant", Message: "the tenant was there before test mode began: it is left alone"}
	}
	err := s.mode.backend.Operator.DeleteTenant(core.WithActor(ctx, actor), tenant, nil)
	if err != nil && core.KindOf(err) != core.NotFound {
		return err
	}
	for _, t := range s.mode.options.Tenants {
		if t.Name == tenant {
			return t.create(ctx, s.mode.backend.Operator)
		}
	}
	return err
}

var errInMemory = &core.Error{
	Kind: core.Conflict, Noun: "snapshot", Message: "snapshots need everything in memory: start with --memory, or seed after a reset",
}

func (s *database) snapshot(string) error { return errInMemory }
func (s *database) restore(string) error  { return errInMemory }
func (s *database) snapshots() []string   { return []string{} }
func (s *database) undo() func()          { return nil }
