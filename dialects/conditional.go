package dialects

import (
	"net/http"
	"strings"

	"github.com/diglot/diglot/core"
)

// Conditional requests (RFC 9110, 13) are ours: neither vendor has them. A
// client that asks for nothing sees nothing of them.

// ETagHeader asks for strong entity tags where one record is answered: strong.
// Anything else in it is overlooked, and a tenant may have them always.
const ETagHeader = "Diglot-ETag"

// wantsStrong reports whether the client, or its tenant for it, wants strong tags.
func wantsStrong(r *http.Request) bool {
	if r.Header.Get(ETagHeader) == "strong" {
		return true
	}
	who := callOf(r).who
	return who != nil && who.Tenant.StrongETags
}

// viewMark parts a record's version from how the tag's bearer was shown it.
const viewMark = "/"

// strongTag makes a tag of a record's version. It is the same whatever a
// request did to the record, so that who has changed it can go on from there.
func strongTag(version core.Version, view string) string {
	tag := `"` + string(version)
	if view != "" {
		tag += viewMark + view
	}
	return tag + `"`
}

// tagOf gives the strong tag of an answer about a record, "" where it is about
// none or nobody wants it, and lets pages read it.
func tagOf(w http.ResponseWriter, r *http.Request, version core.Version, view string) string {
	if version == "" || !wantsStrong(r) {
		return ""
	}
	w.Header()["Access-Control-Expose-Headers"] = exposedTag
	return strongTag(version, view)
}

// IfMatch reads the condition of a change. Weak tags, and what is no version of
// a record, match nothing; a header that is no list of tags matches nothing as a
// whole. In which form a client saw the record does not matter: it is the record
// that is changed. PreconditionRequired.
func (r *Request) IfMatch() (core.Precondition, error) {
	given := r.http.Header.Values("If-Match")
	if len(given) == 0 {
		if who := callOf(r.http).who; who != nil && who.Tenant.RequireIfMatch {
			return core.Precondition{}, &core.Error{
				Kind: core.PreconditionRequired, Noun: "precondition", Message: "a change without If-Match, which the tenant requires",
			}
		}
		return core.Precondition{}, nil
	}
	list := strings.Join(given, ",")
	if strings.Trim(list, " \t") == "*" {
		return core.Precondition{Exists: true}, nil
	}
	return core.Precondition{OneOf: versionsIn(list)}, nil
}

// versionsIn gives the versions that a list of entity tags names, never nil.
func versionsIn(list string) []core.Version {
	versions := []core.Version{}
	for {
		list = strings.TrimLeft(list, " \t,") // a list may have empty elements
		if list == "" {
			return versions
		}
		strong, isWeak := strings.CutPrefix(list, "W/")
		opaque, isTag := strings.CutPrefix(strong, `"`)
		opaque, rest, isClosed := strings.Cut(opaque, `"`)
		rest = strings.TrimLeft(rest, " \t")
		if !isTag || !isClosed || rest != "" && rest[0] != ',' {
			return []core.Version{}
		}
		list = rest
		if isWeak {
			continue
		}
		opaque, _, _ = strings.Cut(opaque, viewMark)
		if v, ok := core.ParseVersion(opaque); ok {
			versions = append(versions, v)
		}
	}
}
