package move

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is how it is known later who has changed a record at the target: by what
// a change has left there.

// left gives what a change has left, as a read shows it. What a vendor answers to a
// change may have fewer members than that, or others: so one answer of each set of
// members is held to a read, and where the two are not the same, each record is read.
// ErrOwner.
func (e *Engine) left(ctx context.Context, kind finding.Kind, made Made) (core.JSON, error) {
	shape := shapeOf(kind, made.Text)
	e.mu.Lock()
	whole := e.whole[shape]
	e.mu.Unlock()
	if whole {
		return made.Text, nil
	}
	read, err := e.To.Read(ctx, kind, made.ID)
	if err == nil {
		if err := e.ownMade(kind, read); err != nil {
			return nil, writtenThere(err, kind, made.ID)
		}
	}
	switch {
	case errors.Is(err, ErrGone): // it was removed since
		return made.Text, nil
	case err != nil:
		return nil, err
	case fingerprint(read) == fingerprint(made.Text):
		e.note(func() { e.whole[shape] = true })
		return made.Text, nil
	case !agree(made.Text, read): // somebody has changed it since, which is not to be taken for the run's doing
		return made.Text, nil
	}
	return read, nil
}

// shapeOf names the members that an answer has.
func shapeOf(kind finding.Kind, answer core.JSON) string {
	names := []string{string(kind)}
	dialects.Members(answer, func(name string, _ core.JSON) {
		if !slices.Contains(volatile, name) {
			names = append(names, name)
		}
	})
	slices.Sort(names[1:])
	return strings.Join(names, "\x00")
}

// agree reports whether the members are the same that an answer and a read both
// have, but for the time of change: some vendors take it after they have answered.
func agree(answer, read core.JSON) bool {
	same := true
	has := map[string]string{}
	dialects.Members(compacted(answer), func(name string, v core.JSON) { has[name] = string(v) })
	dialects.Members(compacted(read), func(name string, v core.JSON) {
		of, both := has[name]
		if both && of != string(v) && name != "updatedAt" && !slices.Contains(volatile, name) {
			same = false
		}
	})
	return same
}

func compacted(text core.JSON) core.JSON {
	if compact, err := dialects.Compact(text); err == nil {
		return compact
	}
	return text
}

// Side is where a record was changed since it was moved.
type Side string

// The sides.
const (
	AtSource Side = "source"
	AtTarget Side = "target"
	AtBoth   Side = "both"
)

// changed says which side of a record is not as the run left it; "": neither, or
// the run is of a program that didn't keep that.
func changed(entry *Entry, item *Item, there []byte) Side {
	source := entry.Took != "" && entry.Took != fingerprint(item.Text)
	target := entry.Left != "" && entry.Left != fingerprint(there)
	switch {
	case source && target:
		return AtBoth
	case source:
		return AtSource
	case target:
		return AtTarget
	}
	return ""
}

// brought reports whether an earlier process has brought what the source has, and
// could not enter it. It had entered that it was about to; that the target is like
// the source says nothing alone, as clients of the target may have had it so.
func (e *Engine) brought(item *Item, entry, next *Entry, there core.JSON) (bool, error) {
	if entry.Left != "" && entry.Following != fingerprint(item.Text) {
		return false, nil
	}
	findings, err := e.To.Compare(item, there)
	return err == nil && len(beyond(next, findings)) == 0, err
}

// beyond gives the findings that an entry doesn't tell of: of a member or part that
// it says nothing of, or nothing as bad.
func beyond(entry *Entry, findings []finding.Finding) (out []finding.Finding) {
	for i := range findings {
		f := &findings[i]
		told := f.Class == finding.Exact || slices.ContainsFunc(entry.Findings, func(t finding.Finding) bool {
			rest, within := strings.CutPrefix(f.Path, t.Path)
			return within && f.Class <= t.Class && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
		if !told {
			out = append(out, *f)
		}
	}
	return out
}
