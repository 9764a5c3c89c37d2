package mapping_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
)

// Records with every documented member. Where the table says that a member is
// not the same, its value is one that isn't.
const (
	legacyServer = `{"_id":"686e2393750d509493c6d87c","name":"New Name","description":"Said","associated_org_id":"63c93da0b46b7243785a1e17",` +
		`"environment":"production","suggestions":[{"name":"Hello","prompt":"Test"}],"associated_apps":[{"slug":"pipedrive","workflows":[],"actions":[{"id":"delete_lead"}]}],` +
		`"resources":[{"uri":"file:///r"}],"createdAt":"2025-07-09T08:08:51.177Z","updatedAt":"2025-07-09T08:37:19.407Z","__v":3,` +
		`"chains":[{"name":"One","goals":"g","_id":"686e2a3f7e7cb9099d06ca40"}]}`
	v3Server = `{"_id":"6a314ee8d0aeb8165beacc6e","name":"CRM","description":"Said","associated_org_id":"63c93da0b46b7243785a1e17","environment":"production",` +
		`"agent_name":"CRM Assistant","primary_color":"#2D6CDF","secondary_color":"#000000","base_prompt":"Be kind.","safe_mode":true,` +
		`"associated_apps":[{"slug":"x"}],"chains":[{"name":"One","_id":"686e2a3f7e7cb9099d06ca40"}],"suggestions":[{"name":"Hi"}],"notebooks":["n"],` +
		`"createdAt":"2026-06-16T13:22:00.000Z","updatedAt":"2026-06-16T13:22:00.000Z"}`
	linkedAccount = `{"_id":"6a19616ac7f8b1c6beaa22b7","associated_org":"63c93da0b46b7243785a1e17","account_id":"user_12345","environment":"production","name":"Acme Inc.",` +
		`"udf":[{"key_name":"tier","key_value":"gold","_id":"6a19616ac7f8b1c6beaa22b8","updatedAt":"2026-06-12T05:56:36.383Z","createdAt":"2026-06-12T05:56:36.383Z"}],` +
		`"integrations":[{"type":"hubspot"}],"createdAt":"2026-05-29T09:50:34.027Z","updatedAt":"2026-06-12T05:56:36.383Z","__v":4,"new_account":true}`
	cometChatServerText = `{"_id":"myapp_weather","appId":"another-app","slug":"weather","name":"Weather","description":"Said","url":"https://mcp.example.com/sse",` +
		`"icon":"https://example.com/icon.png","createdAt":1700000000000,"updatedAt":1700000000001}`
	agentText = `{"uid":"863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10","appId":"another-app","name":"Support","icon":"https://example.com/icon.png","isActive":false,"description":"Said",` +
		`"tools":["gmail"],"files":[{"id":1}],"websites":["https://example.com"],"otherKbIntegrations":[{"id":2}],"apiTools":["t"],"mcpServers":["weather"],"frontendActions":["f"],` +
		`"ragVersion":"v1","lastMessageAt":1700000000000,"instruction":"Be kind.","formattedInstruction":"<p>Be kind.</p>","metaData":{"a":1},"model":"gpt-4o-mini",` +
		`"modelMetaData":{"t":0.70},"createdAt":1700000000000,"updatedAt":1700000000001}`
)

// claims checks the findings about one record against the table's rows, and
// notes which rows they were about.
func claims(t *testing.T, fate mapping.Fate, findings []finding.Finding, met map[*mapping.Row]bool) {
	t.Helper()
	worst := map[string]finding.Class{}
	for _, f := range findings {
		top, _, _ := strings.Cut(f.Path, "[")
		worst[top] = max(worst[top], f.Class)
	}
	record := findings[0].Record
	for i := range mapping.Table {
		r := &mapping.Table[i]
		if string(r.Vendor) != record.Source || r.Kind != record.Kind {
			continue
		}
		class, found := worst[r.Member]
		if !found {
			continue // the other revision's
		}
		met[r] = true
		want := []finding.Class{r.Kept, r.Shown, r.Pushed, r.Shown}[fate]
		if fate == mapping.Crossed && r.Other != "" {
			want = map[string]finding.Class{"createdAt": finding.Unsupported, "updatedAt": finding.Unsupported}[r.Member]
		}
		require.Equal(t, want, class, "fate %d of %s's %s %s", fate, r.Vendor, r.Kind, r.Member)
	}
}

