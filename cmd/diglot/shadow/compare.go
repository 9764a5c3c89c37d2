package shadow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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

const (
	// maxDifferences is how many of one exchange are kept.
	maxDifferences = 100
	// maxDepth is how deep an answer may nest: no deeper than any that Diglot takes.
	maxDepth = 110
	// shownBytes is how much of a value is shown.
	shownBytes = 200
	// keptBytes is how much of a body is kept.
	keptBytes = 64 << 10
)

// comparison is one pair of answers being compared.
type comparison struct {
	noise

	hide   redact.Secrets
	values bool
	found  []Difference
	seen   map[[2]string]bool
}

var errTooDeep = errors.New("the answer nests too deep")

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

// nothing is the value of a body that there isn't, other that of one that is not
// JSON.
type (
	nothing struct{}
	other   string
)

// value reads a body.
func (a *answer) value() (any, error) {
	body, err := a.unpacked()
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if len(body) == 0 {
		return nothing{}, nil
	}
	if err := depth(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) == nil && isEnd(d) {
		return v, nil
	}
	return other(body), nil
}

// isEnd reports whether nothing follows what was read.
func isEnd(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

// depth refuses text whose arrays and objects nest too deep. Text that is not JSON
// may be refused too.
func depth(text []byte) error {
	n, in := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case in && c == '\\':
			i++
		case c == '"':
			in = !in
		case in:
		case c == '{' || c == '[':
			if n++; n > maxDepth {
				return errTooDeep
			}
		case c == '}' || c == ']':
			n--
		}
	}
	return nil
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

// show gives a value as it may be kept: what it is, or where values are asked for
// how it begins.
func (c *comparison) show(v any, hidden bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case nothing:
		return "no body"
	case bool:
		if !hidden {
			return strconv.FormatBool(v)
		}
	}
	if c.values && !hidden {
		return c.text(v)
	}
	switch v := v.(type) {
	case string:
		if form := c.noise.text(v); form != v && strings.HasPrefix(form, "<") && strings.HasSuffix(form, ">") {
			return form
		}
		return fmt.Sprintf("string of %d", utf8.RuneCountInString(v))
	case []any:
		return fmt.Sprintf("array of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("object of %d", len(v))
	}
	return typeOf(v)
}

func (c *comparison) text(v any) string {
	if o, ok := v.(other); ok {
		return shorten(strings.Join(strings.Fields(strings.ToValidUTF8(c.hide.In(string(o)), "\uFFFD")), " "))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return typeOf(v)
	}
	shown, _ := c.hide.Body(text, false)
	return shorten(string(shown))
}

func shorten(text string) string {
	if len(text) <= shownBytes {
		return text
	}
	cut := shownBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// kept gives a body as the log has it.
func kept(hide redact.Secrets, a answer) json.RawMessage {
	body, err := a.unpacked()
	if err != nil || len(body) == 0 {
		return nil
	}
	text, _ := hide.Body(body, len(body) > keptBytes)
	return json.RawMessage(text)
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case nothing:
		return "no body"
	case other:
		return "not JSON"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
