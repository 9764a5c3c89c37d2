package shadow

import (
	"errors"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/redact"
)

// What a [Difference] is in.
const (
	Missing = "missing" // the peer has it, Diglot doesn't
	Extra   = "extra"   // Diglot has it, the peer doesn't
	Type    = "type"
	Value   = "value"
	Status  = "status"
	Header  = "header"
)

// Difference is one way in which two answers are not alike.
type Difference struct {
	Kind string `json:"kind"`
	// Path is the member, as a JSON pointer with * for each place in a list, "" for
	// the body or the status; or the header's name.
	Path   string `json:"path"`
	Ours   string `json:"ours,omitempty"`
	Theirs string `json:"theirs,omitempty"`
}

// maxDifferences is how many of one exchange are kept, and of how many bytes.
const (
	maxDifferences     = 100
	maxDifferenceBytes = 32 << 10
)

// comparison is one pair of answers being compared.
type comparison struct {
	noise

	hide   redact.Secrets
	values bool
	path   path
	found  []Difference
	bytes  int // of what was found
	seen   map[[2]string]bool
}

// compare gives how Diglot's answer differs from the peer's. Where the status does,
// the rest has to, and is not said.
func (l *lane) compare(j *job, ours, theirs answer) (found []Difference, failed string) {
	c := &comparison{noise: l.rule.noise(), hide: l.secrets(j), values: l.rule.Values, seen: map[[2]string]bool{}}
	if ours.status != theirs.status {
		c.add(Difference{Kind: Status, Ours: strconv.Itoa(ours.status), Theirs: strconv.Itoa(theirs.status)})
		return c.found, ""
	}
	a, err := ours.value()
	if err != nil {
		return nil, whyUnread(err)
	}
	b, err := theirs.value()
	if err != nil {
		return nil, whyUnread(err)
	}
	c.headers(ours, theirs)
	one, two := c.node(a, &c.path), c.node(b, &c.path)
	c.members(&one, &two)
	return c.found, ""
}

func whyUnread(err error) string {
	if errors.Is(err, errTooDeep) {
		return failedTooDeep
	}
	return whyFailed(err)
}

// secrets are what must not be kept of a request.
func (l *lane) secrets(j *job) redact.Secrets {
	hide := redact.SecretsOf(j.request.Header)
	if l.rule.credential != "" {
		hide = append(hide, l.rule.credential)
	}
	return hide
}

// headers compares the type of the body, and whether those are there that clients
// wait by.
func (c *comparison) headers(ours, theirs answer) {
	a, b := mediaType(ours), mediaType(theirs)
	if a != b {
		c.add(Difference{Kind: Header, Path: "Content-Type", Ours: a, Theirs: b})
	}
	names := map[string][2]string{}
	for side, answered := range []answer{ours, theirs} {
		for name := range answered.header {
			if lower := strings.ToLower(name); lower == "retry-after" || strings.HasPrefix(lower, "x-ratelimit-") ||
				strings.HasPrefix(lower, "x-rate-limit") || strings.HasPrefix(lower, "ratelimit") {
				both := names[lower]
				both[side] = "present"
				names[lower] = both
			}
		}
	}
	for name, is := range names {
		if is[0] != is[1] {
			c.add(Difference{Kind: Header, Path: name, Ours: is[0], Theirs: is[1]})
		}
	}
}

// mediaType gives a body's type and its character set, however they are written.
func mediaType(a answer) string {
	given := a.header.Get("Content-Type")
	t, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		return given
	}
	if charset := parameters["charset"]; charset != "" {
		t += "; charset=" + strings.ToLower(charset)
	}
	return t
}

// full reports whether nothing more is kept.
func (c *comparison) full() bool {
	return len(c.found) >= maxDifferences || c.bytes >= maxDifferenceBytes
}

// add notes a difference, of each member one.
func (c *comparison) add(d Difference) {
	d.Path, d.Ours, d.Theirs = c.short(d.Path, shownPathBytes), c.short(d.Ours, shownBytes), c.short(d.Theirs, shownBytes)
	if at := [2]string{d.Kind, d.Path}; !c.seen[at] && !c.full() {
		c.seen[at] = true
		c.found = append(c.found, d)
		c.bytes += d.size()
	}
}

// short gives text as it may be kept, which may be of the peer's choice.
func (c *comparison) short(text string, most int) string {
	return shorten(c.hide.In(text), most)
}

func (d *Difference) size() int { return len(d.Kind) + len(d.Path) + len(d.Ours) + len(d.Theirs) }

// members compares two values, member by member.
func (c *comparison) members(ours, theirs *node) {
	if c.full() || ours.form == theirs.form || c.ignores(c.path) {
		return
	}
	if typeOf(ours.value) != typeOf(theirs.value) {
		c.differ(Type, ours.value, theirs.value)
		return
	}
	switch ours.value.(type) {
	case map[string]any:
		c.objects(ours, theirs)
	case []any:
		c.lists(ours.below, theirs.below)
	default:
		c.differ(Value, ours.value, theirs.value)
	}
}

func (c *comparison) objects(ours, theirs *node) {
	for i, name := range ours.names {
		c.path.push(name)
		if value := theirs.member(name); value == nil {
			if !c.ignores(c.path) {
				c.differ(Extra, ours.below[i].value, nil)
			}
		} else {
			c.members(&ours.below[i], value)
		}
		c.path.pop()
	}
	for i, name := range theirs.names {
		if ours.member(name) != nil {
			continue
		}
		c.path.push(name)
		if !c.ignores(c.path) {
			c.differ(Missing, nil, theirs.below[i].value)
		}
		c.path.pop()
	}
}

// differ notes a difference in two values at the path, of which one may not be
// there.
func (c *comparison) differ(kind string, ours, theirs any) {
	if c.full() {
		return
	}
	d := Difference{Kind: kind, Path: c.path.shown(c.hide)}
	if c.seen[[2]string{kind, d.Path}] {
		return
	}
	hidden := slices.ContainsFunc(c.path, func(s step) bool { return redact.IsMember(s.name) })
	if kind != Missing {
		d.Ours = c.show(ours, hidden)
	}
	if kind != Extra {
		d.Theirs = c.show(theirs, hidden)
	}
	c.add(d)
}
