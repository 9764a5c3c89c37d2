package client_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
	"github.com/diglot/diglot/store/memstore"
)

const key = "9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f68"

// diglot serves the dialect itself, and gives its world and a client of it.
func diglot(t *testing.T) (*dialecttest.World, *client.Client) {
	t.Helper()
	w := dialecttest.NewWorld(t, core.CometChat, memstore.New(), dialecttest.Setting{})
	base := vendorhttptest.Serve(t, cometchat.New(w.Core, dialects.Options{
		Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots,
	}))
	return w, newClient(t, base, client.Credentials{APIKey: vendorhttp.Secret(w.Values["KEY"]), AppID: w.Acme.CometChat.AppID})
}

func newClient(t *testing.T, base string, who client.Credentials) *client.Client {
	t.Helper()
	c, err := client.New(vendorhttptest.NewClock().Options(base), who)
	require.NoError(t, err)
	return c
}

func TestAServersWholeLife(t *testing.T) {
	t.Parallel()
	w, c := diglot(t)
	made, err := c.CreateMCPServer(t.Context(), client.NewMCPServer{Name: "Wetter ☀", Slug: "wetter", URL: "http://localhost:3001"})
	require.NoError(t, err)
	require.Equal(t, "my-app-id_wetter", made.ID.Value)
	require.Equal(t, dialects.Absent, made.Description.Presence)
	changed, err := c.UpdateMCPServer(t.Context(), "wetter", client.MCPServerUpdate{Description: new("")})
	require.NoError(t, err)
	require.Equal(t, dialects.Given, changed.Description.Presence)
	read, err := c.MCPServer(t.Context(), "wetter")
	require.NoError(t, err)
	require.Equal(t, changed.Text, read.Text)
	require.NoError(t, c.DeleteMCPServer(t.Context(), "wetter"))
	_, err = c.MCPServer(t.Context(), "wetter")
	require.Equal(t, http.StatusNotFound, vendorhttp.StatusOf(err))
	require.ErrorContains(t, err, "ERR_MCP_SERVER_NOT_FOUND")
	require.NotContains(t, err.Error(), w.Values["KEY"])
}

func TestAnAgentsWholeLife(t *testing.T) {
	t.Parallel()
	_, c := diglot(t)
	for _, slug := range []string{"a", "b"} {
		_, err := c.CreateMCPServer(t.Context(), client.NewMCPServer{Name: slug, Slug: slug, URL: "http://localhost:3001"})
		require.NoError(t, err)
	}
	made, err := c.CreateAgent(t.Context(), client.AgentInput{
		Name: new("Agent"), Metadata: client.Value(`{"n":9007199254740993}`), MCPServers: &[]string{"a"}, IsActive: new(false),
	})
	require.NoError(t, err)
	uid := made.UID.Value
	require.NotEmpty(t, uid)
	added, err := c.AddMCPServers(t.Context(), uid, "b")
	require.NoError(t, err)
	require.Equal(t, `["a","b"]`, string(added.MCPServers.Value))
	removed, err := c.RemoveMCPServers(t.Context(), uid, "a")
	require.NoError(t, err)
	require.Equal(t, `["b"]`, string(removed.MCPServers.Value))
	require.NoError(t, c.UpdateAgent(t.Context(), uid, client.AgentInput{Instruction: new("Be kind.")}))
	read, err := c.Agent(t.Context(), uid)
	require.NoError(t, err)
	require.Contains(t, string(read.Text), `{"n":9007199254740993}`)
	require.Equal(t, "Be kind.", read.FormattedInstruction.Value)
	require.Equal(t, dialects.Null, read.LastMessageAt.Presence)
	require.False(t, read.IsActive.Value)
	page, err := c.ListAgents(t.Context(), client.Query{Search: "aGeN"})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	require.NoError(t, c.DeleteAgent(t.Context(), uid))
	for range c.Agents(t.Context()) {
		require.Fail(t, "there is none")
	}
}

func TestEveryServerAndAgentIsWalkedOnce(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"250 servers", "250 servers in one millisecond", "100 servers", "200 servers in one millisecond"} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			w, c := diglot(t)
			w.Given(t, given)
			w.Given(t, strings.Replace(given, "servers", "agents", 1))
			servers, agents := map[string]bool{}, map[string]bool{}
			for s, err := range c.MCPServers(t.Context()) {
				require.NoError(t, err)
				require.False(t, servers[s.Slug.Value], "twice")
				servers[s.Slug.Value] = true
			}
			for a, err := range c.Agents(t.Context()) {
				require.NoError(t, err)
				require.False(t, agents[a.UID.Value], "twice")
				agents[a.UID.Value] = true
			}
			total, _, _ := strings.Cut(given, " ")
			require.Equal(t, total, strconv.Itoa(len(servers)))
			require.Equal(t, total, strconv.Itoa(len(agents)))
		})
	}
}

// What follows are answers that the vendor or its other services document or
// were seen to give, and that Diglot doesn't. Numbers are sections of the contract.

