package shadow

import "encoding/json"

// names are members that tell the elements of a list apart, the best first.
var names = []string{"slug", "_id", "id", "uid", "account_id", "linked_account_id", "object_id", "name", "key"}

// lists compares two lists. Where their order is noise, elements that are alike are
// taken off both; of the rest those belong together that have a name in common,
// then those at the same place.
func (c *comparison) lists(ours, theirs []any, path []string) {
	at := below(path, "*")
	if c.order {
		ours, theirs = c.withoutAlike(ours, theirs, at)
		for _, name := range names {
			ours, theirs = c.paired(ours, theirs, name, at)
		}
	}
	both := min(len(ours), len(theirs))
	for i := range both {
		c.members(ours[i], theirs[i], at)
	}
	for _, v := range ours[both:] {
		c.differ(Extra, at, v, nil)
	}
	for _, v := range theirs[both:] {
		c.differ(Missing, at, nil, v)
	}
}

// withoutAlike gives what is left of two lists without the elements that both have.
func (c *comparison) withoutAlike(ours, theirs []any, at []string) (a, b []any) {
	count := map[string]int{}
	forms := make([]string, len(theirs))
	for i, v := range theirs {
		forms[i] = c.form(v, at)
		count[forms[i]]++
	}
	for _, v := range ours {
		if form := c.form(v, at); count[form] > 0 {
			count[form]--
		} else {
			a = append(a, v)
		}
	}
	for i, v := range theirs {
		if count[forms[i]] > 0 {
			count[forms[i]]--
			b = append(b, v)
		}
	}
	return a, b
}

// paired compares the elements that have the same value in a member which no other
// has, and gives what is left.
func (c *comparison) paired(ours, theirs []any, name string, at []string) (a, b []any) {
	index := map[string]int{} // -1: several have it
	for i, v := range theirs {
		if key := nameOf(v, name); key != "" {
			if _, twice := index[key]; twice {
				i = -1
			}
			index[key] = i
		}
	}
	taken := map[int]bool{}
	for _, v := range ours {
		i, ok := index[nameOf(v, name)]
		if !ok || i < 0 || taken[i] {
			a = append(a, v)
			continue
		}
		taken[i] = true
		c.members(v, theirs[i], at)
	}
	for i, v := range theirs {
		if !taken[i] {
			b = append(b, v)
		}
	}
	return a, b
}

// nameOf gives a member of an element that may tell it from the others, "" where it
// has none.
func nameOf(v any, name string) string {
	object, _ := v.(map[string]any)
	switch value := object[name].(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}
