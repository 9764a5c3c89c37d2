package move

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
)

// Engine moves records. Zero values of what is optional are as said.
type Engine struct {
	From   Source
	To     Target
	Run    *Run
	Tenant core.Tenant // that records are mapped into
	Now    core.Clock

	Policy     Policy // "": FailOnConflict
	AcceptLoss bool
	DeleteAll  bool // a catch-up may remove most of what was moved, or all of it
	Workers    int  // how many records are under way at once; 0: one
	// Reading is told how many records were listed so far, Total how many there are,
	// Progress of each that is settled, and in a plan of each that is read; nil:
	// nobody is.
	Reading  func(int)
	Total    func(int)
	Progress func(Entry)

	mu     sync.Mutex
	seen   int // how many records were listed
	mapper *mapping.Mapper
	slugs  map[string]string // a server's at the source: at the target
	stop   error
	whole  map[string]bool   // the shapes of answers that are as reads
	faults int               // how many records in a row could not be read
	fault  error             // of a record that stays as far as it is
	gone   map[string]Ref    // what was gone when it was read, by its key
	told   bool              // the target is known to be the run's, as far as that can be
	alone  sync.Mutex        // until then one record is dealt with at a time
	traced map[string]bool   // what was begun and found without the source, by kind and id
	claims map[string]string // what is there, by kind and id: the record that takes it over
}

// start reads what a run knows already.
func (e *Engine) start(ctx context.Context) {
	e.slugs, e.whole, e.stop, e.seen, e.told = map[string]string{}, map[string]bool{}, nil, 0, false
	e.faults, e.fault, e.gone, e.traced, e.claims = 0, nil, map[string]Ref{}, map[string]bool{}, map[string]string{}
	e.mapper = &mapping.Mapper{Tenant: e.Tenant, HasServer: func(slug string) bool { return e.hasServer(ctx, slug) }}
	for _, entry := range e.Run.Entries() {
		if entry.State != Undone && entry.State != Removed {
			e.noteSlug(entry)
		}
	}
	if e.Policy == "" {
		e.Policy = FailOnConflict
	}
}

func (e *Engine) noteSlug(entry *Entry) {
	if entry.Slug != "" && entry.ToSlug != "" {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.slugs[entry.Slug] = entry.ToSlug
	}
}

// hasServer reports whether agents may list a slug: of a server that was moved,
// or that the tenant has anyway. Where that can't be told they may: the tenant
// refuses an agent that lists a server which is not there, and what is left off a
// list for a moment's failure would be lost.
func (e *Engine) hasServer(ctx context.Context, slug string) bool {
	e.mu.Lock()
	_, moved := e.slugs[slug]
	e.mu.Unlock()
	t, is := e.To.(TenantTarget)
	if moved || !is {
		return true
	}
	_, err := t.Store.MCPServer(ctx, t.Tenant.Tenant.ID, core.BySlug(slug))
	return core.KindOf(err) != core.NotFound
}

// Apply moves all records that the run has not moved yet. It ends at the first
// failure that isn't one record's alone, or when ctx does; what was begun is taken
// up by the next Apply.
func (e *Engine) Apply(ctx context.Context) error {
	e.start(ctx)
	if err := e.identify(ctx); err != nil {
		return err
	}
	if err := e.prepare(ctx, false); err != nil {
		return err
	}
	if err := e.all(ctx, e.move, e.fail); err != nil {
		return err
	}
	if err := e.To.Finish(ctx); err != nil {
		return err
	}
	for _, entry := range e.Run.Entries() {
		if entry.State == Begun && e.fault == nil {
			e.fault = fmt.Errorf("%s: %w", entry.key(), errLeftBegun)
		}
	}
	return e.fault
}

// errLeftBegun is a record that a move was interrupted at, and that its source lists
// no more.
var errLeftBegun = errors.New("the move was interrupted in the middle of it, and its source has it no more: a catch-up with --delete, or an undo, takes it back")

