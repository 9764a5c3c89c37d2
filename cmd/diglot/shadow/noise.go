package shadow

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/redact"
)

// noise is what differs between two sides that are alike.
type noise struct {
	ids, times, order bool
	ignored           [][]string
}

var (
	uuids     = regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`)
	objectIDs = regexp.MustCompile(`\b[0-9a-fA-F]{24}\b`)
	moments   = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?`)
	digits    = regexp.MustCompile(`\d`)
	timeNames = regexp.MustCompile(`(?:[a-z_]At|_at|[tT]ime|[tT]imestamp|[eE]xp|[dD]ate)$`)
)

// The least and most numbers that are moments since 1970: 2001 to 2286.
const (
	leastSeconds, mostSeconds = 1_000_000_000, 10_000_000_000
	millis                    = 1000
	micros                    = 1000 * millis
)

// text gives a string with its noise in one form.
func (n *noise) text(s string) string {
	if n.times {
		s = moments.ReplaceAllStringFunc(s, func(at string) string { return "<" + digits.ReplaceAllString(at, "0") + ">" })
	}
	if n.ids {
		s = objectIDs.ReplaceAllString(uuids.ReplaceAllString(s, "<uuid>"), "<24 hex>")
	}
	return s
}

// number gives a number in one form, whichever way it is written. A moment of whole
// milliseconds or microseconds is told by its size, one of seconds by the member's name too.
func (n *noise) number(v json.Number, name string) string {
	whole, err := strconv.ParseInt(v.String(), 10, 64)
	if err != nil {
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		if whole = int64(f); float64(whole) != f || f >= 1<<53 || f <= -1<<53 {
			if strings.Trim(v.String(), "-0123456789") == "" { // too large to be told apart otherwise
				return v.String()
			}
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	switch {
	case n.times && whole >= leastSeconds*millis && whole < mostSeconds*millis:
		return "<milliseconds>"
	case n.times && whole >= leastSeconds*micros && whole < mostSeconds*micros:
		return "<microseconds>"
	case n.times && whole >= leastSeconds && whole < mostSeconds && timeNames.MatchString(name):
		return "<seconds>"
	}
	return strconv.FormatInt(whole, 10)
}

// ignores reports whether what is at a path may differ, as all above it in the
// pattern.
func (n *noise) ignores(path []string) bool {
	return slices.ContainsFunc(n.ignored, func(pattern []string) bool {
		if len(path) < len(pattern) {
			return false
		}
		for i, segment := range pattern {
			if segment != "*" && segment != path[i] {
				return false
			}
		}
		return true
	})
}

// canonical writes a value in a form that is the same for all that are the same
// but for noise.
func (n *noise) canonical(to *strings.Builder, v any, path []string) {
	if n.ignores(path) {
		to.WriteString("<ignored>")
		return
	}
	switch v := v.(type) {
	case string:
		to.WriteString(strconv.Quote(n.text(v)))
	case json.Number:
		to.WriteString(n.number(v, last(path)))
	case []any:
		elements := make([]string, len(v))
		for i, e := range v {
			var text strings.Builder
			n.canonical(&text, e, below(path, "*"))
			elements[i] = text.String()
		}
		if n.order {
			slices.Sort(elements)
		}
		to.WriteString("[" + strings.Join(elements, ",") + "]")
	case map[string]any:
		to.WriteByte('{')
		for _, name := range sorted(v) {
			if here := below(path, escape(name)); !n.ignores(here) { // its absence is ignored too
				to.WriteString(strconv.Quote(name) + ":")
				if redact.IsMember(name) {
					to.WriteString("<" + typeOf(v[name]) + ">")
				} else {
					n.canonical(to, v[name], here)
				}
				to.WriteByte(',')
			}
		}
		to.WriteByte('}')
	default:
		to.WriteString(typeOf(v))
		if b, ok := v.(bool); ok {
			to.WriteString(strconv.FormatBool(b))
		}
	}
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func last(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}

// below gives a path with one more segment, and leaves the one that it begins with
// alone.
func below(path []string, segment string) []string {
	return append(path[:len(path):len(path)], segment)
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

// escape gives a member's name as a segment of a JSON pointer.
func escape(name string) string { return pointer.Replace(name) }
