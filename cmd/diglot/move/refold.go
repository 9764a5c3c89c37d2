package move

import (
	"context"
	"iter"
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
	pushed
	index

	client *client.Client
}

// NewRefold makes it.
func NewRefold(c *client.Client) *Refold {
	return &Refold{pushed: pushed{vendor: core.Refold}, client: c}
}

// List implements [Source]. Lists show little of servers.
func (r *Refold) List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		switch kind {
		case finding.Server:
			for s, err := range r.client.MCPServers(ctx) {
				if err != nil {
					yield(Ref{}, err)
					return
				}
				if !yield(Ref{Form: string(core.Refold), Kind: kind, ID: s.ID.Value}, nil) {
					return
				}
			}
		case finding.Account:
			for a, err := range r.client.LinkedAccounts(ctx) {
				if err != nil {
					yield(Ref{}, err)
					return
				}
				if !yield(Ref{Form: string(core.Refold), Kind: kind, ID: a.AccountID.Value, Text: a.Text}, nil) {
					return
				}
			}
		case finding.Agent:
		}
	}
}

// Read implements [Source].
func (r *Refold) Read(ctx context.Context, ref Ref) (core.JSON, error) {
	return RefoldTarget{r}.Read(ctx, ref.Kind, ref.ID)
}

// RefoldTarget is Refold as a [Target].
type RefoldTarget struct{ *Refold }

// Read implements [Target].
func (r RefoldTarget) Read(ctx context.Context, kind finding.Kind, id string) (core.JSON, error) {
	if kind == finding.Account {
		a, err := r.client.LinkedAccount(ctx, id)
		if err != nil {
			return nil, goneAt(err)
		}
		return a.Text, nil
	}
	s, err := r.client.MCPServer(ctx, id)
	if err != nil {
		return nil, goneAt(err)
	}
	return s.Text, nil
}

// Prepare implements [Target].
func (r RefoldTarget) Prepare(ctx context.Context) error {
	r.clear()
	for s, err := range r.client.MCPServers(ctx) {
		if err != nil {
			return err
		}
		r.add(finding.Server, s.Name.Value, s.ID.Value)
	}
	for a, err := range r.client.LinkedAccounts(ctx) {
		if err != nil {
			return err
		}
		r.add(finding.Account, a.AccountID.Value, a.AccountID.Value)
	}
	return nil
}

// Takes implements [Target].
func (r RefoldTarget) Takes(kind finding.Kind) bool { return kind != finding.Agent }

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
		return r.Update(ctx, item, item.Account.ID)
	case item.Server == nil:
		return Made{}, errNotTaken
	}
	s, err := r.client.CreateMCPServer(ctx, mapping.RefoldPushOf(item.Server).Create)
	if err != nil {
		return Made{}, err
	}
	r.add(finding.Server, item.Server.Name, s.ID.Value)
	return r.Update(ctx, item, s.ID.Value)
}

// Adopt implements [Target].
func (r RefoldTarget) Adopt(ctx context.Context, item *Item, id string) (Made, error) {
	return r.Update(ctx, item, id)
}

// Update implements [Target].
func (r RefoldTarget) Update(ctx context.Context, item *Item, id string) (Made, error) {
	made := Made{ID: id}
	switch {
	case item.Server != nil:
		u := mapping.RefoldPushOf(item.Server).Update
		u.Name = &item.Server.Name
		s, err := r.client.UpdateMCPServer(ctx, id, u)
		if err != nil {
			return made, goneAt(err)
		}
		if s.CreatedAt.Value == "" { // the answer shows less than a read does
			if s, err = r.client.MCPServer(ctx, id); err != nil {
				return made, goneAt(err)
			}
		}
		made.Text = s.Text
		return made, nil
	case item.Account != nil:
		in, err := mapping.RefoldAccountPush(item.Account)
		if err != nil {
			return Made{}, err
		}
		in.AccountID = id
		a, err := r.client.UpsertLinkedAccount(ctx, in)
		if err != nil {
			return Made{}, err
		}
		r.add(finding.Account, id, id)
		made.Text = a.Text
		return made, nil
	}
	return Made{}, errNotTaken
}

// Restore implements [Target].
func (r RefoldTarget) Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error {
	return restore(ctx, r, Ref{Form: string(core.Refold), Kind: kind, ID: id}, before)
}

// restore has a vendor's record be again what it was.
func restore(ctx context.Context, t Target, r Ref, before core.JSON) error {
	item, err := itemOf(&mapping.Mapper{}, r, before)
	if err == nil {
		_, err = t.Update(ctx, item, r.ID)
	}
	return err
}

// Delete implements [Target].
func (r RefoldTarget) Delete(ctx context.Context, kind finding.Kind, id string) error {
	if kind == finding.Account {
		return goneAt(r.client.DeleteLinkedAccount(ctx, id))
	}
	return goneAt(r.client.DeleteMCPServer(ctx, id))
}
