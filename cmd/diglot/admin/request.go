package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// maxBodyBytes bounds a request's body.
const maxBodyBytes = 1 << 20

// How many things a page has.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// request is what an operation is asked.
type request struct {
	*http.Request

	ctx   context.Context
	body  *object           // nil: it takes none
	limit int               // of things on a page
	after string            // the cursor of the page before; empty: none
	query map[string]string // the parameters beside these
}

// readRequest reads what a route takes, and refuses what it does not.
func readRequest(w http.ResponseWriter, r *http.Request, to *route) (*request, error) {
	req := &request{Request: r, ctx: r.Context(), limit: defaultLimit, query: map[string]string{}}
	if err := req.readQuery(to.takes); err != nil {
		return nil, err
	}
	if to.takes&aBody == 0 {
		if n, err := io.ReadFull(r.Body, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return nil, &failure{kind: malformed, detail: "the operation takes no body"}
		}
		return req, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, &failure{kind: unsupportedType, detail: "send Content-Type: application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, &failure{kind: tooLarge, detail: "the body has more than 1 MiB"}
	}
	if err != nil {
		return nil, &failure{kind: malformed, detail: "the body ends early"}
	}
	req.body = &object{wrong: new([]FieldError)}
	if err := json.Unmarshal(text, &req.body.members); err != nil || req.body.members == nil {
		return nil, &failure{kind: malformed, detail: "the body must be one JSON object, in UTF-8, no name twice"}
	}
	return req, nil
}

func (r *request) readQuery(takes takes) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &failure{kind: malformed, detail: "the query can't be read"}
	}
	known := map[string]bool{}
	for some, names := range parameters {
		for _, name := range names {
			known[name] = known[name] || takes&some != 0
		}
	}
	var wrong []FieldError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		value := query[name][0]
		switch {
		case !known[name]:
			wrong = append(wrong, FieldError{Parameter: name, Detail: "is not known here"})
		case len(query[name]) > 1:
			wrong = append(wrong, FieldError{Parameter: name, Detail: "must be given once"})
		case name == "after":
			r.after = value
		case name == "limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxLimit {
				wrong = append(wrong, FieldError{Parameter: name, Detail: "must be 1 to " + strconv.Itoa(maxLimit)})
			}
			r.limit = n
		default:
			r.query[name] = value
		}
	}
	return wrongParameters(wrong)
}

// wrongParameters is the failure of a query in which something is wrong.
func wrongParameters(list []FieldError) error {
	if len(list) == 0 {
		return nil
	}
	return &failure{kind: malformed, detail: list[0].Parameter + " " + list[0].Detail, errors: list}
}

// cursor is where a page ends: which list it is of, and what of its last thing
// the next page begins after.
func cursor(list string, last ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(append([]string{list}, last...), "\n")))
}

// afterOf gives what a cursor of that list was made of, n values; nil where the
// request has none.
func (r *request) afterOf(list string, n int) ([]string, error) {
	if r.after == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(r.after)
	parts := strings.Split(string(text), "\n")
	if err != nil || len(parts) != n+1 || parts[0] != list || !core.ValidText(string(text)) {
		return nil, errCursor
	}
	return parts[1:], nil
}

var errCursor = &failure{
	kind: malformed, detail: "after is no cursor of this list",
	errors: []FieldError{{Parameter: "after", Detail: "is no cursor of this list"}},
}

// List is a page of things, and the cursor of the next one; null: it is the last.
type List struct {
	Data any     `json:"data"`
	Next *string `json:"next"`
}

// page makes a page of what was read, which is one more than the page has where
// another page follows.
func page[E, W any](r *request, found []E, show func(E) W, at func(E) string) reply {
	return pageOf(r, found, len(found) > r.limit, show, at)
}