func odd(t *testing.T, answers ...vendorhttptest.Answer) (*vendorhttptest.Vendor, *client.Client) {
	t.Helper()
	v := vendorhttptest.NewVendor(t, answers...)
	return v, newClient(t, v.Base, client.Credentials{APIKey: key})
}

// 1.4: neighbours are there on some pages of some services and not on others; a
// cursor of whole milliseconds can't tell equals apart.
func TestRecordsThatShareAMillisecondAreNotPassedOver(t *testing.T) {
	t.Parallel()
	for name, direction := range map[string]struct{ first, step, again string }{
		"oldest first": {"1", "8", "6"},
		"newest first": {"9", "6", "8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := direction
			item := func(slug, at string) string { return `{"slug":"` + slug + `","createdAt":` + at + `}` }
			page := func(next string, items ...string) string {
				return `{"data":[` + strings.Join(items, ",") + `],"meta":{"current":{"limit":3,"count":3},"next":{"affix":"append","createdAt":` + next + `}}}`
			}
			v, c := odd(t,
				vendorhttptest.Answer{Body: page("7", item("a", d.first), item("b", d.first), item("c", "7"))},
				vendorhttptest.Answer{Body: page(d.step, item("c", "7"), item("d", "7"), item("e", d.step))},
				vendorhttptest.Answer{Body: `{"data":[` + item("e", d.step) + `,` + item("f", d.step) + `]}`},
			)
			var slugs string
			for s, err := range c.MCPServers(t.Context()) {
				require.NoError(t, err)
				slugs += s.Slug.Value
			}
			require.Equal(t, "abcdef", slugs)
			const list = "GET /v3/ai-agents/agent-builder/mcp-servers?"
			require.Equal(t, []string{
				list + "limit=100", list + "affix=append&createdAt=" + d.again + "&limit=100", list + "affix=append&createdAt=7&limit=100",
			}, v.Lines())
		})
	}
}

// The vendor's cursor goes on behind a creation time: what else has that of a whole
// page would be passed over.
func TestAFullPageOfOneCreationTimeIsNotPassedBy(t *testing.T) {
	t.Parallel()
	const next = `"meta":{"current":{"limit":2},"next":{"affix":"append","createdAt":7}}}`
	for name, answers := range map[string][]vendorhttptest.Answer{
		"the first": {{Body: `{"data":[{"slug":"a","createdAt":7},{"slug":"b","createdAt":7}],` + next}},
		"a later one": {
			{Body: `{"data":[{"slug":"z","createdAt":6},{"slug":"a","createdAt":7}],` + next},
			{Body: `{"data":[{"slug":"a","createdAt":7},{"slug":"b","createdAt":7}],` + next},
		},
	} {
		_, c := odd(t, answers...)
		var last error
		for _, err := range c.MCPServers(t.Context()) {
			last = err
		}
		require.ErrorIs(t, last, client.ErrStuck, name)
	}
}

func TestACursorThatMovesOnToTheSameRecordsIsNotFollowedForEver(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{"the same": `{"slug":"a","createdAt":7}`, "without a slug": `{"createdAt":7}`} {
		asked := 0
		base := vendorhttptest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			_, _ = w.Write([]byte(`{"data":[` + record + `],"meta":{"current":{"limit":1},"next":{"affix":"append","createdAt":` + strconv.Itoa(7+asked) + `}}}`))
		}))
		var last error
		for _, err := range newClient(t, base, client.Credentials{APIKey: key}).MCPServers(t.Context()) {
			last = err
		}
		require.ErrorIs(t, last, client.ErrStuck, name)
		require.LessOrEqual(t, asked, 3, name)
	}
}

// 1.4: both neighbours may be left out, and say nothing.
func TestAListGoesOnWhereItsCursorSaysOrSaysThatItCannot(t *testing.T) {
	t.Parallel()
	const full = `{"data":[{"slug":"a","createdAt":5},{"slug":"b","createdAt":7}],"meta":{"current":{"limit":2},"next":`
	for next, want := range map[string]struct {
		slugs string
		err   error
	}{
		`{"affix":"append","createdAt":7}`:    {"abc", nil},
		`{"affix":"append","createdAt":"7"}`:  {"abc", nil},
		`null`:                                {"ab", nil},
		`{}`:                                  {"ab", nil},
		`{"affix":"append","createdAt":null}`: {"ab", nil},
		`{"affix":"append","createdAt":"2023-11-14T22:13:20.000Z"}`: {"ab", client.ErrCursor},
		`{"affix":"append","createdAt":7.5}`:                        {"ab", client.ErrCursor},
		`{"affix":"append","createdAt":[7]}`:                        {"ab", client.ErrCursor},
		`"7"`:                                                       {"ab", client.ErrCursor},
	} {
		answers := []vendorhttptest.Answer{{Body: full + next + `}}`}}
		if want.slugs == "abc" {
			answers = append(answers, vendorhttptest.Answer{Body: `{"data":[{"slug":"c","createdAt":9}]}`})
		}
		_, c := odd(t, answers...)
		var slugs string
		var last error
		for s, err := range c.MCPServers(t.Context()) {
			if last = err; err == nil {
				slugs += s.Slug.Value
			}
		}
		require.ErrorIs(t, last, want.err, next)
		require.Equal(t, want.slugs, slugs, next)
	}
}

