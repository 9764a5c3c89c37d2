package main

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

var (
	changeHeader = []string{"SEQ", "TIME", "ACTOR", "DIALECT", "REQUEST", "ACTION", "NOUN", "RECORD", "REVISION", "CHANGED"}
	// Of one record's history noun and record are said by who asks.
	recordHeader = []string{"SEQ", "TIME", "ACTOR", "DIALECT", "REQUEST", "ACTION", "REVISION", "CHANGED"}
)

func changeRow(c *core.Change) []string {
	revision := "-"
	if c.Revision != 0 {
		revision = strconv.FormatInt(c.Revision, 10)
	}
	return []string{
		strconv.FormatInt(c.Seq, 10), core.ChangeTime(c.At), string(c.Kind) + " " + c.ID, cmp.Or(c.Dialect, "-"), cmp.Or(c.RequestID, "-"),
		c.Action, c.Noun, cmp.Or(c.Record, "-"), revision, changed(c),
	}
}

func recordRow(c *core.Change) []string {
	row := changeRow(c)
	return slices.Delete(row, len(row)-4, len(row)-2)
}

// changed names the members that differ, but for those that each update has
// differ: the time and the revision.
func changed(c *core.Change) string {
	switch {
	case c.BeforeDigest == nil && c.AfterDigest == nil:
		return "-"
	case c.BeforeDigest == nil:
		return "created"
	case c.AfterDigest == nil:
		return "deleted"
	case c.After == nil:
		return "(pruned)"
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.After, &members); err != nil {
		return "(unreadable)"
	}
	delete(members, "updated_at")
	delete(members, "revision")
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(members)), ","), "-")
}

func printChanges(w io.Writer, out *output, changes []core.Change, header []string, row func(*core.Change) []string) error {
	list, rows := make([]admin.Change, len(changes)), make([][]string, len(changes))
	for i := range changes {
		list[i], rows[i] = admin.FromChange(&changes[i]), row(&changes[i])
	}
	return out.print(w, list, header, rows...)
}
