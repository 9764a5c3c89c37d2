package refold_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
)

const servers = "/api/v2/public/mcp-servers"

func FuzzCreateBody(f *testing.F) {
	for _, s := range []string{
		`{"name":"n","description":"d"}`, `{"name":"n","name":null,"description":"d"}`, `{"name":"\u0000","description":"d"}`,
		`{"name":"<\ud83d\ude80","description":"\u2028","x":[[1e400]]}`, `[]`, "\uFEFF{}", `{"name":"\ud800"}`, ` `,
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
		at := servers + "/" + made.Member(t, "_id")
		defer func() { require.Equal(t, http.StatusNoContent, d.Do(http.MethodDelete, at, "").Status) }()
		require.Equal(t, http.StatusConflict, d.Do(http.MethodPost, servers, body).Status)
		var sent struct{ Name, Description string }
		decodeLast(t, body, &sent)
		read := d.Do(http.MethodGet, at, "")
		require.Equal(t, sent.Name, read.Member(t, "name"))
		require.Equal(t, sent.Description, read.Member(t, "description"))
	})
}

// decodeLast reads the members of an object whose names are exactly these,
// which encoding/json does not ask for.
func decodeLast(t *testing.T, body string, into *struct{ Name, Description string }) {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &members))
	require.NoError(t, json.Unmarshal(members["name"], &into.Name))
	require.NoError(t, json.Unmarshal(members["description"], &into.Description))
}

func FuzzUpdateBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"name":"n"}`, `{"description":""}`, `{"safe_mode":true,"agent_name":"a","base_prompt":"","primary_color":"#fff"}`,
		`{"suggestions":[{"name":"n","prompt":"p","x":1e400}]}`, `{"chains":[{"_id":1,"name":"n","n":9007199254740993},{}]}`,
		`{"associated_apps":[{"slug":"s","workflows":["w"],"actions":[{"id":"i","y":1,"y":2}]}]}`, `{"chains":[{"\u0061":"\u2028"}]}`,
		`{"chains":[[]]}`, `{"name":null}`, `null`,
	} {
		f.Add(s)
	}
	d := dialecttest.NewDirect(f, dialect)
	made := d.Do(http.MethodPost, servers, `{"name":"n","description":"d"}`)
	at := servers + "/" + made.Member(f, "_id")
	f.Fuzz(func(t *testing.T, body string) {
		changed := d.Do(http.MethodPut, at, body)
		require.True(t, json.Valid(changed.Body))
		if changed.Status != http.StatusOK {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, changed.Status, "%s", changed.Body)
			return
		}
		read := d.Do(http.MethodGet, at, "")
		require.Equal(t, strings.Replace(string(changed.Body), `,"__v":0`, "", 1), string(read.Body))
		// What was read, sent back, changes nothing but the times and the chains' ids.
		chains := chainFields(t, d)
		again := d.Do(http.MethodPut, at, string(read.Body))
		require.Equal(t, http.StatusOK, again.Status, "%s", again.Body)
		require.Equal(t, chains, chainFields(t, d))
		var before, after map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(read.Body, &before))
		require.NoError(t, json.Unmarshal(again.Body, &after))
		for _, name := range []string{"name", "description", "suggestions", "associated_apps", "resources", "createdAt"} {
			require.Equal(t, string(before[name]), string(after[name]), name)
		}
	})
}

// chainFields gives the chains that are kept, without their ids.
func chainFields(t *testing.T, d *dialecttest.Direct) []string {
	t.Helper()
	list, _, err := d.World.Core.MCPServerPage(t.Context(), d.World.Acme.ID, core.OldestFirst, 0, 1)
	require.NoError(t, err)
	var out []string
	for _, c := range list[0].Chains {
		out = append(out, string(c.Fields))
	}
	return out
}

func FuzzPath(f *testing.F) {
	f.Add("686e2393750d509493c6d87c", "limit=1")
	f.Add("%00%FF/..", "page=%zz")
	f.Add("686E2393750D509493C6D87C/", "")
	d := dialecttest.NewDirect(f, dialect)
	d.World.Given(f, "foreign server")
	f.Fuzz(func(t *testing.T, path, query string) {
		target := servers + "/" + path + "?" + query
		if _, ok := dialecttest.Sendable(target); !ok {
			return
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			reply := d.Do(method, target, "")
			require.True(t, json.Valid(reply.Body))
			if reply.Status == http.StatusOK { // the way to the list
				require.Contains(t, string(reply.Body), `"totalDocs":0`, fmt.Sprint(method, target))
				continue
			}
			require.Equal(t, http.StatusNotFound, reply.Status, fmt.Sprint(method, target))
		}
	})
}

// What only the other dialect shows is in the server before and after.
func TestChangesKeepWhatThisDialectDoesNotShow(t *testing.T) {
	t.Parallel()
	d := dialecttest.NewDirect(t, dialect)
	ctx, tenant := t.Context(), d.World.Acme.ID
	made, err := d.World.Core.CreateMCPServer(ctx, tenant, core.NewMCPServer{
		Name: "Weather Server", Slug: "weather-server", URL: "http://localhost:3001", Icon: "http://localhost:3001/i.png",
	})
	require.NoError(t, err)
	for _, body := range []string{
		`{}`,
		`{"name":"Renamed"}`,
		`{"suggestions":[{"name":"n"}],"chains":[{"name":"c"}],"associated_apps":[{"slug":"s"}]}`,
		`{"agent_name":"a","safe_mode":true}`,
		`{"slug":"x","url":"http://x","icon":"http://x","resources":[1],"notebooks":[1]}`,
	} {
		require.Equal(t, http.StatusOK, d.Do(http.MethodPut, servers+"/"+made.ID.String(), body).Status)
		kept, err := d.World.Core.MCPServer(ctx, tenant, core.ByID(made.ID))
		require.NoError(t, err)
		require.Equal(t, made.Slug, kept.Slug)
		require.Equal(t, made.URL, kept.URL)
		require.Equal(t, made.Icon, kept.Icon)
		require.Nil(t, kept.Description, "never given is not empty")
		require.Nil(t, kept.Resources)
		require.Nil(t, kept.Notebooks)
		require.Equal(t, made.Place, kept.Place)
		require.Equal(t, made.CreatedAt, kept.CreatedAt)
	}
	kept, err := d.World.Core.MCPServer(ctx, tenant, core.BySlug("weather-server"))
	require.NoError(t, err)
	require.Equal(t, "Renamed", kept.Name)
	require.Equal(t, core.JSON(`[{"name":"n"}]`), kept.Suggestions)
	require.Equal(t, "a", *kept.Branding.AgentName)
	require.True(t, *kept.Branding.SafeMode)
}
