package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file reads members into what core can keep. Whatever has to be done to a
// value for that is a repair; nothing stops a record.

// lost says that a value can't be kept at all.
func (r repairs) lost(path, reason string) {
	r[path] = repair{finding.Unsupported, reason, "Mend it at the source."}
}

// text gives a text as core keeps it; nil where it isn't given, or is no text.
func (r repairs) text(path string, f dialects.String) *string {
	switch f.Presence {
	case dialects.Given:
	case dialects.Wrong:
		r.lost(path, "It is no text.")
		return nil
	case dialects.Absent, dialects.Null:
		return nil
	}
	s := f.Value
	if strings.ContainsRune(s, 0) {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
		r[path] = repair{finding.Approximate, "The character U+0000 can't be kept; U+FFFD stands for it.", ""}
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// icon gives an icon as core keeps it; "" where it isn't given, or is too long.
func (r repairs) icon(f dialects.String) string {
	s := orEmpty(r.text("icon", f))
	if utf8.RuneCountInString(s) > core.MaxIconChars {
		r.lost("icon", "It is longer than "+strconv.Itoa(core.MaxIconChars)+" characters.")
		return ""
	}
	return s
}

// flag gives a truth, nil where it isn't given or is none.
func (r repairs) flag(path string, f dialects.Bool) *bool {
	switch f.Presence {
	case dialects.Given:
		return new(f.Value)
	case dialects.Wrong:
		r.lost(path, "It is neither true nor false.")
	case dialects.Absent, dialects.Null:
	}
	return nil
}

func (r repairs) array(path string, f dialects.Array) core.JSON {
	if f.Presence == dialects.Wrong {
		r.lost(path, "It is no array.")
	}
	return f.Text()
}

func (r repairs) object(path string, f dialects.Object) core.JSON {
	switch f.Presence {
	case dialects.Given:
		return slices.Clone(f.Value)
	case dialects.Wrong:
		r.lost(path, "It is no object.")
	case dialects.Absent, dialects.Null:
	}
	return nil
}

// noTime stands for a time that nothing tells.
var noTime time.Time

// times reads a record's two times, of whatever type they are. A creation time that can't be read is the
// other one, else the one given; an update time is never before the creation's.
func (r repairs) times(record core.JSON, otherwise time.Time) (createdAt, updatedAt time.Time) {
	members := membersOf(record)
	read := func(path string) (time.Time, bool) {
		text := valueOf(members, path)
		at, ok := momentOf(text)
		if at = at.UTC().Truncate(time.Millisecond); ok && inRange(at) {
			return at, true
		}
		if len(text) > 0 && !isNull(text) {
			r[path] = repair{finding.Approximate, "It is no time from March 1973 to the year 5138; one that is known stands for it.", ""}
		}
		return time.Time{}, false
	}
	createdAt, knownCreation := read("createdAt")
	updatedAt, knownUpdate := read("updatedAt")
	switch {
	case knownCreation:
	case inRange(otherwise):
		createdAt = otherwise
	case knownUpdate:
		createdAt = updatedAt
	default:
		createdAt = core.EarliestTime
	}
	if !knownUpdate || updatedAt.Before(createdAt) {
		updatedAt = createdAt
	}
	return createdAt, updatedAt
}

func inRange(at time.Time) bool { return !at.Before(core.EarliestTime) && !at.After(core.LatestTime) }

// texts of times as they stand in a record.
func iso(f dialects.String) core.JSON {
	if f.Presence != dialects.Given {
		return nil
	}
	text, err := dialects.Encode(f.Value)
	if err != nil {
		return nil
	}
	return text
}

// objectID reads an id of 24 hex digits; ok is false for any other.
func (r repairs) objectID(path string, f dialects.String) (id core.ObjectID, ok bool) {
	if id, ok = core.ParseObjectID(f.Value); ok {
		return id, true
	}
	if f.Presence != dialects.Absent {
		r[path] = repair{finding.Manual, "It is not 24 hex digits; a new one stands for it.", "Have clients use the new one."}
	}
	return core.ObjectID{}, false
}

// derivedID makes an id of a record that has none, the same each time, so that
// what is applied is what was planned.
func derivedID(at time.Time, of ...string) (id core.ObjectID) {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	binary.BigEndian.PutUint32(id[:], uint32(at.Unix())) //nolint:gosec // ObjectId keeps 32 bits of the second, by definition
	copy(id[4:], sum[:])
	return id
}

// derivedUID is derivedID for agents.
func derivedUID(of ...string) core.AgentUID {
	b := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: a UUID of one's own making
	return core.AgentUID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// name gives a name, or what stands for one where there is none.
func (r repairs) name(f dialects.String, otherwise string) string {
	s := r.text("name", f)
	if s != nil && *s != "" {
		return *s
	}
	r["name"] = repair{finding.Approximate, "It has no name; " + strconv.Quote(otherwise) + " stands for it.", "Name it at the source."}
	return otherwise
}