// Each claim of the table is seen with the real handlers of both dialects: what
// is imported is read through them, and what is pushed is sent by the clients to
// an installation that stands for the vendor, or for the other one.
func TestWhatTheTableClaimsIsSeen(t *testing.T) {
	t.Parallel()
	w, vendor, other := inMemory(t), inMemory(t), inMemory(t)
	met := [4]map[*mapping.Row]bool{{}, {}, {}, {}}
	see := func(fate mapping.Fate, record finding.Record, source string, there core.JSON) {
		t.Helper()
		findings, err := mapping.Compare(record, fate, core.JSON(source), there)
		require.NoError(t, err)
		claims(t, fate, findings, met[fate])
		if fate != mapping.Kept { // that is planned by comparing, too
			expected, err := mapping.Expect(record, fate, core.JSON(source))
			require.NoError(t, err)
			claims(t, fate, expected, met[fate])
		}
	}

	for revision, text := range map[core.RefoldRevision]string{core.RefoldLegacy: legacyServer, core.RefoldV3: v3Server} {
		m, err := w.mapper.RefoldServer(as[refoldclient.MCPServer](t, text))
		require.NoError(t, err)
		s, err := w.operator.ImportMCPServer(t.Context(), w.tenant, m.Core)
		require.NoError(t, err)
		read, err := w.refold[revision].MCPServer(t.Context(), s.ID.String())
		require.NoError(t, err)
		see(mapping.Kept, m.Record, text, read.Text)
		view, err := w.cometchat.MCPServer(t.Context(), s.Slug)
		require.NoError(t, err)
		see(mapping.Shown, m.Record, text, view.Text)

		push := mapping.RefoldPushOf(&s)
		made, err := vendor.refold[revision].CreateMCPServer(t.Context(), push.Create)
		require.NoError(t, err)
		_, err = vendor.refold[revision].UpdateMCPServer(t.Context(), made.ID.Value, push.Update)
		require.NoError(t, err)
		pushed, err := vendor.refold[revision].MCPServer(t.Context(), made.ID.Value)
		require.NoError(t, err)
		see(mapping.Pushed, m.Record, text, pushed.Text)
		_, err = mapping.CometChatPush(&w.tenant, &s)
		require.ErrorIs(t, err, mapping.ErrNoURL)
		templated := w.tenant
		templated.URLTemplate = "https://mcp.example.com/{slug}"
		across, err := mapping.CometChatPush(&templated, &s)
		require.NoError(t, err)
		crossed, err := other.cometchat.CreateMCPServer(t.Context(), across)
		require.NoError(t, err)
		see(mapping.Crossed, m.Record, text, crossed.Text)
	}

	account, err := w.mapper.RefoldAccount(as[refoldclient.Account](t, linkedAccount))
	require.NoError(t, err)
	a, err := w.operator.ImportAccount(t.Context(), w.tenant, account.Core)
	require.NoError(t, err)
	read, err := w.refold[core.RefoldV3].ListLinkedAccounts(t.Context(), 1, 1)
	require.NoError(t, err)
	see(mapping.Kept, account.Record, linkedAccount, read.Docs[0].Text)
	see(mapping.Shown, account.Record, linkedAccount, core.JSON("{}"))
	input, err := mapping.RefoldAccountPush(&a)
	require.NoError(t, err)
	_, err = vendor.refold[core.RefoldV3].UpsertLinkedAccount(t.Context(), input)
	require.NoError(t, err)
	pushed, err := vendor.refold[core.RefoldV3].LinkedAccount(t.Context(), a.ID)
	require.NoError(t, err)
	see(mapping.Pushed, account.Record, linkedAccount, pushed.Text)
	see(mapping.Crossed, account.Record, linkedAccount, core.JSON("{}"))

	server, err := w.mapper.CometChatServer(as[cometclient.MCPServer](t, cometChatServerText))
	require.NoError(t, err)
	s, err := w.operator.ImportMCPServer(t.Context(), w.tenant, server.Core)
	require.NoError(t, err)
	mine, err := w.cometchat.MCPServer(t.Context(), s.Slug)
	require.NoError(t, err)
	see(mapping.Kept, server.Record, cometChatServerText, mine.Text)
	theirs, err := w.refold[core.RefoldLegacy].MCPServer(t.Context(), s.ID.String())
	require.NoError(t, err)
	see(mapping.Shown, server.Record, cometChatServerText, theirs.Text)
	create, err := mapping.CometChatPush(&w.tenant, &s)
	require.NoError(t, err)
	there, err := vendor.cometchat.CreateMCPServer(t.Context(), create)
	require.NoError(t, err)
	see(mapping.Pushed, server.Record, cometChatServerText, there.Text)
	back := mapping.RefoldPushOf(&s)
	made, err := other.refold[core.RefoldLegacy].CreateMCPServer(t.Context(), back.Create)
	require.NoError(t, err)
	crossed, err := other.refold[core.RefoldLegacy].MCPServer(t.Context(), made.ID.Value)
	require.NoError(t, err)
	see(mapping.Crossed, server.Record, cometChatServerText, crossed.Text)

	agent, err := w.mapper.CometChatAgent(as[cometclient.Agent](t, agentText))
	require.NoError(t, err)
	imported, err := w.operator.ImportAgent(t.Context(), w.tenant, agent.Core)
	require.NoError(t, err)
	kept, err := w.cometchat.Agent(t.Context(), string(imported.UID))
	require.NoError(t, err)
	see(mapping.Kept, agent.Record, agentText, kept.Text)
	see(mapping.Shown, agent.Record, agentText, core.JSON("{}"))
	madeAgent, err := vendor.cometchat.CreateAgent(t.Context(), mapping.CometChatAgentPush(&imported))
	require.NoError(t, err)
	see(mapping.Pushed, agent.Record, agentText, madeAgent.Text)
	see(mapping.Crossed, agent.Record, agentText, core.JSON("{}"))

	for fate := range met {
		require.Len(t, met[fate], len(mapping.Table), "every row was seen in fate %d", fate)
	}
}

