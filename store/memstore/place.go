package memstore

import (
	"cmp"
	"slices"
	"sort"

	"github.com/diglot/diglot/core"
)

// placed is what has a place in a list that is kept in order of place.
type placed interface{ *core.MCPServer | *core.Agent }

func placeOf[T placed](v T) *core.Place {
	switch v := any(v).(type) {
	case *core.MCPServer:
		return &v.Place
	case *core.Agent:
		return &v.Place
	}
	panic("a list of something that has no place")
}

// indexOf gives the index of the first of the list at the place or after it.
func indexOf[T placed](list []T, place core.Place) (index int, exact bool) {
	return slices.BinarySearchFunc(list, place, func(v T, p core.Place) int { return cmp.Compare(*placeOf(v), p) })
}

// insert adds v at its place, moved to the next free one. The places from an
// index on rise by one or more each, so the first gap in a run of taken ones
// is found by bisection too.
func insert[T placed](list []T, v T) []T {
	place := placeOf(v)
	i, taken := indexOf(list, *place)
	if taken {
		run := sort.Search(len(list)-i, func(n int) bool { return *placeOf(list[i+n]) > *place+core.Place(n) })
		*place += core.Place(run)
		i += run
	}
	return slices.Insert(list, i, v)
}

// window gives up to limit of a list: the first after a place or the last
// before it. It copies, since writers shift the list that it is given.
func window[T placed](list []T, from core.Place, dir core.Direction, limit int) []T {
	i, exact := indexOf(list, from)
	if dir == core.Before {
		return lastOf(list[:i], limit)
	}
	if exact {
		i++
	}
	return firstOf(list[i:], limit)
}

// firstOf copies, since writers shift the list that it is given.
func firstOf[T placed](list []T, limit int) []T {
	return slices.Clone(list[:min(max(limit, 0), len(list))])
}

// lastOf is firstOf from the other end.
func lastOf[T placed](list []T, limit int) []T {
	return slices.Clone(list[len(list)-min(max(limit, 0), len(list)):])
}
