package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/diglot/diglot/core"
)

// ErrBegun is a record that may be at the target, which can't be told.
var ErrBegun = errors.New("it may be there: the move was interrupted in the middle of it")

// ErrNoneThere is a target that has none of what the run has made or changed.
var ErrNoneThere = errors.New("the target has none of the run's records: it may be another's")

// Why a record is undone, or isn't.
const (
	whyGone    = "it was gone already"
	whyNothing = "there was nothing of it"
	whyChanged = "it has been changed since: --force takes it back all the same"
	whyBegun   = "its update was interrupted, and it is not as it was before: --force takes it back all the same"
)

// undoing is an undo under way.
type undoing struct {
	force bool
	kept  int
	there bool    // something of the run's is there, or was when it was taken back
	gone  []Entry // what isn't there, until something is
}

// Undo takes back what the run did, the last first: what it made is removed, what
// it changed is as before. What has been changed since stays as it is, unless
// force, and so does what can't be read or removed: it gives how many. What was
// begun is looked for. Where nothing of the run's is there, nothing is entered,
// unless force. ErrBegun, ErrNoneThere, ErrOwner.
func (e *Engine) Undo(ctx context.Context, force bool) (kept int, err error) {
	e.start(ctx)
	if _, is := e.To.(*FileTarget); is {
		return 0, errFileStays
	}
	if err := e.identify(ctx); err != nil {
		return 0, err
	}
	entries := e.Run.Entries()
	if slices.ContainsFunc(entries, func(entry *Entry) bool { return entry.State == Begun && entry.There == "" }) {
		if err := e.To.Prepare(ctx, func() {}); err != nil {
			return 0, err
		}
	}
	if e.Total != nil {
		e.Total(len(entries))
	}
	slices.Reverse(entries)
	u := &undoing{force: force}
	for i := len(Kinds) - 1; i >= 0; i-- {
		for _, entry := range entries {
			if entry.Record.Kind != Kinds[i] || !taken(entry) {
				continue
			}
			err := e.undo(ctx, *entry, u)
			if err == nil {
				e.faults = 0
			} else if e.faulty(ctx, ofOneAnswer(err) || ofOneRecord(err)) {
				err = e.undoLeaves(entry, u, err.Error())
			}
			if err != nil {
				return u.kept, err
			}
		}
	}
	if len(u.gone) > 0 && !force {
		return u.kept, ErrNoneThere
	}
	return u.kept, e.undoGone(u)
}

// taken reports whether there is something to take back of a record.
func taken(entry *Entry) bool {
	switch entry.State {
	case Done, Failed:
		return entry.There != ""
	case Begun:
		return true
	case Planned, Held, Skipped, Undone, Removed:
	}
	return false
}

func (e *Engine) undo(ctx context.Context, entry Entry, u *undoing) error {
	if entry.There == "" {
		there, err := e.begunOf(ctx, &entry)
		switch {
		case err != nil && ctx.Err() == nil && u.force:
			return e.undoLeaves(&entry, u, fmt.Sprintf("%v: %v", ErrBegun, err))
		case err != nil:
			return fmt.Errorf("%s: %w: %w", entry.key(), ErrBegun, err)
		case there == "":
			return e.undoIsGone(entry, u, whyNothing)
		}
		entry.There = there
	}
	there, err := e.To.Read(ctx, entry.Record.Kind, entry.There)
	switch {
	case errors.Is(err, ErrGone) && entry.Undoing:
		u.there = true // until an earlier process took it back
		return e.undone(entry, u, "")
	case errors.Is(err, ErrGone):
		return e.undoIsGone(entry, u, whyGone)
	case err != nil:
		return err
	}
	u.there = true
	now := fingerprint(there)
	switch {
	case entry.Action == Update && len(unrestored(core.JSON(entry.Before), there)) == 0: // it was not changed yet, or is restored already
		return e.undone(entry, u, "")
	case u.force:
	case entry.State == Done && now != entry.Left:
		return e.undoLeaves(&entry, u, whyChanged)
	case entry.State == Begun && entry.Action == Update: // by the run or by a client
		return e.undoLeaves(&entry, u, whyBegun)
	}
	entry.Undoing = true
	if err := e.keep(&entry); err != nil {
		return err
	}
	if entry.Action == Update {
		err = e.To.Restore(ctx, entry.Record.Kind, entry.There, core.JSON(entry.Before))
		if err == nil {
			return e.restored(ctx, entry, u)
		}
	} else {
		err = e.To.Delete(ctx, entry.Record.Kind, entry.There)
	}
	if err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	return e.undone(entry, u, "")
}

