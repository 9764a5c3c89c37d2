package admin_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// fill makes a tenant with servers that nobody is known to have made, oldest first.
func (w *world) fill(t *testing.T, tenant string, n int) []core.MCPServer {
	t.Helper()
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", `{"name":"`+tenant+`","cometchat":{"app":"`+tenant+`-app","region":"eu"}}`)
	found, err := w.operator.Tenant(t.Context(), tenant)
	require.NoError(t, err)
	newID, at := core.NewIDSource(), time.Now().UTC().Truncate(time.Millisecond)
	made := make([]core.MCPServer, n)
	for i := range made {
		id := newID(at)
		made[i], err = w.directory.CreateMCPServer(t.Context(), found.ID, core.Creation{Server: core.MCPServer{
			ID: id, Slug: "s-" + id.String(), Name: `A "server" <&>`, Place: core.PlaceAt(at), CreatedAt: at, UpdatedAt: at, Revision: 1,
		}})
		require.NoError(t, err)
	}
	return made
}

// delete removes a server as a client would.
func (w *world) delete(t *testing.T, tenant string, s core.MCPServer) {
	t.Helper()
	found, err := w.operator.Tenant(t.Context(), tenant)
	require.NoError(t, err)
	require.NoError(t, w.directory.(core.Store).DeleteMCPServer(t.Context(), found.ID, core.ByID(s.ID), core.Precondition{}))
}

// members gives a member of each thing on a page.
func members(t *testing.T, a answer, name string) []any {
	t.Helper()
	list := []any{}
	for _, e := range a.json(t)["data"].([]any) {
		list = append(list, e.(map[string]any)[name])
	}
	return list
}

