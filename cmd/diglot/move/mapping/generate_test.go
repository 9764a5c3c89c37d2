package mapping_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file draws vendors' records: their text, members in the vendor's order.

// oddly is whether a record has what the vendor doesn't document as well.
type oddly bool

func text(t *rapid.T, label string) string {
	s := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "a", "日本 🚀", "\u2028<&>", `"\`, "e\u0301", "\U0010FFFF", strings.Repeat("ü", 5000)}),
	).Draw(t, label)
	return quote(strings.ReplaceAll(s, "\x00", "0"))
}

func quote(s string) string {
	b, err := dialects.Encode(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func nonEmpty(t *rapid.T, label string) string {
	if s := text(t, label); s != `""` {
		return s
	}
	return `"x"`
}

var numbers = rapid.SampledFrom([]string{"0", "-0", "9007199254740993", "12345678901234567890123", "1e400", "-1.10", "0.1e-7"})

// value draws any JSON value.
func value(t *rapid.T, depth int) string {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case 1:
		return numbers.Draw(t, "number")
	case 2, 3:
		return text(t, "string")
	case 4:
		return array(t, depth-1, func() string { return value(t, depth-1) })
	}
	return object(t, depth-1)
}

func array(t *rapid.T, _ int, element func() string) string {
	parts := make([]string, rapid.IntRange(0, 3).Draw(t, "elements"))
	for i := range parts {
		parts[i] = element()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// object draws an object, of which members may repeat.
func object(t *rapid.T, depth int, first ...string) string {
	parts := append([]string{}, first...)
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"x y"`, `"日"`, `""`}).Draw(t, "name")
		parts = append(parts, name+":"+value(t, max(depth, 0)))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func list(t *rapid.T) string { return array(t, 2, func() string { return value(t, 2) }) }

func objectID(t *rapid.T, at time.Time, label string) string {
	return fmt.Sprintf(`"%08x%016x"`, at.Unix(), rapid.Uint64().Draw(t, label))
}

// moments draws a creation and a change.
func moments(t *rapid.T) (created, updated time.Time) {
	created = time.UnixMilli(rapid.Int64Range(1_600_000_000_000, 1_800_000_000_000).Draw(t, "created"))
	return created, created.Add(time.Duration(rapid.Int64Range(0, 1_000_000).Draw(t, "later")) * time.Millisecond)
}

func isoText(at time.Time) string { return at.UTC().Format(`"2006-01-02T15:04:05.000Z"`) }

