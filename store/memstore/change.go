package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// record appends an entry to a tenant's chain, or the installation's. The caller
// holds the store's write lock, and what the entry is about has happened: nothing
// may fail any more. An update that changed nothing has no entry.
func (s *Store) record(ctx context.Context, id core.TenantID, c core.Change, before, after image.Members) {
	if c.Action == core.UpdateAction || c.Action == core.RevokeAction && c.Noun == core.KeyNoun || c.Action == core.RetireAction {
		if before, after = image.Diff(before, after); after == nil {
			return
		}
	}
	c.Actor = core.Actor{Kind: core.DatabaseActor, ID: "memory"}
	if a := core.ActorOf(ctx); a != nil {
		c.Actor = *a
	}
	chain := s.chains[id]
	var previous []byte
	if n := len(chain); n > 0 {
		previous = chain[n-1].Hash[:]
	}
	c.Tenant, c.Seq = id, int64(len(chain))+1
	c.At = s.now().UTC().Truncate(time.Microsecond)
	c.Before, c.After = before.JSON(), after.JSON()
	c.BeforeDigest, c.AfterDigest = core.ImageDigest(c.Before), core.ImageDigest(c.After)
	c.Hash = c.ChainHash(previous)
	s.chains[id] = append(chain, c)
}

func (s *Store) recordServer(ctx context.Context, id core.TenantID, action string, before, after *core.MCPServer) {
	c := core.Change{Action: action, Noun: core.MCPServerNoun}
	var was, is image.Members
	if before != nil {
		c.Record, c.Revision, was = before.ID.String(), before.Revision, image.Server(before)
	}
	if after != nil {
		c.Record, c.Revision, is = after.ID.String(), after.Revision, image.Server(after)
	}
	s.record(ctx, id, c, was, is)
}

func (s *Store) recordAgent(ctx context.Context, id core.TenantID, before, after *core.Agent) {
	c := core.Change{Action: core.UpdateAction, Noun: core.AgentNoun}
	var was, is image.Members
	if before != nil {
		c.Record, c.Revision, was = string(before.UID), before.Revision, image.Agent(before)
	}
	if after != nil {
		c.Record, c.Revision, is = string(after.UID), after.Revision, image.Agent(after)
	}
	switch {
	case after == nil:
		c.Action = core.DeleteAction
	case before == nil:
		c.Action = core.CreateAction
	}
	s.record(ctx, id, c, was, is)
}

func (s *Store) recordAccount(ctx context.Context, id core.TenantID, before, after *core.Account) {
	c := core.Change{Action: core.UpdateAction, Noun: core.AccountNoun}
	var was, is image.Members
	if before != nil {
		c.Record, c.Revision, was = before.ID, before.Version, image.Account(before)
	}
	if after != nil {
		c.Record, c.Revision, is = after.ID, after.Version, image.Account(after)
	}
	switch {
	case after == nil:
		c.Action = core.DeleteAction
	case before == nil:
		c.Action = core.CreateAction
	}
	s.record(ctx, id, c, was, is)
}

func (s *Store) recordKey(ctx context.Context, before, after *core.Key) {
	c := core.Change{Action: core.UpdateAction, Noun: core.KeyNoun, Record: after.ID}
	var was image.Members
	switch {
	case before == nil:
		c.Action = core.CreateAction
	case before.RevokedAt == nil && after.RevokedAt != nil:
		c.Action = core.RevokeAction
	}
	if before != nil {
		was = image.Key(before)
	}
	s.record(ctx, after.Tenant, c, was, image.Key(after))
}

// recordTenant enters that a tenant comes, is about to go and is gone in the
// installation's chain, which stays; the rest in its own.
func (s *Store) recordTenant(ctx context.Context, before, after *core.Tenant) {
	c := core.Change{Action: core.UpdateAction, Noun: core.TenantNoun}
	chain := core.TenantID(core.Installation)
	var was, is image.Members
	if before != nil {
		c.Record, was = string(before.ID), image.Tenant(before)
	}
	if after != nil {
		c.Record, is = string(after.ID), image.Tenant(after)
	}
	switch {
	case after == nil:
		c.Action = core.DeleteAction
	case before == nil:
		c.Action = core.CreateAction
	case before.Status != core.TenantDeleting && after.Status != core.TenantDeleting:
		chain = after.ID
	}
	s.record(ctx, chain, c, was, is)
}