func TestWhatCannotBeKeptAsItIsIsMendedAndSaidSo(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	server, err := w.mapper.CometChatServer(as[cometclient.MCPServer](t, `{"slug":"not a slug","name":"a\u0000b","url":["ftp://x"],"icon":7,"createdAt":-1,"updatedAt":1700000000000}`))
	require.NoError(t, err)
	_, err = w.operator.ImportMCPServer(t.Context(), w.tenant, server.Core)
	require.NoError(t, err)
	require.Equal(t, "a\uFFFDb", server.Core.Name)
	require.Equal(t, map[string]finding.Class{
		"slug": finding.Manual, "name": finding.Approximate, "url": finding.Unsupported, "icon": finding.Unsupported,
		"createdAt": finding.Approximate, "updatedAt": finding.Exact, "_id": finding.Approximate, "appId": finding.Approximate,
	}, classes(server.Kept))

	for icon, class := range map[string]finding.Class{
		"": finding.Approximate, "data:image/png;base64,AA": finding.Exact, strings.Repeat("é", core.MaxIconChars): finding.Exact,
		strings.Repeat("é", core.MaxIconChars+1): finding.Unsupported, `a\u0000`: finding.Approximate,
	} {
		server, err := w.mapper.CometChatServer(as[cometclient.MCPServer](t, `{"slug":"s","name":"n","url":"http://x","icon":"`+icon+`","createdAt":1700000000000}`))
		require.NoError(t, err)
		require.NoError(t, server.Core.ValidateImport())
		require.Equal(t, class, classes(server.Kept)["icon"], "%.20q", icon)
	}

	for member, c := range map[string]struct {
		class finding.Class
		shown string
	}{
		`"url":"localhost:3001/sse"`:             {finding.Exact, `"localhost:3001/sse"`},
		`"url":"stdio:weather --city {city}"`:    {finding.Exact, `"stdio:weather --city {city}"`},
		`"url":""`:                               {finding.Exact, `""`},
		`"url":null`:                             {finding.Approximate, `""`},
		`"createdAt":1700000000123`:              {finding.Exact, `1700000000123`},
		`"createdAt":1700000000`:                 {finding.Approximate, `1700000000000`},
		`"createdAt":1700000000.123`:             {finding.Approximate, `1700000000123`},
		`"createdAt":1.7e12`:                     {finding.Approximate, `1700000000000`},
		`"createdAt":"1700000000000"`:            {finding.Approximate, `1700000000000`},
		`"createdAt":"2023-11-14T22:13:20.000Z"`: {finding.Approximate, `1700000000000`},
		`"createdAt":17000000000000000`:          {finding.Approximate, `1800000000000`},
		`"createdAt":"NaN"`:                      {finding.Approximate, `1800000000000`},
		`"createdAt":null`:                       {finding.Approximate, `1800000000000`},
	} {
		server, err := w.mapper.CometChatServer(as[cometclient.MCPServer](t, `{"slug":"s","name":"n",`+member+`,"updatedAt":1800000000000}`))
		require.NoError(t, err)
		require.NoError(t, server.Core.ValidateImport())
		name := strings.Split(member, `"`)[1]
		require.Equal(t, c.class, classes(server.Kept)[name], member)
		view, err := cometchat.ViewMCPServer(&w.tenant, &server.Core)
		require.NoError(t, err)
		require.Contains(t, string(view), `"`+name+`":`+c.shown+`,`, member)
	}

	agent, err := w.mapper.CometChatAgent(as[cometclient.Agent](t, `{"uid":"agent-uuid-1234","name":"`+strings.Repeat("日", 101)+`","mcpServers":["a","a","b c",5]}`))
	require.NoError(t, err)
	_, err = w.operator.ImportMCPServer(t.Context(), w.tenant, core.MCPServer{Slug: "a", Name: "a", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	_, err = w.operator.ImportAgent(t.Context(), w.tenant, agent.Core)
	require.NoError(t, err)
	found := classes(agent.Kept)
	require.Equal(t, finding.Manual, found["uid"])
	require.Equal(t, finding.Approximate, found["name"])
	require.Equal(t, []finding.Class{finding.Approximate, finding.Manual, finding.Unsupported},
		[]finding.Class{found["mcpServers[1]"], found["mcpServers[2]"], found["mcpServers[3]"]})
	again, err := w.mapper.CometChatAgent(as[cometclient.Agent](t, `{"uid":"agent-uuid-1234"}`))
	require.NoError(t, err)
	require.Equal(t, agent.Core.UID, again.Core.UID, "what is applied is what was planned")

	refold, err := w.mapper.RefoldServer(as[refoldclient.MCPServer](t, `{"_id":"x","name":"","chains":[{"_id":"y"},3],"createdAt":"soon"}`))
	require.NoError(t, err)
	_, err = w.operator.ImportMCPServer(t.Context(), w.tenant, refold.Core)
	require.NoError(t, err)
	found = classes(refold.Kept)
	require.Equal(t, finding.Manual, found["_id"])
	require.Equal(t, finding.Approximate, found["name"])
	require.Equal(t, finding.Manual, found["chains[0]._id"])
	require.Equal(t, finding.Unsupported, found["chains[1]"])
	require.Equal(t, finding.Approximate, found["createdAt"])
}

func classes(findings []finding.Finding) map[string]finding.Class {
	out := map[string]finding.Class{}
	for _, f := range findings {
		out[f.Path] = f.Class
	}
	return out
}