// members joins members that were drawn; an odd record's have others between
// them, null for some, and lack some.
func members(t *rapid.T, odd oddly, pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		name, v := pairs[i], pairs[i+1]
		if v == "" { // not drawn
			continue
		}
		if odd && name != "_id" && name != "slug" && name != "uid" && name != "account_id" {
			switch rapid.IntRange(0, 9).Draw(t, "fate of "+name) {
			case 0:
				continue
			case 1:
				v = "null"
			case 2:
				v = value(t, 2)
			case 3:
				parts = append(parts, `"unknown_`+name+`":`+value(t, 2))
			}
		}
		parts = append(parts, quote(name)+":"+v)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func maybe(t *rapid.T, label, v string) string {
	if rapid.Bool().Draw(t, "with "+label) {
		return v
	}
	return ""
}

func chains(t *rapid.T, at time.Time) string {
	return array(t, 2, func() string {
		fields := object(t, 2, `"name":`+text(t, "chain"))
		return fields[:len(fields)-1] + `,"_id":` + objectID(t, at, "chain's id") + "}"
	})
}

// refoldServer draws the answer to a read.
func refoldServer(t *rapid.T, revision core.RefoldRevision, odd oddly) string {
	created, updated := moments(t)
	head := []string{
		"_id", objectID(t, created, "id"), "name", nonEmpty(t, "name"), "description", text(t, "description"),
		"associated_org_id", quote(orgID), "environment", `"test"`,
	}
	suggestions, apps, steps := list(t), list(t), chains(t, updated)
	if revision == core.RefoldLegacy {
		return members(t, odd, append(head, "suggestions", suggestions, "associated_apps", apps, "resources", list(t),
			"createdAt", isoText(created), "updatedAt", isoText(updated), "chains", maybe(t, "chains", steps))...)
	}
	return members(t, odd, append(head,
		"agent_name", maybe(t, "agent_name", text(t, "agent_name")), "primary_color", maybe(t, "primary_color", text(t, "primary_color")),
		"secondary_color", maybe(t, "secondary_color", text(t, "secondary_color")),
		"base_prompt", maybe(t, "base_prompt", text(t, "base_prompt")), "safe_mode", maybe(t, "safe_mode", "false"),
		"associated_apps", apps, "chains", steps, "suggestions", suggestions, "notebooks", list(t),
		"createdAt", isoText(created), "updatedAt", isoText(updated))...)
}

func refoldAccount(t *rapid.T, odd oddly) string {
	created, updated := moments(t)
	id := quote("user-" + rapid.StringMatching(`[a-zé/ ]{0,20}x`).Draw(t, "account"))
	udf := array(t, 1, func() string {
		at := isoText(updated)
		v := value(t, 0)
		return `{"key_name":` + text(t, "key_name") + `,"key_value":` + v + `,"_id":` + objectID(t, updated, "field") +
			`,"updatedAt":` + at + `,"createdAt":` + at + `}`
	})
	return members(t, odd, "_id", objectID(t, created, "id"), "associated_org", quote(orgID), "account_id", id,
		"environment", `"test"`, "name", maybe(t, "name", text(t, "name")), "udf", udf,
		"createdAt", isoText(created), "updatedAt", isoText(updated), "__v", fmt.Sprint(rapid.IntRange(0, 400).Draw(t, "version")))
}

var urls = rapid.SampledFrom([]string{
	`"http://localhost:3001"`, `"https://mcp.example.com/sse?a=b&c=%20#d"`, `"https://例え.jp/é"`, `"localhost:3001/sse"`, `"stdio:weather"`, `""`,
})

var icons = rapid.SampledFrom([]string{
	`"https://example.com/icon.png"`, `"data:image/png;base64,iVBORw0KGgo="`, `"/icons/é.png"`, `"//cdn.example.com/x.png"`, `"icon"`, `" \u2028🚀"`,
})

func millis(at time.Time) string { return fmt.Sprint(at.UnixMilli()) }

func cometChatServer(t *rapid.T, odd oddly) string {
	created, updated := moments(t)
	slug := rapid.StringMatching(`[A-Za-z0-9._~-]{1,40}x`).Draw(t, "slug")
	return members(t, odd, "_id", quote(appID+"_"+slug), "appId", quote(appID), "slug", quote(slug), "name", nonEmpty(t, "name"),
		"description", maybe(t, "description", text(t, "description")), "url", urls.Draw(t, "url"),
		"icon", maybe(t, "icon", icons.Draw(t, "icon")), "createdAt", millis(created), "updatedAt", millis(updated))
}

func cometChatAgent(t *rapid.T, odd oddly) string {
	created, updated := moments(t)
	uid := fmt.Sprintf("%016x%016x", rapid.Uint64().Draw(t, "uid"), rapid.Uint64().Draw(t, "uid"))
	uid = uid[:8] + "-" + uid[8:12] + "-" + uid[12:16] + "-" + uid[16:20] + "-" + uid[20:]
	short := quote(rapid.StringMatching(`[a-zé日🚀]{1,100}`).Draw(t, "name"))
	instruction := maybe(t, "instruction", text(t, "instruction"))
	return members(t, odd, "uid", quote(uid), "name", short, "icon", maybe(t, "icon", icons.Draw(t, "icon")), "isActive", "false",
		"description", maybe(t, "description", text(t, "description")), "tools", list(t), "files", list(t), "websites", list(t),
		"otherKbIntegrations", list(t), "apiTools", list(t), "mcpServers", "[]", "frontendActions", list(t),
		"ragVersion", `"v2"`, "lastMessageAt", "null", "instruction", instruction, "formattedInstruction", instruction,
		"metaData", object(t, 2), "model", maybe(t, "model", text(t, "model")), "modelMetaData", object(t, 2),
		"createdAt", millis(created), "updatedAt", millis(updated))
}
