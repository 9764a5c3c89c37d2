package move

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// State is how far a record of a run is.
type State string

// The states.
const (
	Planned State = "planned"
	Held    State = "held"    // it would lose something, which nobody has accepted
	Begun   State = "begun"   // it may be there, or be there in part
	Done    State = "done"    // it is there
	Skipped State = "skipped" // it stays where it is
	Failed  State = "failed"
	Undone  State = "undone"
	Removed State = "removed" // it was removed at the source, and is not at the target
)

// States are all of them, in the order that they are counted in.
var States = []State{Done, Skipped, Planned, Held, Begun, Failed, Undone, Removed}

// Action is what is done with a record.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Skip   Action = "skip"
	Refuse Action = "refuse" // in a plan: it would fail
	Hold   Action = "hold"   // in a plan: it would be held
)

// Entry is what a run knows of one record. The last one counts.
type Entry struct {
	Record finding.Record `json:"record"`
	State  State          `json:"state"`
	Action Action         `json:"action,omitzero"`
	Why    string         `json:"why,omitzero"`
	At     time.Time      `json:"at"`
	// There is the record's id at the target; Slug and ToSlug are a server's at
	// the source and the target.
	There  string `json:"there,omitzero"`
	Slug   string `json:"slug,omitzero"`
	ToSlug string `json:"to_slug,omitzero"`
	// Place is which place behind its own a record was given, 0: its own; Taken what
	// of its own was taken.
	Place int    `json:"place,omitzero"`
	Taken string `json:"taken,omitzero"`
	// Seen are the ids that were in the record's place before it was begun.
	Seen []string `json:"seen,omitzero"`
	// Took is the fingerprint of the source's text that was moved; Before is what
	// was there before an update; Left is the fingerprint of what was left there.
	// Stamp is when the source says that its text was changed last.
	Took   string         `json:"took,omitzero"`
	Stamp  string         `json:"stamp,omitzero"`
	Before jsontext.Value `json:"before,omitzero"`
	Left   string         `json:"left,omitzero"`
	// Following is the fingerprint of the source's text that a catch-up was about to
	// bring when it was last heard of.
	Following string `json:"following,omitzero"`
	// Undoing: an undo has begun to take it back. Stays is why one left it.
	Undoing bool   `json:"undoing,omitzero"`
	Stays   string `json:"stays,omitzero"`
	// Exact is how many members are the same; of the others there are findings.
	Exact    int               `json:"exact"`
	Findings []finding.Finding `json:"findings,omitzero"`
}

func (e *Entry) key() string {
	r := Ref{Kind: e.Record.Kind, ID: e.Record.ID}
	return r.key()
}

// tell keeps what becomes of the members.
func (e *Entry) tell(findings []finding.Finding) {
	e.Exact, e.Findings = 0, nil
	for i := range findings {
		if findings[i].Class == finding.Exact {
			e.Exact++
		} else {
			e.Findings = append(e.Findings, findings[i])
		}
	}
}

// place says which place a record has, 0: its own.
func (e *Entry) place(n int, taken string) {
	if e.Place, e.Taken = n, taken; n > 0 {
		e.Why = fmt.Sprintf(renamed, taken, n)
	}
}

// renamed is why a record has another place than its own.
const renamed = "%s was taken: place %d is its"

// knowPlace reads a place out of a journal of before it had one.
func (e *Entry) knowPlace() {
	var taken string
	var n int
	if _, err := fmt.Sscanf(e.Why, renamed, &taken, &n); err == nil && e.Place == 0 {
		e.Place, e.Taken = n, taken
	}
}
