package dialects

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// spelling is a route's path, as it is written where it is registered.
type spelling struct {
	method   string
	segments []string // "" for a parameter
}

// respelled gives a request that no route takes as it is written with the routes'
// own letters, where nothing but the case of fixed segments is in the way: Express
// takes either. Parameters stay as they were sent. Else it gives nil.
func (k *Kit) respelled(r *http.Request) *http.Request {
	sent := r.URL.EscapedPath()
	segments := strings.Split(strings.TrimPrefix(sent, "/"), "/")
	for _, s := range *k.spellings {
		if r.Method != s.method && r.Method != http.MethodOptions || !fits(s.segments, segments) {
			continue
		}
		for i, literal := range s.segments {
			if literal != "" {
				segments[i] = literal
			}
		}
		path := "/" + strings.Join(segments, "/")
		if path == sent {
			return nil
		}
		other := r.WithContext(r.Context())
		u := *r.URL
		u.Path, _ = url.PathUnescape(path) // it could be, as it was sent
		if u.RawPath = ""; u.EscapedPath() != path {
			u.RawPath = path
		}
		other.URL = &u
		return other
	}
	return nil
}

// fits reports whether a path's segments, as they were sent, are those of a route,
// in whatever case.
func fits(route, path []string) bool {
	return slices.EqualFunc(route, path, func(want, segment string) bool {
		return segment != "" && (want == "" || strings.EqualFold(want, segment))
	})
}
