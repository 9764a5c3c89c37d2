package core

import (
	"context"
	"time"
)

// Changes gives entries of a tenant's history, or of the [Installation]'s, fewer
// where their images are large: see [ChangeQuery.More].
func (o *Operator) Changes(ctx context.Context, tenant TenantID, q ChangeQuery) ([]Change, error) {
	return o.directory.Changes(ctx, tenant, q)
}

// changesAtATime is how many entries are held at once while a chain is walked.
const changesAtATime = 500

// EachChange gives the entries that are asked for to each, in their order,
// however many they are; q's limit and order don't count. It ends with each's error.
func (o *Operator) EachChange(ctx context.Context, tenant TenantID, q ChangeQuery, each func(*Change) error) error {
	q.Newest, q.Limit = false, changesAtATime
	for {
		list, err := o.directory.Changes(ctx, tenant, q)
		if err != nil {
			return err
		}
		for i := range list {
			if err := each(&list[i]); err != nil {
				return err
			}
			q.After = list[i].Seq
		}
		if !q.More(list) {
			return nil
		}
	}
}

// VerifyChanges checks a whole chain and gives its head, for noting elsewhere;
// noted is a head that it had, or zero. [BrokenChainError].
func (o *Operator) VerifyChanges(ctx context.Context, tenant TenantID, noted ChainHead) (ChainHead, error) {
	v := ChainVerifier{Noted: noted}
	if err := o.EachChange(ctx, tenant, ChangeQuery{}, v.Next); err != nil {
		return v.head, err
	}
	return v.End()
}

// EraseImages lets go of what changes were from and to that are older than age,
// in small transactions, and gives how many there were. It is entered in each
// history that something is erased in.
func (o *Operator) EraseImages(ctx context.Context, age time.Duration) (int, error) {
	before := o.now().Add(-age)
	return eraseAll(func() (int, error) { return o.directory.EraseImages(ctx, before, changesAtATime) })
}

