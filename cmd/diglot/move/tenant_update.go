package move

import (
	"context"
	"errors"
	"slices"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// Update implements [Target]. What the item's form has is as the item has it; what
// only the other vendor's has stays, as neither that vendor nor its clients said
// anything of it.
func (t TenantTarget) Update(ctx context.Context, item *Item, id string) (Made, error) {
	var err error
	switch {
	case item.Server != nil:
		err = t.updateServer(ctx, item, id)
	case item.Account != nil:
		a := *item.Account
		a.Tenant, a.ID = t.Tenant.Tenant.ID, id
		if err = a.ValidateImport(); err == nil {
			_, err = t.Store.ReplaceAccount(ctx, a)
		}
	case item.Agent != nil:
		a := *item.Agent
		a.UID, a.MCPServers = core.AgentUID(id), (&core.AgentUpdate{MCPServers: &a.MCPServers}).Servers(nil)
		if err = a.ValidateImport(); err == nil {
			_, err = t.Store.ReplaceAgent(ctx, t.Tenant.Tenant.ID, a)
		}
	}
	if _, is := errors.AsType[*core.MissingServersError](err); is {
		return Made{}, err // the agent is there
	}
	if err != nil {
		return Made{}, gone(err)
	}
	return t.Adopt(ctx, item, id)
}

// updateTries is how often a server is read and replaced that clients change too.
const updateTries = 10

func (t TenantTarget) updateServer(ctx context.Context, item *Item, id string) error {
	s := *item.Server
	var err error
	if s.ID, err = objectID(id); err == nil {
		err = s.ValidateImport()
	}
	if err != nil {
		return err
	}
	if item.Record.Source == Diglot {
		_, err = t.Store.ReplaceMCPServer(ctx, t.Tenant.Tenant.ID, s, core.Precondition{})
		return err
	}
	for range updateTries {
		now, err := t.Store.MCPServer(ctx, t.Tenant.Tenant.ID, core.ByID(s.ID))
		if err != nil {
			return err
		}
		t.keepOthers(item, &s, &now)
		_, err = t.Store.ReplaceMCPServer(ctx, t.Tenant.Tenant.ID, s, core.Precondition{OneOf: []core.Version{now.Version()}})
		if core.KindOf(err) != core.PreconditionFailed {
			return err
		}
	}
	return errTaken
}

// errTaken is a server that was changed each time before it could be replaced.
var errTaken = &core.Error{Kind: core.Conflict, Noun: "mcp_server", Message: "clients change it all the while"}

// keepOthers has a server that is to be as an item of a vendor's keep what that
// vendor's form doesn't have. Refold's has resources or notebooks, by its revision.
func (t TenantTarget) keepOthers(item *Item, s, now *core.MCPServer) {
	if item.Record.Source == string(core.Refold) {
		s.URL, s.Icon = now.URL, now.Icon
		switch v3 := t.revisionOf(item) == core.RefoldV3; {
		case v3 && s.Resources == nil:
			s.Resources = now.Resources
		case !v3 && s.Notebooks == nil:
			s.Notebooks = now.Notebooks
		}
		return
	}
	s.Suggestions, s.AssociatedApps, s.Resources, s.Notebooks = now.Suggestions, now.AssociatedApps, now.Resources, now.Notebooks
	s.Chains, s.Branding = now.Chains, now.Branding
}

// Restore implements [Target]. A server that is gone is listed no more.
func (t TenantTarget) Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error {
	item := Item{Text: before}
	if err := item.decode(kind); err != nil {
		return err
	}
	_, err := t.Update(ctx, &item, id)
	if missing, is := errors.AsType[*core.MissingServersError](err); is {
		item.Agent.MCPServers = slices.DeleteFunc(item.Agent.MCPServers, func(slug string) bool { return slices.Contains(missing.Slugs, slug) })
		_, err = t.Update(ctx, &item, id)
	}
	return err
}
