package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// Plan says what Apply would do with each record, and changes nothing but the
// run. Records that were moved are passed over. A target that can rehearse is asked
// to: what it refuses then, by rules of its own, is planned as refused.
func (e *Engine) Plan(ctx context.Context) error {
	e.start(ctx)
	if file, is := e.To.(*FileTarget); is {
		file.records = map[string]core.JSON{} // a plan writes none
	} else if err := e.To.Prepare(ctx); err != nil {
		return err
	}
	var items []*Item
	err := e.all(ctx, func(ctx context.Context, r Ref) error {
		item, err := e.toPlan(ctx, r)
		if item != nil {
			e.mu.Lock()
			items = append(items, item)
			e.mu.Unlock()
			e.tell(&Entry{Record: item.Record}) // it is reading that takes its time
		}
		return err
	})
	if err != nil {
		return err
	}
	try := func(at Target) error {
		for _, item := range items {
			next, err := e.planned(ctx, item, at)
			if err == nil {
				err = e.keep(next)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if r, can := e.To.(Rehearser); can {
		return r.Rehearse(ctx, try)
	}
	return try(nil)
}

// toPlan reads a record that is to be moved.
func (e *Engine) toPlan(ctx context.Context, r Ref) (*Item, error) {
	if entry := e.Run.Get(&r); entry != nil && (entry.State == Done || entry.State == Skipped || entry.State == Begun) {
		return nil, nil //nolint:nilnil // there is nothing to plan
	}
	item, err := e.read(ctx, r)
	if errors.Is(err, ErrGone) {
		return nil, nil //nolint:nilnil // nor here
	}
	if err == nil && item.Server != nil && item.Server.Slug != "" {
		e.noteSlug(&Entry{Slug: item.Server.Slug, ToSlug: item.Server.Slug})
	}
	return item, err
}

// planned says what is to become of a record; rehearsal is where it is tried,
// nil: nowhere.
func (e *Engine) planned(ctx context.Context, item *Item, rehearsal Target) (*Entry, error) {
	next, err := e.intend(item)
	if err != nil || next.Action == Skip {
		return next, err
	}
	next.State = Planned
	x, err := e.conflict(ctx, item, e.To)
	if err != nil {
		return nil, err
	}
	if x != nil {
		switch e.Policy {
		case SkipOnConflict:
			next.Action, next.Why = Skip, "its "+x.Taken+" is taken"
			return next, nil
		case UpdateOnConflict:
			next.Action, next.Why = Update, "its "+x.Taken+" is that of "+x.ID
			return next, nil
		case FailOnConflict:
			next.Action, next.Why = Refuse, "its "+x.Taken+" is taken by "+x.ID
			return next, nil
		case RenameOnConflict:
			if err := e.rename(ctx, item, next, x, e.To); err != nil {
				return nil, err
			}
		}
	}
	if rehearsal == nil {
		return next, nil
	}
	if _, err := rehearsal.Create(ctx, item); err != nil {
		if !ofOneRecord(err) {
			return nil, fmt.Errorf("%s %s: %w", item.Record.Kind, item.Record.ID, err)
		}
		next.Action, next.Why = Refuse, err.Error()
	}
	return next, nil
}

// Summary is how many records of a run are in each state, of each kind, and of
// how many of their members what becomes.
type Summary struct {
	States  map[finding.Kind]map[State]int `json:"states"`
	Classes map[finding.Class]int          `json:"members"`
	Refused int                            `json:"refused"` // planned, and would fail
	Lossy   int                            `json:"lossy"`   // records that lose something
}

// Summary counts the run's records.
func (r *Run) Summary() *Summary {
	s := &Summary{States: map[finding.Kind]map[State]int{}, Classes: map[finding.Class]int{}}
	for _, e := range r.Entries() {
		if s.States[e.Record.Kind] == nil {
			s.States[e.Record.Kind] = map[State]int{}
		}
		s.States[e.Record.Kind][e.State]++
		if e.Action == Refuse {
			s.Refused++
		}
		if e.State == Undone || e.State == Removed {
			continue
		}
		s.Classes[finding.Exact] += e.Exact
		for i := range e.Findings {
			s.Classes[e.Findings[i].Class]++
		}
		if lossy(e.Findings) {
			s.Lossy++
		}
	}
	return s
}

// Of counts the records in a state, of all kinds.
func (s *Summary) Of(state State) (n int) {
	for _, of := range s.States {
		n += of[state]
	}
	return n
}
