package move

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// This file is about members that a record had and is to have no more. A vendor
// leaves alone what a change doesn't name, so that these are named as empty.

// emptying has a change empty what is there and is not given. No API takes a flag
// back, nor an icon: what is no url is refused.
type emptying struct {
	there map[string]bool // the members that are not empty
	any   bool            // it empties some
}

// replaced gives what an item is to replace, which has been read or is now.
func (v *atVendor) replaced(ctx context.Context, item *Item, id string) (core.JSON, error) {
	if item.over != nil {
		return item.over, nil
	}
	return v.kinds[item.Record.Kind].read(ctx, id)
}

func newEmptying(there core.JSON) *emptying { return &emptying{there: filled(there)} }

// filled gives the members of a record that are not empty.
func filled(record core.JSON) map[string]bool {
	members := map[string]bool{}
	dialects.Members(record, func(name string, v core.JSON) { members[name] = !isEmpty(v) })
	return members
}

func (e *emptying) text(name string, given *string) *string {
	if given != nil || !e.there[name] {
		return given
	}
	e.any = true
	return new("")
}

func (e *emptying) value(name string, given jsontext.Value, empty string) jsontext.Value {
	if given != nil || !e.there[name] {
		return given
	}
	e.any = true
	return jsontext.Value(empty)
}

func (e *emptying) refoldServer(u refoldclient.MCPServerUpdate) refoldclient.MCPServerUpdate {
	u.Suggestions, u.AssociatedApps = e.value("suggestions", u.Suggestions, "[]"), e.value("associated_apps", u.AssociatedApps, "[]")
	u.Chains = e.value("chains", u.Chains, "[]")
	u.AgentName, u.BasePrompt = e.text("agent_name", u.AgentName), e.text("base_prompt", u.BasePrompt)
	u.PrimaryColor, u.SecondaryColor = e.text("primary_color", u.PrimaryColor), e.text("secondary_color", u.SecondaryColor)
	return u
}

func (e *emptying) refoldAccount(in refoldclient.AccountInput) refoldclient.AccountInput {
	in.Name, in.UDF = e.text("name", in.Name), e.value("udf", in.UDF, "{}")
	return in
}

func (e *emptying) cometChatServer(u cometclient.MCPServerUpdate) cometclient.MCPServerUpdate {
	u.Description = e.text("description", u.Description)
	return u
}

func (e *emptying) cometChatAgent(in cometclient.AgentInput) cometclient.AgentInput {
	in.Description, in.Instruction = e.text("description", in.Description), e.text("instruction", in.Instruction)
	in.Model = e.text("model", in.Model)
	in.Tools, in.APITools = e.value("tools", in.Tools, "[]"), e.value("apiTools", in.APITools, "[]")
	in.Metadata, in.ModelMetadata = e.value("metaData", in.Metadata, "{}"), e.value("modelMetaData", in.ModelMetadata, "{}")
	return in
}

// orWithout does a change that empties members. Where the vendor refuses it, it may
// be for these: then it does the change without them.
func orWithout[C, T any](e *emptying, emptied, plain C, do func(C) (T, error)) (T, error) {
	done, err := do(emptied)
	if status := vendorhttp.StatusOf(err); e.any && (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) {
		return do(plain)
	}
	return done, err
}

// isEmpty reports whether a value is what a member has that was emptied.
func isEmpty(v core.JSON) bool {
	return len(v) == 0 || slices.Contains([]string{"null", `""`, "[]", "{}"}, string(v))
}

// unrestored names the members of a record, in order, that are not as they were
// before: of two texts that one target gave of it. An absent member and an empty one
// are the same, and members of a change's own making don't count: revisions, a
// vendor's times, and the ids and times of what is within lists.
func unrestored(before, now core.JSON) []string {
	had, has := settled(before), settled(now)
	var names []string
	for name := range had {
		if had[name] != has[name] {
			names = append(names, name)
		}
	}
	for name := range has {
		if _, told := had[name]; !told {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// moving are members of a record that each change moves, within those that it makes anew.
var (
	moving = append([]string{"revision", "updatedAt"}, volatile...)
	within = []string{"_id", "createdAt", "updatedAt"}
)

// settled gives the members of a record that are not empty, as texts that are the
// same where they mean the same.
func settled(record core.JSON) map[string]string {
	members := map[string]string{}
	if compact, err := dialects.Compact(record); err == nil {
		record = compact
	}
	dialects.Members(record, func(name string, v core.JSON) {
		if !slices.Contains(moving, name) && !isEmpty(v) {
			members[name] = string(settledValue(v))
		}
	})
	return members
}

func settledValue(v core.JSON) core.JSON {
	switch v[0] {
	case '{':
		members := map[string]core.JSON{}
		dialects.Members(v, func(name string, of core.JSON) {
			if !slices.Contains(within, name) {
				members[name] = settledValue(slices.Clone(of))
			}
		})
		var b bytes.Buffer
		for _, name := range slices.Sorted(maps.Keys(members)) {
			text, _ := jsontext.AppendQuote(nil, name) // a name that was read can be written
			b.Write(text)
			b.WriteByte(':')
			b.Write(members[name])
			b.WriteByte(',')
		}
		return core.JSON("{" + b.String() + "}")
	case '[':
		var elements []core.JSON
		dialects.Elements(v, func(of core.JSON) bool {
			elements = append(elements, settledValue(slices.Clone(of)))
			return true
		})
		return dialects.JoinArray(elements)
	}
	return slices.Clone(v)
}
