package move

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// Policy says what becomes of a record whose place at the target is taken.
type Policy string

// The policies.
const (
	FailOnConflict   Policy = "fail"   // the move stops
	SkipOnConflict   Policy = "skip"   // what is there stays as it is
	UpdateOnConflict Policy = "update" // what is there becomes as the record is
	RenameOnConflict Policy = "rename" // the record takes a place beside it
)

// Policies are all of them.
var Policies = []Policy{FailOnConflict, SkipOnConflict, UpdateOnConflict, RenameOnConflict}

// ErrConflict is a record whose place is taken, under [FailOnConflict].
var ErrConflict = errors.New("its place is taken")

// maxRenames bounds how many places are tried.
const maxRenames = 100

// conflict gives what is in an item's place, nil: nothing.
func (e *Engine) conflict(ctx context.Context, item *Item, at Target) (*Existing, error) {
	found, err := e.inPlace(ctx, item, at)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// settle does with a conflict what the policy says.
func (e *Engine) settle(ctx context.Context, item *Item, next *Entry, x *Existing) error {
	before, err := e.To.Read(ctx, item.Record.Kind, x.ID)
	if err != nil {
		return err
	}
	if (e.Policy == UpdateOnConflict || e.already(item, before)) && !e.claim(item, x) {
		return e.create(ctx, item, next)
	}
	if e.already(item, before) { // it is followed from here on as if the run had written it
		next.Action, next.Why, next.There, next.Before = Update, isThere, x.ID, jsontext.Value(before)
		return e.made(ctx, item, next, Made{x.ID, next.Slug, before}, nil)
	}
	switch e.Policy {
	case SkipOnConflict:
		next.State, next.Action, next.There = Skipped, Skip, x.ID
		next.Why, next.ToSlug = "its "+x.Taken+" is taken", next.Slug
		return e.put(next)
	case UpdateOnConflict:
		next.Action, next.There, next.Before, next.Why = Update, x.ID, jsontext.Value(before), x.that()
		item.over = before
		return e.update(ctx, item, next)
	case RenameOnConflict:
		if err := e.rename(ctx, item, next, x, e.To); err != nil {
			return err
		}
		return e.create(ctx, item, next)
	case FailOnConflict:
	}
	next.State, next.Why = Failed, x.why()
	if err := e.put(next); err != nil {
		return err
	}
	return fmt.Errorf("%s %s: %w: its %s is that of %q", item.Record.Kind, item.Record.ID, ErrConflict, x.Taken, x.ID)
}

// already reports whether what has an item's place is it.
func (e *Engine) already(item *Item, there core.JSON) bool {
	as, err := e.To.Compare(item, there)
	return err == nil && !lossy(as) && item.Record.Source == Diglot
}

const isThere = "it is there already"

// that says whose place a record takes.
func (x *Existing) that() string { return "its " + x.Taken + " is that of " + strconv.Quote(x.ID) }

// claim has what is in an item's place be the item's, and reports whether it is: of
// several of one name one takes it, and the others are beside it.
func (e *Engine) claim(item *Item, x *Existing) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	there, key := string(item.Record.Kind)+"/"+x.ID, item.Record.ID
	if owner, claimed := e.claims[there]; claimed && owner != key {
		return false
	}
	e.claims[there] = key
	return true
}

// skipped reports whether a record stays skipped: what is taken can be had under
// another policy.
func (e *Engine) skipped(entry *Entry) bool {
	return entry.State == Skipped && (entry.There == "" || e.Policy == SkipOnConflict)
}

// why says why a record can't have its place.
func (x *Existing) why() string { return "its " + x.Taken + " is taken by " + strconv.Quote(x.ID) }

// rename finds a place that is free, of the run's own records too.
func (e *Engine) rename(ctx context.Context, item *Item, next *Entry, x *Existing, at Target) error {
	for n := max(next.Place+1, 2); n <= maxRenames; n++ {
		other := item.in(at, x.Taken, n)
		still, err := at.InPlace(ctx, other)
		if err != nil {
			return err
		}
		if len(still) == 0 {
			*item = *other
			next.place(n, x.Taken)
			return nil
		}
	}
	return fmt.Errorf("%s %s: %w, and so are %d beside it", item.Record.Kind, item.Record.ID, ErrConflict, maxRenames)
}

// in gives an item in the n-th place behind its own.
func (i *Item) in(at Target, taken string, n int) *Item {
	own := i
	if i.own != nil {
		own = i.own
	}
	other := *own
	if own.Server != nil {
		other.Server = new(*own.Server)
	}
	if own.Account != nil {
		other.Account = new(*own.Account)
	}
	if own.Agent != nil {
		other.Agent = new(*own.Agent)
	}
	at.Rename(&other, taken, n)
	kept := *own // the item that is renamed may be written over
	other.own = &kept
	return &other
}

// placed gives an item in the place that an entry gave it.
func (e *Engine) placed(item *Item, entry *Entry) *Item {
	if entry.Place == 0 {
		return item
	}
	return item.in(e.To, entry.Taken, entry.Place)
}
