package move

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// This file is about what is wrong with one record: the others go on without it.

var (
	// errNoPath is an id that would address something else.
	errNoPath = errors.New("its id can't be part of a path, so that it can't be asked for")
	// errText is a text that is no record.
	errText = errors.New("its text can't be read")
	// errGoneSince is a record that was listed, and of which its source says now that
	// there is none.
	errGoneSince = fmt.Errorf("it was listed: %w", ErrGone)
	// errListed is one that is listed all the same.
	errListed = errors.New("the source lists it, and says that there is none of it")
)

// maxFaults is how many failures in a row are not those of one record each.
const maxFaults = 10

// ofOneAnswer reports whether a failure may say nothing of the next record: a
// vendor answered, and neither refused who asks nor the pace.
func ofOneAnswer(err error) bool {
	if errors.Is(err, errNoPath) || errors.Is(err, errText) {
		return true
	}
	v, is := errors.AsType[*vendorhttp.Error](err)
	if !is {
		return false
	}
	switch v.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}
	return v.Status >= http.StatusInternalServerError || errors.Is(v.Err, vendorhttp.ErrAnswer)
}

// ofOneReading is ofOneAnswer for reads alone: what failed to be written may be
// there, which its own entry says.
func ofOneReading(err error) bool {
	v, is := errors.AsType[*vendorhttp.Error](err)
	return (!is || v.Method == http.MethodGet) && ofOneAnswer(err)
}

// faulty counts failures in a row, and reports whether this one may be one record's.
func (e *Engine) faulty(ctx context.Context, ofOne bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults++
	return ofOne && e.faults < maxFaults && ctx.Err() == nil
}

// unread is told of a record that can't be read, and why.
type unread func(r Ref, why error) error

// dealt passes what is wrong with one record alone to bad.
func (e *Engine) dealt(ctx context.Context, r Ref, err error, bad unread) error {
	switch {
	case err == nil:
		e.note(func() { e.faults = 0 })
	case errors.Is(err, errGoneSince):
		e.note(func() { e.gone[r.key()] = r })
	case e.faulty(ctx, ofOneReading(err)):
		return bad(r, err)
	default:
		return err
	}
	return nil
}

// again lists once more the kinds of which something was gone when it was read:
// what is listed still is not gone.
func (e *Engine) again(ctx context.Context, bad unread) error {
	kinds := map[finding.Kind]bool{}
	for _, r := range e.gone {
		kinds[r.Kind] = true
	}
	for kind := range kinds {
		for r, err := range e.From.List(ctx, kind) {
			if err != nil {
				return &SourceError{err}
			}
			if _, gone := e.gone[r.key()]; gone {
				delete(e.gone, r.key())
				if err := bad(r, errListed); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fail enters that a record can't be read; one that has been begun stays so, and
// is told at the end.
func (e *Engine) fail(r Ref, why error) error {
	next := Entry{Record: finding.Record{Source: r.Form, Kind: r.Kind, ID: r.ID}}
	if entry := e.Run.Get(&r); entry != nil {
		switch entry.State {
		case Begun, Done, Skipped:
			e.note(func() { e.fault = fmt.Errorf("%s: %w", r.key(), why) })
			return nil
		case Failed:
			next = *entry
		case Planned, Held, Undone, Removed:
			next.Record, next.Slug = entry.Record, entry.Slug
		}
	}
	next.State, next.Why = Failed, why.Error()
	return e.put(&next)
}

// failPlanned enters that a record would fail, as it can't be read.
func (e *Engine) failPlanned(r Ref, why error) error {
	next := Entry{Record: finding.Record{Source: r.Form, Kind: r.Kind, ID: r.ID}, State: Planned, Action: Refuse}
	switch entry := e.Run.Get(&r); {
	case entry == nil:
	case entry.State == Failed:
		next = *entry
	default:
		next.Record = entry.Record
	}
	next.Why = why.Error()
	return e.put(&next)
}

// SourceError is a failure of the source: the others are the target's.
type SourceError struct{ error }

// Unwrap gives the failure.
func (s *SourceError) Unwrap() error { return s.error }
