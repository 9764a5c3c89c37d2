package move

import (
	"context"
	"errors"
	"iter"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// Tenant is one of Diglot's tenants, as a source and as a target. Records keep
// their ids and times in it.
type Tenant struct {
	Operator *core.Operator
	Store    core.Backend
	Tenant   core.Tenant
}

// tenantPage is how many records are read at a time.
const tenantPage = 200

// List implements [Source].
func (t *Tenant) List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		var err error
		switch kind {
		case finding.Server:
			err = t.servers(ctx, yield)
		case finding.Account:
			err = t.accounts(ctx, yield)
		case finding.Agent:
			err = t.agents(ctx, yield)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Ref{}, err)
		}
	}
}

// errEnough is a list whose reader has enough of it.
var errEnough = errors.New("enough")

func (t *Tenant) servers(ctx context.Context, yield func(Ref, error) bool) error {
	var from core.Place
	for {
		page, err := t.Store.MCPServersFrom(ctx, t.Tenant.ID, from, core.After, tenantPage)
		if err != nil {
			return err
		}
		for i := range page {
			from = page[i].Place
			if !yield(Ref{Form: Diglot, Kind: finding.Server, ID: page[i].ID.String(), Name: page[i].Name}, nil) {
				return errEnough
			}
		}
		if len(page) < tenantPage {
			return nil
		}
	}
}

func (t *Tenant) accounts(ctx context.Context, yield func(Ref, error) bool) error {
	var after core.AccountPosition
	for {
		page, err := t.Operator.AccountsAfter(ctx, t.Tenant, after, tenantPage)
		if err != nil {
			return err
		}
		for i := range page {
			a := &page[i]
			after = core.AccountPosition{CreatedAt: a.CreatedAt, ObjectID: a.ObjectID}
			text, err := textOfAccount(a)
			if err != nil {
				return err
			}
			if !yield(Ref{Form: Diglot, Kind: finding.Account, ID: a.ID, Name: a.ID, Text: text}, nil) {
				return errEnough
			}
		}
		if len(page) < tenantPage {
			return nil
		}
	}
}

func (t *Tenant) agents(ctx context.Context, yield func(Ref, error) bool) error {
	var from core.Place
	for {
		page, err := t.Store.AgentsFrom(ctx, t.Tenant.ID, core.AgentQuery{From: from, Dir: core.After, Limit: tenantPage})
		if err != nil {
			return err
		}
		for i := range page {
			from = page[i].Place
			if !yield(Ref{Form: Diglot, Kind: finding.Agent, ID: string(page[i].UID), Name: page[i].Name}, nil) {
				return errEnough
			}
		}
		if len(page) < tenantPage {
			return nil
		}
	}
}

// Read implements [Source].
func (t *Tenant) Read(ctx context.Context, r Ref) (core.JSON, error) {
	_, text, err := t.read(ctx, r.Kind, r.ID)
	return text, err
}

// read gives a record of core's and its text. ErrGone.
func (t *Tenant) read(ctx context.Context, kind finding.Kind, id string) (item Item, text core.JSON, err error) {
	switch kind {
	case finding.Server:
		key, ok := core.ParseObjectID(id)
		if !ok {
			return item, nil, ErrGone
		}
		var s core.MCPServer
		if s, err = t.Store.MCPServer(ctx, t.Tenant.ID, core.ByID(key)); err == nil {
			item.Server = &s
			text, err = textOfServer(&s)
		}
	case finding.Account:
		var a core.Account
		if a, err = t.Store.Account(ctx, t.Tenant.ID, id); err == nil {
			item.Account = &a
			text, err = textOfAccount(&a)
		}
	case finding.Agent:
		var a core.Agent
		if a, err = t.Store.Agent(ctx, t.Tenant.ID, core.AgentUID(id)); err == nil {
			item.Agent = &a
			text, err = textOfAgent(&a)
		}
	}
	return item, text, gone(err)
}

// gone makes ErrGone of a record that core doesn't find.
func gone(err error) error {
	if core.KindOf(err) == core.NotFound {
		return ErrGone
	}
	return err
}
