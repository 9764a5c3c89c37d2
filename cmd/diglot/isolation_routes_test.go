package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// bodies are those of valid requests, by operation: placeholders stand for what
// a request is about, see [target]. An operation without a body has "".
var bodies = map[core.DialectName]map[string]string{
	core.Refold: {
		"list_mcp_servers":          "",
		"create_mcp_server":         `{"name":"New $N","description":"new"}`,
		"get_mcp_server":            "",
		"update_mcp_server":         `{"description":"changed $N"}`,
		"delete_mcp_server":         "",
		"list_linked_accounts":      "",
		"create_linked_account":     `{"account_id":"new-$N"}`,
		"upsert_linked_account":     `{"account_id":"upsert-$N","name":"changed $N"}`,
		"get_linked_account":        "",
		"delete_linked_account":     "",
		"create_session_token":      `{"linked_account_id":"$ACCOUNT"}`,
		"revoke_session_token":      "",
		"get_active_linked_account": "",
	},
	core.CometChat: {
		"list_mcp_servers":   "",
		"create_mcp_server":  `{"name":"New $N","slug":"new-$N","url":"http://localhost"}`,
		"get_mcp_server":     "",
		"update_mcp_server":  `{"description":"changed $N"}`,
		"delete_mcp_server":  "",
		"list_agents":        "",
		"create_agent":       `{"name":"New $N","mcpServers":["$SLUG"]}`,
		"get_agent":          "",
		"update_agent":       `{"instruction":"changed $N"}`,
		"delete_agent":       "",
		"add_mcp_servers":    `{"mcps":["$SLUG"]}`,
		"remove_mcp_servers": `{"mcps":["$SLUG"]}`,
	},
}

// target is what a request is about. One that nobody has is about nothing.
type target struct {
	id, slug, agent, account string
	n                        int // another one for each request
}

func (o target) fill(text string) string {
	return strings.NewReplacer("$SLUG", o.slug, "$ACCOUNT", o.account, "$N", fmt.Sprint(o.n),
		"{mcp_server_id}", o.id, "{slug}", o.slug, "{uid}", o.agent, "{linked_account_id}", o.account).Replace(text)
}

// names gives what of it may stand in a text, none behind one that is part of it.
func (o target) names() []string { return []string{o.id, o.agent, o.account, o.slug} }

// route is an operation as a router serves it and its document has it.
type route struct {
	dialects.Served

	dialect    core.DialectName
	body       string
	documented *openapitest.Operation
}

// routes gives everything that the gateway's routers serve, so that none can be
// forgotten here.
func (g *inProcess) routes(t *testing.T, revision core.RefoldRevision) []route {
	t.Helper()
	refoldDocument := map[core.RefoldRevision]*openapitest.Document{core.RefoldLegacy: refoldLegacy, core.RefoldV3: refoldV3}[revision]
	var all []route
	for dialect, c := range map[core.DialectName]struct {
		kit      *dialects.Kit
		document *openapitest.Document
	}{
		core.Refold:    {g.gateway.Refold, refoldDocument},
		core.CometChat: {g.gateway.CometChat, cometChat},
	} {
		var served []string
		for _, s := range c.kit.Served() {
			served = append(served, s.Name)
			i := slices.IndexFunc(c.document.Operations, func(o *openapitest.Operation) bool { return o.ID == s.Name })
			require.GreaterOrEqual(t, i, 0, "%s of %s is not documented", s.Name, dialect)
			all = append(all, route{s, dialect, bodies[dialect][s.Name], c.document.Operations[i]})
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(bodies[dialect])), served, "each route of %s has a request here", dialect)
	}
	return all
}

// takes reports whether the route takes a key, or a session token, as documented.
func (r *route) takes(scheme string) bool { return slices.Contains(r.documented.Security, scheme) }

// wantsAccount reports whether a linked account goes with a key.
func (r *route) wantsAccount() bool {
	for _, p := range r.documented.Parameters {
		if p.Name == "linked_account_id" && p.In == "header" {
			return true
		}
	}
	return false
}

// isAbout reports whether a request names a record, which has to be there.
func (r *route) isAbout() bool {
	return strings.Contains(r.Path, "{") || strings.Contains(r.body, "$SLUG") || strings.Contains(r.body, "$ACCOUNT")
}