// pageOf makes a page of what was read, and says that more follows.
func pageOf[E, W any](r *request, found []E, more bool, show func(E) W, at func(E) string) reply {
	found = found[:min(len(found), r.limit)]
	data := make([]W, len(found))
	for i, e := range found {
		data[i] = show(e)
	}
	answer := reply{status: http.StatusOK}
	list := List{Data: data}
	if more {
		answer.next = at(found[len(found)-1])
		list.Next = &answer.next
	}
	answer.body = list
	return answer
}

// object reads the members of a JSON object and notes what is wrong with them.
// A member that is absent is left alone; null is a wrong type.
type object struct {
	at      string // JSON pointer; empty: the body
	members map[string]jsontext.Value
	known   []string
	below   []*object
	wrong   *[]FieldError // of the whole body
}

func (o *object) note(name, detail string) {
	*o.wrong = append(*o.wrong, FieldError{Pointer: o.at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), Detail: detail})
}

// take gives a member of a kind, nil where it is not there or of another.
func (o *object) take(name, must string, kinds ...jsontext.Kind) jsontext.Value {
	o.known = append(o.known, name)
	value, ok := o.members[name]
	if !ok {
		return nil
	}
	if !slices.Contains(kinds, value.Kind()) {
		o.note(name, must)
		return nil
	}
	return value
}

// decode reads a member into a value, nil where there is none that can be read.
func decode[T any](o *object, name, must string, kinds ...jsontext.Kind) *T {
	text := o.take(name, must, kinds...)
	if text == nil {
		return nil
	}
	value := new(T)
	if err := json.Unmarshal(text, value); err != nil {
		o.note(name, must)
		return nil
	}
	return value
}

func (o *object) text(name string) *string { return decode[string](o, name, "must be a string", '"') }

// require notes that a member is missing.
func (o *object) require(names ...string) {
	for _, name := range names {
		if _, ok := o.members[name]; !ok {
			o.note(name, "is required")
		}
	}
}

// oneOf is text for one of some words.
func (o *object) oneOf(name string, words ...string) *string {
	text := o.text(name)
	if text != nil && !slices.Contains(words, *text) {
		o.note(name, "must be "+strings.Join(words, " or "))
		return nil
	}
	return text
}

func (o *object) boolean(name string) *bool {
	return decode[bool](o, name, "must be true or false", 't', 'f')
}

// integer gives a number within bounds.
func (o *object) integer(name string, least, most int64) *int64 {
	must := "must be a whole number, " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10)
	n := decode[int64](o, name, must, '0')
	if n != nil && (*n < least || *n > most) {
		o.note(name, must)
		return nil
	}
	return n
}

func (o *object) texts(name string) []string {
	list := decode[[]string](o, name, "must be a list of strings", '[')
	if list == nil {
		return nil
	}
	return *list
}

// object gives a member that is an object, nil where it is not there.
func (o *object) object(name string) *object {
	members := decode[map[string]jsontext.Value](o, name, "must be an object", '{')
	if members == nil {
		return nil
	}
	inner := &object{at: o.at + "/" + name, members: *members, wrong: o.wrong}
	o.below = append(o.below, inner)
	return inner
}

// check adds what core finds wrong, where it is not noted already, and gives
// the failure of the whole body: all that is wrong with it. Call it when all
// members have been read; those that were not are unknown.
func (o *object) check(found error) error {
	o.unknown()
	if e, ok := errors.AsType[*core.Error](found); ok && e.Kind == core.Invalid {
		for _, f := range fieldErrors(e) {
			if !slices.ContainsFunc(*o.wrong, func(w FieldError) bool { return w.Pointer == f.Pointer }) {
				*o.wrong = append(*o.wrong, f)
			}
		}
	} else if found != nil && len(*o.wrong) == 0 {
		return found
	}
	return invalidMembers(*o.wrong)
}

func (o *object) unknown() {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if !slices.Contains(o.known, name) {
			o.note(name, "is not known here")
		}
	}
	for _, inner := range o.below {
		inner.unknown()
	}
}
