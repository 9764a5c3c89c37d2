package dialects

import (
	"crypto/sha1" //nolint:gosec // see entityTag
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// Both vendors' stacks answer on top of Express: what a browser or a cache
// sees of it is the same for both.

// allowOrigins lets pages of any origin read the answer: the vendors' browser
// SDKs call these APIs from their customers' pages. Recorded for one vendor.
func allowOrigins(h http.Header) { h["Access-Control-Allow-Origin"] = anyOrigin }

var anyOrigin = []string{"*"}

// exposedTag lets pages read a strong tag; of a weak one they have no use.
var exposedTag = []string{"ETag"}

// isPreflight tells a browser's question from an OPTIONS of its own right.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight allows what is asked for, as Express's cors middleware does
// by default: before routing and without a credential, since a browser sends
// none.
func answerPreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE")
	h.Set("Vary", "Access-Control-Request-Headers")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	w.WriteHeader(http.StatusNoContent)
}

// entityTag makes the weak tag that Express makes: the length in hex and the
// first 27 characters of the SHA-1 in base64. It tells bodies apart and guards
// nothing.
func entityTag(body []byte) string {
	return tagOfSum(len(body), sha1.Sum(body)) //nolint:gosec // see above
}

// tagOfSum makes the tag of a body of a length, in bytes, by its SHA-1.
func tagOfSum(length int, sum [sha1.Size]byte) string {
	b := append(make([]byte, 0, 48), `W/"`...)
	b = strconv.AppendInt(b, int64(length), 16)
	b = append(b, '-')
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	b = b[:len(b)-1] // the padding
	return string(append(b, '"'))
}

// isFresh reports whether the client has this very body: its If-None-Match
// names the tag, compared weakly, and it does not insist on a new one.
func isFresh(r *http.Request, tag string) bool {
	given := r.Header.Get("If-None-Match")
	if given == "" || r.Method != http.MethodGet && r.Method != http.MethodHead ||
		strings.Contains(r.Header.Get("Cache-Control"), "no-cache") {
		return false
	}
	for candidate := range strings.SplitSeq(given, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
