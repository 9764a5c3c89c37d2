package shadow

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
func (n *noise) ignores(path path) bool {
	return slices.ContainsFunc(n.ignored, func(pattern []string) bool {
		if len(path) < len(pattern) {
			return false
		}
		for i, segment := range pattern {
			if segment != "*" && segment != path[i].segment {
				return false
			}
		}
		return true
	})
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