// prepare has the target look at what is there. A file is a run's own: one that
// another has made is written anew, or not at all. [FileThereError], ErrNoneThere.
func (e *Engine) prepare(ctx context.Context, plans bool) error {
	file, is := e.To.(*FileTarget)
	if is {
		file.plans, file.replaces = plans, e.Policy == UpdateOnConflict
		file.own = e.Run.Summary().Of(Done) > 0
	}
	if err := e.To.Prepare(ctx, e.reading); err != nil {
		return err
	}
	if !is || plans {
		return e.recognize()
	}
	return e.fileLost(file)
}

// fileLost has what a file, or a part of it, has not any more be moved again.
func (e *Engine) fileLost(file *FileTarget) error {
	for _, entry := range e.Run.Entries() {
		if _, has := file.records[entry.key()]; has || entry.State != Done {
			continue
		}
		lost := *entry
		lost.State, lost.Why = Undone, "the file has lost it"
		if err := e.keep(&lost); err != nil {
			return err
		}
	}
	return nil
}

// all has each record of the source be dealt with, some at once, one kind after
// the other. It lists all of them first: what is written could move the list. What
// is wrong with one record alone is told to bad.
func (e *Engine) all(ctx context.Context, each func(context.Context, Ref) error, bad unread) error {
	lists, total := make([][]Ref, len(Kinds)), 0
	for i, kind := range Kinds {
		for r, err := range e.From.List(ctx, kind) {
			if err == nil {
				err = ctx.Err() // a file doesn't look at it
			}
			if err != nil {
				return &SourceError{err}
			}
			lists[i] = append(lists[i], r)
			e.reading()
		}
		total += len(lists[i])
	}
	if e.Total != nil {
		e.Total(total)
	}
	for _, list := range lists {
		err := e.some(ctx, list, func(ctx context.Context, r Ref) error { return e.dealt(ctx, r, each(ctx, r), bad) })
		if err != nil {
			return err
		}
	}
	return e.again(ctx, bad)
}

// reading counts a record that was listed.
func (e *Engine) reading() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen++
	if e.Reading != nil {
		e.Reading(e.seen)
	}
}

// some has the records of a list be dealt with: first those that an earlier process
// began, one after the other, so that each has found its own before another looks.
func (e *Engine) some(ctx context.Context, list []Ref, each func(context.Context, Ref) error) error {
	var begun, others []Ref
	for _, r := range list {
		if entry := e.Run.Get(&r); entry != nil && entry.State == Begun {
			begun = append(begun, r)
		} else {
			others = append(others, r)
		}
	}
	if err := e.by(ctx, 1, begun, each); err != nil {
		return err
	}
	return e.by(ctx, max(e.Workers, 1), others, each)
}

// by has a number of workers deal with the records of a list.
func (e *Engine) by(ctx context.Context, workers int, list []Ref, each func(context.Context, Ref) error) error {
	refs := make(chan Ref)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for r := range refs {
				if e.goesOn(ctx) {
					e.surely(ctx, r, each)
				}
			}
		})
	}
	for _, r := range list {
		if !e.goesOn(ctx) {
			break
		}
		refs <- r
	}
	close(refs)
	all.Wait()
	return e.stopped()
}

// goesOn reports whether nothing has stopped a move, such as that it was told to.
func (e *Engine) goesOn(ctx context.Context) bool {
	if e.stopped() == nil {
		e.stopWith(ctx.Err())
	}
	return e.stopped() == nil
}

func (e *Engine) stopped() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stop
}

func (e *Engine) stopWith(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stop == nil {
		e.stop = err
	}
}

// read gives a record of the source as an item.
func (e *Engine) read(ctx context.Context, r Ref) (*Item, error) {
	text := r.Text
	if text == nil {
		var err error
		if text, err = e.From.Read(ctx, r); errors.Is(err, ErrGone) {
			return nil, errGoneSince
		}
		if err != nil {
			return nil, &SourceError{err}
		}
	}
	item, err := e.item(r, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errText, err)
	}
	return item, nil
}

// item maps a record, with the slugs that its servers have at the target.
func (e *Engine) item(r Ref, text core.JSON) (*Item, error) {
	item, err := itemOf(e.mapper, r, text)
	if err == nil && item.Agent != nil {
		for i, slug := range item.Agent.MCPServers {
			e.mu.Lock()
			if to, moved := e.slugs[slug]; moved {
				item.Agent.MCPServers[i] = to
			}
			e.mu.Unlock()
		}
	}
	return item, err
}
