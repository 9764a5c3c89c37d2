package move

import (
	"context"
	"errors"
	"strconv"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold/client"
)

// Refold is an org and environment at the vendor, or at what speaks its API, as
// a source and as a target. It makes ids and times of its own; servers are found
// by their names, accounts by their ids.
type Refold struct {
	atVendor

	client *client.Client
}

// NewRefold makes it. Lists show little of servers; legacy's show when each was
// changed last (contract 2.3), v3's don't.
func NewRefold(c *client.Client) *Refold {
	v := &Refold{client: c}
	v.pushed = pushed{vendor: core.Refold}
	v.kinds = map[finding.Kind]kindAt{}
	v.kinds[finding.Server] = kindOf(c.MCPServers, false, c.MCPServer, c.DeleteMCPServer,
		func(s *client.MCPServer) listed { return listed{s.ID.Value, s.Name.Value, s.Text, s.UpdatedAt.Value} })
	v.kinds[finding.Account] = kindOf(c.LinkedAccounts, true, c.LinkedAccount, c.DeleteLinkedAccount,
		func(a *client.Account) listed {
			return listed{id: a.AccountID.Value, name: a.AccountID.Value, text: a.Text}
		})
	return v
}

// RefoldTarget is Refold as a [Target].
type RefoldTarget struct{ *Refold }

// Read implements [Target].
func (r RefoldTarget) Read(ctx context.Context, kind finding.Kind, id string) (core.JSON, error) {
	return r.kinds[kind].read(ctx, id)
}

// InPlace implements [Target].
func (r RefoldTarget) InPlace(_ context.Context, item *Item) ([]Existing, error) {
	switch {
	case item.Server != nil:
		return r.find(finding.Server, item.Server.Name, "name"), nil
	case item.Account != nil:
		return r.find(finding.Account, item.Account.ID, "id"), nil
	}
	return nil, nil
}

// Rename implements [Target].
func (r RefoldTarget) Rename(item *Item, _ string, n int) {
	switch {
	case item.Server != nil:
		item.Server.Name += " (" + strconv.Itoa(n) + ")"
	case item.Account != nil:
		item.Account.ID += "-" + strconv.Itoa(n)
	}
}

// Create implements [Target]: a server is made by a creation and a change.
func (r RefoldTarget) Create(ctx context.Context, item *Item) (Made, error) {
	switch {
	case item.Account != nil:
		if err := r.unmade(ctx, item.Account.ID); err != nil {
			return Made{}, err
		}
		return r.push(ctx, item, item.Account.ID, nil)
	case item.Server == nil:
		return Made{}, errNotTaken
	}
	s, err := r.client.CreateMCPServer(ctx, mapping.RefoldPushOf(item.Server).Create)
	if err != nil {
		return Made{}, err
	}
	r.addMade(finding.Server, item.Server.Name, s.ID.Value)
	return r.push(ctx, item, s.ID.Value, nil)
}

// unmade refuses to make an account that clients have made since the vendor was listed,
// as a creation would write over it. Of an id that can't be asked for that can't
// be told.
func (r RefoldTarget) unmade(ctx context.Context, id string) error {
	_, err := r.kinds[finding.Account].read(ctx, id)
	switch {
	case err == nil:
		r.addListed(finding.Account, id, id)
		return &core.Error{Kind: core.Conflict, Noun: "linked account", Message: "clients made it while the move was under way"}
	case errors.Is(err, ErrGone), errors.Is(err, errNoPath):
		return nil
	}
	return err
}

// Adopt implements [Target].
func (r RefoldTarget) Adopt(ctx context.Context, item *Item, id string) (Made, error) {
	return r.push(ctx, item, id, nil)
}

// Update implements [Target].
func (r RefoldTarget) Update(ctx context.Context, item *Item, id string) (Made, error) {
	if !r.Takes(item.Record.Kind) {
		return Made{}, errNotTaken
	}
	there, err := r.replaced(ctx, item, id)
	if err != nil {
		return Made{ID: id}, err
	}
	return r.push(ctx, item, id, there)
}

// push writes an item onto a record. What is there, as far as that was read, and not
// given is emptied.
func (r RefoldTarget) push(ctx context.Context, item *Item, id string, there core.JSON) (Made, error) {
	made, e := Made{ID: id}, newEmptying(there)
	switch {
	case item.Server != nil:
		u := mapping.RefoldPushOf(item.Server).Update
		u.Name = &item.Server.Name
		s, err := orWithout(e, e.refoldServer(u), u, func(u client.MCPServerUpdate) (*client.MCPServer, error) {
			return r.client.UpdateMCPServer(ctx, id, u)
		})
		if err != nil {
			return made, goneAt(err)
		}
		made.Text = s.Text
		return made, nil
	case item.Account != nil:
		in, err := mapping.RefoldAccountPush(item.Account)
		if err != nil {
			return Made{}, err
		}
		in.AccountID = id
		a, err := orWithout(e, e.refoldAccount(in), in, func(in client.AccountInput) (*client.Account, error) {
			return r.client.UpsertLinkedAccount(ctx, in)
		})
		if err != nil {
			return Made{}, err
		}
		r.addMade(finding.Account, id, id)
		made.Text = a.Text
		return made, nil
	}
	return Made{}, errNotTaken
}

// Restore implements [Target].
func (r RefoldTarget) Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error {
	return r.restore(ctx, r, kind, id, before)
}
