package memstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/diglot/diglot/core"
)

// CreateAccount implements [core.Store] and [core.Directory].
func (s *Store) CreateAccount(ctx context.Context, a core.Account) error {
	return s.write(ctx, a.Tenant, func(t *tenant) error {
		if err := t.exists(); err != nil {
			return err
		}
		if _, taken := t.accounts[a.ID]; taken {
			return conflict("account", "id")
		}
		return t.once(ctx, &a, func() error {
			t.accounts[a.ID] = cloneAccount(&a)
			s.changed(a.Tenant)
			s.recordAccount(ctx, a.Tenant, nil, &a)
			return nil
		})
	})
}

// UpsertAccount implements [core.Store].
func (s *Store) UpsertAccount(ctx context.Context, in core.Account) (a core.Account, err error) {
	err = s.write(ctx, in.Tenant, func(t *tenant) error {
		if err := t.exists(); err != nil {
			return err
		}
		var known bool
		var old *core.Account
		if a, known = t.accounts[in.ID]; !known {
			if core.SessionOf(ctx) != nil {
				return core.ErrSessionEnded
			}
			a = in
			s.changed(in.Tenant)
		} else {
			was := cloneAccount(&a)
			old = &was
			setPointer(&a.Name, in.Name)
			if in.Fields != nil {
				a.Fields = in.Fields
				a.Version++
			}
			if in.UpdatedAt.After(a.UpdatedAt) {
				a.UpdatedAt = in.UpdatedAt // another clock's time may be behind: the update time never goes back
			}
		}
		a = cloneAccount(&a)
		t.accounts[a.ID] = a
		s.recordAccount(ctx, in.Tenant, old, &a)
		return count(ctx, accountBytes, &a) // owed
	})
	return cloneAccount(&a), err
}

// Account implements [core.Store] and [core.Directory].
func (s *Store) Account(ctx context.Context, id core.TenantID, account string) (a core.Account, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		var ok bool
		if a, ok = t.accounts[account]; !ok {
			return notFound("account")
		}
		return count(ctx, accountBytes, &a)
	})
	return cloneAccount(&a), err
}

// AccountPage implements [core.Store].
func (s *Store) AccountPage(
	ctx context.Context, id core.TenantID, order core.Order, offset, limit int,
) (accounts []core.Account, total int, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		total = len(t.accounts)
		accounts = make([]core.Account, 0, total)
		for _, a := range t.accounts {
			accounts = append(accounts, a)
		}
		return nil
	})
	slices.SortFunc(accounts, compareAccounts)
	if order == core.NewestFirst {
		slices.Reverse(accounts)
	}
	accounts = accounts[min(max(offset, 0), len(accounts)):]
	accounts = accounts[:min(max(limit, 0), len(accounts))]
	for i := range accounts {
		if err == nil {
			err = count(ctx, accountBytes, &accounts[i])
		}
		accounts[i] = cloneAccount(&accounts[i])
	}
	return accounts, total, err
}

func compareAccounts(a, b core.Account) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), bytes.Compare(a.ObjectID[:], b.ObjectID[:]))
}

// DeleteAccount implements [core.Store] and [core.Directory].
func (s *Store) DeleteAccount(ctx context.Context, id core.TenantID, account string) error {
	return s.write(ctx, id, func(t *tenant) error {
		old, ok := t.accounts[account]
		if !ok {
			return notFound("account")
		}
		delete(t.accounts, account)
		s.recordAccount(ctx, id, &old, nil)
		s.changed(id)
		return nil
	})
}

func cloneAccount(a *core.Account) core.Account {
	c := *a
	c.Name = clonePointer(a.Name)
	c.Fields = slices.Clone(a.Fields)
	for i := range c.Fields {
		c.Fields[i].Value = slices.Clone(c.Fields[i].Value)
	}
	return c
}
