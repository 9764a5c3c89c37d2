package core

import (
	"strings"
	"time"
	"unicode/utf8"
)

// MCPServer is everything that either dialect knows of one server. What one
// dialect cannot show is kept all the same.
type MCPServer struct {
	ID          ObjectID
	Slug        string  // unique in the tenant, never changes
	Name        string  // never empty; may repeat, see [CreateMCPServer]
	Description *string // nil: never given, which is not the same as empty
	URL         string  // where the server answers: http or https, unless it was imported with another; empty: not given
	Icon        string  // any text of up to [MaxIconChars] characters, a URL or a path or the image itself; empty: not given

	Suggestions    JSON // array of objects
	AssociatedApps JSON // array of objects
	Resources      JSON // array
	Notebooks      JSON // array
	Chains         []Chain
	Branding       Branding

	Place     Place
	CreatedAt time.Time // UTC, whole milliseconds
	UpdatedAt time.Time // UTC, whole milliseconds; never before CreatedAt
	Revision  int64     // 1 at creation, one more with every change
}

// Chain is one step list of a server. nil Chains on a server means that none
// were ever sent; empty means that an empty list was.
type Chain struct {
	ID     ObjectID // minted whenever the chains are replaced
	Fields JSON     // an object, without the id
}

// Branding is how a server presents itself in an embedded chat; nil members
// were never given.
type Branding struct {
	AgentName      *string
	PrimaryColor   *string
	SecondaryColor *string
	BasePrompt     *string
	SafeMode       *bool
}

// Place is a server's place in its tenant's list: unique in the tenant, and
// the order that lists are in. It is the creation time in microseconds since
// the epoch, moved to the next free one where two servers would share it, so
// that a list can be walked by it exactly once however many servers share a
// millisecond.
type Place int64

// PlacesPerMilli is how many places one millisecond has.
const PlacesPerMilli = 1000

// FirstPlace is the least place that a list tells from a time: as microseconds it
// is in March 1973, as milliseconds in the year 5138. A record's times are between
// the two, so that one number can carry a place or a time, as CometChat's cursors do.
const FirstPlace = 100_000_000_000_000

// PlaceAt gives the first choice of place for a server created at t.
func PlaceAt(t time.Time) Place { return Place(t.UnixMicro()) }

// Milli gives the place's millisecond since the epoch.
func (p Place) Milli() int64 { return int64(p) / PlacesPerMilli }

// MaxIconChars bounds an icon, in characters (Unicode code points): there is room
// for an image of some 190 KB as a data: URL, and lists, which show icons, stay
// within what an answer may take.
const MaxIconChars = 1 << 18

// NewMCPServer is what a client says of a server that it creates.
type NewMCPServer struct {
	Name        string
	Description *string
	// Slug is the slug to take; empty: one is made from the name, with the id
	// behind it where that is taken.
	Slug string
	URL  string
	Icon string
	// RefuseSameName makes the creation a [Conflict] on "name" when the tenant
	// has a server of that name, whoever created it.
	RefuseSameName bool
	// MaxServers is the tenant's own limit of how many servers it has with this one;
	// nil: the installation's holds.
	MaxServers *int
}

// MCPServerUpdate is what a client changes of a server; nil leaves a field alone.
type MCPServerUpdate struct {
	Name           *string
	Description    *string
	URL            *string
	Icon           *string
	Suggestions    JSON
	AssociatedApps JSON
	Chains         *[]JSON // objects without an id; each gets a new one
	Branding       Branding
	// KeepNoDescription has an empty Description leave one alone that was never
	// given: who is shown that as empty sends it back so.
	KeepNoDescription bool

	If Precondition
}

// MCPServerRef names one server of a tenant, by id or by slug.
type MCPServerRef struct {
	ID   ObjectID
	Slug string // when not empty, it counts and ID doesn't
}

// ByID refers to a server by its id.
func ByID(id ObjectID) MCPServerRef { return MCPServerRef{ID: id} }

// BySlug refers to a server by its slug.
func BySlug(slug string) MCPServerRef { return MCPServerRef{Slug: slug} }

// maxSlugBytes keeps a slug within what an index entry and a path segment take.
const maxSlugBytes = 255

// ValidSlug reports whether s can stand in a URL path as it is: 1 to 255 of
// RFC 3986's unreserved characters, and neither "." nor "..".
func ValidSlug(s string) bool {
	if s == "" || len(s) > maxSlugBytes || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		if !slugByte(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '~' && s[i] != '-' {
			return false
		}
	}
	return true
}

func slugByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// maxMadeSlugBytes bounds the part of a made slug that comes from the name.
const maxMadeSlugBytes = 64

// SlugFor makes a slug from a name: its ASCII letters and digits in lower
// case, everything between them one dash. It is empty when the name has none.
func SlugFor(name string) string {
	var b strings.Builder
	gap := false
	for i := 0; i < len(name) && b.Len() < maxMadeSlugBytes; i++ {
		c := name[i]
		if !slugByte(c) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			if b.Len()+1 == maxMadeSlugBytes { // a dash would be the last
				break
			}
			b.WriteByte('-')
			gap = false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// ValidText reports whether s can be kept as text: UTF-8 without U+0000,
// which PostgreSQL's text type has no room for.
func ValidText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

func checkText(fields map[string]string, field string, s *string, required bool) {
	switch {
	case s == nil:
	case required && *s == "":
		fields[field] = "is empty"
	case !ValidText(*s):
		fields[field] = "has characters that cannot be kept"
	}
}

func checkURL(fields map[string]string, field string, s *string) {
	if s != nil && *s != "" && !ValidURL(*s) {
		fields[field] = "is not an http or https URL"
	}
}

func checkIcon(fields map[string]string, s *string) {
	checkText(fields, "icon", s, false)
	checkLength(fields, "icon", s, MaxIconChars)
}

// validate is the last line of defence: a dialect has said all of this in its
// own words before.
func (n *NewMCPServer) validate() error {
	fields := map[string]string{}
	checkText(fields, "name", &n.Name, true)
	checkText(fields, "description", n.Description, false)
	checkURL(fields, "url", &n.URL)
	checkIcon(fields, &n.Icon)
	if n.Slug != "" && !ValidSlug(n.Slug) {
		fields["slug"] = "is not URL-safe"
	}
	return invalid("mcp_server", fields)
}

func (u *MCPServerUpdate) validate() error { return invalid("mcp_server", u.problems()) }

func (u *MCPServerUpdate) problems() map[string]string {
	fields := map[string]string{}
	checkText(fields, "name", u.Name, true)
	checkText(fields, "description", u.Description, false)
	checkURL(fields, "url", u.URL)
	checkIcon(fields, u.Icon)
	checkText(fields, "agent_name", u.Branding.AgentName, false)
	checkText(fields, "primary_color", u.Branding.PrimaryColor, false)
	checkText(fields, "secondary_color", u.Branding.SecondaryColor, false)
	checkText(fields, "base_prompt", u.Branding.BasePrompt, false)
	return fields
}