// 1.3: four envelopes of success.
func TestARecordIsReadInEveryEnvelope(t *testing.T) {
	t.Parallel()
	const agent = `{"uid":"agent-uuid-1234","mcpServers":[],"lastMessageAt":null,"metaData":{"data":{"x":1}},"data":{"uid":"no"}}`
	for _, body := range []string{agent, `{"agent":` + agent + `}`, `{"success":true,"data":` + agent + `}`} {
		_, c := odd(t, vendorhttptest.Answer{Body: body})
		a, err := c.Agent(t.Context(), "agent-uuid-1234")
		require.NoError(t, err)
		require.Equal(t, "agent-uuid-1234", a.UID.Value)
		require.Equal(t, core.JSON(agent), a.Text)
	}
}

// 1.5: envelopes of this vendor's services, those of the captures among them.
func TestFailuresOfEveryServiceAreRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status        int
		body          string
		code, message string
	}{
		{401, `{"error":{"message":"The key 11111**********************11111 does not exist. Please use correct apiKey.","devMessage":"The 11111**********************11111 key doesn't work. Please use correct apiKey.","source":"chat-api","code":"AUTH_ERR_APIKEY_NOT_FOUND"}}`, "AUTH_ERR_APIKEY_NOT_FOUND", "The key 11111**********************11111 does not exist. Please use correct apiKey."},
		{400, `{"error":{"message":"Failed to validate the data sent with the request.","details":{"receiver":["The receiver field is required."]},"code":"ERR_BAD_REQUEST"}}`, "ERR_BAD_REQUEST", "Failed to validate the data sent with the request."},
		{417, `{"error":{"code":"ERR_ALREADY_JOINED"}}`, "ERR_ALREADY_JOINED", ""},
		{404, `{"error":"not found"}`, "", ""},
		{404, `{"message":"Cannot GET /x","statusCode":404}`, "", ""},
		{403, `<html>forbidden</html>`, "", ""},
	} {
		_, c := odd(t, vendorhttptest.Answer{Status: test.status, Body: test.body})
		_, err := c.MCPServer(t.Context(), "a")
		var e *vendorhttp.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, test.status, e.Status)
		require.Equal(t, [2]string{test.code, test.message}, [2]string{e.Code, e.Message})
		if e.Code == "" {
			require.NotEmpty(t, e.Excerpt)
		}
	}
}

func TestAnswersThatAreNoRecordSaySo(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `[]`, `null`, `<html>`} {
		_, c := odd(t, vendorhttptest.Answer{Body: body}, vendorhttptest.Answer{Body: body})
		_, err := c.MCPServer(t.Context(), "a")
		require.ErrorIs(t, err, vendorhttp.ErrAnswer, body)
		_, err = c.ListMCPServers(t.Context(), client.Query{})
		require.ErrorIs(t, err, vendorhttp.ErrAnswer, body)
	}
	_, c := odd(t, vendorhttptest.Answer{}, vendorhttptest.Answer{Status: 204})
	require.NoError(t, c.DeleteMCPServer(t.Context(), "a"), "a deletion's answer is known of its siblings alone")
	require.NoError(t, c.UpdateAgent(t.Context(), "u", client.AgentInput{}))
}

func TestWhateverTheVendorAnswersIsTaken(t *testing.T) {
	t.Parallel()
	bodies := []string{
		`{"data":[{"_id":"myapp_my-mcp-server","appId":"my-app-id","slug":"my-mcp-server","createdAt":1700000000000}],"meta":{"previous":{"affix":"prepend","createdAt":1700000000000},"current":{"limit":10,"count":1},"next":{"affix":"append","createdAt":1700000000000}}}`,
		`{"success":true,"data":{"uid":"agent-uuid-1234","tools":["gmail","slack"],"lastMessageAt":null,"metaData":{},"createdAt":1700000000000}}`,
		`{"agent":{"uid":"agent-uuid-1234"}}`, `{"success":true}`,
		`{"error":{"message":"The key ` + key + ` does not exist.","devMessage":"x","source":"chat-api","code":"AUTH_ERR_APIKEY_NOT_FOUND"}}`,
	}
	vendorhttptest.Whatever(t, key, bodies, func(base string) []error {
		o := vendorhttptest.NewClock().Options(base)
		o.Attempts = 2
		c, err := client.New(o, client.Credentials{APIKey: key})
		require.NoError(t, err)
		_, one := c.MCPServer(t.Context(), "a")
		_, page := c.ListAgents(t.Context(), client.Query{})
		_, added := c.AddMCPServers(t.Context(), "u", "a")
		return []error{one, page, added, c.UpdateAgent(t.Context(), "u", client.AgentInput{}), c.DeleteMCPServer(t.Context(), "a")}
	})
}
