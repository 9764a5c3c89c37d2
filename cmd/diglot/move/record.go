package move

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// Diglot is the form of records that are core's own, with all that core knows of
// them; the other forms are the vendors'.
const Diglot = "diglot"

// Kinds are in the order in which they are moved: agents list servers.
var Kinds = []finding.Kind{finding.Server, finding.Account, finding.Agent}

// ErrGone is a record that is not there any more.
var ErrGone = errors.New("the record is gone")

// Ref names a record at its source.
type Ref struct {
	Form string // refold, cometchat or [Diglot]
	Kind finding.Kind
	ID   string
	Name string    // for people; "": the list doesn't show it
	Text core.JSON // nil: it has to be read
	// Stamp is when it was changed last, as the list says and a read does too; "":
	// the list says no such thing.
	Stamp string
}

// key is the record's in a run.
func (r *Ref) key() string { return string(r.Kind) + "/" + r.ID }

// Source is where records come from.
type Source interface {
	// List names each record of a kind once. It ends after an error.
	List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error]
	// Read gives a record's text. ErrGone.
	Read(ctx context.Context, r Ref) (core.JSON, error)
}

// Item is a record on its way: the text that its source has, and core's record,
// of which one of the three is there.
type Item struct {
	Record  finding.Record
	Text    core.JSON
	Server  *core.MCPServer
	Agent   *core.Agent
	Account *core.Account

	own  *Item             // as it is in its own place; nil: it is there
	kept []finding.Finding // in Diglot
	over core.JSON         // what was read of the record that it is to replace; nil: it may be any
}

// itemOf maps a text into core.
func itemOf(m *mapping.Mapper, r Ref, text core.JSON) (*Item, error) {
	text, err := dialects.Compact(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.key(), err)
	}
	item := &Item{Text: text}
	switch {
	case r.Form == Diglot:
		err = item.decode(r.Kind)
	case r.Form == string(core.Refold) && r.Kind == finding.Server:
		err = mapped(item, &item.Server, text, m.RefoldServer)
	case r.Form == string(core.Refold) && r.Kind == finding.Account:
		err = mapped[core.Account, refoldclient.Account](item, &item.Account, text, m.RefoldAccount)
	case r.Form == string(core.CometChat) && r.Kind == finding.Server:
		err = mapped[core.MCPServer, cometclient.MCPServer](item, &item.Server, text, m.CometChatServer)
	case r.Form == string(core.CometChat) && r.Kind == finding.Agent:
		err = mapped[core.Agent, cometclient.Agent](item, &item.Agent, text, m.CometChatAgent)
	default:
		err = fmt.Errorf("there is no %s of %q", r.Kind, r.Form)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.key(), err)
	}
	item.Record.ID = r.ID
	return item, nil
}

func mapped[T, W any, P vendorhttp.Kept[W]](item *Item, into **T, text core.JSON, to func(*W) (mapping.Mapped[T], error)) error {
	in, err := vendorhttp.Read[W, P](text)
	if err != nil {
		return err
	}
	m, err := to(in)
	*into, item.Record, item.kept = &m.Core, m.Record, m.Kept
	return err
}

// Existing is a record of a target's that is in an item's place.
type Existing struct {
	ID    string // as the target reads it by
	Taken string // what of the item it has: id, uid, slug or name
	// Made: this process has made it, so that it is a record of the run's though
	// that may not have entered it yet.
	Made bool
}

// Made is a record as a target has it after a change.
type Made struct {
	ID   string
	Slug string    // of a server that has one
	Text core.JSON // as [Target.Read] gives it, or as the vendor answered
}

// Target is where records go. Its methods are safe for concurrent use, but for
// Prepare and Finish.
type Target interface {
	// Prepare looks at what is there, before the first record, and tells of each
	// record that it reads.
	Prepare(ctx context.Context, seen func()) error
	// Takes reports whether it can have records of a kind.
	Takes(kind finding.Kind) bool
	// Expect says what will become of each member of an item.
	Expect(item *Item) ([]finding.Finding, error)
	// Compare says what became of each member of an item, given what is there.
	Compare(item *Item, there core.JSON) ([]finding.Finding, error)
	// InPlace gives what is there in an item's place.
	InPlace(ctx context.Context, item *Item) ([]Existing, error)
	// Rename has an item take the place behind the n-th, for what is taken.
	Rename(item *Item, taken string, n int)
	// Create adds a record. With an error, an id says that it is there in part.
	Create(ctx context.Context, item *Item) (Made, error)
	// Adopt completes a record that an earlier Create of the item has made.
	Adopt(ctx context.Context, item *Item, id string) (Made, error)
	// Update has a record be as the item is, as far as that goes.
	Update(ctx context.Context, item *Item, id string) (Made, error)
	// Read gives a record's text. ErrGone.
	Read(ctx context.Context, kind finding.Kind, id string) (core.JSON, error)
	// Restore has a record be again what Read gave of it.
	Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error
	// Delete removes a record. ErrGone.
	Delete(ctx context.Context, kind finding.Kind, id string) error
	// Finish is called when all records are there.
	Finish(ctx context.Context) error
}

// Rehearser is a target that can try what it is asked for and take it back.
type Rehearser interface {
	Target
	// Rehearse has do work with a target whose doings are taken back when do ends.
	Rehearse(ctx context.Context, do func(Rehearser) error) error
	// Shows gives what is there with the members that an item's source has for it.
	Shows(item *Item, there core.JSON) (core.JSON, error)
}

// same says of each member of a text whether it is the same in another one: of
// records that are kept as they are.
func same(record finding.Record, text, there core.JSON) []finding.Finding {
	has := map[string]string{}
	dialects.Members(there, func(name string, value core.JSON) { has[name] = string(value) })
	var out []finding.Finding
	dialects.Members(text, func(name string, value core.JSON) {
		f := finding.Finding{Record: record, Path: name}
		if other, is := has[name]; !is || other != string(value) {
			f.Class, f.Reason = finding.Unsupported, "It is not the same there."
		}
		out = append(out, f)
		delete(has, name)
	})
	for name := range has {
		out = append(out, finding.Finding{Record: record, Path: name, Class: finding.Unsupported, Reason: "The source leaves it out."})
	}
	return out
}

// lossy reports whether something would be lost, or be lost unless somebody acts.
func lossy(findings []finding.Finding) bool {
	for i := range findings {
		if findings[i].Class >= finding.Manual {
			return true
		}
	}
	return false
}
