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

// maxDifferences is how many of one exchange are kept.
const maxDifferences = 100

// comparison is one pair of answers being compared.
type comparison struct {
	noise

	hide   redact.Secrets
	values bool
	found  []Difference
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
	c.members(a, b, nil)
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

// add notes a difference, of each member one.
func (c *comparison) add(d Difference) {
	if at := [2]string{d.Kind, d.Path}; !c.seen[at] && len(c.found) < maxDifferences {
		c.seen[at] = true
		c.found = append(c.found, d)
	}
}

// same reports whether two values differ in noise alone.
func (c *comparison) same(ours, theirs any, path []string) bool {
	return c.form(ours, path) == c.form(theirs, path)
}

func (c *comparison) form(v any, path []string) string {
	var text strings.Builder
	c.canonical(&text, v, path)
	return text.String()
}

// members compares two values, member by member.
func (c *comparison) members(ours, theirs any, path []string) {
	if c.ignores(path) {
		return
	}
	if typeOf(ours) != typeOf(theirs) {
		c.differ(Type, path, ours, theirs)
		return
	}
	switch a := ours.(type) {
	case map[string]any:
		c.objects(a, theirs.(map[string]any), path)
	case []any:
		c.lists(a, theirs.([]any), path)
	case other:
		if a != theirs.(other) {
			c.differ(Value, path, ours, theirs)
		}
	default:
		if !redact.IsMember(last(path)) && !c.same(ours, theirs, path) {
			c.differ(Value, path, ours, theirs)
		}
	}
}

func (c *comparison) objects(ours, theirs map[string]any, path []string) {
	for _, name := range sorted(ours) {
		at := below(path, escape(name))
		if c.ignores(at) {
			continue
		}
		value, ok := theirs[name]
		switch {
		case !ok:
			c.differ(Extra, at, ours[name], nil)
		case redact.IsMember(name):
			if typeOf(ours[name]) != typeOf(value) {
				c.differ(Type, at, ours[name], value)
			}
		default:
			c.members(ours[name], value, at)
		}
	}
	for _, name := range sorted(theirs) {
		if at := below(path, escape(name)); !c.ignores(at) {
			if _, ok := ours[name]; !ok {
				c.differ(Missing, at, nil, theirs[name])
			}
		}
	}
}

// differ notes a difference in two values, of which one may not be there.
func (c *comparison) differ(kind string, path []string, ours, theirs any) {
	d := Difference{Kind: kind}
	for _, segment := range path {
		d.Path += "/" + segment
	}
	hidden := slices.ContainsFunc(path, redact.IsMember)
	if kind != Missing {
		d.Ours = c.show(ours, hidden)
	}
	if kind != Extra {
		d.Theirs = c.show(theirs, hidden)
	}
	c.add(d)
}
