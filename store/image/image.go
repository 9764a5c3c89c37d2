// Package image is what changes say of records: a record's members as JSON, by
// the names that PostgreSQL's triggers give them. It makes images for stores that
// have no triggers, and reads those of servers.
package image

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/diglot/diglot/core"
)

// Member is one member of an image; a nil value is null.
type Member struct {
	Name  string
	Value core.JSON
}

// Members are a whole image, in order.
type Members []Member

// JSON gives the image's text, nil for no members.
func (m Members) JSON() core.JSON {
	if len(m) == 0 {
		return nil
	}
	b := core.JSON{'{'}
	for i, member := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `"`+member.Name+`":`...)
		if member.Value == nil {
			b = append(b, "null"...)
			continue
		}
		b = append(b, member.Value...)
	}
	return append(b, '}')
}

// Diff gives the members that differ between two images of one kind of record.
func Diff(before, after Members) (was, is Members) {
	for i, old := range before {
		if string(old.Value) != string(after[i].Value) || (old.Value == nil) != (after[i].Value == nil) {
			was, is = append(was, old), append(is, after[i])
		}
	}
	return was, is
}

// Text gives a text's value.
func Text(s string) core.JSON {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return core.JSON(strings.TrimSuffix(b.String(), "\n"))
}

// OptText gives a text's value, nil for nil.
func OptText(s *string) core.JSON {
	if s == nil {
		return nil
	}
	return Text(*s)
}

// Texts gives the value of a list of texts.
func Texts(list []string) core.JSON {
	b := core.JSON{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, Text(s)...)
	}
	return append(b, ']')
}

// Int gives a number's value.
func Int(n int64) core.JSON { return strconv.AppendInt(nil, n, 10) }

// Bool gives a truth value's.
func Bool(b bool) core.JSON { return strconv.AppendBool(nil, b) }

// OptBool gives a truth value's, nil for nil.
func OptBool(b *bool) core.JSON {
	if b == nil {
		return nil
	}
	return Bool(*b)
}

// Time gives a moment's value.
func Time(t time.Time) core.JSON { return Text(core.ChangeTime(t)) }

// OptTime gives a moment's value, nil for nil.
func OptTime(t *time.Time) core.JSON {
	if t == nil {
		return nil
	}
	return Time(*t)
}
