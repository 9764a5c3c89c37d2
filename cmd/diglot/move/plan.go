package move

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// Plan says what Apply would do with each record, and changes nothing but the
// run. Records that were moved are passed over. A target that can rehearse is asked
// to: what it refuses then, by rules of its own, is planned as refused.
func (e *Engine) Plan(ctx context.Context) error {
	e.start(ctx)
	if err := e.prepare(ctx, true); err != nil {
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
			if err := e.plan(ctx, item, at); err != nil {
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
	return item, err
}

// plan enters what is to become of a record. Agents come after the servers that
// they list, and are mapped anew: a server that is held or refused is left off.
func (e *Engine) plan(ctx context.Context, item *Item, rehearsal Target) error {
	var slug string
	switch {
	case item.Server != nil:
		slug = item.Server.Slug
	case item.Agent != nil:
		var err error
		if item, err = e.item(Ref{Form: item.Record.Source, Kind: item.Record.Kind, ID: item.Record.ID}, item.Text); err != nil {
			return err
		}
	}
	next, err := e.planned(ctx, item, rehearsal)
	if err != nil {
		return err
	}
	if slug != "" && (next.Action == Create || next.Action == Update) {
		e.noteSlug(&Entry{Slug: slug, ToSlug: item.Server.Slug})
	}
	return e.keep(next)
}

// planned says what is to become of a record; rehearsal is where it is tried,
// nil: nowhere. What would be held is tried too, so that it is known what else
// there is to do about it.
func (e *Engine) planned(ctx context.Context, item *Item, rehearsal Target) (*Entry, error) {
	next, err := e.intend(item)
	if err != nil || next.Action == Skip {
		return next, err
	}
	held, why := next.State == Held, next.Why
	next.State = Planned
	if next, err = e.tried(ctx, item, next, rehearsal); err == nil && held && next.Action != Refuse {
		next.Action, next.Why = Hold, why
	}
	return next, err
}

func (e *Engine) tried(ctx context.Context, item *Item, next *Entry, rehearsal Target) (*Entry, error) {
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
			next.Action, next.Why = Update, "its "+x.Taken+" is that of "+strconv.Quote(x.ID)
			return next, nil
		case FailOnConflict:
			next.Action, next.Why = Refuse, x.why()
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
