package core

import (
	"context"
	"strconv"
	"time"
)

// An import adds a record as another installation, or a vendor, has it: with its
// identity, times and revision. Whatever it collides with stays as it is, so that
// an import that was interrupted can be run again.

// ImportMCPServer adds a server with all that is said of it, and gives it as
// stored. Without an id or a slug it gets one, as a server that is created does;
// without a revision its first. Its place is its creation time's, or the next
// free one. Its name claims nothing: other servers may have it already.
//
// Invalid; Conflict on "id" or "slug", and on "status" when the tenant is being
// deleted; OverQuota.
func (o *Operator) ImportMCPServer(ctx context.Context, t Tenant, s MCPServer) (MCPServer, error) {
	if s.Revision == 0 {
		s.Revision = 1
	}
	if err := s.validateImport(); err != nil {
		return MCPServer{}, err
	}
	if t.Status == TenantDeleting {
		return MCPServer{}, ErrTenantDeleting
	}
	if s.ID == (ObjectID{}) {
		s.ID = o.newID(s.CreatedAt)
	}
	s.CreatedAt, s.UpdatedAt, s.Place = s.CreatedAt.UTC(), s.UpdatedAt.UTC(), PlaceAt(s.CreatedAt)
	c := Creation{Server: s, MaxServers: most(t.Limits.Servers, nil)}
	if s.Slug == "" {
		c.Server.Slug, c.FallbackSlug = madeSlugs(s.Name, s.ID)
	}
	return o.directory.CreateMCPServer(ctx, t.ID, c)
}

// ImportAgent adds an agent with all that is said of it, and gives it as stored.
// Without a revision it gets its first.
//
// Invalid; [MissingServersError]; Conflict on "uid", and on "status" when the
// tenant is being deleted.
func (o *Operator) ImportAgent(ctx context.Context, t Tenant, a Agent) (Agent, error) {
	if a.Revision == 0 {
		a.Revision = 1
	}
	if err := a.validateImport(); err != nil {
		return Agent{}, err
	}
	if t.Status == TenantDeleting {
		return Agent{}, ErrTenantDeleting
	}
	a.MCPServers = once(a.MCPServers)
	a.CreatedAt, a.UpdatedAt, a.Place = a.CreatedAt.UTC(), a.UpdatedAt.UTC(), PlaceAt(a.CreatedAt)
	return o.directory.CreateAgent(ctx, t.ID, a)
}

// ImportAccount adds a linked account with all that is said of it. Without an
// object id it gets one.
//
// Invalid; Conflict on "id", and on "status" when the tenant is being deleted.
func (o *Operator) ImportAccount(ctx context.Context, t Tenant, a Account) (Account, error) {
	a.Tenant = t.ID
	if err := a.validateImport(); err != nil {
		return Account{}, err
	}
	if t.Status == TenantDeleting {
		return Account{}, ErrTenantDeleting
	}
	if a.ObjectID == (ObjectID{}) {
		a.ObjectID = o.newID(a.CreatedAt)
	}
	a.CreatedAt, a.UpdatedAt = a.CreatedAt.UTC(), a.UpdatedAt.UTC()
	return a, o.directory.CreateAccount(ctx, a)
}

// Rehearse has do work with an operator whose imports into the tenant are held to
// all that imports are held to, and are taken back when do ends.
func (o *Operator) Rehearse(ctx context.Context, t Tenant, do func(*Operator) error) error {
	return o.directory.Rehearse(ctx, t.ID, func(d Directory) error {
		rehearsing := *o
		rehearsing.directory, rehearsing.service = d, nil
		return do(&rehearsing)
	})
}

// EarliestTime and LatestTime are between which a record's times are, both
// included; see [FirstPlace].
var (
	EarliestTime = time.UnixMicro(FirstPlace).UTC()
	LatestTime   = time.UnixMilli(FirstPlace - 1).UTC()
)

func checkTimes(fields map[string]string, created, updated time.Time) {
	for field, at := range map[string]time.Time{"created_at": created, "updated_at": updated} {
		if at.Before(EarliestTime) || at.After(LatestTime) || !at.Equal(at.Truncate(time.Millisecond)) {
			fields[field] = "is not a whole millisecond from March 1973 to the year 5138"
		}
	}
	if _, wrong := fields["updated_at"]; !wrong && updated.Before(created) {
		fields["updated_at"] = "is before created_at"
	}
}

func checkRevision(fields map[string]string, field string, revision, least int64) {
	if revision < least {
		fields[field] = "is below " + strconv.FormatInt(least, 10)
	}
}

func (s *MCPServer) validateImport() error {
	u := MCPServerUpdate{Name: &s.Name, Description: s.Description, URL: &s.URL, Icon: &s.Icon, Branding: s.Branding}
	fields := u.problems()
	if s.Slug != "" && !ValidSlug(s.Slug) {
		fields["slug"] = "is not URL-safe"
	}
	checkTimes(fields, s.CreatedAt, s.UpdatedAt)
	checkRevision(fields, "revision", s.Revision, 1)
	return invalid("mcp_server", fields)
}

func (a *Agent) validateImport() error {
	u := AgentUpdate{Name: &a.Name, Icon: &a.Icon, Description: a.Description, Instruction: a.Instruction, Model: a.Model}
	fields := u.problems()
	if !a.UID.Valid() {
		fields["uid"] = "is not a UUID in lower case"
	}
	checkTimes(fields, a.CreatedAt, a.UpdatedAt)
	checkRevision(fields, "revision", a.Revision, 1)
	return invalid("agent", fields)
}

func (a *Account) validateImport() error {
	fields := a.problems()
	checkTimes(fields, a.CreatedAt, a.UpdatedAt)
	checkRevision(fields, "version", a.Version, 0)
	return invalid("account", fields)
}
