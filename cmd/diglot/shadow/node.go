package shadow

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/redact"
)

// form stands for all values that are the same but for noise.
type form [sha256.Size]byte

// node is a value of an answer and its form. That is made once, from those of what
// is below it, so that to compare answers takes as long as they are long, however
// deep they nest.
type node struct {
	value any // as encoding/json gives it
	form  form
	names []string // of an object's members, sorted
	below []node   // those members, or the elements of a list
}

// What forms are made of begins with what kind of value it is.
const (
	ignoredForm = 'i'
	hiddenForm  = 'h'
	stringForm  = 's'
	numberForm  = 'n'
	listForm    = 'l'
	objectForm  = 'o'
	otherForm   = 't'
)

func formOf(kind byte, text string) form {
	return sha256.Sum256(append([]byte{kind}, text...))
}

// node gives a value with the forms of all in it. What is below a member that is
// ignored, or a credential, is not looked at.
func (n *noise) node(v any, at *path) node {
	is := node{value: v}
	switch v := v.(type) {
	case string:
		is.form = formOf(stringForm, n.text(v))
	case json.Number:
		is.form = formOf(numberForm, n.number(v, at.last()))
	case []any:
		is.below = make([]node, len(v))
		at.push("*")
		ignored := n.ignores(*at)
		for i, e := range v {
			is.below[i] = n.member(e, at, ignored)
		}
		at.pop()
		is.form = n.listForm(is.below)
	case map[string]any:
		is.names = sorted(v)
		is.below = make([]node, len(is.names))
		text := []byte{objectForm}
		for i, name := range is.names {
			at.push(name)
			ignored := n.ignores(*at)
			is.below[i] = n.member(v[name], at, ignored)
			at.pop()
			if !ignored { // its absence is ignored too
				of := formOf(stringForm, name)
				text = append(append(text, of[:]...), is.below[i].form[:]...)
			}
		}
		is.form = sha256.Sum256(text)
	case bool:
		is.form = formOf(otherForm, strconv.FormatBool(v))
	case other:
		is.form = formOf(otherForm, typeOf(v)+string(v))
	default:
		is.form = formOf(otherForm, typeOf(v))
	}
	return is
}

func (n *noise) member(v any, at *path, ignored bool) node {
	switch {
	case ignored:
		return node{value: v, form: formOf(ignoredForm, "")}
	case redact.IsMember(at.last()):
		return node{value: v, form: formOf(hiddenForm, typeOf(v))}
	}
	return n.node(v, at)
}

func (n *noise) listForm(elements []node) form {
	forms := make([]form, len(elements))
	for i := range elements {
		forms[i] = elements[i].form
	}
	if n.order {
		slices.SortFunc(forms, func(a, b form) int { return bytes.Compare(a[:], b[:]) })
	}
	h := sha256.New()
	h.Write([]byte{listForm})
	for _, one := range forms {
		h.Write(one[:])
	}
	return form(h.Sum(nil))
}

// member gives a member of an object, nil where it has none of the name.
func (n *node) member(name string) *node {
	if i, ok := slices.BinarySearch(n.names, name); ok {
		return &n.below[i]
	}
	return nil
}

// path is where a value is in an answer.
type path []step

// step is a segment of a JSON pointer: * for each place in a list, else a member's
// name.
type step struct {
	name    string
	segment string // the name, escaped
	shown   string // what may be kept of it, "" before it is asked for
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func (p *path) push(name string) { *p = append(*p, step{name: name, segment: pointer.Replace(name)}) }

func (p *path) pop() { *p = (*p)[:len(*p)-1] }

// last is the name of the last step.
func (p *path) last() string {
	if len(*p) == 0 {
		return ""
	}
	return (*p)[len(*p)-1].name
}

// shownPathBytes is how much of a path is kept.
const shownPathBytes = 512

// shown gives the path as it may be kept.
func (p *path) shown(hide redact.Secrets) string {
	var text strings.Builder
	for i := range *p {
		s := &(*p)[i]
		if s.shown == "" {
			s.shown = "/" + shorten(pointer.Replace(hide.In(s.name)), shownBytes)
		}
		text.WriteString(s.shown)
		if text.Len() > shownPathBytes {
			break // the rest would not be shown
		}
	}
	return shorten(text.String(), shownPathBytes)
}
