package move

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Owner is whose the records of a side are, as far as that is known: a tenant's, an
// org's and environment's at Refold, an app's at CometChat.
type Owner struct {
	Tenant      string `json:"tenant,omitzero"` // its id
	Org         string `json:"org,omitzero"`
	Environment string `json:"environment,omitzero"`
	App         string `json:"app,omitzero"`
}

func (o Owner) String() string {
	var parts []string
	for _, part := range [][2]string{{"tenant", o.Tenant}, {"org", o.Org}, {"environment", o.Environment}, {"app", o.App}} {
		if part[1] != "" {
			parts = append(parts, fmt.Sprintf("%s %q", part[0], part[1]))
		}
	}
	return strings.Join(parts, ", ")
}

// with adds what is known of one owner to what is known of another; ok: they may
// be one.
func (o Owner) with(now Owner) (both Owner, ok bool) {
	ok = true
	for _, part := range [][2]*string{{&o.Tenant, &now.Tenant}, {&o.Org, &now.Org}, {&o.Environment, &now.Environment}, {&o.App, &now.App}} {
		if *part[0] == "" {
			*part[0] = *part[1]
		}
		ok = ok && (*part[1] == "" || *part[0] == *part[1])
	}
	return o, ok
}

// ErrOwner is a side that is another's than the run's: a key of another org or app,
// or a tenant that was made anew.
var ErrOwner = errors.New("the records are another's")

// owners are those of a run's two sides.
type owners struct {
	From Owner `json:"from,omitzero"`
	To   Owner `json:"to,omitzero"`
}

func (o *owners) at(side Side) *Owner {
	if side == AtTarget {
		return &o.To
	}
	return &o.From
}

// ownersLine is a line of a journal with what is known from then on.
type ownersLine struct {
	Owners owners `json:"owners"`
}

var ownersBegin = []byte(`{"owners":`)

// Own notes whose a side is. ErrOwner.
func (r *Run) Own(at Side, owner Owner) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.owners.at(at)
	was := *of
	both, ok := was.with(owner)
	switch {
	case !ok:
		return fmt.Errorf("%w: the %s is of %s, and the run is of %s", ErrOwner, at, owner, was)
	case both == was:
		return nil
	}
	*of = both
	err := r.lines.add(&ownersLine{r.owners})
	if err != nil {
		*of = was
	}
	return err
}

func (r *Run) ownerOf(at Side) Owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.owners.at(at)
}

// owned is a side that can tell whose it is; nothing: it has no record yet.
type owned interface {
	Owner(ctx context.Context) (Owner, error)
}

// identify notes whose both sides are. ErrOwner.
func (e *Engine) identify(ctx context.Context) error {
	if err := e.identified(ctx, AtSource, e.From); err != nil {
		return &SourceError{err}
	}
	return e.identified(ctx, AtTarget, e.To)
}

func (e *Engine) identified(ctx context.Context, at Side, side any) error {
	of, is := side.(owned)
	if !is {
		e.note(func() { e.told = e.told || at == AtTarget }) // a file is the run's own
		return nil
	}
	owner, err := of.Owner(ctx)
	if err != nil {
		return err
	}
	return e.own(at, owner)
}

// own notes whose a side is, and that the target has said so. ErrOwner.
func (e *Engine) own(at Side, owner Owner) error {
	err := e.Run.Own(at, owner)
	e.note(func() { e.told = e.told || err == nil && at == AtTarget && owner != (Owner{}) })
	return err
}

// ownMade holds the target to be the run's by a record that was made there. ErrOwner.
func (e *Engine) ownMade(kind finding.Kind, text core.JSON) error {
	v, is := e.To.(interface {
		says(kind finding.Kind, text core.JSON) Owner
	})
	if !is {
		return nil
	}
	return e.own(AtTarget, v.says(kind, text))
}

