package core

import "context"

// SuspendTenant has all credentials of the tenant of that name be answered as
// unknown ones, until it is resumed. NotFound; Conflict on "status" for one that
// is being deleted.
func (o *Operator) SuspendTenant(ctx context.Context, name string) (Tenant, error) {
	return o.setStatus(ctx, name, TenantSuspended)
}

// ResumeTenant has the credentials of a tenant that was suspended be known
// again. NotFound; Conflict on "status" for one that is being deleted.
func (o *Operator) ResumeTenant(ctx context.Context, name string) (Tenant, error) {
	return o.setStatus(ctx, name, TenantActive)
}

func (o *Operator) setStatus(ctx context.Context, name string, status TenantStatus) (Tenant, error) {
	t, err := o.directory.SetTenantStatus(ctx, name, status)
	if err != nil {
		return Tenant{}, err
	}
	return t, o.changed(t.ID, nil)
}

// TenantCounts gives how much a tenant has. It reads all of the tenant's index
// entries: a million servers take some 100 ms.
func (o *Operator) TenantCounts(ctx context.Context, t Tenant) (TenantCounts, error) {
	return o.directory.TenantCounts(ctx, t.ID)
}

// deletionStep is how many rows are deleted at a time: each step is a
// transaction of some 200 ms, and a million servers take about a minute.
const deletionStep = 5000

// BeginTenantDeletion does the first of what DeleteTenant does: from then on the
// tenant's credentials are unknown, for good. NotFound.
func (o *Operator) BeginTenantDeletion(ctx context.Context, name string) (Tenant, error) {
	return o.setStatus(ctx, name, TenantDeleting)
}

// DeleteTenant removes the tenant of that name and all that it has, in steps.
// From the first moment its credentials are unknown, for good. Where it is
// interrupted, to do it again goes on. removed, if not nil, is told of each
// step how many servers, agents, accounts and the like are gone in all. NotFound.
func (o *Operator) DeleteTenant(ctx context.Context, name string, removed func(total int)) error {
	t, err := o.BeginTenantDeletion(ctx, name)
	if err != nil {
		return err
	}
	for total, done := 0, false; !done; {
		var n int
		if n, done, err = o.directory.DeleteTenantPart(ctx, t.ID, deletionStep); err != nil {
			return err
		}
		if total += n; n > 0 && removed != nil {
			removed(total)
		}
	}
	return o.changed(t.ID, nil)
}
