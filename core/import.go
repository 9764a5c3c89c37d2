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
	if err := s.ValidateImport(); err != nil {
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
	if err := a.ValidateImport(); err != nil {
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
	if err := a.ValidateImport(); err != nil {
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

// Rehearse has do work with an operator, and with what it works on, whose changes of
// the tenant's records are held to all that they always are, and are taken back when
// do ends. See [Directory].
func (o *Operator) Rehearse(ctx context.Context, t Tenant, do func(*Operator, Backend) error) error {
	return o.directory.Rehearse(ctx, t.ID, func(b Backend) error {
		rehearsing := *o
		rehearsing.directory, rehearsing.service = b, nil
		return do(&rehearsing, b)
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

// MaxRevision is the most that an imported record's revision or version may be:
// it leaves room for each change that follows, and is a number that clients in
// JavaScript tell from the next.
const MaxRevision = 1<<53 - 1

func checkRevision(fields map[string]string, field string, revision, least int64) {
	if revision < least || revision > MaxRevision {
		fields[field] = "is not from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(MaxRevision, 10)
	}
}

// How deep a member may nest, and what is within one: as deep as in a request that
// says it, see [MaxDepth].
const (
	memberDepth = MaxDepth - 1
	withinDepth = MaxDepth - 2
)

// checkJSON says of a text that it isn't of the kind that begins so, or nests too
// deep.
func checkJSON(fields map[string]string, field string, text JSON, begin byte, depth int) {
	switch {
	case text == nil:
	case len(text) == 0 || text[0] != begin:
		fields[field] = map[byte]string{'[': "is no array", '{': "is no object"}[begin]
	case text.DeeperThan(depth):
		fields[field] = "nests deeper than " + strconv.Itoa(depth) + " levels"
	}
}

// ValidateImport says what keeps a server from being imported as it is. Invalid.
func (s *MCPServer) ValidateImport() error {
	u := MCPServerUpdate{Name: &s.Name, Description: s.Description, URL: &s.URL, Icon: &s.Icon, Branding: s.Branding}
	fields := u.problems()
	delete(fields, "url") // the vendor documents no rule: what it has is shown as it is
	checkText(fields, "url", &s.URL, false)
	if s.Slug != "" && !ValidSlug(s.Slug) {
		fields["slug"] = "is not URL-safe"
	}
	checkTimes(fields, s.CreatedAt, s.UpdatedAt)
	checkRevision(fields, "revision", s.Revision, 1)
	for field, text := range map[string]JSON{
		"suggestions": s.Suggestions, "associated_apps": s.AssociatedApps, "resources": s.Resources, "notebooks": s.Notebooks,
	} {
		checkJSON(fields, field, text, '[', memberDepth)
	}
	for i, c := range s.Chains {
		field := "chains." + strconv.Itoa(i)
		checkJSON(fields, field, c.Fields, '{', withinDepth)
		if c.Fields == nil {
			fields[field] = "has no fields"
		}
	}
	return invalid("mcp_server", fields)
}

// ValidateImport says what keeps an agent from being imported as it is. Invalid.
func (a *Agent) ValidateImport() error {
	u := AgentUpdate{Name: &a.Name, Icon: &a.Icon, Description: a.Description, Instruction: a.Instruction, Model: a.Model}
	fields := u.problems()
	if !a.UID.Valid() {
		fields["uid"] = "is not a UUID in lower case"
	}
	checkTimes(fields, a.CreatedAt, a.UpdatedAt)
	checkRevision(fields, "revision", a.Revision, 1)
	for field, text := range map[string]JSON{
		"tools": a.Tools, "api_tools": a.APITools, "frontend_actions": a.FrontendActions, "files": a.Files, "websites": a.Websites,
		"other_kb_integrations": a.OtherKBIntegrations,
	} {
		checkJSON(fields, field, text, '[', memberDepth)
	}
	checkJSON(fields, "metadata", a.Metadata, '{', memberDepth)
	checkJSON(fields, "model_metadata", a.ModelMetadata, '{', memberDepth)
	return invalid("agent", fields)
}

// ValidateImport says what keeps an account from being imported as it is. Invalid.
func (a *Account) ValidateImport() error {
	fields := a.problems()
	checkTimes(fields, a.CreatedAt, a.UpdatedAt)
	checkRevision(fields, "version", a.Version, 0)
	for i, f := range a.Fields {
		switch field := "fields." + strconv.Itoa(i); {
		case len(f.Value) == 0:
			fields[field] = "has no value"
		case f.Value.DeeperThan(withinDepth):
			fields[field] = "nests deeper than " + strconv.Itoa(withinDepth) + " levels"
		}
	}
	return invalid("account", fields)
}