// writtenThere adds to an ErrOwner what it was found by.
func writtenThere(err error, kind finding.Kind, id string) error {
	return fmt.Errorf("%w: %s %q was written there", err, kind, id)
}

// recognize looks for a record of the run's at a target that doesn't say whose it is:
// one that has none may be another's. ErrNoneThere.
func (e *Engine) recognize() error {
	v, lists := e.To.(interface {
		has(kind finding.Kind, id string) bool
	})
	if e.told || !lists {
		return nil
	}
	var none error
	for _, entry := range e.Run.Entries() {
		if entry.There == "" || !taken(entry) {
			continue
		}
		if v.has(entry.Record.Kind, entry.There) {
			e.told = true
			return nil
		}
		none = ErrNoneThere
	}
	return none
}

// unsure reports whether the target hasn't said yet that it is still the run's.
func (e *Engine) unsure() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.told && e.Run.ownerOf(AtTarget) != (Owner{})
}

// surely deals with a record, and while the target hasn't said whose it is with no
// other beside it: one that was made may say that it is another's.
func (e *Engine) surely(ctx context.Context, r Ref, each func(context.Context, Ref) error) {
	if !e.unsure() {
		e.stopWith(each(ctx, r))
		return
	}
	e.alone.Lock()
	defer e.alone.Unlock()
	if e.goesOn(ctx) {
		was := e.Run.Get(&r)
		e.stopWith(each(ctx, r))
		e.stopWith(e.ownPart(ctx, &r, was))
	}
}

// ownPart is ownMade of a record that was made in part: who goes on looks for it at
// the run's own target. ErrOwner.
func (e *Engine) ownPart(ctx context.Context, r *Ref, was *Entry) error {
	now := e.Run.Get(r)
	if now == was || now.State != Failed || now.There == "" || !e.unsure() {
		return nil
	}
	err := e.identified(ctx, AtTarget, e.To)
	if !errors.Is(err, ErrOwner) {
		return err
	}
	next := *now
	next.State, next.There, next.Why = Begun, "", ""
	return errors.Join(writtenThere(err, r.Kind, now.There), e.keep(&next))
}

// Owner gives whose the tenant's records are.
func (t *Tenant) Owner(context.Context) (Owner, error) {
	return Owner{Tenant: string(t.Tenant.ID)}, nil
}

// asked is how many records of a kind are read to find whose they are.
const asked = 3

// Owner gives whose a vendor's records are, by the first ones that say so: accounts
// do in their list.
func (v *atVendor) Owner(ctx context.Context) (owner Owner, err error) {
	for _, kind := range []finding.Kind{finding.Account, finding.Server, finding.Agent} {
		if !v.Takes(kind) {
			continue
		}
		n := 0
		for l, err := range v.kinds[kind].list(ctx) {
			if err != nil {
				return owner, err
			}
			if l.text == nil {
				l.text, _ = v.kinds[kind].read(ctx, l.id) // what can't be read doesn't say so
			}
			if owner, _ = owner.with(v.says(kind, l.text)); owner.Org != "" || owner.App != "" {
				return owner, ctx.Err()
			}
			if n++; n == asked {
				break
			}
		}
	}
	return owner, ctx.Err()
}

// says gives whose a record is, as its text says. Contract 2.3, 2.8 and 1.3.
func (v *atVendor) says(kind finding.Kind, text core.JSON) (owner Owner) {
	into := map[string]*string{"associated_org_id": &owner.Org, "environment": &owner.Environment}
	switch {
	case v.vendor == core.CometChat:
		into = map[string]*string{"appId": &owner.App}
	case kind == finding.Account:
		into = map[string]*string{"associated_org": &owner.Org, "environment": &owner.Environment}
	}
	dialects.Members(text, func(name string, value core.JSON) {
		if of := into[name]; of != nil {
			b, _ := jsontext.AppendUnquote(nil, value) // what is no text says nothing
			*of = string(b)
		}
	})
	return owner
}
