package shadow

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxIDs is how many ids of a rule are kept, the newest.
const maxIDs = 10_000

// idMap has, of what was created on both sides, the id on the other side by that on
// the side that answers clients. It is in memory alone: who begins anew, or asks
// for what was made before, asks the other side for an id that it may not know.
type idMap struct {
	mu    sync.Mutex
	other map[string]string
	order []string // a ring
	next  int
}

func newIDMap() *idMap { return &idMap{other: map[string]string{}} }

// inherit goes on with the ids of the lane that a rule had before, where the sides
// are the same.
func (l *lane) inherit(before *laneSet) {
	if before == nil || l.ids == nil {
		return
	}
	if was := before.lanes[l.rule.key()]; was != nil && was.ids != nil && was.rule.Peer == l.rule.Peer && was.rule.Answers == l.rule.Answers {
		l.ids = was.ids
	}
}

func (m *idMap) put(id, other string) {
	if _, known := m.other[id]; !known {
		if len(m.order) < maxIDs {
			m.order = append(m.order, id)
		} else {
			delete(m.other, m.order[m.next])
			m.order[m.next] = id
			m.next = (m.next + 1) % maxIDs
		}
	}
	m.other[id] = other
}

// get gives the other side's id, or what it was asked for.
func (m *idMap) get(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if other, known := m.other[id]; known {
		return other
	}
	return id
}

var anID = regexp.MustCompile(`^(?:[0-9a-fA-F]{24}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})$`)

// learn notes the ids that two answers to one write have in the same places.
func (m *idMap) learn(answered, other answer) {
	a, err := answered.value()
	if err != nil {
		return
	}
	b, err := other.value()
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.learnFrom(a, b)
}

func (m *idMap) learnFrom(a, b any) {
	switch a := a.(type) {
	case map[string]any:
		b, _ := b.(map[string]any)
		for name, value := range a {
			if name != "request_id" {
				m.learnFrom(value, b[name])
			}
		}
	case []any:
		b, _ := b.([]any)
		for i := range min(len(a), len(b)) {
			m.learnFrom(a[i], b[i])
		}
	case string:
		if b, ok := b.(string); ok && a != b && len(a) == len(b) && anID.MatchString(a) && anID.MatchString(b) {
			m.put(a, b)
		}
	}
}

// translate puts the other side's ids in an address: whole segments of its path and
// whole values of its query.
func (m *idMap) translate(u *url.URL) {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		segments[i] = m.get(s) // an id has nothing to escape
	}
	u.RawPath = strings.Join(segments, "/")
	u.Path, _ = url.PathUnescape(u.RawPath) // it was escaped before
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			pairs[i] = name + "=" + m.get(value)
		}
	}
	u.RawQuery = strings.Join(pairs, "&")
}

// inBody puts the other side's ids in a body: whole strings of JSON. All else is as
// it came.
func (m *idMap) inBody(body []byte) []byte {
	m.mu.Lock()
	none := len(m.other) == 0
	m.mu.Unlock()
	if none || len(body) == 0 {
		return body
	}
	var out bytes.Buffer
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	copied := int64(0)
	for {
		before := d.InputOffset()
		token, err := d.ReadToken()
		if err != nil {
			break // it ends, or what follows is not JSON
		}
		if token.Kind() != '"' {
			continue
		}
		id := token.String()
		other := m.get(id)
		if other == id {
			continue
		}
		// Between the tokens may be space, a comma or a colon.
		start := before + int64(bytes.IndexByte(body[before:], '"'))
		out.Write(body[copied:start])
		out.WriteString(`"` + other + `"`)
		copied = d.InputOffset()
	}
	out.Write(body[copied:])
	return out.Bytes()
}
