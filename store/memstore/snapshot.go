package memstore

import (
	"maps"
	"slices"

	"github.com/diglot/diglot/core"
)

// Snapshot is all that a store held at a moment. It shares nothing with the
// store that would change, and can be restored any number of times.
type Snapshot struct {
	tenants     map[core.TenantID]*tenant
	keys        map[core.KeyHash]core.Key
	signingKeys []core.SigningKey
	chains      map[core.TenantID][]core.Change
}

// Snapshot gives what the store holds now.
func (s *Store) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return (&Snapshot{s.tenants, s.keys, s.signingKeys, s.chains}).clone()
}

// Restore has the store hold what a snapshot has, and nothing else. Every watcher
// is told that all tenants changed.
func (s *Store) Restore(from *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := from.clone()
	s.keys, s.signingKeys, s.chains = c.keys, c.signingKeys, c.chains
	clear(s.tenants)
	clear(s.names)
	clear(s.refold)
	clear(s.cometchat)
	for _, t := range c.tenants {
		s.index(t)
	}
	s.changed("")
}

// RestoreTenant has the tenant of that name be as a snapshot has it, with its
// keys and its history, the installation's stays; one that the snapshot has not is removed. Others keep what they have.
// NotFound where neither has the tenant; Conflict on "refold" or "cometchat" where
// another has its address by now.
func (s *Store) RestoreTenant(from *Snapshot, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, was := s.names[name], from.tenant(name)
	if now == nil && was == nil {
		return notFound("tenant")
	}
	if was != nil {
		if err := s.addressTaken(was, now); err != nil {
			return err
		}
	}
	if now != nil {
		s.removeTenant(now)
	}
	if was == nil {
		return nil
	}
	s.index(was.clone())
	for hash, k := range from.keys {
		if k.Tenant == was.ID {
			s.keys[hash] = cloneKey(&k)
		}
	}
	if chain, ok := from.chains[was.ID]; ok {
		s.chains[was.ID] = slices.Clone(chain)
	}
	s.changed(was.ID)
	return nil
}

// addressTaken says which of a tenant's addresses a tenant has that is not but.
func (s *Store) addressTaken(t, but *tenant) error {
	if t.Refold != nil {
		if other, taken := s.refold[*t.Refold]; taken && other != but {
			return conflict("tenant", "refold")
		}
	}
	if t.CometChat != nil {
		if other, taken := s.cometchat[*t.CometChat]; taken && other != but {
			return conflict("tenant", "cometchat")
		}
	}
	return nil
}

// index adds a tenant to all that it is found by.
func (s *Store) index(t *tenant) {
	s.tenants[t.ID], s.names[t.Name] = t, t
	if t.Refold != nil {
		s.refold[*t.Refold] = t
	}
	if t.CometChat != nil {
		s.cometchat[*t.CometChat] = t
	}
}

func (s *Snapshot) tenant(name string) *tenant {
	for _, t := range s.tenants {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (s *Snapshot) clone() *Snapshot {
	c := &Snapshot{
		tenants: make(map[core.TenantID]*tenant, len(s.tenants)), keys: make(map[core.KeyHash]core.Key, len(s.keys)),
		signingKeys: slices.Clone(s.signingKeys), // what one points to is replaced, never changed
		chains:      make(map[core.TenantID][]core.Change, len(s.chains)),
	}
	for id, chain := range s.chains {
		c.chains[id] = slices.Clone(chain) // likewise
	}
	for id, t := range s.tenants {
		c.tenants[id] = t.clone()
	}
	for hash, k := range s.keys {
		c.keys[hash] = cloneKey(&k)
	}
	return c
}

// clone copies a tenant with all that it owns. Servers, agents and kept answers
// are shared: they are never changed in place.
func (t *tenant) clone() *tenant {
	c := &tenant{
		Tenant: cloneTenant(&t.Tenant), accounts: maps.Clone(t.accounts), sessions: make(map[string][]*session, len(t.sessions)),
		byPlace: slices.Clone(t.byPlace), byID: maps.Clone(t.byID), bySlug: maps.Clone(t.bySlug), named: maps.Clone(t.named),
		agents: slices.Clone(t.agents), byUID: maps.Clone(t.byUID), kept: maps.Clone(t.kept),
	}
	for account, sessions := range t.sessions {
		for _, s := range sessions {
			c.sessions[account] = append(c.sessions[account], clonePointer(s))
		}
	}
	return c
}
