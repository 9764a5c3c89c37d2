package move

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// move moves one record, once.
func (e *Engine) move(ctx context.Context, r Ref) error {
	entry, err := e.known(ctx, &r)
	if err != nil {
		return err
	}
	if entry != nil && (entry.State == Done || e.skipped(entry)) {
		e.tell(entry)
		return nil
	}
	item, err := e.read(ctx, r)
	if err != nil {
		return err
	}
	next, err := e.intend(item)
	if err != nil {
		return err
	}
	if entry != nil && (entry.State == Begun || entry.State == Failed) {
		if done, err := e.takeUp(ctx, item, entry, next); done || err != nil {
			return err
		}
	}
	if next.State == Held || next.State == Skipped {
		return e.put(next)
	}
	existing, err := e.conflict(ctx, item, e.To)
	if err != nil {
		return err
	}
	if existing != nil {
		return e.settle(ctx, item, next, existing)
	}
	return e.create(ctx, item, next)
}

// intend says what is to become of an item.
func (e *Engine) intend(item *Item) (*Entry, error) {
	next := &Entry{Record: item.Record, State: Begun, Action: Create}
	if item.Server != nil {
		next.Slug = item.Server.Slug
	}
	findings, err := e.To.Expect(item)
	if err != nil {
		return nil, err
	}
	next.tell(findings)
	loses := lossy(next.Findings)
	switch takes := e.To.Takes(item.Record.Kind); {
	case loses && !e.AcceptLoss:
		next.State, next.Why = Held, losses(next.Findings)
	case !takes:
		next.State, next.Action, next.Why = Skipped, Skip, errNotTaken.Error()
	}
	return next, nil
}

// inPlace gives the ids in an item's place that the run hasn't made.
func (e *Engine) inPlace(ctx context.Context, item *Item, at Target) ([]Existing, error) {
	found, err := at.InPlace(ctx, item)
	return slices.DeleteFunc(found, func(x Existing) bool { return x.Made || e.Run.made(item.Record.Kind, x.ID) }), err
}

// takeUp goes on with what an earlier process began or failed at, if anything of
// it is there: what has the item's place now and had it not before. Nobody else
// looks for a record meanwhile: two of one name would find the same one.
func (e *Engine) takeUp(ctx context.Context, item *Item, entry, next *Entry) (done bool, err error) {
	there := entry.There
	if entry.Action == Update && there != "" {
		next.Action, next.There, next.Before = Update, there, entry.Before
		return true, e.update(ctx, item, next)
	}
	item = e.placed(item, entry)
	if there == "" && entry.State == Begun {
		if there, err = e.begun(ctx, entry); err != nil {
			return false, err
		}
	}
	if there == "" {
		return false, nil
	}
	next.State, next.Action, next.Seen, next.There = Begun, Create, entry.Seen, there
	next.place(entry.Place, entry.Taken)
	if err := e.Run.Put(*next); err != nil { // it may have another name from here on
		return false, err
	}
	made, err := e.To.Adopt(ctx, item, there)
	if errors.Is(err, ErrGone) {
		next.There = ""
		return false, nil
	}
	return true, e.made(ctx, item, next, made, err)
}

// begun gives the id of what an earlier process made of a record, by the name that
// it had then, as what has another one since may be anybody's; "": nothing. In a
// tenant it is known by its id ([Entry.There]); a slug would be anybody's too.
func (e *Engine) begun(ctx context.Context, entry *Entry) (string, error) {
	found, err := e.inPlace(ctx, e.placed(asBegun(entry), entry), e.To)
	for _, x := range found {
		if !slices.Contains(entry.Seen, x.ID) && (!chooses(e.To) || x.Taken != "slug") {
			return x.ID, err
		}
	}
	return "", err
}

// chooses reports whether records have ids of the run's choosing at a target.
func chooses(at Target) bool {
	_, is := at.(Rehearser)
	return is
}

// chosenID gives the id that an item is to have where that is the run's choice.
func (i *Item) chosenID() string {
	switch {
	case i.Server != nil && i.Server.ID != core.ObjectID{}:
		return i.Server.ID.String()
	case i.Account != nil:
		return i.Account.ID
	case i.Agent != nil:
		return string(i.Agent.UID)
	}
	return ""
}