// restored enters that a record is as it was before, as far as the target let it be.
func (e *Engine) restored(ctx context.Context, entry Entry, u *undoing) error {
	now, err := e.To.Read(ctx, entry.Record.Kind, entry.There)
	if errors.Is(err, ErrGone) {
		return e.undone(entry, u, whyGone)
	}
	if err != nil {
		return err
	}
	stay := unrestored(core.JSON(entry.Before), now)
	if len(stay) == 0 {
		return e.undone(entry, u, "")
	}
	if err := e.undoGone(u); err != nil {
		return err
	}
	entry.State, entry.Undoing, entry.Why = Undone, false, ""
	entry.Stays = "the target lets these not be as they were: " + strings.Join(stay, ", ")
	u.kept++
	return e.put(&entry)
}

// begunOf gives the id of what an earlier process made of a record, without its
// source; "": nothing.
func (e *Engine) begunOf(ctx context.Context, entry *Entry) (string, error) {
	found, err := e.inPlace(ctx, e.placed(asBegun(entry), entry), e.To)
	for _, x := range found {
		key := string(entry.Record.Kind) + "/" + x.ID
		if !slices.Contains(entry.Seen, x.ID) && !e.traced[key] && (!chooses(e.To) || x.Taken != "slug") {
			e.traced[key] = true // another of its name is another one
			return x.ID, err
		}
	}
	return "", err
}

// undoIsGone keeps what isn't there until something else of the run's is.
func (e *Engine) undoIsGone(entry Entry, u *undoing, why string) error {
	entry.Why = why
	u.gone = append(u.gone, entry)
	if u.there {
		return e.undoGone(u)
	}
	return nil
}

func (e *Engine) undoGone(u *undoing) error {
	for i := range u.gone {
		entry := u.gone[i]
		entry.State, entry.Undoing, entry.Stays = Undone, false, ""
		if err := e.put(&entry); err != nil {
			return err
		}
	}
	u.gone = nil
	return nil
}

func (e *Engine) undone(entry Entry, u *undoing, why string) error {
	entry.Why = why
	u.gone = append(u.gone, entry)
	return e.undoGone(u)
}

// undoLeaves enters why a record stays.
func (e *Engine) undoLeaves(entry *Entry, u *undoing, why string) error {
	next := *e.Run.entry(entry.key())
	next.Stays = why
	u.kept++
	return e.put(&next)
}

// known gives what is known of a record, nil: nothing, without what an undo has left
// of it.
func (e *Engine) known(ctx context.Context, r *Ref) (*Entry, error) {
	entry := e.Run.Get(r)
	if entry == nil || !entry.Undoing && entry.Stays == "" {
		return entry, nil
	}
	now := entry
	if entry.Undoing {
		var err error
		if now, err = e.afterUndo(ctx, *entry); err != nil {
			return nil, err
		}
	}
	next := *now
	next.Undoing, next.Stays = false, ""
	return &next, e.keep(&next)
}

// afterUndo looks at a record that an undo ended in the middle of: it is as it was
// done, or undone.
func (e *Engine) afterUndo(ctx context.Context, entry Entry) (*Entry, error) {
	there, err := e.To.Read(ctx, entry.Record.Kind, entry.There)
	switch {
	case err != nil && !errors.Is(err, ErrGone):
		return nil, err
	case err != nil:
		entry.State, entry.Why = Undone, ""
	case entry.Action == Update && fingerprint(there) != entry.Left:
		entry.State = Begun // it is updated once more, and what was before is kept
	}
	return &entry, nil
}
