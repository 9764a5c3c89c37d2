package move

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp"
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
	Workers    int // how many records are under way at once; 0: one
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
}

// start reads what a run knows already.
func (e *Engine) start(ctx context.Context) {
	e.slugs, e.stop, e.seen = map[string]string{}, nil, 0
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
// failure that isn't one record's alone; what was begun is taken up by the next
// Apply.
func (e *Engine) Apply(ctx context.Context) error {
	e.start(ctx)
	if err := e.prepare(ctx, false); err != nil {
		return err
	}
	if err := e.all(ctx, e.move); err != nil {
		return err
	}
	return e.To.Finish(ctx)
}

// prepare has the target look at what is there. A file is a run's own: one that
// another has made is written anew, or not at all. [FileThereError].
func (e *Engine) prepare(ctx context.Context, plans bool) error {
	if file, is := e.To.(*FileTarget); is {
		file.plans, file.replaces = plans, e.Policy == UpdateOnConflict
		file.own = e.Run.Summary().Of(Done) > 0
	}
	return e.To.Prepare(ctx, e.reading)
}

// all has each record of the source be dealt with, some at once, one kind after
// the other. It lists all of them first: what is written could move the list.
func (e *Engine) all(ctx context.Context, each func(context.Context, Ref) error) error {
	lists, total := make([][]Ref, len(Kinds)), 0
	for i, kind := range Kinds {
		for r, err := range e.From.List(ctx, kind) {
			if err != nil {
				return err
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
		if err := e.some(ctx, list, each); err != nil {
			return err
		}
	}
	return nil
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

func (e *Engine) some(ctx context.Context, list []Ref, each func(context.Context, Ref) error) error {
	refs := make(chan Ref)
	var workers sync.WaitGroup
	for range max(e.Workers, 1) {
		workers.Go(func() {
			for r := range refs {
				if e.stopped() == nil {
					e.stopWith(each(ctx, r))
				}
			}
		})
	}
	for _, r := range list {
		if e.stopped() != nil {
			break
		}
		refs <- r
	}
	close(refs)
	workers.Wait()
	return e.stopped()
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
		if text, err = e.From.Read(ctx, r); err != nil {
			return nil, err
		}
	}
	return e.item(r, text)
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

// move moves one record, once.
func (e *Engine) move(ctx context.Context, r Ref) error {
	entry := e.Run.Get(&r)
	if entry != nil && (entry.State == Done || entry.State == Skipped) {
		e.tell(entry)
		return nil
	}
	item, err := e.read(ctx, r)
	if errors.Is(err, ErrGone) {
		return nil // it was removed since it was listed
	}
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
	return slices.DeleteFunc(found, func(x Existing) bool { return e.Run.made(item.Record.Kind, x.ID) }), err
}

// takeUp goes on with what an earlier process began or failed at, if anything of
// it is there: what has the item's place now and had it not before.
func (e *Engine) takeUp(ctx context.Context, item *Item, entry, next *Entry) (done bool, err error) {
	there := entry.There
	if entry.Action == Update && there != "" {
		next.Action, next.There, next.Before = Update, there, entry.Before
		return true, e.update(ctx, item, next)
	}
	if there == "" && entry.State == Begun {
		if entry.Why != "" { // it was renamed
			e.renameAgain(item, entry)
		}
		if there, err = e.begun(ctx, item, entry); err == nil && there == "" { // it may have another name since
			there, err = e.begun(ctx, asBegun(entry), entry)
		}
		if err != nil {
			return false, err
		}
	}
	if there == "" {
		return false, nil
	}
	next.State, next.Action, next.Seen = Begun, Create, entry.Seen
	made, err := e.To.Adopt(ctx, item, there)
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return true, e.made(item, next, made, err)
}

// begun gives the id of what an earlier process made of an item, "": nothing.
func (e *Engine) begun(ctx context.Context, item *Item, entry *Entry) (string, error) {
	found, err := e.inPlace(ctx, item, e.To)
	for _, x := range found {
		if !slices.Contains(entry.Seen, x.ID) {
			return x.ID, err
		}
	}
	return "", err
}

// create makes the record at the target: between the two entries it may be there.
func (e *Engine) create(ctx context.Context, item *Item, next *Entry) error {
	found, err := e.To.InPlace(ctx, item)
	if err != nil {
		return err
	}
	for _, x := range found {
		next.Seen = append(next.Seen, x.ID)
	}
	next.At = e.Now().UTC()
	if err := e.Run.Put(*next); err != nil {
		return err
	}
	made, err := e.To.Create(ctx, item)
	return e.made(item, next, made, err)
}

func (e *Engine) update(ctx context.Context, item *Item, next *Entry) error {
	next.At = e.Now().UTC()
	if err := e.Run.Put(*next); err != nil {
		return err
	}
	made, err := e.To.Update(ctx, item, next.There)
	return e.made(item, next, made, err)
}

// made enters what came of a creation or a change.
func (e *Engine) made(item *Item, next *Entry, made Made, err error) error {
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
	return kind == core.Invalid || kind == core.Conflict || errors.Is(err, mapping.ErrNoURL) || errors.Is(err, ErrGone)
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