// Changes implements [core.Directory].
func (s *Store) Changes(ctx context.Context, id core.TenantID, q core.ChangeQuery) ([]core.Change, error) {
	if err := check(ctx, id); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []core.Change{}
	chain := s.chains[id]
	bytes := 0
	for i := range chain {
		c := &chain[i]
		if q.Newest {
			c = &chain[len(chain)-1-i]
		}
		if len(out) >= q.Limit || bytes >= core.MaxImageBytes {
			break
		}
		if q.Matches(c) {
			bytes += c.ImageBytes()
			found := *c
			found.Before, found.After = slices.Clone(c.Before), slices.Clone(c.After)
			out = append(out, found)
		}
	}
	return out, nil
}

// EraseImages implements [core.Directory].
func (s *Store) EraseImages(ctx context.Context, before time.Time, limit int) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.chains {
		n += s.eraseImages(ctx, id, before, limit-n)
	}
	return n, nil
}

// EraseTenantImages implements [core.Directory].
func (s *Store) EraseTenantImages(ctx context.Context, id core.TenantID, before time.Time, limit int) (int, error) {
	if err := check(ctx, id); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.eraseImages(ctx, id, before, limit), nil
}

// eraseImages does so in one chain. The caller holds the store's write lock.
func (s *Store) eraseImages(ctx context.Context, id core.TenantID, before time.Time, limit int) (n int) {
	chain := s.chains[id]
	for i := range chain {
		if c := &chain[i]; n < limit && c.At.Before(before) && (c.Before != nil || c.After != nil) {
			c.Before, c.After = nil, nil
			n++
		}
	}
	if n > 0 {
		s.recordPruning(ctx, id, core.ChangeTime(before))
	}
	return n
}

// ImagesBeyond implements [core.Directory].
func (s *Store) ImagesBeyond(ctx context.Context, most int64) (cuts []core.ImageCut, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(s.chains)) {
		bytes := int64(0)
		for _, c := range slices.Backward(s.chains[id]) {
			if bytes += int64(c.ImageBytes()); bytes > most && c.ImageBytes() > 0 && id != core.Installation {
				cuts = append(cuts, core.ImageCut{Tenant: id, Before: c.At.Add(time.Microsecond)})
				break
			}
		}
	}
	return cuts, nil
}

// recordPruning enters up to when images are erased, where it isn't yet. The chain
// of a tenant that is being deleted goes with it.
func (s *Store) recordPruning(ctx context.Context, id core.TenantID, until string) {
	if t := s.tenants[id]; t != nil && t.Status == core.TenantDeleting {
		return
	}
	c := core.Change{Action: core.PruneAction, Noun: core.ChangeNoun, Record: until}
	if !slices.ContainsFunc(s.chains[id], func(e core.Change) bool { return e.Action == c.Action && e.Noun == c.Noun && e.Record == until }) {
		s.record(ctx, id, c, nil, nil)
	}
}

// historyPage is how many of a server's changes are read at a time.
const historyPage = 100

// MCPServerAt implements [core.Directory].
func (s *Store) MCPServerAt(ctx context.Context, id core.TenantID, server core.ObjectID, revision int64) (core.MCPServer, error) {
	var current *core.MCPServer
	switch found, err := s.MCPServer(ctx, id, core.ByID(server)); {
	case err == nil:
		current = &found
	case core.KindOf(err) != core.NotFound:
		return core.MCPServer{}, err
	}
	return image.ServerAt(current, revision, func(before int64) ([]core.Change, error) {
		return s.Changes(ctx, id, core.ChangeQuery{
			Noun: core.MCPServerNoun, Record: server.String(), Newest: true, Before: before, Limit: historyPage,
		})
	})
}

// DeletedMCPServers implements [core.Directory].
func (s *Store) DeletedMCPServers(
	ctx context.Context, id core.TenantID, since time.Time, before int64, limit int,
) ([]core.DeletedMCPServer, error) {
	if err := check(ctx, id); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out, later := []core.DeletedMCPServer{}, map[string]bool{}
	q := core.ChangeQuery{Action: core.DeleteAction, Since: since, Before: before}
	for _, c := range slices.Backward(s.chains[id]) {
		if len(out) >= limit {
			break
		}
		if c.Noun != core.MCPServerNoun || later[c.Record] {
			continue
		}
		later[c.Record] = true
		if c.Before == nil || !q.Matches(&c) {
			continue
		}
		d, err := image.Deleted(&c)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
