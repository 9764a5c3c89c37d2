package move

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// Verdict is what a verification finds of one record.
type Verdict string

// The verdicts.
const (
	Equal    Verdict = "equal"     // all members are the same
	AsMoved  Verdict = "as moved"  // the members that are not the same are those that the run tells of
	Differs  Verdict = "differs"   // others are not
	Missing  Verdict = "missing"   // it is not at the target
	NotMoved Verdict = "not moved" // the run hasn't moved it
	NoSource Verdict = "no source" // it was moved and is not at the source any more
	PassedBy Verdict = "skipped"   // it was not to be moved, as its place was taken, or the target has nothing like it
)

// Verdicts are all of them, in the order they are counted in.
var Verdicts = []Verdict{Equal, AsMoved, Differs, Missing, NotMoved, NoSource, PassedBy}

// Verification is what was found of all records.
type Verification struct {
	Counts   map[finding.Kind]map[Verdict]int `json:"counts"`
	Findings []finding.Finding                `json:"findings"` // what is not the same, and is not told of by the run
	Records  []Verified                       `json:"records"`  // those that are neither equal nor as moved
	// Others are at the target, and the run knows nothing of them: it was there
	// before, or was made there since.
	Others []finding.Record `json:"others"`
	// Unlisted is why they are not known, or not all of them; "": they are.
	Unlisted string `json:"unlisted,omitempty"`
}

// Verified is one record of which something is to be said.
type Verified struct {
	Record  finding.Record `json:"record"`
	There   string         `json:"there,omitempty"`
	Verdict Verdict        `json:"verdict"`
	Changed Side           `json:"changed,omitempty"` // since the move, of what is there; "": neither, or that isn't known
	Why     string         `json:"why,omitempty"`     // it stays as it is
}

// Good reports whether all that was moved is there as it should be.
func (v *Verification) Good() bool {
	for _, of := range v.Counts {
		if of[Differs]+of[Missing]+of[NotMoved] > 0 {
			return false
		}
	}
	return true
}

// Verify reads both sides again and compares each record with the one that was
// made of it.
func (e *Engine) Verify(ctx context.Context) (*Verification, error) {
	e.start(ctx)
	if err := e.identify(ctx); err != nil {
		return nil, err
	}
	v := &Verification{
		Counts: map[finding.Kind]map[Verdict]int{}, Findings: []finding.Finding{}, Records: []Verified{}, Others: []finding.Record{},
	}
	seen := map[string]bool{}
	see := func(r Ref, is bool) { e.note(func() { seen[r.key()] = is }) }
	err := e.all(ctx, func(ctx context.Context, r Ref) error {
		err := e.verify(ctx, r, v)
		see(r, !errors.Is(err, errGoneSince)) // which is looked for once more in the list
		return err
	}, func(r Ref, why error) error {
		see(r, true)
		return e.foundUnread(v, r, why)
	})
	if err != nil {
		return nil, err
	}
	for _, entry := range e.Run.Entries() {
		if mayStay(entry) && !seen[entry.key()] {
			e.found(v, entry.Record, entry, NoSource, "", nil)
		}
	}
	finding.Sort(v.Findings)
	if err := e.others(ctx, v); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		v.Unlisted = err.Error() // a list that clients write to may not hold still
	}
	return v, nil
}

// others names what the target has and the run knows nothing of.
func (e *Engine) others(ctx context.Context, v *Verification) error {
	to, lists := e.To.(interface {
		List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error]
	})
	if !lists {
		return nil // a file has what the run wrote
	}
	known := map[string]bool{}
	for _, entry := range e.Run.Entries() {
		if entry.State != Undone && entry.State != Removed {
			there := Ref{Kind: entry.Record.Kind, ID: entry.There}
			known[there.key()] = true
		}
	}
	for _, kind := range Kinds {
		for r, err := range to.List(ctx, kind) {
			if err != nil {
				return err
			}
			if !known[r.key()] {
				v.Others = append(v.Others, finding.Record{Source: r.Form, Kind: kind, ID: r.ID, Name: r.Name})
			}
		}
	}
	return nil
}

func (e *Engine) verify(ctx context.Context, r Ref, v *Verification) error {
	entry := e.Run.Get(&r)
	if entry == nil || entry.State != Done {
		if entry == nil {
			entry = &Entry{Record: finding.Record{Source: r.Form, Kind: r.Kind, ID: r.ID, Name: r.Name}}
		}
		verdict := NotMoved
		if entry.State == Skipped {
			verdict = PassedBy
		}
		e.found(v, entry.Record, entry, verdict, "", nil)
		return nil
	}
	item, err := e.read(ctx, r)
	if err != nil {
		return err
	}
	there, err := e.To.Read(ctx, r.Kind, entry.There)
	if errors.Is(err, ErrGone) {
		e.found(v, entry.Record, entry, Missing, "", nil)
		return nil
	}
	if err != nil {
		return err
	}
	item = e.placed(item, entry)
	findings, err := e.To.Compare(item, there)
	if err != nil {
		return err
	}
	side := changed(entry, item, there)
	e.found(v, entry.Record, entry, judge(entry, side, findings), side, beyond(entry, findings))
	return nil
}

// judge says how a record is. What the run left decides, where it has kept that: a
// target that is not so any more differs, and of one that is so, whose source is too,
// nothing was changed since, whatever this program finds that the one before didn't.
func judge(entry *Entry, side Side, findings []finding.Finding) Verdict {
	same := !slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Class != finding.Exact })
	known := entry.Left != "" && entry.Took != ""
	switch {
	case side == AtTarget, side == AtBoth:
		return Differs
	case same:
		return Equal
	case side == AtSource, !known && len(beyond(entry, findings)) > 0:
		return Differs
	}
	return AsMoved
}

func (e *Engine) found(v *Verification, record finding.Record, entry *Entry, verdict Verdict, side Side, beyond []finding.Finding) {
	e.mu.Lock()
	if v.Counts[record.Kind] == nil {
		v.Counts[record.Kind] = map[Verdict]int{}
	}
	v.Counts[record.Kind][verdict]++
	v.Findings = append(v.Findings, beyond...)
	if verdict != Equal && verdict != AsMoved && verdict != PassedBy {
		r := Verified{Record: record, There: entry.There, Verdict: verdict, Changed: side}
		if verdict == NotMoved {
			r.Why = entry.Why
		}
		v.Records = append(v.Records, r)
	}
	e.mu.Unlock()
	e.tell(entry)
}

// foundUnread tells that a record can't be read, at one side or the other.
func (e *Engine) foundUnread(v *Verification, r Ref, why error) error {
	entry := e.Run.Get(&r)
	e.note(func() {
		if v.Counts[r.Kind] == nil {
			v.Counts[r.Kind] = map[Verdict]int{}
		}
		v.Counts[r.Kind][Differs]++
		v.Records = append(v.Records, Verified{Record: entry.Record, There: entry.There, Verdict: Differs, Why: why.Error()})
	})
	e.tell(entry)
	return nil
}
