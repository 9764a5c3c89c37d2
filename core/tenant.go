package core

import (
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Tenant is one namespace of MCP servers and the unit of isolation. Its
// addresses say how each dialect's clients name it; it has at least one.
type Tenant struct {
	ID        TenantID
	Name      string            // unique among tenants; how operators name it
	Refold    *RefoldAddress    // nil: not reachable through the Refold dialect
	CometChat *CometChatAddress // nil: not reachable through the CometChat dialect
	// URLTemplate gives the url of a server that was created without one, with
	// {id} and {slug} filled in; empty: such servers have an empty url.
	URLTemplate string
	// RefoldRevision is which generation of its API the Refold dialect answers
	// in; [RefoldLegacy] where there is no Refold address.
	RefoldRevision RefoldRevision
	// RequireAccounts: beside a Refold key only a linked account that exists may
	// be named; false where there is no Refold address.
	RequireAccounts bool
	// ProtectServers: a Refold session token, which an end user may hold, deletes
	// no servers; false where there is no Refold address.
	ProtectServers bool
	// StrongETags: single servers and agents are answered with strong entity tags,
	// asked for or not, in both dialects.
	StrongETags bool
	// RequireIfMatch: servers and agents are changed and removed only on a
	// condition ([Precondition]), in both dialects.
	RequireIfMatch bool
	Limits         Limits
	Status         TenantStatus
	CreatedAt      time.Time
}

// TenantStatus says whether a tenant is served: the credentials of one that is
// not [TenantActive] are answered as unknown ones are.
type TenantStatus int

// The statuses of a tenant.
const (
	TenantActive    TenantStatus = iota
	TenantSuspended              // until it is resumed
	TenantDeleting               // for good: what there is of it is being removed
)

// String gives the status as stores and commands write it.
func (s TenantStatus) String() string {
	switch s {
	case TenantActive:
		return "active"
	case TenantSuspended:
		return "suspended"
	case TenantDeleting:
		return "deleting"
	default:
		return "unknown"
	}
}

// TenantCounts is how much a tenant has.
type TenantCounts struct {
	Servers, Agents, Accounts int
	Keys                      int // also those that have expired or were revoked
}

// TenantUpdate is what an operator changes of a tenant; nil leaves a setting alone.
type TenantUpdate struct {
	// An address is added or changed, never taken away. Whoever names the tenant by
	// the old one, a session token's claims or a CometChat host, names nobody then.
	Refold          *RefoldAddress
	CometChat       *CometChatAddress
	URLTemplate     *string
	RefoldRevision  *RefoldRevision
	RequireAccounts *bool
	ProtectServers  *bool
	StrongETags     *bool
	RequireIfMatch  *bool
	Limits          *Limits // takes the place of all limits that were set
}

// With gives the tenant with what an update names.
func (t Tenant) With(u TenantUpdate) Tenant {
	if u.Refold != nil {
		t.Refold = u.Refold
	}
	if u.CometChat != nil {
		t.CometChat = u.CometChat
	}
	set(&t.URLTemplate, u.URLTemplate)
	set(&t.RefoldRevision, u.RefoldRevision)
	set(&t.RequireAccounts, u.RequireAccounts)
	set(&t.ProtectServers, u.ProtectServers)
	set(&t.StrongETags, u.StrongETags)
	set(&t.RequireIfMatch, u.RequireIfMatch)
	set(&t.Limits, u.Limits)
	return t
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RefoldRevision is a generation of Refold's API. It decides how a tenant's
// clients are answered, never what is kept.
type RefoldRevision string

// The revisions of Refold's API.
const (
	RefoldLegacy RefoldRevision = "legacy"
	RefoldV3     RefoldRevision = "v3"
)

// Valid reports whether it is one of the revisions there are.
func (r RefoldRevision) Valid() bool { return r == RefoldLegacy || r == RefoldV3 }

// Environment is a Refold environment: test or production.
type Environment string

// The two environments of a Refold org.
const (
	Test       Environment = "test"
	Production Environment = "production"
)

// RefoldAddress is how Refold clients name a tenant: unique among tenants.
type RefoldAddress struct {
	OrgID       string
	Environment Environment
}

// CometChatAddress is how CometChat clients name a tenant: unique among tenants.
type CometChatAddress struct {
	AppID  string
	Region string // see [ValidRegion]
}

// ValidRegion reports whether s is one of the regions that CometChat's apps are
// in: us, eu and in, in lower case.
func ValidRegion(s string) bool { return s == "us" || s == "eu" || s == "in" }

// DialectName names a dialect where core has to tell them apart: a key
// belongs to one.
type DialectName string

// The dialects that keys are made for.
const (
	Refold    DialectName = "refold"
	CometChat DialectName = "cometchat"
)

// Principal is who a credential turned out to be. It is shared between
// requests: read only.
type Principal struct {
	Tenant  *Tenant
	KeyID   string     // empty for a session token
	Scope   KeyScope   // the key's; empty for a session token
	Account string     // the linked account that a session token acts for, else empty
	Session *SessionID // what a session token was issued for, else nil
	// ExpiresAt is when the key ends; nil: it doesn't, or it is no key.
	ExpiresAt *time.Time
}

// ServerURL gives the server's own url, else the tenant's template filled in,
// else "".
func (t *Tenant) ServerURL(s *MCPServer) string {
	if s.URL != "" || t.URLTemplate == "" {
		return s.URL
	}
	return strings.NewReplacer("{id}", s.ID.String(), "{slug}", s.Slug).Replace(t.URLTemplate)
}

var (
	tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	orgID      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	appID      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
)

// Validate reports each field that keeps the tenant from being created, as an
// [Invalid] error.
func (t *Tenant) Validate() error {
	fields := map[string]string{}
	if !tenantName.MatchString(t.Name) {
		fields["name"] = "must be 1 to 100 letters, digits, dots, dashes or underscores, the first a letter or digit"
	}
	if t.Refold == nil && t.CometChat == nil {
		fields["address"] = "needs a Refold org and environment, a CometChat app and region, or both"
	}
	if a := t.Refold; a != nil {
		if !orgID.MatchString(a.OrgID) {
			fields["refold_org"] = "must be 1 to 100 letters, digits, dashes or underscores"
		}
		if a.Environment != Test && a.Environment != Production {
			fields["refold_env"] = "must be test or production"
		}
	}
	if a := t.CometChat; a != nil {
		if !appID.MatchString(a.AppID) {
			fields["cometchat_app"] = "must be 1 to 100 letters, digits, dashes or underscores"
		}
		if !ValidRegion(a.Region) {
			fields["cometchat_region"] = "must be us, eu or in"
		}
	}
	switch {
	case !t.RefoldRevision.Valid():
		fields["refold_revision"] = "must be legacy or v3"
	case t.RefoldRevision != RefoldLegacy && t.Refold == nil:
		fields["refold_revision"] = "is for tenants with a Refold address"
	}
	if t.RequireAccounts && t.Refold == nil {
		fields["require_accounts"] = "is for tenants with a Refold address"
	}
	if t.ProtectServers && t.Refold == nil {
		fields["protect_servers"] = "is for tenants with a Refold address"
	}
	if t.URLTemplate != "" && !ValidURL(strings.NewReplacer("{id}", "0", "{slug}", "0").Replace(t.URLTemplate)) {
		fields["url_template"] = "must be an http or https URL; {id} and {slug} are filled in"
	}
	t.Limits.check(fields)
	return invalid("tenant", fields)
}

// ValidURL reports whether s is an absolute http or https URL with a host.
// Plain http and localhost are fine: the vendor's own examples use them.
func ValidURL(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f { // url.Parse lets them pass in a fragment
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && ValidText(s)
}

// invalid gives nil for no fields, else an [Invalid] error that names the
// first in alphabetical order in its message.
func invalid(noun string, fields map[string]string) error {
	if len(fields) == 0 {
		return nil
	}
	first := ""
	for f := range fields {
		if first == "" || f < first {
			first = f
		}
	}
	return &Error{Kind: Invalid, Noun: noun, Fields: fields, Message: first + " " + fields[first]}
}