// create makes the record at the target: between the two entries it may be there.
func (e *Engine) create(ctx context.Context, item *Item, next *Entry) error {
	for {
		found, err := e.To.InPlace(ctx, item)
		if err != nil {
			return err
		}
		for _, x := range found {
			if !x.Made { // such a one may be begun and not done, as this one will be
				next.Seen = append(next.Seen, x.ID)
			}
		}
		next.At = e.Now().UTC()
		if chooses(e.To) {
			next.There = item.chosenID()
		}
		if err := e.Run.Put(*next); err != nil {
			return err
		}
		made, err := e.To.Create(ctx, item)
		if err != nil {
			next.There = ""
		}
		if beside, failed := e.beside(ctx, item, next, e.To, err); failed != nil || !beside {
			return errors.Join(failed, e.made(ctx, item, next, made, err))
		}
	}
}

// beside gives an item another place, if it may have one, where a record that the run
// itself has made is what a creation was refused for: the target takes no two of one
// name.
func (e *Engine) beside(ctx context.Context, item *Item, next *Entry, at Target, refused error) (renamed bool, err error) {
	if e.Policy != RenameOnConflict || !takenAt(refused) {
		return false, nil
	}
	found, err := at.InPlace(ctx, item)
	if err != nil {
		return false, err
	}
	x := Existing{Taken: "name"} // by a record that another worker has made at the vendor this moment
	if len(found) > 0 {
		x = found[0]
	} else if _, is := at.(Rehearser); is {
		return false, nil // a tenant says what is there: it was refused for something else
	}
	return true, e.rename(ctx, item, next, &x, at)
}

// takenAt reports whether a creation was refused for a place that is taken.
func takenAt(err error) bool {
	return ofOneRecord(err) && (core.KindOf(err) == core.Conflict || vendorhttp.StatusOf(err) == http.StatusConflict)
}

// update has a record be as the item is. Where clients have changed it since it was
// read, it is read again: the entry has what it was.
func (e *Engine) update(ctx context.Context, item *Item, next *Entry) error {
	for tries := 1; ; tries++ {
		next.At = e.Now().UTC()
		if err := e.Run.Put(*next); err != nil {
			return err
		}
		made, err := e.To.Update(ctx, item, next.There)
		if item.over == nil || !errors.Is(err, errTaken) || tries == updateTries {
			return e.made(ctx, item, next, made, err)
		}
		if item.over, err = e.To.Read(ctx, item.Record.Kind, next.There); err != nil {
			return e.made(ctx, item, next, made, err)
		}
		next.Before = jsontext.Value(item.over)
	}
}

// made enters what came of a creation or a change.
func (e *Engine) made(ctx context.Context, item *Item, next *Entry, made Made, err error) error {
	if made.ID != "" {
		next.There = made.ID
	}
	if err != nil {
		if !ofOneRecord(err) {
			return fmt.Errorf("%s %s: %w", item.Record.Kind, item.Record.ID, err)
		}
		next.State, next.Why = Failed, err.Error()
		return e.put(next)
	}
	if made.Text, err = e.left(ctx, item.Record.Kind, made); err != nil {
		return err
	}
	next.State, next.ToSlug, next.Left = Done, made.Slug, fingerprint(made.Text)
	next.Took, next.Stamp = fingerprint(item.Text), stampOf(item.Text)
	if next.Slug == "" {
		next.Slug = made.Slug
	}
	findings, err := e.To.Compare(item, made.Text)
	if err != nil {
		return err
	}
	planned := map[string]finding.Finding{}
	for _, f := range next.Findings {
		planned[f.Path] = f
	}
	for i := range findings { // what was repaired on the way has its reasons
		if p, told := planned[findings[i].Path]; told && findings[i].Class != finding.Exact {
			findings[i] = p
		}
	}
	next.tell(findings)
	if err := e.ownMade(item.Record.Kind, made.Text); err != nil {
		return err
	}
	return e.put(next)
}

// ofOneRecord reports whether a failure says nothing of the next record.
func ofOneRecord(err error) bool {
	if v, ok := errors.AsType[*vendorhttp.Error](err); ok {
		switch v.Status {
		case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusNotFound:
			return v.Attempts <= 1 // else it may be its own earlier doing
		}
		return false
	}
	if _, ok := errors.AsType[*core.MissingServersError](err); ok {
		return true
	}
	kind := core.KindOf(err)
	return kind == core.Invalid || kind == core.Conflict || errors.Is(err, mapping.ErrNoURL) || errors.Is(err, ErrGone) || errors.Is(err, errWhole)
}

func (e *Engine) put(next *Entry) error {
	err := e.keep(next)
	if err == nil {
		e.tell(next)
	}
	return err
}

func (e *Engine) keep(next *Entry) error {
	next.At = e.Now().UTC()
	err := e.Run.Put(*next)
	if err == nil {
		e.noteSlug(next)
	}
	return err
}

func (e *Engine) tell(entry *Entry) {
	if e.Progress == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Progress(*entry)
}
