package move_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
)

// A plan towards a vendor says of each member that core has of a server what
// becomes of it, and of one that the vendor hasn't that it doesn't come.
func TestAPlanTellsOfEachMemberOfAServer(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, everyMember(t))
	require.NoError(t, err)
	for vendor, target := range map[core.DialectName]move.Target{
		core.Refold:    move.RefoldTarget{Refold: move.NewRefold(new(refoldclient.Client))},
		core.CometChat: move.CometChatTarget{CometChat: move.NewCometChat(new(cometclient.Client), "")},
	} {
		e := newEngine(t, t.TempDir(), from, unasked{target})
		require.NoError(t, e.Plan(t.Context()))
		told := map[string]bool{}
		for _, f := range e.Run.Findings() {
			member, _, _ := strings.Cut(f.Path, "[")
			told[member] = true
		}
		for _, field := range membersOf("MCPServer", reflect.TypeFor[core.MCPServer]()) {
			has, member := false, ""
			for i := range mapping.Table {
				if r := &mapping.Table[i]; r.Core == field && r.Kind == finding.Server && !has {
					has, member = r.Vendor == vendor && r.Pushed == finding.Exact, r.Member
				}
			}
			require.NotEmpty(t, member, "no vendor has %s", field)
			if !has {
				require.Contains(t, told, member, "%s towards %s", field, vendor)
			}
		}
	}
}

// unasked is a vendor that has nothing, and is not asked.
type unasked struct{ move.Target }

func (unasked) Prepare(context.Context, func()) error { return nil }

// everyMember gives a server that has something in each member.
func everyMember(t *testing.T) core.MCPServer {
	t.Helper()
	at := now.Add(-time.Hour)
	s := core.MCPServer{
		ID: core.NewIDSource()(at), Slug: "s", Name: "S", Description: new("D"), URL: "https://example.com/", Icon: "https://example.com/i",
		Suggestions: core.JSON(`[{"name":"N"}]`), AssociatedApps: core.JSON(`[{"slug":"A"}]`), Resources: core.JSON(`["R"]`),
		Notebooks: core.JSON(`["IMPORTANT"]`), Chains: []core.Chain{{ID: core.NewIDSource()(at), Fields: core.JSON(`{"goals":"g"}`)}},
		Branding: core.Branding{AgentName: new("AN"), PrimaryColor: new("#000"), SecondaryColor: new("#fff"), BasePrompt: new("BP"), SafeMode: new(true)},
		Place:    1, CreatedAt: at, UpdatedAt: at, Revision: 1,
	}
	for _, of := range []any{s, s.Branding} {
		for i, v := 0, reflect.ValueOf(of); i < v.NumField(); i++ {
			require.False(t, v.Field(i).IsZero(), v.Type().Field(i).Name)
		}
	}
	return s
}

// membersOf gives the fields that a move is about: a server's place and revision
// are Diglot's own count.
func membersOf(path string, of reflect.Type) (out []string) {
	for field := range of.Fields() {
		at := path + "." + field.Name
		switch {
		case field.Type == reflect.TypeFor[core.Branding]():
			out = append(out, membersOf(at, field.Type)...)
		case at != "MCPServer.Place" && at != "MCPServer.Revision":
			out = append(out, at)
		}
	}
	return out
}
