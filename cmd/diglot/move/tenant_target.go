package move

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// TenantTarget is a tenant as a [Target].
type TenantTarget struct{ *Tenant }

// Prepare implements [Target]; the database says what is there.
func (t TenantTarget) Prepare(context.Context, func()) error {
	if t.Tenant.Tenant.Status == core.TenantDeleting {
		return core.ErrTenantDeleting
	}
	return nil
}

// Takes implements [Target].
func (t TenantTarget) Takes(finding.Kind) bool { return true }

// Expect implements [Target].
func (t TenantTarget) Expect(item *Item) ([]finding.Finding, error) {
	if item.Record.Source == Diglot {
		return t.unread(item, same(item.Record, item.Text, item.Text)), nil
	}
	return t.unread(item, item.kept), nil
}

// unread adds that nobody can read a record: the tenant has no address of the
// vendor's whose clients would.
func (t TenantTarget) unread(item *Item, found []finding.Finding) []finding.Finding {
	refold, chat := t.Tenant.Tenant.Refold != nil, t.Tenant.Tenant.CometChat != nil
	path, of := "", ""
	switch source := item.Record.Source; {
	case item.Agent != nil && !chat, item.Server != nil && source == string(core.CometChat) && !chat:
		path, of = "appId", "CometChat"
	case item.Account != nil && !refold:
		path, of = "associated_org", "Refold"
	case item.Server != nil && source == string(core.Refold) && !refold, item.Server != nil && !refold && !chat:
		path, of = "associated_org_id", "Refold"
	default:
		return found
	}
	found = slices.DeleteFunc(slices.Clone(found), func(f finding.Finding) bool { return f.Path == path })
	return append(found, finding.Finding{
		Record: item.Record, Path: path, Class: finding.Manual, Reason: "The tenant has no address of " + of + "'s, so that nobody can read it.",
		Suggestion: "Give the tenant one: diglot tenant update.",
	})
}

// Compare implements [Target], by what clients of the source's vendor read.
func (t TenantTarget) Compare(item *Item, there core.JSON) ([]finding.Finding, error) {
	if item.Record.Source == Diglot {
		return t.unread(item, same(item.Record, item.Text, there)), nil
	}
	now := Item{Text: there}
	if err := now.decode(item.Record.Kind); err != nil {
		return nil, err
	}
	view, err := t.view(item, &now)
	if err != nil {
		return nil, err
	}
	found, err := mapping.Compare(item.Record, mapping.Kept, item.Text, view)
	return t.unread(item, found), err
}

// view prints a record as the source's vendor does, in the revision of the
// source's text: v3's servers have notebooks, legacy's resources.
func (t TenantTarget) view(item, now *Item) (core.JSON, error) {
	tenant := addressed(t.Tenant.Tenant)
	if item.Record.Source == string(core.CometChat) {
		tenant.URLTemplate = "" // or it would stand for a url that was lost
	}
	tenant.RefoldRevision = t.revisionOf(item)
	return viewOf(core.DialectName(item.Record.Source), &tenant, now)
}

// revisionOf gives the revision of Refold's API that an item's text is of; one that
// doesn't tell is the tenant's.
func (t TenantTarget) revisionOf(item *Item) core.RefoldRevision {
	revision := t.Tenant.Tenant.RefoldRevision
	dialects.Members(item.Text, func(name string, _ core.JSON) {
		switch name {
		case "notebooks":
			revision = core.RefoldV3
		case "resources":
			revision = core.RefoldLegacy
		}
	})
	return revision
}

// addressed gives the tenant with both addresses: views print them.
func addressed(t core.Tenant) core.Tenant {
	if t.Refold == nil {
		t.Refold = &core.RefoldAddress{}
	}
	if t.CometChat == nil {
		t.CometChat = &core.CometChatAddress{}
	}
	return t
}

// viewOf prints a record as a vendor does.
func viewOf(vendor core.DialectName, tenant *core.Tenant, item *Item) (core.JSON, error) {
	switch {
	case vendor == core.Refold && item.Server != nil:
		return refold.ViewMCPServer(tenant, item.Server)
	case vendor == core.Refold && item.Account != nil:
		return refold.ViewListedAccount(tenant, item.Account)
	case vendor == core.CometChat && item.Server != nil:
		return cometchat.ViewMCPServer(tenant, item.Server)
	case vendor == core.CometChat && item.Agent != nil:
		return cometchat.ViewAgent(tenant, item.Agent)
	}
	return nil, fmt.Errorf("%s has nothing like it", vendor)
}

