package move

import (
	"context"
	"errors"
)

// mayStay reports whether a record that the source hasn't any more may be at the target.
func mayStay(entry *Entry) bool { return entry.State == Done || taken(entry) }

// followed reports whether a catch-up lets go of a record once the source hasn't it any
// more.
func followed(entry *Entry) bool {
	switch entry.State {
	case Done, Begun, Failed, Held, Planned:
		return true
	case Skipped, Undone, Removed:
	}
	return false
}

// followRemoval removes what the source doesn't list any more, and hasn't.
func (e *Engine) followRemoval(ctx context.Context, entry Entry, c *catchUp, remove, overwrite bool) error {
	kind := entry.Record.Kind
	_, err := e.From.Read(ctx, Ref{Form: entry.Record.Source, Kind: kind, ID: entry.Record.ID})
	unmade := !mayStay(&entry)
	switch {
	case err == nil:
		return nil // it came back since it was listed
	case !errors.Is(err, ErrGone) && (!unmade || !errors.Is(err, errNoPath)): // that one can't be asked for
		return &SourceError{err}
	case unmade:
		return e.removed(&entry, whyUnmade)
	case c.doubt:
		return e.leave(c, &entry, NoSource, whyDoubt)
	}
	if entry.There == "" { // a process ended in the middle of it
		begun, err := e.begunOf(ctx, &entry)
		if err != nil {
			return err
		}
		if begun == "" {
			return e.goneToo(&entry, c)
		}
		entry.There = begun
	}
	overwrite = overwrite || entry.State == Begun // nobody knows how it was left
	there, err := e.To.Read(ctx, kind, entry.There)
	switch {
	case errors.Is(err, ErrGone):
		return e.goneToo(&entry, c)
	case err != nil:
		return err
	case entry.Action == Update:
		return e.leave(c, &entry, NoSource, whyOlder)
	case !remove:
		return e.leave(c, &entry, NoSource, whyRemoved)
	case entry.State == Done && fingerprint(there) != entry.Left && !overwrite: // nobody knows how another was left
		return e.leave(c, &entry, NoSource, whyTargets)
	}
	if err := e.removeFollowed(ctx, &entry, c); err != nil {
		return err
	}
	e.note(func() { c.Removed++ })
	return e.removed(&entry, whyFollowed)
}

// goneToo enters that neither side has a record, unless the target may be another's.
func (e *Engine) goneToo(entry *Entry, c *catchUp) error {
	if !e.told {
		return e.leave(c, entry, NoSource, whyWhose)
	}
	return e.removed(entry, whyGoneToo)
}

func (e *Engine) removed(entry *Entry, why string) error {
	entry.State, entry.Why, entry.Findings, entry.Exact = Removed, why, nil, 0
	entry.Undoing, entry.Stays = false, ""
	return e.put(entry)
}

// doubted reports whether the source has nothing of what was moved, or of doubtMany
// and more less than half.
func (c *catchUp) doubted(entries []*Entry) bool {
	const doubtMany = 10
	moved, found := 0, 0
	for _, entry := range entries {
		if mayStay(entry) {
			moved++
			if c.listed[entry.key()] {
				found++
			}
		}
	}
	return found == 0 || moved >= doubtMany && found*2 < moved
}
