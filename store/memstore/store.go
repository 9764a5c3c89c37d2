// Package memstore keeps everything in memory. It is what `diglot serve
// --memory` and the dialects' tests run on, and it passes the same contract as
// Postgres: core/coretest.
package memstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
)

// Store is a [core.Store] and a [core.Directory]. It is safe for concurrent
// use. What it holds is gone with it.
type Store struct {
	mu        sync.RWMutex
	tenants   map[core.TenantID]*tenant
	names     map[string]*tenant
	refold    map[core.RefoldAddress]*tenant
	cometchat map[core.CometChatAddress]*tenant
	keys      map[core.KeyHash]core.Key
	watchers  map[*watcher]struct{}

	signingKeys []core.SigningKey // the oldest first
	chains      map[core.TenantID][]core.Change
	now         core.Clock // what entries of history are dated by
}

var (
	_ core.Store     = (*Store)(nil)
	_ core.Directory = (*Store)(nil)
)

// tenant is one tenant with all that it owns. Servers and agents are never
// changed in place: a change puts a new one into all indexes, so that a reader
// can copy what it found after letting go of the lock.
type tenant struct {
	core.Tenant
	accounts map[string]core.Account
	sessions map[string][]*session // by account, also those of accounts that are gone
	byPlace  []*core.MCPServer     // in order of place
	byID     map[core.ObjectID]*core.MCPServer
	bySlug   map[string]*core.MCPServer
	named    map[string]int // how many servers have the name
	agents   []*core.Agent  // in order of place
	byUID    map[core.AgentUID]*core.Agent
	kept     map[answerKey]keptAnswer
}

// Option changes what a store is made of.
type Option func(*Store)

// WithClock has history be dated by a clock; without it, by the machine's, as
// that of a database is by its own.
func WithClock(now core.Clock) Option { return func(s *Store) { s.now = now } }

// New makes an empty store.
func New(options ...Option) *Store {
	s := &Store{
		tenants:   map[core.TenantID]*tenant{},
		names:     map[string]*tenant{},
		refold:    map[core.RefoldAddress]*tenant{},
		cometchat: map[core.CometChatAddress]*tenant{},
		keys:      map[core.KeyHash]core.Key{},
		watchers:  map[*watcher]struct{}{},

		signingKeys: []core.SigningKey{{}},
		chains:      map[core.TenantID][]core.Change{},
		now:         time.Now, //nolint:forbidigo // the store's own, as the database's is
	}
	for _, o := range options {
		o(s)
	}
	return s
}

// Ready implements [core.Store]: memory always is.
func (s *Store) Ready(ctx context.Context) error { return ctx.Err() }

var errTenantID = errors.New("the tenant id is not a UUID")

// read runs f on the tenant; an unknown one looks like one that owns nothing.
func (s *Store) read(ctx context.Context, id core.TenantID, f func(*tenant) error) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tenant(id)
	if err := s.enter(ctx, t); err != nil {
		return err
	}
	return f(t)
}

// write is read for functions that change the tenant. They must find all that
// can fail before they change anything.
func (s *Store) write(ctx context.Context, id core.TenantID, f func(*tenant) error) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	if err := core.MeterOf(ctx).Room(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenant(id)
	if err := s.enter(ctx, t); err != nil {
		return err
	}
	return f(t)
}

func check(ctx context.Context, id core.TenantID) error {
	if !id.Valid() {
		return errTenantID
	}
	return ctx.Err()
}

func (s *Store) tenant(id core.TenantID) *tenant {
	if t, ok := s.tenants[id]; ok {
		return t
	}
	return &tenant{}
}

// exists is for writers that would make a row of the tenant.
func (t *tenant) exists() error {
	if t.byID == nil {
		return notFound("tenant")
	}
	return nil
}

// serves is exists for what only clients make: a tenant that is not active has
// no clients.
func (t *tenant) serves() error {
	if t.Status != core.TenantActive {
		return notFound("tenant")
	}
	return t.exists()
}

func (s *Store) sortedTenants() []core.Tenant {
	out := make([]core.Tenant, 0, len(s.names))
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		out = append(out, cloneTenant(&s.names[name].Tenant))
	}
	return out
}

func notFound(noun string) error { return core.Missing(noun) }

func conflict(noun, field string) error { return core.Taken(noun, field) }
