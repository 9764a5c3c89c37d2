package move

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

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
	stamp    string    // when it was changed last; "": the list doesn't say
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
			if !canBeAsked(id) {
				return nil, errNoPath
			}
			record, err := read(ctx, id)
			if err != nil {
				return nil, goneAt(err)
			}
			return of(record).text, nil
		},
		delete: func(ctx context.Context, id string) error {
			if !canBeAsked(id) {
				return errNoPath
			}
			return goneAt(remove(ctx, id))
		},
	}
}

// List implements [Source].
func (v *atVendor) List(ctx context.Context, kind finding.Kind) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		if !v.Takes(kind) {
			return
		}
		for l, err := range v.kinds[kind].list(ctx) {
			if !yield(Ref{Form: string(v.vendor), Kind: kind, ID: l.id, Name: l.name, Text: l.text, Stamp: l.stamp}, err) {
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
			v.addListed(kind, l.name, l.id)
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

// canBeAsked reports whether a path can have an id in it.
func canBeAsked(id string) bool { return id != "" && id != "." && id != ".." }

// goneAt makes ErrGone of a vendor's word that there is no such record.
func goneAt(err error) error {
	if v, is := errors.AsType[*vendorhttp.Error](err); is && saysGone(v) {
		return ErrGone
	}
	return err
}

// saysGone reports whether a failure is a vendor's own word that there is no such
// record. Another 404 says nothing of the record: Refold answers so where a
// credential is missing (contract 2.5), and proxies do where they find no vendor.
func saysGone(v *vendorhttp.Error) bool {
	notFound := v.Status == http.StatusNotFound
	switch core.DialectName(v.Vendor) {
	case core.Refold: // the words of both revisions
		_, operation, _ := strings.Cut(v.Path, refold.Prefix+"/")
		if strings.HasPrefix(operation, "linked-account/") {
			notFound = notFound || v.Status == http.StatusInternalServerError && v.Method == http.MethodDelete // legacy
			return notFound && strings.HasPrefix(v.Message, "Linked Account with account id ") && strings.HasSuffix(v.Message, " not found")
		}
		return notFound && (v.Message == "MCP Server not found" || v.Message == "MCPEntry not found")
	case core.CometChat: // ERR_AGENT_NOT_FOUND is documented, a server's is not
		return notFound && strings.HasPrefix(v.Code, "ERR_") && strings.HasSuffix(v.Code, "_NOT_FOUND") &&
			v.Code != "ERR_API_NOT_FOUND" && v.Code != "ERR_APP_NOT_FOUND"
	}
	return false
}
