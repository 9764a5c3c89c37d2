package move

import (
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// CaughtUp is what came of a catch-up.
type CaughtUp struct {
	Changed int        `json:"changed"` // records that were changed at the source, and at the target then
	Removed int        `json:"removed"` // likewise
	Left    []Verified `json:"left"`    // records that stay as they are, and why
}

// catchUp is a catch-up under way. The engine's lock guards it.
type catchUp struct {
	CaughtUp

	listed map[string]bool     // the keys of what the source has
	agents map[string]Ref      // the agents among it
	lists  map[string][]string // the slugs that the run's agents list at the target, by their keys; nil: not read yet
	doubt  bool                // it has so little of what was moved that it may be another's
}

// has notes a record that the source lists.
func (c *catchUp) has(r Ref) {
	c.listed[r.key()] = true
	if r.Kind == finding.Agent {
		c.agents[r.key()] = r
	}
}

// Why a record stays as it is.
const (
	whyBoth     = "it was changed on both sides: --overwrite has it be as the source's"
	whyMissing  = "it was changed at the source and removed at the target: --overwrite makes it again"
	whyLossy    = "its change would lose something: --accept-loss takes it along"
	whyRemoved  = "it was removed at the source: --delete removes it at the target"
	whyTargets  = "it was removed at the source and changed at the target: --overwrite with --delete removes it"
	whyDoubt    = "it was removed at the source, as most of what was moved, which may be another's now: --delete-all removes it at the target"
	whyOlder    = "it was removed at the source, and was at the target before the move"
	whyGoneToo  = "it was removed at the source, and was gone at the target already"
	whyUnmade   = "it was removed at the source, and nothing was made of it"
	whyWhose    = "it was removed at the source, and nothing at the target says whose that is: diglot move undo --force writes it off"
	whyFollowed = "it was removed at the source"
	whyBefore   = "it was there before the move"
)

// CatchUp does what Apply does, and has what was moved before be as the source has
// it now. What the source has not any more is removed, if remove; what was changed
// at the target too is left as it is, unless overwrite.
func (e *Engine) CatchUp(ctx context.Context, remove, overwrite bool) (*CaughtUp, error) {
	e.start(ctx)
	if err := e.identify(ctx); err != nil {
		return nil, err
	}
	if err := e.prepare(ctx, false); err != nil {
		return nil, err
	}
	c := &catchUp{CaughtUp: CaughtUp{Left: []Verified{}}, listed: map[string]bool{}, agents: map[string]Ref{}}
	err := e.all(ctx, func(ctx context.Context, r Ref) error {
		e.note(func() { c.has(r) })
		entry, err := e.known(ctx, &r)
		if err != nil {
			return err
		}
		if entry != nil && entry.State == Done {
			return e.follow(ctx, r, entry, c, overwrite)
		}
		return e.move(ctx, r)
	}, func(r Ref, why error) error {
		if entry := e.Run.Get(&r); entry != nil && (entry.State == Done || entry.State == Begun) {
			return e.leave(c, entry, Differs, why.Error())
		}
		return e.fail(r, why)
	})
	if err != nil {
		return &c.CaughtUp, err
	}
	for key := range e.gone { // since it was listed
		delete(c.listed, key)
	}
	entries := e.Run.Entries()
	c.doubt = !e.DeleteAll && c.doubted(entries)
	slices.Reverse(entries)
	for i := len(Kinds) - 1; i >= 0; i-- {
		for _, entry := range entries {
			if entry.Record.Kind != Kinds[i] || !followed(entry) || c.listed[entry.key()] {
				continue
			}
			err := e.followRemoval(ctx, *entry, c, remove, overwrite)
			if err == nil {
				e.faults = 0
			} else if e.faulty(ctx, ofOneAnswer(err)) {
				err = e.leave(c, entry, NoSource, err.Error())
			}
			if err != nil {
				return &c.CaughtUp, err
			}
		}
	}
	if err := e.To.Finish(ctx); err != nil {
		return &c.CaughtUp, err
	}
	return &c.CaughtUp, e.fault
}

func (e *Engine) note(what func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	what()
}

// leave tells that a record stays as it is.
func (e *Engine) leave(c *catchUp, entry *Entry, verdict Verdict, why string) error {
	e.note(func() {
		c.Left = append(c.Left, Verified{Record: entry.Record, There: entry.There, Verdict: verdict, Why: why})
	})
	e.tell(entry)
	return nil
}

// follow has a record that was moved be as its source is now. Before it writes it
// enters what it is about to bring.
func (e *Engine) follow(ctx context.Context, r Ref, entry *Entry, c *catchUp, overwrite bool) error {
	still := entry.Following == "" // else the target may have what the source had in between
	if still && entry.Took != "" && r.Stamp != "" && r.Stamp == entry.Stamp {
		return e.unchanged(ctx, r, entry, c, overwrite)
	}
	item, err := e.read(ctx, r)
	if err != nil {
		return err
	}
	if still && entry.Took == fingerprint(item.Text) && leftOff(item.kept) >= leftOff(entry.Findings) {
		return e.unchanged(ctx, r, entry, c, overwrite)
	}
	next, err := e.intend(item)
	if err != nil {
		return err
	}
	item = e.placed(item, entry)
	next.place(entry.Place, entry.Taken)
	there, err := e.To.Read(ctx, r.Kind, entry.There)
	switch {
	case errors.Is(err, ErrGone) && overwrite && next.State != Held:
		e.note(func() { c.Changed++ })
		return e.create(ctx, item, next)
	case errors.Is(err, ErrGone):
		return e.leave(c, entry, Missing, whyMissing)
	case err != nil:
		return err
	}
	next.Action, next.There, next.ToSlug = entry.Action, entry.There, entry.ToSlug
	if entry.Action == Update {
		next.Why = whyBefore
	}
	next.Seen, next.Before = entry.Seen, entry.Before
	if fingerprint(there) != entry.Left {
		brought, err := e.brought(item, entry, next, there)
		switch {
		case err != nil:
			return err
		case brought:
			return e.made(ctx, item, next, Made{entry.There, entry.ToSlug, there}, nil)
		case !overwrite:
			return e.leave(c, entry, Differs, whyBoth)
		}
	}
	if next.State == Held {
		return e.leave(c, entry, Differs, whyLossy)
	}
	following := *entry
	following.Following = fingerprint(item.Text)
	if err := e.Run.Put(following); err != nil {
		return err
	}
	if !overwrite {
		item.over = there
	}
	made, err := e.To.Update(ctx, item, entry.There)
	if err != nil && ofOneRecord(err) { // the next catch-up tries again
		following.Following = ""
		return errors.Join(e.Run.Put(following), e.leave(c, entry, Differs, err.Error()))
	}
	if err != nil {
		return err
	}
	e.note(func() { c.Changed++ })
	return e.made(ctx, item, next, made, nil)
}

// leftOff gives how many servers an agent lists that it can't at the target, for they
// are not there yet: it gets them once they are.
func leftOff(findings []finding.Finding) (n int) {
	for i := range findings {
		if findings[i].Class == finding.Manual && top(findings[i].Path) == "mcpServers" {
			n++
		}
	}
	return n
}

// unchanged makes a record again that is missing at the target, if overwrite: the
// source's is as it was.
func (e *Engine) unchanged(ctx context.Context, r Ref, entry *Entry, c *catchUp, overwrite bool) error {
	v, lists := e.To.(interface {
		has(kind finding.Kind, id string) bool
	})
	if !overwrite || lists && v.has(r.Kind, entry.There) {
		e.tell(entry)
		return nil
	}
	if _, err := e.To.Read(ctx, r.Kind, entry.There); !errors.Is(err, ErrGone) {
		if err == nil {
			e.tell(entry)
		}
		return err
	}
	item, err := e.read(ctx, r)
	if err != nil {
		return err
	}
	next, err := e.intend(item)
	if err != nil {
		return err
	}
	if next.State == Held {
		return e.leave(c, entry, Missing, whyLossy)
	}
	item = e.placed(item, entry)
	next.place(entry.Place, entry.Taken)
	e.note(func() { c.Changed++ })
	return e.create(ctx, item, next)
}

// asBegun gives as much of an item as finds what was begun of it.
func asBegun(entry *Entry) *Item {
	item, r := &Item{Record: entry.Record}, &entry.Record
	switch r.Kind {
	case finding.Server:
		item.Server = &core.MCPServer{Name: r.Name, Slug: entry.Slug}
		item.Server.ID, _ = core.ParseObjectID(r.ID) // a slug is none
	case finding.Account:
		item.Account = &core.Account{ID: r.ID}
	case finding.Agent:
		item.Agent = &core.Agent{Name: r.Name, UID: core.AgentUID(r.ID)}
	}
	return item
}

// stampOf gives when a text says that it was changed last, as Refold's do.
func stampOf(text core.JSON) (stamp string) {
	dialects.Members(text, func(name string, value core.JSON) {
		if name == "updatedAt" && len(value) > 0 && value[0] == '"' {
			b, _ := jsontext.AppendUnquote(nil, value) // what is no text is no stamp
			stamp = string(b)
		}
	})
	return stamp
}
