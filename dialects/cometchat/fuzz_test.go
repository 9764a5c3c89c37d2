package cometchat_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
)

func FuzzCreateBody(f *testing.F) {
	for _, s := range []string{
		`{"name":"n","slug":"s","url":"http://localhost"}`,
		`{"name":"n","slug":"s","url":"https://e.x/?a=<b>","description":"\u2028","icon":"http://[::1]/"}`,
		`{"name":"n","slug":"..","url":"ftp://x","description":null,"icon":""}`, `{"name":"n","slug":"s","url":"http://x","icon":"data:image/png;base64,AA"}`,
		`{"name":"\u0000","slug":"s","url":"http://\u0000"}`, `{"name":7,"name":"n","slug":"s","url":"http://x"}`, `[]`, "\uFEFF{}", `{"x":"\ud800"}`,
	} {
		f.Add(s)
	}
	d := dialecttest.NewDirect(f, dialect)
	f.Fuzz(func(t *testing.T, body string) {
		made := d.Do(http.MethodPost, servers, body)
		require.True(t, json.Valid(made.Body))
		if made.Status != http.StatusCreated {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, made.Status, "%s", made.Body)
			return
		}
		slug := made.Member(t, "slug")
		require.Equal(t, "my-app-id_"+slug, made.Member(t, "_id"))
		defer func() { require.Equal(t, http.StatusOK, d.Do(http.MethodDelete, servers+"/"+slug, "").Status) }()
		require.Equal(t, http.StatusConflict, d.Do(http.MethodPost, servers, body).Status)
		require.Equal(t, string(made.Body), string(d.Do(http.MethodGet, servers+"/"+slug, "").Body))
		requireShown(t, body, made.Body)
	})
}

// requireShown wants each member that was sent in the answer, as it was sent.
func requireShown(t *testing.T, sent string, answer []byte) {
	t.Helper()
	var in, out map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(sent), &in))
	require.NoError(t, json.Unmarshal(answer, &out))
	for _, name := range []string{"name", "url", "description", "icon"} {
		if len(in[name]) == 0 || string(in[name]) == "null" {
			continue
		}
		if name == "icon" && string(in[name]) == `""` {
			require.Empty(t, out[name], "an empty icon is none")
			continue
		}
		var want, got string
		require.NoError(t, json.Unmarshal(in[name], &want), name)
		require.NoError(t, json.Unmarshal(out[name], &got), name)
		require.Equal(t, want, got, name)
	}
}

func FuzzUpdateBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"name":"n"}`, `{"url":"http://x","icon":"https://y"}`, `{"icon":""}`, `{"icon":"/i\u0000"}`, `{"icon":"//cdn/x.png"}`, `{"description":""}`, `{"icon":null,"description":null}`,
		`{"name":null}`, `{"slug":"other"}`, `{"url":""}`, `{"name":"n","x":[[1e400]]}`, `null`,
	} {
		f.Add(s)
	}
	d := dialecttest.NewDirect(f, dialect)
	const at = servers + "/s"
	require.Equal(f, http.StatusCreated, d.Do(http.MethodPost, servers, `{"name":"n","slug":"s","url":"http://localhost"}`).Status)
	f.Fuzz(func(t *testing.T, body string) {
		changed := d.Do(http.MethodPatch, at, body)
		require.True(t, json.Valid(changed.Body))
		if changed.Status != http.StatusOK {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, changed.Status, "%s", changed.Body)
			return
		}
		require.Equal(t, "s", changed.Member(t, "slug"))
		if strings.TrimLeft(body, " \t\r\n") != "" {
			requireShown(t, body, changed.Body)
		}
		// What was read, sent back, changes nothing.
		again := d.Do(http.MethodPatch, at, string(changed.Body))
		require.Equal(t, http.StatusOK, again.Status, "%s", again.Body)
		require.Equal(t, string(changed.Body), string(again.Body))
	})
}

func FuzzAgentBody(f *testing.F) {
	for _, s := range []string{
		`{"name":"n"}`, `{"name":"n","mcpServers":["s","s"],"tools":[1e400,{"a":1,"a":2}],"metaData":{"x":[]},"isActive":false}`,
		`{"name":"\u0000","mcpServers":["gone"]}`, `{"name":null,"icon":"/i.png","description":""}`, `{"name":"n","files":{},"websites":7}`, `[]`, "\uFEFF{}",
	} {
		f.Add(s)
	}
	d := dialecttest.NewDirect(f, dialect)
	const agents = "/v3/ai-agents/agent-builder/agents"
	require.Equal(f, http.StatusCreated, d.Do(http.MethodPost, servers, `{"name":"n","slug":"s","url":"http://localhost"}`).Status)
	f.Fuzz(func(t *testing.T, body string) {
		made := d.Do(http.MethodPost, agents, body)
		require.True(t, json.Valid(made.Body))
		if made.Status != http.StatusCreated {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge}, made.Status, "%s", made.Body)
			return
		}
		at := agents + "/" + made.Member(t, "agent.uid")
		defer func() { require.Equal(t, http.StatusOK, d.Do(http.MethodDelete, at, "").Status) }()
		read := d.Do(http.MethodGet, at, "")
		// What was read, sent back, changes nothing.
		require.Equal(t, `{"success":true}`, string(d.Do(http.MethodPatch, at, string(read.Body)).Body))
		require.Equal(t, string(read.Body), string(d.Do(http.MethodGet, at, "").Body))
		require.Equal(t, `{"success":true}`, string(d.Do(http.MethodPatch, at, body).Body))
		require.Equal(t, string(read.Body), string(d.Do(http.MethodGet, at, "").Body), "what made it changes nothing either")
	})
}

func FuzzPath(f *testing.F) {
	f.Add("weather-server", "localhost")
	f.Add("%00%FF/..", "my-app-id.api-us.cometchat.io")
	f.Add("a%2Fb/", "other-app.api-eu.x")
	d := dialecttest.NewDirect(f, dialect)
	d.World.Given(f, "foreign server")
	f.Fuzz(func(t *testing.T, path, host string) {
		target := servers + "/" + path
		if seen, ok := dialecttest.Sendable(target); !ok || strings.TrimSuffix(seen, "/") == servers {
			return // nothing comes of it, or the list
		}
		for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
			reply := d.DoAt(host, method, target, "")
			require.True(t, json.Valid(reply.Body))
			require.Contains(t, []int{http.StatusNotFound, http.StatusUnauthorized}, reply.Status)
		}
	})
}

// What only the other dialect shows is in the server before and after.
func TestChangesKeepWhatThisDialectDoesNotShow(t *testing.T) {
	t.Parallel()
	d := dialecttest.NewDirect(t, dialect)
	ctx, tenant := t.Context(), d.World.Acme.ID
	d.World.Given(t, "refold server")
	slug := d.World.Values["SLUG"]
	made, err := d.World.Core.MCPServer(ctx, tenant, core.BySlug(slug))
	require.NoError(t, err)
	require.NotEmpty(t, made.Chains)
	for _, body := range []string{
		`{}`,
		`{"name":"Renamed"}`,
		`{"description":"","url":"http://localhost","icon":"http://localhost/i"}`,
		`{"suggestions":[],"chains":[],"associated_apps":[],"agent_name":"x","safe_mode":false,"_id":"x","slug":"x"}`,
	} {
		require.Equal(t, http.StatusOK, d.Do(http.MethodPatch, servers+"/"+slug, body).Status)
		kept, err := d.World.Core.MCPServer(ctx, tenant, core.ByID(made.ID))
		require.NoError(t, err)
		require.Equal(t, made.Slug, kept.Slug)
		require.Equal(t, made.Suggestions, kept.Suggestions)
		require.Equal(t, made.AssociatedApps, kept.AssociatedApps)
		require.Equal(t, made.Chains, kept.Chains)
		require.Equal(t, made.Branding, kept.Branding)
		require.Equal(t, made.Place, kept.Place)
		require.Equal(t, made.CreatedAt, kept.CreatedAt)
	}
	kept, err := d.World.Core.MCPServer(ctx, tenant, core.ByID(made.ID))
	require.NoError(t, err)
	require.Equal(t, "Renamed", kept.Name)
	require.Empty(t, *kept.Description)
	require.Equal(t, "http://localhost", kept.URL)
}
