package core

import (
	"slices"
	"strconv"
	"strings"
)

// Version names one state of one record: no other record has it, not even one
// that takes its slug later, and no other state of the record.
//
// It is the record's id and revision, as in "686e2393750d509493c6d87c-r7". An
// agent's has the number of its servers behind it, "…-r7.2": of what is between
// two revisions of an agent, only its servers that are deleted tell. Stores
// compare versions in the same text.
type Version string

// Version gives the server's state.
func (s *MCPServer) Version() Version {
	return Version(s.ID.String() + "-r" + strconv.FormatInt(s.Revision, 10))
}

// Version gives the agent's state.
func (a *Agent) Version() Version {
	return Version(string(a.UID) + "-r" + strconv.FormatInt(a.Revision, 10) + "." + strconv.Itoa(len(a.MCPServers)))
}

// maxVersionBytes is more than any version has.
const maxVersionBytes = 100

// ParseVersion reads a version. What it refuses is that of no record.
func ParseVersion(text string) (Version, bool) {
	id, revision, ok := strings.Cut(text, "-r")
	good := ok && len(text) <= maxVersionBytes &&
		id != "" && strings.Trim(id, "0123456789abcdef-") == "" &&
		revision != "" && strings.Trim(revision, "0123456789.") == ""
	if !good {
		return "", false
	}
	return Version(text), true
}

// Precondition is what has to hold of a record for it to be changed or removed;
// the zero value asks nothing. Whether it holds and the change are one step: of
// any number of changes at once that ask for one version, one is made.
type Precondition struct {
	// Exists says that any version will do. A record that is not there is
	// NotFound in any case, so that it only makes a condition of none.
	Exists bool
	// OneOf are the versions that the record may have; nil: any. Empty and not
	// nil is a condition that no record meets.
	OneOf []Version
}

// Given reports whether it asks anything.
func (p Precondition) Given() bool { return p.Exists || p.OneOf != nil }

// Holds reports whether a record of that version meets it.
func (p Precondition) Holds(v Version) bool { return p.OneOf == nil || slices.Contains(p.OneOf, v) }

// Failed gives the failure of a change to a record that doesn't meet it.
func (p Precondition) Failed(noun string) error {
	return &Error{Kind: PreconditionFailed, Noun: noun, Message: noun + " has another version than was asked for"}
}