// remember has each operation about servers and history succeed and collide.
func remember(t *testing.T, w *world) {
	t.Helper()
	const tenant = "/tenants/kept"
	made := w.fill(t, "kept", 3)
	id := func(i int) string { return made[i].ID.String() }
	w.walk(t, tenant+"/servers", 3)
	w.walk(t, tenant+"/servers?deleted=false", 3)

	reverted := w.want(t, http.StatusOK, http.MethodPost, tenant+"/servers/"+made[0].Slug+"/revert", `{"revision":1}`).json(t)
	require.InDelta(t, 2, reverted["revision"], 0)
	w.want(t, http.StatusNotFound, http.MethodPost, tenant+"/servers/"+id(0)+"/revert", `{"revision":9}`)
	refused := w.want(t, http.StatusConflict, http.MethodPost, tenant+"/servers/"+id(0)+"/undelete", "")
	require.NotContains(t, refused.text, `"errors"`, "it is no member's fault")
	w.delete(t, "kept", made[0])
	w.delete(t, "kept", made[1])
	w.walk(t, tenant+"/servers", 1)
	w.walk(t, tenant+"/servers?deleted=true", 2)
	gone := w.want(t, http.StatusOK, http.MethodGet, tenant+"/servers?deleted=true", "")
	require.Equal(t, []any{id(1), id(0)}, members(t, gone, "id"))
	until, err := time.Parse(time.RFC3339, members(t, gone, "undelete_until")[0].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(core.KeepImagesFor), until, time.Hour)
	w.want(t, http.StatusNotFound, http.MethodPost, tenant+"/servers/"+made[0].Slug+"/undelete", "")
	w.want(t, http.StatusNotFound, http.MethodPost, "/tenants/taken/servers/"+id(0)+"/undelete", "")
	back := w.want(t, http.StatusOK, http.MethodPost, tenant+"/servers/"+id(0)+"/undelete", "").json(t)
	require.Equal(t, made[0].Slug, back["slug"])
	w.walk(t, tenant+"/servers/"+id(0)+"/history", 4)
	history := w.want(t, http.StatusOK, http.MethodGet, tenant+"/servers/"+made[0].Slug+"/history", "")
	require.Equal(t, []any{"undelete", "delete", "update", "create"}, members(t, history, "action"))
	require.Equal(t, "admin", members(t, history, "actor")[0], "whose token it is")
	require.Equal(t, []any{"delete", "create"}, members(t, w.want(t, http.StatusOK, http.MethodGet, tenant+"/servers/"+id(1)+"/history", ""), "action"))

	w.walk(t, tenant+"/audit", 7)
	w.walk(t, tenant+"/audit?noun=mcp_server&action=create", 3)
	filter := url.Values{
		"since": {time.Now().Add(-time.Hour).Format(time.RFC3339Nano)}, "until": {time.Now().Add(time.Hour).Format(time.RFC3339Nano)},
		"actor_kind": {"operator"}, "actor": {"admin"}, "dialect": {""}, "request_id": {reverted["updated_at"].(string)},
		"action": {"update"}, "noun": {"mcp_server"}, "record": {id(0)},
	}
	require.Empty(t, members(t, w.want(t, http.StatusOK, http.MethodGet, tenant+"/audit?"+filter.Encode(), ""), "seq"))
	filter.Set("request_id", members(t, history, "request_id")[2].(string))
	require.Equal(t, []any{4.0}, members(t, w.want(t, http.StatusOK, http.MethodGet, tenant+"/audit?"+filter.Encode(), ""), "seq"))
	require.Equal(t, 1, strings.Count(w.want(t, http.StatusOK, http.MethodGet, tenant+"/audit/export?"+filter.Encode(), "").text, "\n"))
	w.want(t, http.StatusOK, http.MethodGet, "/audit?limit=1&"+filter.Encode(), "")
	require.Empty(t, w.want(t, http.StatusOK, http.MethodGet, "/audit/export?"+filter.Encode(), "").text)
	all := w.want(t, http.StatusOK, http.MethodGet, "/audit?limit=1", "").json(t)
	w.want(t, http.StatusOK, http.MethodGet, "/audit?after="+all["next"].(string), "")

	w.want(t, http.StatusOK, http.MethodPatch, tenant, `{"limits":{"max_servers":2}}`)
	refused = w.want(t, http.StatusConflict, http.MethodPost, tenant+"/servers/"+id(1)+"/undelete", "")
	require.Equal(t, "the tenant has as many as it may", refused.json(t)["detail"])
	require.NotContains(t, refused.text, `"errors"`, "it is no member's fault")

	for _, audit := range []string{"/audit", tenant + "/audit"} {
		verified := w.want(t, http.StatusOK, http.MethodGet, audit+"/verify", "").json(t)
		require.Equal(t, true, verified["intact"])
		head := verified["head"].(string)
		w.want(t, http.StatusOK, http.MethodGet, audit+"/verify?head="+head, "")
		exported := w.want(t, http.StatusOK, http.MethodGet, audit+"/export", "")
		require.Equal(t, "application/x-ndjson", exported.header.Get("Content-Type"))
		require.InDelta(t, verified["changes"], strings.Count(exported.text, "\n"), 0)
		require.Contains(t, exported.text, `"hash":"`+strings.SplitN(head, ":", 2)[1]+"\"}\n")
		seq, hash, _ := strings.Cut(head, ":")
		for forged, at := range map[string]string{seq + ":" + strings.Repeat("0", 64): seq, seq + "0:" + hash: ""} {
			broken := w.want(t, http.StatusOK, http.MethodGet, audit+"/verify?head="+forged, "").json(t)
			require.Equal(t, false, broken["intact"])
			require.Contains(t, broken["broken"].(map[string]any)["why"], map[bool]string{true: "noted", false: "once had"}[at != ""])
		}
		for _, wrong := range []string{"head=", "head=1", "head=1:ff", "head=0:" + strings.Repeat("0", 64), "head=-1:" + strings.Repeat("0", 64), "head=" + head + "&head=" + head} {
			w.want(t, http.StatusBadRequest, http.MethodGet, audit+"/verify?"+wrong, "")
		}
		for _, wrong := range []string{"since=1h", "until=", "actor_kind=nobody", "noun=foo", "action=eat", "dialect=latin", "deleted=true", "after=x"} {
			w.want(t, http.StatusBadRequest, http.MethodGet, audit+"/export?"+wrong, "")
		}
	}
	for _, wrong := range []string{"", "1", "yes"} {
		w.want(t, http.StatusBadRequest, http.MethodGet, tenant+"/servers?deleted="+wrong, "")
	}
	w.want(t, http.StatusBadRequest, http.MethodGet, tenant+"/servers?deleted=true&after="+all["next"].(string), "")

	pruned := w.want(t, http.StatusOK, http.MethodPost, "/audit/prune", `{}`).json(t)
	require.InDelta(t, 0, pruned["pruned"], 0, "nothing is older than is kept")
	pruned = w.want(t, http.StatusOK, http.MethodPost, "/audit/prune", `{"keep_bytes":1000000}`).json(t)
	require.InDelta(t, 0, pruned["pruned"], 0, "nobody has as much")
	pruned = w.want(t, http.StatusOK, http.MethodPost, "/audit/prune", `{"keep_bytes":1}`).json(t)
	require.Positive(t, pruned["pruned"])
	pruned = w.want(t, http.StatusOK, http.MethodPost, "/audit/prune", `{"older_than_seconds":0}`).json(t)
	require.Positive(t, pruned["pruned"])
	w.walk(t, tenant+"/servers?deleted=true", 0)
	require.Equal(t, []any{nil, nil}, members(t, w.want(t, http.StatusOK, http.MethodGet, tenant+"/servers/"+id(1)+"/history", ""), "before"))
	_, err = w.operator.BeginTenantDeletion(t.Context(), "kept")
	require.NoError(t, err)
	w.want(t, http.StatusConflict, http.MethodPost, tenant+"/servers/"+id(0)+"/revert", `{"revision":1}`)
	w.want(t, http.StatusConflict, http.MethodPost, tenant+"/servers/"+id(1)+"/undelete", "")
	w.want(t, http.StatusAccepted, http.MethodDelete, tenant, "")
	w.awaitGone(t, "kept")
	last := w.want(t, http.StatusOK, http.MethodGet, "/audit?noun=tenant&action=delete", "")
	require.Equal(t, "admin", members(t, last, "actor")[0], "who asked for the deletion that went on behind the answer")
}

// An export that fails behind its first lines is no whole answer.
func TestAnExportThatFailsBreaksOff(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.fill(t, "kept", 1)
	conn := w.connect(t)
	// More than is held back before the answer begins, and then an entry that can't be read.
	_, err := conn.Exec(t.Context(), `SET session_replication_role = replica;
		INSERT INTO change (tenant_id, seq, at, actor_kind, actor, dialect, request_id, action, noun, record, hash)
		SELECT id, i, CASE WHEN i = 1500 THEN 'infinity' ELSE now() END, 'key', '', '', '', 'update', 'agent', i, sha256('')
		FROM tenant, generate_series(100, 1500) i`)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+admin.Prefix+"/tenants/kept/audit/export", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	require.Equal(t, http.StatusOK, res.StatusCode)
	_, err = io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the answer has no end")
	require.Contains(t, w.log.String(), `"operation":"export_changes","operator":"admin","tenant":"kept","client":"127.0.0.1","method":"GET","status":200`)
	require.Contains(t, w.log.String(), "cannot scan Infinity")
}
