package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// This file is what both vendors have in common as targets: they make ids of
// their own, so that what is there is found by names.

// index has the ids of the records that a vendor has, by what finds them: a
// name, a slug, an account's id.
type index struct {
	mu sync.Mutex
	of map[finding.Kind]map[string][]string
}

func (x *index) add(kind finding.Kind, name, id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil {
		x.of = map[finding.Kind]map[string][]string{}
	}
	if x.of[kind] == nil {
		x.of[kind] = map[string][]string{}
	}
	if !slices.Contains(x.of[kind][name], id) {
		x.of[kind][name] = append(x.of[kind][name], id)
	}
}

func (x *index) find(kind finding.Kind, name, taken string) (found []Existing) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range x.of[kind][name] {
		found = append(found, Existing{id, taken})
	}
	return found
}

func (x *index) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.of = nil
}

// atVendor is a vendor's org or app, of whatever kinds of records it has.
type atVendor struct {
	pushed
	index

	kinds map[finding.Kind]kindAt
}

// kindAt is what a vendor's client does with records of one kind.
type kindAt struct {
	list   func(ctx context.Context) iter.Seq2[listed, error]
	read   func(ctx context.Context, id string) (core.JSON, error)
	delete func(ctx context.Context, id string) error
}

// listed is a record as a list shows it.
type listed struct {
	id, name string    // by which it is read, and by which it is found
	text     core.JSON // nil: the list shows less than a read
}

// kindOf makes a kind of a client's methods; of gives what a record is called, and
// its text.
func kindOf[T any](
	list func(context.Context) iter.Seq2[*T, error], whole bool, read func(context.Context, string) (*T, error),
	remove func(context.Context, string) error, of func(*T) listed,
) kindAt {
	return kindAt{
		list: func(ctx context.Context) iter.Seq2[listed, error] {
			return func(yield func(listed, error) bool) {
				for record, err := range list(ctx) {
					var l listed
					if err == nil {
						l = of(record)
					}
					if !whole {
						l.text = nil
					}
					if !yield(l, err) || err != nil {
						return
					}
				}
			}
		},
		read: func(ctx context.Context, id string) (core.JSON, error) {
			record, err := read(ctx, id)
			if err != nil {
				return nil, goneAt(err)
			}
			return of(record).text, nil
		},
		delete: func(ctx context.Context, id string) error { return goneAt(remove(ctx, id)) },
	}
}

// List implements [Source].
func (v *atVendor) List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		if !v.Takes(kind) {
			return
		}
		for l, err := range v.kinds[kind].list(ctx) {
			if !yield(Ref{Form: string(v.vendor), Kind: kind, ID: l.id, Text: l.text}, err) {
				return
			}
		}
	}
}

// Read implements [Source].
func (v *atVendor) Read(ctx context.Context, r Ref) (core.JSON, error) {
	return v.kinds[r.Kind].read(ctx, r.ID)
}

// Prepare implements [Target].
func (v *atVendor) Prepare(ctx context.Context, seen func()) error {
	v.clear()
	for _, kind := range Kinds {
		if !v.Takes(kind) {
			continue
		}
		for l, err := range v.kinds[kind].list(ctx) {
			if err != nil {
				return err
			}
			v.add(kind, l.name, l.id)
			seen()
		}
	}
	return nil
}

// Takes implements [Target].
func (v *atVendor) Takes(kind finding.Kind) bool {
	_, has := v.kinds[kind]
	return has
}

// Delete implements [Target].
func (v *atVendor) Delete(ctx context.Context, kind finding.Kind, id string) error {
	return v.kinds[kind].delete(ctx, id)
}

// restore has a vendor's record be again what it was.
func (v *atVendor) restore(ctx context.Context, t Target, kind finding.Kind, id string, before core.JSON) error {
	item, err := itemOf(&mapping.Mapper{}, Ref{Form: string(v.vendor), Kind: kind, ID: id}, before)
	if err == nil {
		_, err = t.Update(ctx, item, id)
	}
	return err
}

// pushed is what becomes of an item at a vendor.
type pushed struct {
	vendor core.DialectName
	// tenant is who a record of Diglot's is shown as: its template gives servers
	// their urls at CometChat.
	tenant core.Tenant
}

