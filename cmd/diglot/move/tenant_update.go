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
		err = t.updateAgent(ctx, item, id)
	}
	switch _, missing := errors.AsType[*core.MissingServersError](err); {
	case missing: // the agent is there
		return Made{}, err
	case core.KindOf(err) == core.PreconditionFailed:
		return Made{}, errTaken
	case err != nil:
		return Made{}, gone(err)
	}
	return t.Adopt(ctx, item, id)
}

// errTaken is a record that clients changed between its being read and replaced.
var errTaken = &core.Error{Kind: core.Conflict, Noun: "record", Message: "clients changed it at the same moment"}

// updateTries is how often a record is read and replaced that clients change too.
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
	if item.over != nil {
		over := Item{Text: item.over}
		if err := over.decode(finding.Server); err != nil {
			return err
		}
		return t.replaceServer(ctx, item, s, over.Server)
	}
	if item.Record.Source == Diglot {
		_, err = t.Store.ReplaceMCPServer(ctx, t.Tenant.Tenant.ID, s, core.Precondition{})
		return err
	}
	for tries := 1; ; tries++ {
		now, err := t.Store.MCPServer(ctx, t.Tenant.Tenant.ID, core.ByID(s.ID))
		if err == nil {
			err = t.replaceServer(ctx, item, s, &now)
		}
		if core.KindOf(err) != core.PreconditionFailed || tries == updateTries {
			return err
		}
	}
}

// replaceServer has a server be as an item's, if it is yet what it was.
func (t TenantTarget) replaceServer(ctx context.Context, item *Item, s core.MCPServer, was *core.MCPServer) error {
	t.keepOthers(item, &s, was)
	_, err := t.Store.ReplaceMCPServer(ctx, t.Tenant.Tenant.ID, s, core.Precondition{OneOf: []core.Version{was.Version()}})
	return err
}

// keepOthers has a server that is to be as an item of a vendor's keep what that
// vendor's form doesn't have. Refold's has resources or notebooks, by its revision.
func (t TenantTarget) keepOthers(item *Item, s, was *core.MCPServer) {
	switch v3 := t.revisionOf(item) == core.RefoldV3; core.DialectName(item.Record.Source) {
	case core.Refold:
		s.URL, s.Icon = was.URL, was.Icon
		if v3 && s.Resources == nil {
			s.Resources = was.Resources
		}
		if !v3 && s.Notebooks == nil {
			s.Notebooks = was.Notebooks
		}
	case core.CometChat:
		s.Suggestions, s.AssociatedApps, s.Resources, s.Notebooks = was.Suggestions, was.AssociatedApps, was.Resources, was.Notebooks
		s.Chains, s.Branding = was.Chains, was.Branding
	}
}

func (t TenantTarget) updateAgent(ctx context.Context, item *Item, id string) error {
	a := *item.Agent
	a.UID, a.MCPServers = core.AgentUID(id), (&core.AgentUpdate{MCPServers: &a.MCPServers}).Servers(nil)
	if err := a.ValidateImport(); err != nil {
		return err
	}
	var p core.Precondition
	if item.over != nil {
		over := Item{Text: item.over}
		if err := over.decode(finding.Agent); err != nil {
			return err
		}
		p.OneOf = []core.Version{over.Agent.Version()}
	}
	_, err := t.Store.ReplaceAgent(ctx, t.Tenant.Tenant.ID, a, p)
	return err
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