// InPlace implements [Target].
func (t TenantTarget) InPlace(ctx context.Context, item *Item) (found []Existing, err error) {
	note := func(taken, id string, err error) error {
		switch {
		case err == nil:
			found = append(found, Existing{ID: id, Taken: taken})
		case core.KindOf(err) != core.NotFound:
			return err
		}
		return nil
	}
	switch {
	case item.Server != nil:
		s, err := t.Store.MCPServer(ctx, t.Tenant.Tenant.ID, core.ByID(item.Server.ID))
		if err := note("id", s.ID.String(), err); err != nil || item.Server.Slug == "" || len(found) > 0 {
			return found, err
		}
		s, err = t.Store.MCPServer(ctx, t.Tenant.Tenant.ID, core.BySlug(item.Server.Slug))
		return found, note("slug", s.ID.String(), err)
	case item.Account != nil:
		a, err := t.Store.Account(ctx, t.Tenant.Tenant.ID, item.Account.ID)
		return found, note("id", a.ID, err)
	case item.Agent != nil:
		a, err := t.Store.Agent(ctx, t.Tenant.Tenant.ID, item.Agent.UID)
		return found, note("uid", string(a.UID), err)
	}
	return found, err
}

// Rename implements [Target].
func (t TenantTarget) Rename(item *Item, taken string, n int) {
	suffix := "-" + strconv.Itoa(n)
	switch {
	case item.Server != nil && taken == "slug":
		item.Server.Slug += suffix
	case item.Server != nil:
		item.Server.ID = anotherID(item.Server.ID, n)
		if item.Server.Slug != "" {
			item.Server.Slug += suffix
		}
	case item.Account != nil:
		item.Account.ID += suffix
		item.Account.ObjectID = anotherID(item.Account.ObjectID, n)
	case item.Agent != nil:
		item.Agent.UID = anotherUID(item.Agent.UID, n)
	}
}

// Create implements [Target].
func (t TenantTarget) Create(ctx context.Context, item *Item) (made Made, err error) {
	switch {
	case item.Server != nil:
		var s core.MCPServer
		if s, err = t.Operator.ImportMCPServer(ctx, t.Tenant.Tenant, *item.Server); err == nil {
			made.ID, made.Slug = s.ID.String(), s.Slug
			made.Text, err = textOfServer(&s)
		}
	case item.Account != nil:
		var a core.Account
		if a, err = t.Operator.ImportAccount(ctx, t.Tenant.Tenant, *item.Account); err == nil {
			made.ID = a.ID
			made.Text, err = textOfAccount(&a)
		}
	case item.Agent != nil:
		var a core.Agent
		if a, err = t.Operator.ImportAgent(ctx, t.Tenant.Tenant, *item.Agent); err == nil {
			made.ID = string(a.UID)
			made.Text, err = textOfAgent(&a)
		}
	}
	return made, err
}

// Adopt implements [Target]: an import is there as a whole.
func (t TenantTarget) Adopt(ctx context.Context, item *Item, id string) (Made, error) {
	now, text, err := t.read(ctx, item.Record.Kind, id)
	made := Made{ID: id, Text: text}
	if now.Server != nil {
		made.Slug = now.Server.Slug
	}
	return made, err
}

// Read implements [Target].
func (t TenantTarget) Read(ctx context.Context, kind finding.Kind, id string) (core.JSON, error) {
	_, text, err := t.read(ctx, kind, id)
	return text, err
}

// Delete implements [Target].
func (t TenantTarget) Delete(ctx context.Context, kind finding.Kind, id string) error {
	tenant := t.Tenant.Tenant.ID
	switch kind {
	case finding.Server:
		key, err := objectID(id)
		if err != nil {
			return err
		}
		return gone(t.Store.DeleteMCPServer(ctx, tenant, core.ByID(key), core.Precondition{}))
	case finding.Account:
		return gone(t.Store.DeleteAccount(ctx, tenant, id))
	case finding.Agent:
		return gone(t.Store.DeleteAgent(ctx, tenant, core.AgentUID(id), core.Precondition{}))
	}
	return nil
}

// Finish implements [Target].
func (t TenantTarget) Finish(context.Context) error { return nil }

// Shows implements [Rehearser].
func (t TenantTarget) Shows(item *Item, there core.JSON) (core.JSON, error) {
	now, tenant := Item{Text: there}, t.Tenant.Tenant
	err := now.decode(item.Record.Kind)
	if err != nil || item.Record.Source == Diglot {
		return there, err
	}
	tenant.URLTemplate = "" // it gives servers urls that they haven't
	return wholeView(core.DialectName(item.Record.Source), tenant, &now)
}

// Rehearse implements [Rehearser].
func (t TenantTarget) Rehearse(ctx context.Context, do func(Rehearser) error) error {
	return t.Operator.Rehearse(ctx, t.Tenant.Tenant, func(o *core.Operator, b core.Backend) error {
		return do(TenantTarget{&Tenant{o, b, t.Tenant.Tenant}})
	})
}
