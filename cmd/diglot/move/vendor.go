package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is what both vendors have in common as targets: they make ids of
// their own, so that what is there is found by names.

// index has the ids of the records that a vendor has, by what finds them: a
// name, a slug, an account's id.
type index struct {
	mu  sync.Mutex
	of  map[finding.Kind]map[string][]indexed
	ids map[string]bool // each of them, behind its kind
}

// indexed is a record's id, and whether it was made since the vendor was listed.
type indexed struct {
	id   string
	made bool
}

// addListed adds a record that the vendor lists, addMade one that was made at it.
func (x *index) addListed(kind finding.Kind, name, id string) { x.add(kind, name, indexed{id: id}) }

func (x *index) addMade(kind finding.Kind, name, id string) { x.add(kind, name, indexed{id, true}) }

func (x *index) add(kind finding.Kind, name string, record indexed) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil {
		x.of, x.ids = map[finding.Kind]map[string][]indexed{}, map[string]bool{}
	}
	x.ids[string(kind)+"/"+record.id] = true
	if x.of[kind] == nil {
		x.of[kind] = map[string][]indexed{}
	}
	if !slices.ContainsFunc(x.of[kind][name], func(there indexed) bool { return there.id == record.id }) {
		x.of[kind][name] = append(x.of[kind][name], record)
	}
}

func (x *index) find(kind finding.Kind, name, taken string) (found []Existing) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, record := range x.of[kind][name] {
		found = append(found, Existing{record.id, taken, record.made})
	}
	return found
}

// has reports whether there is a record of an id.
func (x *index) has(kind finding.Kind, id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ids[string(kind)+"/"+id]
}

func (x *index) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.of, x.ids = nil, nil
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
	text, err := wholeView(form, p.tenant, item)
	record := item.Record
	record.Source = string(form)
	return record, text, fate(form), err
}

// wholeView prints a record with all members that a vendor has for it, whichever of
// its revisions has them.
func wholeView(vendor core.DialectName, tenant core.Tenant, item *Item) (core.JSON, error) {
	tenant = addressed(tenant)
	tenant.RefoldRevision = core.RefoldLegacy
	text, err := viewOf(vendor, &tenant, item)
	if err != nil || vendor != core.Refold || item.Server == nil {
		return text, err
	}
	tenant.RefoldRevision = core.RefoldV3
	of3, err := viewOf(vendor, &tenant, item)
	if err != nil {
		return nil, err
	}
	dialects.Members(text, func(name string, _ core.JSON) { of3 = dialects.Without(of3, name) })
	if string(of3) == "{}" {
		return text, nil
	}
	return append(append(text[:len(text)-1], ','), of3[1:]...), nil
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
	tenant := p.tenant
	tenant.URLTemplate = "" // or it would stand for a url that the server hasn't
	text, err := wholeView(other, tenant, item)
	if err != nil {
		return nil, err
	}
	record := item.Record
	record.Source = string(other)
	all, err := mapping.Expect(record, mapping.Crossed, text)
	for i := range all {
		f := &all[i]
		identity := f.Path == "_id" || f.Path == "appId" || f.Path == "associated_org_id" || f.Path == "environment"
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