// sent gives a record in a vendor's form, which it has become part of: its own,
// or for a record of Diglot's the target's, where that has such records.
func (p *pushed) sent(item *Item) (finding.Record, core.JSON, mapping.Fate, error) {
	fate := func(form core.DialectName) mapping.Fate {
		if form == p.vendor {
			return mapping.Pushed
		}
		return mapping.Crossed
	}
	if item.Record.Source != Diglot {
		return item.Record, item.Text, fate(core.DialectName(item.Record.Source)), nil
	}
	form := p.vendor
	switch item.Record.Kind {
	case finding.Account:
		form = core.Refold
	case finding.Agent:
		form = core.CometChat
	case finding.Server:
	}
	tenant := addressed(p.tenant)
	text, err := viewOf(form, &tenant, item)
	record := item.Record
	record.Source = string(form)
	return record, text, fate(form), err
}

// lost adds what the vendor's form of a record of Diglot's does not have.
func (p *pushed) lost(item *Item, found []finding.Finding) ([]finding.Finding, error) {
	if item.Record.Source != Diglot || item.Server == nil {
		return found, nil
	}
	other := core.Refold
	if p.vendor == core.Refold {
		other = core.CometChat
	}
	tenant := addressed(p.tenant)
	tenant.URLTemplate = ""
	if item.Server.Notebooks != nil {
		tenant.RefoldRevision = core.RefoldV3
	}
	text, err := viewOf(other, &tenant, item)
	if err != nil {
		return nil, err
	}
	record := item.Record
	record.Source = string(other)
	all, err := mapping.Expect(record, mapping.Crossed, text)
	for i := range all {
		f := &all[i]
		identity := f.Path == "_id" || f.Path == "slug" || f.Path == "appId" || f.Path == "associated_org_id" || f.Path == "environment"
		if f.Class != finding.Exact && !identity && !inBothForms(f.Path) {
			found = append(found, *f)
		}
	}
	return found, err
}

// inBothForms are the members of servers that both vendors have.
func inBothForms(name string) bool {
	return slices.Contains([]string{"name", "description", "createdAt", "updatedAt"}, name)
}

// Expect implements [Target].
func (p *pushed) Expect(item *Item) ([]finding.Finding, error) {
	record, text, fate, err := p.sent(item)
	if err != nil {
		return nil, err
	}
	found, err := mapping.Expect(record, fate, text)
	if err != nil {
		return nil, err
	}
	if p.vendor == core.CometChat && item.Server != nil && p.tenant.ServerURL(item.Server) == "" {
		found = append(found, finding.Finding{
			Record: record, Path: "url", Class: finding.Manual, Reason: "The vendor takes no server without a url.",
			Suggestion: "Give --url-template, or the server its url.",
		})
	}
	return p.lost(item, found)
}

// Compare implements [Target].
func (p *pushed) Compare(item *Item, there core.JSON) ([]finding.Finding, error) {
	record, text, fate, err := p.sent(item)
	if err != nil {
		return nil, err
	}
	found, err := mapping.Compare(record, fate, text, there)
	if err != nil {
		return nil, err
	}
	return p.lost(item, found)
}

// Finish implements [Target].
func (p *pushed) Finish(context.Context) error { return nil }

// goneAt makes ErrGone of a record that a vendor doesn't find.
func goneAt(err error) error {
	if vendorhttp.StatusOf(err) == http.StatusNotFound {
		return ErrGone
	}
	return err
}

// volatile are members that some of a vendor's answers about a record have and
// others don't, or that change without a client's doing.
var volatile = []string{"__v", "appId", "new_account", "integrations", "lastMessageAt"}

// fingerprint tells whether a record is as it was, whatever the order of its members.
func fingerprint(text core.JSON) string {
	members := map[string]string{}
	dialects.Members(text, func(name string, v core.JSON) {
		if !slices.Contains(volatile, name) {
			members[name] = string(v)
		}
	})
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		_, _ = fmt.Fprintf(h, "%q:%s\n", name, members[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// anotherID makes the n-th other id for one that is taken, the same each time.
func anotherID(id core.ObjectID, n int) core.ObjectID {
	sum := sha256.Sum256([]byte(id.String() + "-" + strconv.Itoa(n)))
	copy(id[4:], sum[:]) // the first four bytes are its time
	return id
}

// anotherUID is anotherID for agents.
func anotherUID(uid core.AgentUID, n int) core.AgentUID {
	b := sha256.Sum256([]byte(string(uid) + "-" + strconv.Itoa(n)))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: a UUID of one's own making
	return core.AgentUID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// errNotTaken is a record that a target has nothing like.
var errNotTaken = errors.New("the target has nothing like it")
