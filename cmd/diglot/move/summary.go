package move

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// Summary is how many records of a run are in each state, of each kind, and of
// how many of their members what becomes.
type Summary struct {
	States  map[finding.Kind]map[State]int `json:"states"`
	Classes map[finding.Class]int          `json:"members"`
	Refused int                            `json:"refused"` // planned, and would fail
	Held    int                            `json:"held"`    // held, or planned and would be
	Lossy   int                            `json:"lossy"`   // records that lose something
	Exact   int                            `json:"exact"`   // records that have a member that is exact
	// Records are those that failed or would, then those that are held or would be.
	Records []finding.Outcome `json:"records"`
	// Skipped are those that were to be, or will; Updated those that change, or will,
	// what was there before.
	Skipped []finding.Outcome `json:"skipped"`
	Updated []finding.Outcome `json:"updated"`
}

// Summary counts the run's records.
func (r *Run) Summary() *Summary {
	s := &Summary{
		States: map[finding.Kind]map[State]int{}, Classes: map[finding.Class]int{},
		Records: []finding.Outcome{}, Skipped: []finding.Outcome{}, Updated: []finding.Outcome{},
	}
	for _, e := range r.Entries() {
		if s.States[e.Record.Kind] == nil {
			s.States[e.Record.Kind] = map[State]int{}
		}
		s.States[e.Record.Kind][e.State]++
		s.name(e)
		if e.State == Undone || e.State == Removed {
			continue
		}
		s.Classes[finding.Exact] += e.Exact
		s.Exact += min(e.Exact, 1)
		for i := range e.Findings {
			s.Classes[e.Findings[i].Class]++
		}
		if lossy(e.Findings) {
			s.Lossy++
		}
	}
	slices.SortStableFunc(s.Records, func(a, b finding.Outcome) int { return cmp.Compare(rank(a), rank(b)) })
	return s
}

// name names a record of which more is to be said than that it is moved.
func (s *Summary) name(e *Entry) {
	to := &s.Records
	switch {
	case e.State == Failed, e.Stays != "":
	case e.State == Planned && e.Action == Refuse:
		s.Refused++
	case e.State == Held, e.State == Planned && e.Action == Hold:
		s.Held++
	case e.Why == isThere: // nothing is to become of it
		return
	case e.State == Skipped, e.State == Planned && e.Action == Skip:
		to = &s.Skipped
	case e.Action == Update && (e.State == Planned || e.State == Begun || e.State == Done):
		to = &s.Updated
	default:
		return
	}
	*to = append(*to, finding.Outcome{Kind: e.Record.Kind, ID: e.Record.ID, Name: e.Record.Name, State: string(e.State), Why: cmp.Or(e.Stays, e.Why)})
}

func rank(o finding.Outcome) int {
	if strings.HasPrefix(o.Why, whyHeld) {
		return 1
	}
	return 0
}

// Begun reports whether a run has done more than to plan, which skips what the
// target has nothing like.
func (s *Summary) Begun() bool {
	return s.Of(Done)+s.Of(Begun)+s.Of(Failed)+s.Of(Held) > 0
}

// Of counts the records in a state, of all kinds.
func (s *Summary) Of(state State) (n int) {
	for _, of := range s.States {
		n += of[state]
	}
	return n
}

// whyHeld begins why a record is held.
const whyHeld = "it would lose "

// losses says what a record would lose, up to maxLosses members of it, the worst
// first.
func losses(findings []finding.Finding) string {
	const maxLosses = 3
	var paths []string
	for _, class := range []finding.Class{finding.Unsupported, finding.Manual} {
		for i := range findings {
			if findings[i].Class == class {
				paths = append(paths, findings[i].Path)
			}
		}
	}
	more := ""
	if n := len(paths) - maxLosses; n > 0 {
		paths, more = paths[:maxLosses], fmt.Sprintf(" and %d more", n)
	}
	return whyHeld + strings.Join(paths, ", ") + more
}
