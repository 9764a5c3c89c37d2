package mapping

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// repair is what had to be done to a field to keep it, or why it can't be.
type repair struct {
	class              finding.Class
	reason, suggestion string
}

// repairs are those of one record, by the field's path.
type repairs map[string]repair

// member is a member of an object.
type member struct {
	name  string
	value core.JSON
}

// membersOf gives an object's members in order. Of one that is there twice the
// last counts, as everywhere.
func membersOf(object core.JSON) []member {
	var out []member
	dialects.Members(object, func(name string, value core.JSON) {
		value = slices.Clone(value)
		if i := slices.IndexFunc(out, func(m member) bool { return m.name == name }); i >= 0 {
			out[i].value = value
			return
		}
		out = append(out, member{name, value})
	})
	return out
}

func valueOf(members []member, name string) core.JSON {
	for _, m := range members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// Expect says of each member of a source's record what is to become of it, as far
// as the table tells: what a push will do, before there is anything to compare with.
func Expect(record finding.Record, fate Fate, source core.JSON) ([]finding.Finding, error) {
	source, err := dialects.Compact(source)
	if err != nil {
		return nil, err
	}
	c := &comparison{record: record, fate: fate}
	for _, m := range membersOf(source) {
		row := rowOf(record.Source, record.Kind, m.name)
		if row == nil {
			c.undocumented(m.name)
			continue
		}
		c.expected(row, m)
	}
	return c.findings, nil
}

// Compare says of each member of a source's record what became of it, given the
// text that shows what did: for [Kept] what clients of the same vendor read of
// it in Diglot, for [Shown] what those of the other vendor do, for [Pushed] and
// [Crossed] what the vendor answers that it was pushed to. It verifies a record
// that was moved.
func Compare(record finding.Record, fate Fate, source, there core.JSON) ([]finding.Finding, error) {
	return compare(record, fate, source, there, nil)
}

func compare(record finding.Record, fate Fate, source, there core.JSON, done repairs) ([]finding.Finding, error) {
	source, err := dialects.Compact(source)
	if err != nil {
		return nil, err
	}
	if there, err = dialects.Compact(there); err != nil {
		return nil, err
	}
	c := &comparison{record: record, fate: fate, done: done, there: membersOf(there)}
	had := membersOf(source)
	for _, m := range had {
		c.member(m)
	}
	for _, m := range c.there {
		if c.further(had, m) {
			c.add(m.name, finding.Approximate, leftOut(m.value), "")
		}
	}
	return c.findings, nil
}

// further reports whether a member that is there is none of the source's: one that
// the source's vendor doesn't know too, unless it is empty, or such a record always
// has one there.
func (c *comparison) further(had []member, m member) bool {
	switch c.fate {
	case Kept, Pushed:
		r := rowOf(c.record.Source, c.record.Kind, m.name)
		return valueOf(had, m.name) == nil && (r == nil || !r.Partial)
	case Crossed:
		r := rowOf(string(otherVendor[core.DialectName(c.record.Source)]), c.record.Kind, m.name)
		shown := slices.ContainsFunc(had, func(of member) bool {
			r := rowOf(c.record.Source, c.record.Kind, of.name)
			return r != nil && r.Other == m.name
		})
		return !shown && !isEmpty(m.value) && (r == nil || !r.Partial && !r.Given && r.Pushed != finding.Manual)
	case Shown: // it is of Diglot's making
	}
	return false
}

func leftOut(there core.JSON) string {
	return "The source leaves it out; it is shown as " + excerpt(there) + "."
}

// comparison is of one record.
type comparison struct {
	record   finding.Record
	fate     Fate
	done     repairs
	there    []member
	findings []finding.Finding
}

func (c *comparison) add(path string, class finding.Class, reason, suggestion string) {
	c.findings = append(c.findings, finding.Finding{Record: c.record, Path: path, Class: class, Reason: reason, Suggestion: suggestion})
}

// member adds what became of one member, or of each part of it that is not the same.
func (c *comparison) member(m member) {
	row := rowOf(c.record.Source, c.record.Kind, m.name)
	if row == nil {
		c.undocumented(m.name)
		return
	}
	class, why := row.class(c.fate)
	name := m.name
	if c.fate.across() {
		if name = row.Other; name == "" {
			c.expected(row, m)
			return
		}
	}
	there := valueOf(c.there, name)
	before := len(c.findings)
	switch {
	case c.repaired(m.name):
	case bytes.Equal(m.value, there), c.fate.across() && sameMoment(m.value, there),
		there == nil && isEmpty(m.value) && (c.fate == Pushed || c.fate == Crossed): // of an empty one nothing is lost
		c.add(m.name, finding.Exact, "", "")
	case class >= finding.Manual, there == nil:
		least := finding.Unsupported
		if isEmpty(m.value) || there != nil || row.Partial { // or the answer doesn't tell
			least = finding.Approximate
		}
		if row.Parts != nil && c.fate == Pushed { // it is about parts, and this isn't
			why = ""
		}
		c.add(m.name, max(class, least), orElse(why, shownAs(there)), row.Suggestion)
	default:
		c.differences(row, m.name, m.value, there)
		if len(c.findings) == before {
			c.add(m.name, finding.Approximate, "Its members are in another order.", "")
		}
	}
}

func (c *comparison) undocumented(name string) {
	c.add(name, finding.Unsupported, "Nobody documents this member; it is dropped.", "Keep the source's record.")
}

// expected adds what the table says of a member. Of an empty one nothing is lost.
func (c *comparison) expected(row *Row, m member) {
	class, why := row.class(c.fate)
	if class == finding.Unsupported && isEmpty(m.value) {
		class = finding.Exact
	}
	switch {
	case class == finding.Exact:
		c.add(m.name, class, "", "")
	case c.fate == Pushed && row.Parts != nil:
		c.expectedParts(row, m, class, why)
	default:
		c.add(m.name, class, why, row.Suggestion)
	}
}

// expectedParts adds what the table says of parts of a list's elements.
func (c *comparison) expectedParts(row *Row, m member, class finding.Class, why string) {
	before := len(c.findings)
	for i, element := range elementsOf(m.value) {
		for _, part := range membersOf(element) {
			if slices.Contains(row.Parts, part.name) {
				c.add(m.name+"["+strconv.Itoa(i)+"]."+part.name, class, why, row.Suggestion)
			}
		}
	}
	if len(c.findings) == before {
		c.add(m.name, finding.Exact, "", "")
	}
}

// repaired adds what had to be done to a field or to parts of it, and reports
// whether that is all that can be said of it: where an element is gone, those
// behind it have moved up.
func (c *comparison) repaired(name string) bool {
	var paths []string
	whole := false
	for path := range c.done {
		if path == name || len(path) > len(name) && path[:len(name)] == name && (path[len(name)] == '[' || path[len(name)] == '.') {
			paths = append(paths, path)
			whole = whole || !strings.Contains(path, ".")
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		r := c.done[path]
		c.add(path, r.class, r.reason, r.suggestion)
	}
	return whole
}

// differences adds each part of a value that is not the same there.
func (c *comparison) differences(row *Row, path string, value, there core.JSON) {
	if _, told := c.done[path]; told || bytes.Equal(value, there) {
		return
	}
	kind := func(j core.JSON) byte {
		if len(j) == 0 {
			return 0
		}
		return j[0]
	}
	switch {
	case kind(value) == '{' && kind(there) == '{':
		had, has := membersOf(value), membersOf(there)
		for _, m := range had {
			c.part(row, path+"."+m.name, m.value, valueOf(has, m.name))
		}
		for _, m := range has {
			if _, told := c.done[path+"."+m.name]; !told && valueOf(had, m.name) == nil {
				class, _ := c.ofPart(row, m.name, m.value)
				c.add(path+"."+m.name, class, leftOut(m.value), "")
			}
		}
	case kind(value) == '[' && kind(there) == '[':
		had, has := elementsOf(value), elementsOf(there)
		for i := range had {
			var at core.JSON
			if i < len(has) {
				at = has[i]
			}
			c.part(row, path+"["+strconv.Itoa(i)+"]", had[i], at)
		}
		for i := len(had); i < len(has); i++ {
			c.add(path+"["+strconv.Itoa(i)+"]", finding.Approximate, leftOut(has[i]), "")
		}
	default:
		class, why := c.ofPart(row, path[strings.LastIndexByte(path, '.')+1:], there)
		c.add(path, class, why, "")
	}
}

// ofPart gives what is to be said of a part that is not the same: what the row says,
// if it is about that part.
func (c *comparison) ofPart(row *Row, name string, there core.JSON) (finding.Class, string) {
	class, why := row.class(c.fate)
	if c.fate == Pushed && row.Parts != nil && !slices.Contains(row.Parts, name) {
		class, why = finding.Approximate, ""
	}
	return max(class, finding.Approximate), orElse(why, shownAs(there))
}

func (c *comparison) part(row *Row, path string, value, there core.JSON) {
	if _, told := c.done[path]; !told && there == nil {
		c.add(path, finding.Unsupported, "It is not there any more.", "")
		return
	}
	c.differences(row, path, value, there)
}

func elementsOf(array core.JSON) (out []core.JSON) {
	dialects.Elements(array, func(e core.JSON) bool {
		out = append(out, slices.Clone(e))
		return true
	})
	return out
}

func isNull(j core.JSON) bool { return string(j) == "null" }

func isEmpty(j core.JSON) bool {
	return isNull(j) || string(j) == "[]" || string(j) == "{}" || string(j) == `""`
}

// sameMoment reports whether two values are one moment, in whatever form the
// vendors write it.
func sameMoment(a, b core.JSON) bool {
	at, ok := momentOf(a)
	bt, alsoOK := momentOf(b)
	return ok && alsoOK && at.Equal(bt)
}

// momentOf reads milliseconds since the epoch, or ISO-8601 text, as the vendors
// document them, and seconds, which services beside CometChat's have (contract
// 1.1): what would be before 1973 in milliseconds is in seconds.
func momentOf(j core.JSON) (time.Time, bool) {
	text := string(j)
	if len(j) > 2 && j[0] == '"' {
		text = text[1 : len(text)-1]
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at, true
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
	case math.Abs(n) < core.FirstPlace/core.PlacesPerMilli:
		return time.UnixMilli(int64(math.Round(n * 1000))), true
	case math.Abs(n) < core.FirstPlace:
		return time.UnixMilli(int64(n)), true
	}
	return time.Time{}, false
}

// excerptBytes is how much of a value a reason shows.
const excerptBytes = 60

func excerpt(j core.JSON) string {
	if len(j) <= excerptBytes {
		return string(j)
	}
	return string(bytes.ToValidUTF8(j[:excerptBytes], nil)) + "…"
}

func shownAs(there core.JSON) string {
	if there == nil {
		return "It is left out."
	}
	return "It is shown as " + excerpt(there) + "."
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
