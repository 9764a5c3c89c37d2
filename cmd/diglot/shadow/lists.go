package shadow

import "encoding/json"

// names are members that tell the elements of a list apart, the best first.
var names = []string{"slug", "_id", "id", "uid", "account_id", "linked_account_id", "object_id", "name", "key"}

// lists compares two lists. Where their order is noise, elements that are alike are
// taken off both; of the rest those belong together that have a name in common,
// then those at the same place.
func (c *comparison) lists(a, b []node) {
	ours, theirs := pointers(a), pointers(b)
	c.path.push("*")
	defer c.path.pop()
	if c.order {
		ours, theirs = withoutAlike(ours, theirs)
		for _, name := range names {
			ours, theirs = c.paired(ours, theirs, name)
		}
	}
	both := min(len(ours), len(theirs))
	for i := range both {
		c.members(ours[i], theirs[i])
	}
	for _, v := range ours[both:] {
		c.differ(Extra, v.value, nil)
	}
	for _, v := range theirs[both:] {
		c.differ(Missing, nil, v.value)
	}
}

func pointers(nodes []node) []*node {
	list := make([]*node, len(nodes))
	for i := range nodes {
		list[i] = &nodes[i]
	}
	return list
}

// withoutAlike gives what is left of two lists without the elements that both have.
func withoutAlike(ours, theirs []*node) (a, b []*node) {
	count := map[form]int{}
	for _, v := range theirs {
		count[v.form]++
	}
	for _, v := range ours {
		if count[v.form] > 0 {
			count[v.form]--
		} else {
			a = append(a, v)
		}
	}
	for _, v := range theirs {
		if count[v.form] > 0 {
			count[v.form]--
			b = append(b, v)
		}
	}
	return a, b
}

// paired compares the elements that have the same value in a member which no other
// has, and gives what is left.
func (c *comparison) paired(ours, theirs []*node, name string) (a, b []*node) {
	index := map[string]int{} // -1: several have it
	for i, v := range theirs {
		if key := v.nameIn(name); key != "" {
			if _, twice := index[key]; twice {
				i = -1
			}
			index[key] = i
		}
	}
	if len(index) == 0 {
		return ours, theirs
	}
	taken := map[int]bool{}
	for _, v := range ours {
		i, ok := index[v.nameIn(name)]
		if !ok || i < 0 || taken[i] {
			a = append(a, v)
			continue
		}
		taken[i] = true
		c.members(v, theirs[i])
	}
	for i, v := range theirs {
		if !taken[i] {
			b = append(b, v)
		}
	}
	return a, b
}

// nameIn gives a member of an element that may tell it from the others, "" where it
// has none.
func (n *node) nameIn(name string) string {
	object, _ := n.value.(map[string]any)
	switch value := object[name].(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}
