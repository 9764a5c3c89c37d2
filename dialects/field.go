package dialects

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// Presence says how a member stood in a request.
type Presence int

// Absent, null and of another type are three things on the wire; what each
// means is the dialect's to decide.
const (
	Absent Presence = iota
	Null
	Wrong // a value of another JSON type
	Given
)

// Field is a member of a request: its value counts when it is [Given]. A
// member of another type does not stop the decoding, so that all problems of
// a request can be told at once.
type Field[T any] struct {
	Value    T
	Presence Presence
}

// String is a string member.
type String struct{ Field[string] }

// UnmarshalJSONFrom reads the member.
func (f *String) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = String{}
	return f.read(d, func() error {
		t, err := d.ReadToken()
		if err == nil {
			f.Value = t.String()
		}
		return err
	}, '"')
}

// Bool is a boolean member.
type Bool struct{ Field[bool] }

// UnmarshalJSONFrom reads the member.
func (f *Bool) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = Bool{}
	return f.read(d, func() error {
		t, err := d.ReadToken()
		if err == nil {
			f.Value = t.Bool()
		}
		return err
	}, 't', 'f')
}

// Array is an array member, kept as its compact text: an element may be two bytes
// of it, and more than ten times that by itself.
type Array struct{ Field[core.JSON] }

// UnmarshalJSONFrom reads the member.
func (f *Array) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = Array{}
	return readText(&f.Field, d, '[')
}

// List gives the elements, each by itself.
func (f *Array) List() (list []core.JSON) {
	Elements(f.Value, func(e core.JSON) bool {
		list = append(list, slices.Clone(e))
		return true
	})
	return list
}

// Object is an object member, kept as its compact text.
type Object struct{ Field[core.JSON] }

// UnmarshalJSONFrom reads the member.
func (f *Object) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = Object{}
	return readText(&f.Field, d, '{')
}

// readText keeps a member of a kind as its compact text.
func readText(f *Field[core.JSON], d *jsontext.Decoder, kind jsontext.Kind) error {
	return f.read(d, func() error {
		v, err := d.ReadValue()
		if err == nil {
			f.Value, err = jsontext.AppendFormat(nil, v, syntax)
		}
		return err
	}, kind)
}

// Strings gives the elements as strings; ok is false where one is none.
func (f *Array) Strings() (texts []string, ok bool) {
	texts = []string{}
	ok = Elements(f.Value, func(e core.JSON) bool {
		b, err := jsontext.AppendUnquote(nil, e)
		texts = append(texts, string(b))
		return err == nil
	})
	if !ok {
		return nil, false
	}
	return texts, true
}

func (f *Field[T]) read(d *jsontext.Decoder, read func() error, kinds ...jsontext.Kind) error {
	kind := d.PeekKind()
	for _, k := range kinds {
		if k == kind {
			f.Presence = Given
			return read()
		}
	}
	f.Presence = Wrong
	if kind == 'n' {
		f.Presence = Null
	}
	return d.SkipValue()
}

// JoinArray makes a JSON array of elements.
func JoinArray(elements []core.JSON) core.JSON {
	n := 2
	for _, e := range elements {
		n += len(e) + 1
	}
	b := append(make(core.JSON, 0, n), '[')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	return append(b, ']')
}

// Members walks the members of a JSON object in order, duplicates included;
// ok is false when text is not an object. yield gets the member's name and
// compact text.
func Members(text core.JSON, yield func(name string, value core.JSON)) (ok bool) {
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(text), syntax)
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		name := t.String()
		v, err := d.ReadValue()
		if err != nil {
			return false
		}
		yield(name, core.JSON(v))
	}
	return true
}

// Elements reports whether text is an array and each of its elements is good, up to
// the first that isn't. An element is lent: it is another one's after good.
func Elements(text core.JSON, good func(core.JSON) bool) bool {
	if len(text) == 0 || text[0] != '[' {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(text), syntax)
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil || !good(core.JSON(v)) {
			return false
		}
	}
	return true
}

// Without gives a JSON object without its members of that name, the others as
// they stand.
func Without(object core.JSON, name string) core.JSON {
	b := append(make(core.JSON, 0, len(object)), '{')
	Members(object, func(n string, v core.JSON) {
		if n == name {
			return
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, n) // a name that was read can be written
		b = append(append(b, ':'), v...)
	})
	return append(b, '}')
}

// Number is a number member, kept as its text: no digit of it is lost.
type Number struct{ Field[core.JSON] }

// UnmarshalJSONFrom reads the member.
func (f *Number) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = Number{}
	return f.read(d, func() error {
		v, err := d.ReadValue()
		f.Value = slices.Clone(core.JSON(v))
		return err
	}, '0')
}
