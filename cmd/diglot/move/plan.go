package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Plan says what Apply would do with each record, and changes nothing but the
// run. Records that were moved are passed over. A target that can rehearse is asked
// to: what it refuses then, by rules of its own, is planned as refused.
func (e *Engine) Plan(ctx context.Context) error {
	e.start(ctx)
	if err := e.identify(ctx); err != nil {
		return err
	}
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
	}, e.failPlanned)
	if err != nil {
		return err
	}
	try := func(at Rehearser) error {
		for _, item := range items {
			if err := ctx.Err(); err != nil {
				return err
			}
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
	if entry := e.Run.Get(&r); entry != nil && (entry.State == Done || e.skipped(entry) || entry.State == Begun) {
		return nil, nil //nolint:nilnil // there is nothing to plan
	}
	return e.read(ctx, r)
}

// plan enters what is to become of a record. Agents come after the servers that
// they list, and are mapped anew: a server that is held or refused is left off.
func (e *Engine) plan(ctx context.Context, item *Item, rehearsal Rehearser) error {
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
func (e *Engine) planned(ctx context.Context, item *Item, rehearsal Rehearser) (*Entry, error) {
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

func (e *Engine) tried(ctx context.Context, item *Item, next *Entry, rehearsal Rehearser) (*Entry, error) {
	x, err := e.conflict(ctx, item, e.To)
	if err != nil {
		return nil, err
	}
	if x != nil {
		if err := e.meant(ctx, item, next, x, rehearsal); err != nil {
			return nil, err
		}
	}
	if rehearsal == nil {
		return next, nil
	}
	switch next.Action {
	case Create:
		for beside := true; beside; {
			_, err = rehearsal.Create(ctx, item)
			var failed error
			if beside, failed = e.beside(ctx, item, next, rehearsal, err); failed != nil {
				return nil, failed
			}
		}
	case Update: // nothing needs it to stay, and who changes the record has no need to wait
		err = rehearsal.Rehearse(ctx, func(within Rehearser) error {
			there, err := within.Read(ctx, item.Record.Kind, x.ID)
			if err != nil {
				return err
			}
			made, err := within.Update(ctx, item, x.ID)
			if err != nil {
				return err
			}
			return next.replaces(item, within, there, made.Text)
		})
	case Skip, Hold, Refuse:
	}
	if err != nil && !ofOneRecord(err) && core.KindOf(err) != core.OverQuota { // which ends an apply
		return nil, fmt.Errorf("%s %s: %w", item.Record.Kind, item.Record.ID, err)
	}
	if err != nil {
		next.Action, next.Why = Refuse, err.Error()
	}
	return next, nil
}

// meant says what settle would do with a conflict; of a vendor, where nothing has
// the source's times, what is there isn't read for it.
func (e *Engine) meant(ctx context.Context, item *Item, next *Entry, x *Existing, rehearsal Rehearser) error {
	if rehearsal != nil {
		there, err := rehearsal.Read(ctx, item.Record.Kind, x.ID)
		if err != nil {
			return err
		}
		if e.already(item, there) {
			next.Action, next.Why = Skip, isThere
			return nil
		}
	}
	switch e.Policy {
	case SkipOnConflict:
		next.Action, next.Why = Skip, "its "+x.Taken+" is taken"
	case UpdateOnConflict:
		if e.claim(item, x) { // else it is created beside it
			next.Action, next.Why = Update, x.that()
		}
	case RenameOnConflict:
		return e.rename(ctx, item, next, x, e.To)
	case FailOnConflict:
		next.Action, next.Why = Refuse, x.why()
	}
	return nil
}

// replaces tells of the members that an item would replace or empty, by a text of what
// is there and one of what came of the update.
func (e *Entry) replaces(item *Item, at Rehearser, there, made core.JSON) error {
	there, failed := at.Shows(item, there)
	made, err := at.Shows(item, made)
	if err = errors.Join(failed, err); err != nil {
		return err
	}
	had, has, changed := filled(there), filled(made), unrestored(there, made)
	findings, given := slices.Clone(e.Findings), map[string]bool{}
	tell := func(name, reason string) {
		findings = append(findings, finding.Finding{
			Record: e.Record, Path: name, Class: finding.Approximate, Reason: reason, Suggestion: "Look at both before the update.",
		})
		if given[name] {
			e.Exact--
		}
	}
	dialects.Members(item.Text, func(name string, _ core.JSON) {
		told := slices.ContainsFunc(findings, func(f finding.Finding) bool { return top(f.Path) == name })
		if given[name] = !told; had[name] && has[name] && !told && name != "updated_at" && slices.Contains(changed, name) {
			tell(name, "It replaces what is there.")
		}
	})
	for _, name := range changed {
		if !had[name] || has[name] {
			continue
		}
		if i := slices.IndexFunc(findings, func(f finding.Finding) bool { return f.Path == name }); i >= 0 {
			findings[i].Reason += " " + isEmptied
		} else {
			tell(name, isEmptied)
		}
	}
	e.Findings = findings
	return nil
}

const isEmptied = "What is there is emptied."

// top gives the member that a path is within.
func top(path string) string {
	if i := strings.IndexAny(path, ".["); i > 0 {
		return path[:i]
	}
	return path
}
