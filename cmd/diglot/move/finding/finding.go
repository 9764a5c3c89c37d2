// Package finding says of each field of each record that a move touches what
// becomes of it, and shows that to those who have to decide on it: as text, as
// JSON, and as one page of HTML.
package finding

import (
	"cmp"
	"fmt"
	"slices"
)

// Class is what becomes of a field, the best first.
type Class int

// The classes.
const (
	// Exact: the same, to the last digit.
	Exact Class = iota
	// Approximate: something that means nearly the same.
	Approximate
	// Manual: nothing, until somebody does what the suggestion says.
	Manual
	// Unsupported: nothing. There is no place for it.
	Unsupported
)

// Classes are all of them, the worst first: the order that findings are shown in.
var Classes = []Class{Unsupported, Manual, Approximate, Exact}

// String gives the class as it is written everywhere.
func (c Class) String() string {
	switch c {
	case Exact:
		return "Exact"
	case Approximate:
		return "Approximate"
	case Manual:
		return "Manual"
	case Unsupported:
		return "Unsupported"
	}
	return fmt.Sprintf("Class(%d)", int(c))
}

// MarshalText implements [encoding.TextMarshaler].
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *Class) UnmarshalText(text []byte) error {
	for _, known := range Classes {
		if known.String() == string(text) {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("no such class: %q", text)
}

// Kind is what kind of record a finding is about.
type Kind string

// The kinds of records.
const (
	Server  Kind = "mcp_server"
	Agent   Kind = "agent"
	Account Kind = "linked_account"
)

// Record names one record at its source.
type Record struct {
	Source string `json:"source"` // the vendor: refold or cometchat
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"`   // as the source's clients write it
	Name   string `json:"name"` // for people
}

// Finding is what becomes of one field of one record.
type Finding struct {
	Record Record `json:"record"`
	// Path is the field's place in the source's record, such as udf[0].updatedAt.
	Path       string `json:"path"`
	Class      Class  `json:"class"`
	Reason     string `json:"reason,omitempty"`     // "" where it is exact
	Suggestion string `json:"suggestion,omitempty"` // "" where nothing can be done
}

// Outcome is a record of which more is to be said than that it is moved.
type Outcome struct {
	Kind  Kind   `json:"kind"`
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"` // planned, held, skipped, failed or done
	Why   string `json:"why"`
}

// Sort puts findings into the order that they are shown in: the worst first,
// then by source, kind, record and path. It keeps the order of equals.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Class, a.Class),
			cmp.Compare(a.Record.Source, b.Record.Source),
			cmp.Compare(a.Record.Kind, b.Record.Kind),
			cmp.Compare(a.Record.ID, b.Record.ID),
			cmp.Compare(a.Path, b.Path),
		)
	})
}