// EraseImagesBeyond lets go of the oldest of what a tenant's changes were from and
// to, of each tenant of which that takes more than so many bytes of storage, and
// gives how many there were; entered as by EraseImages.
func (o *Operator) EraseImagesBeyond(ctx context.Context, most int64) (total int, err error) {
	cuts, err := o.directory.ImagesBeyond(ctx, most)
	if err != nil {
		return 0, err
	}
	for _, cut := range cuts {
		n, err := eraseAll(func() (int, error) {
			return o.directory.EraseTenantImages(ctx, cut.Tenant, cut.Before, changesAtATime)
		})
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func eraseAll(some func() (int, error)) (total int, err error) {
	for {
		n, err := some()
		total += n
		if err != nil || n < changesAtATime {
			return total, err
		}
	}
}

// KeepImagesFor is for how long a deleted server can be undeleted, and what
// changes were from and to is kept, where an operator says nothing else.
const KeepImagesFor = 30 * 24 * time.Hour

// MCPServers gives up to limit of a tenant's servers from offset on, oldest
// first, and how many there are, without what no list shows.
func (o *Operator) MCPServers(ctx context.Context, t Tenant, offset, limit int) ([]MCPServer, int, error) {
	return o.directory.MCPServerPage(ctx, t.ID, OldestFirst, offset, limit)
}

// MCPServersAfter gives up to limit of a tenant's servers behind a place, oldest
// first, without what no list shows; behind -1, the first.
func (o *Operator) MCPServersAfter(ctx context.Context, t Tenant, after Place, limit int) ([]MCPServer, error) {
	return o.directory.MCPServersFrom(ctx, t.ID, after, After, limit)
}

// DeletedMCPServer is what tells a server apart that was deleted: its id, slug,
// name, place, times and revision.
type DeletedMCPServer struct {
	MCPServer

	Seq       int64     // of the change that deleted it
	DeletedAt time.Time // UTC
}

// DeletedMCPServers gives up to limit of a tenant's servers that can be undeleted,
// as they were deleted in the last keep: the last one first, of those that were
// deleted before the change with the seq before (0: of all).
func (o *Operator) DeletedMCPServers(ctx context.Context, t Tenant, keep time.Duration, before int64, limit int) ([]DeletedMCPServer, error) {
	return o.directory.DeletedMCPServers(ctx, t.ID, o.now().Add(-keep), before, limit)
}

// MCPServerHistory gives up to limit of the changes to a server before the seq
// before (0: of all), fewer where their images are large, the newest first; also of
// one that was deleted, by its id. NotFound for a slug that no server has, and an
// id that none has or had.
func (o *Operator) MCPServerHistory(ctx context.Context, t Tenant, ref MCPServerRef, before int64, limit int) ([]Change, error) {
	if ref.Slug != "" {
		s, err := o.directory.MCPServer(ctx, t.ID, ref)
		if err != nil {
			return nil, err
		}
		ref = ByID(s.ID)
	}
	changes, err := o.directory.Changes(ctx, t.ID, ChangeQuery{
		Noun: MCPServerNoun, Record: ref.ID.String(), Newest: true, Before: before, Limit: limit,
	})
	if err == nil && len(changes) == 0 && before == 0 { // one of before the history has none
		_, err = o.directory.MCPServer(ctx, t.ID, ref)
	}
	return changes, err
}

// RevertMCPServer has a server be again what it was at an earlier revision; that
// is a new revision. Its id, slug, place and creation time stay as they are.
// NotFound, on "mcp_server" or "revision"; Conflict on "status" for a tenant that
// is being deleted.
func (o *Operator) RevertMCPServer(ctx context.Context, t Tenant, ref MCPServerRef, revision int64) (MCPServer, error) {
	if t.Status == TenantDeleting {
		return MCPServer{}, ErrTenantDeleting
	}
	current, err := o.directory.MCPServer(ctx, t.ID, ref)
	if err != nil {
		return MCPServer{}, err
	}
	earlier, err := o.directory.MCPServerAt(ctx, t.ID, current.ID, revision)
	if err != nil {
		return MCPServer{}, err
	}
	if earlier.UpdatedAt = o.today(); earlier.UpdatedAt.Before(current.UpdatedAt) {
		earlier.UpdatedAt = current.UpdatedAt // another clock's time may be ahead
	}
	return o.directory.ReplaceMCPServer(ctx, t.ID, earlier, Precondition{})
}

// UndeleteMCPServer brings a deleted server back as it was, with its id and slug
// and at its place (or the next free one), in a new revision, where it was
// deleted in the last keep. Agents that listed it don't list it again. NotFound
// where it can't be; Conflict on "id" where it is there, on "slug" where another
// server has that, on "status" for a tenant that is being deleted; OverQuota where
// the tenant has as many as its own limit says.
func (o *Operator) UndeleteMCPServer(ctx context.Context, t Tenant, id ObjectID, keep time.Duration) (MCPServer, error) {
	if t.Status == TenantDeleting {
		return MCPServer{}, ErrTenantDeleting
	}
	last, err := o.directory.Changes(ctx, t.ID, ChangeQuery{Noun: MCPServerNoun, Record: id.String(), Newest: true, Limit: 1})
	switch {
	case err != nil:
		return MCPServer{}, err
	case len(last) == 0:
		return MCPServer{}, &Error{Kind: NotFound, Noun: "mcp_server", Message: "no server of that id was deleted"}
	case last[0].Action != DeleteAction:
		return MCPServer{}, &Error{
			Kind: Conflict, Noun: "mcp_server", Fields: map[string]string{"id": "is taken"}, Message: "the server is not deleted",
		}
	case last[0].At.Before(o.now().Add(-keep)):
		return MCPServer{}, &Error{
			Kind: NotFound, Noun: "mcp_server", Message: "the server was deleted at " + last[0].At.Format(time.RFC3339) + ", too long ago",
		}
	}
	s, err := o.directory.MCPServerAt(ctx, t.ID, id, last[0].Revision)
	if err != nil {
		return MCPServer{}, err
	}
	s.Revision++
	if now := o.today(); now.After(s.UpdatedAt) {
		s.UpdatedAt = now
	}
	return o.directory.CreateMCPServer(ctx, t.ID, Creation{Server: s, Undeletes: true, MaxServers: most(t.Limits.Servers, nil)})
}
