package admin_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

func TestRoutesAndDocumentedOperationsAreTheSame(t *testing.T) {
	t.Parallel()
	d, err := openapitest.Load("admin", admin.OpenAPI())
	require.NoError(t, err)
	documented := map[string]string{}
	for _, o := range d.Operations {
		documented[o.ID] = o.Method + " " + o.Path
	}
	require.Equal(t, documented, admin.Routes())
}

// Each status of each operation, each member and header of an answer and each
// member and parameter of a request is seen.
func TestEverythingDocumentedHappens(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	succeed(t, w)
	remember(t, w)
	collide(t, w)
	refuse(t, w)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", acme)
	w.handler.EmptyRefused()
	eachOperation(t, w, http.StatusTooManyRequests, "acme", "Authorization", "")
	breakDown(t, w)

	require.Empty(t, w.coverage.Missing())
}

func TestEverythingHappensInMemoryAsWell(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	succeed(t, w)
	remember(t, w)
	collide(t, w)
	refuse(t, w)
}

// succeed has each operation succeed.
func succeed(t *testing.T, w *world) {
	t.Helper()
	made := w.want(t, http.StatusCreated, http.MethodPost, "/tenants", acme)
	require.Equal(t, admin.Prefix+"/tenants/acme", made.header.Get("Location"))
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", `{"name":"chat","cometchat":{"app":"chat-app","region":"eu"}}`)
	first := w.want(t, http.StatusOK, http.MethodGet, "/tenants?limit=1", "").json(t)
	w.want(t, http.StatusOK, http.MethodGet, "/tenants?limit=1&after="+first["next"].(string), "")
	w.want(t, http.StatusOK, http.MethodPatch, "/tenants/acme", `{"refold":{"org":"other","env":"production","revision":"legacy",`+
		`"require_accounts":false,"protect_servers":false},"cometchat":{"app":"other-app","region":"in"},"url_template":"","etags":"vendor","require_if_match":false,`+
		`"limits":{"base":"default","rate":0,"burst":null,"concurrency":5,"max_body":1024,"max_servers":7}}`)
	w.want(t, http.StatusOK, http.MethodPost, "/tenants/acme/suspend", "")
	w.want(t, http.StatusOK, http.MethodPost, "/tenants/acme/resume", "")

	const keys = "/tenants/acme/keys"
	key := w.want(t, http.StatusCreated, http.MethodPost, keys, `{"dialect":"cometchat","scope":"authOnly","expires_at":"2100-01-31T00:00:00Z"}`).json(t)
	rotated := w.want(t, http.StatusCreated, http.MethodPost, keys+"/"+key["id"].(string)+"/rotate", `{"overlap_seconds":60,"expires_at":"2100-01-31T00:00:00Z"}`)
	require.NotEqual(t, key["key"], rotated.json(t)["key"])
	w.want(t, http.StatusOK, http.MethodDelete, strings.TrimPrefix(rotated.header.Get("Location"), admin.Prefix), "")
	w.want(t, http.StatusCreated, http.MethodPost, keys+"/import", `{"dialect":"cometchat","scope":"fullAccess","keys":["0123456789abcdef0","0123456789abcdef1"]}`)
	w.want(t, http.StatusOK, http.MethodGet, keys+"/"+key["id"].(string), "")
	if w.store != nil {
		conn := w.connect(t)
		_, err := conn.Exec(t.Context(), "UPDATE api_key SET last_used_at = now()")
		require.NoError(t, err)
	}
	w.walk(t, keys, 4)

	const accounts, sessions = "/tenants/acme/accounts", "/tenants/acme/accounts/a%2Fb/sessions"
	w.want(t, http.StatusCreated, http.MethodPost, accounts, `{"id":"a/b"}`)
	w.want(t, http.StatusCreated, http.MethodPost, accounts, `{"id":"second"}`)
	if w.store != nil {
		_, err := w.connect(t).Exec(t.Context(), "UPDATE linked_account SET name = 'Named'")
		require.NoError(t, err)
	}
	w.want(t, http.StatusOK, http.MethodGet, accounts+"/a%2Fb", "")
	w.walk(t, accounts, 2)
	session := w.want(t, http.StatusCreated, http.MethodPost, sessions, `{"lifetime_seconds":3600}`).json(t)
	w.want(t, http.StatusCreated, http.MethodPost, sessions, `{"lifetime_seconds":3601}`)
	w.want(t, http.StatusCreated, http.MethodPost, sessions, `{}`)
	w.walk(t, sessions, 3)
	w.want(t, http.StatusNoContent, http.MethodDelete, sessions+"/"+session["id"].(string), "")
	revoked := w.want(t, http.StatusOK, http.MethodDelete, sessions, "").json(t)
	require.InDelta(t, 2, revoked["revoked"], 0)
	w.want(t, http.StatusNoContent, http.MethodDelete, accounts+"/second", "")

	w.want(t, http.StatusCreated, http.MethodPost, "/signing-keys/rotate", "")
	retired := w.want(t, http.StatusOK, http.MethodPost, "/signing-keys/first/retire", "").json(t)
	require.Equal(t, false, retired["signs"])
	list := w.want(t, http.StatusOK, http.MethodGet, "/signing-keys", "").json(t)["data"].([]any)
	require.Len(t, list, 2)
	require.Equal(t, true, list[0].(map[string]any)["signs"])

	shown := w.want(t, http.StatusOK, http.MethodGet, "/tenants/acme", "").json(t)
	require.Equal(t, map[string]any{"servers": 0.0, "agents": 0.0, "accounts": 1.0, "keys": 4.0}, shown["counts"])
	require.Equal(t, "deleting", w.want(t, http.StatusAccepted, http.MethodDelete, "/tenants/acme", "").json(t)["status"])
	w.awaitGone(t, "acme")
	w.want(t, http.StatusNotFound, http.MethodDelete, "/tenants/acme", "")
}

// walk follows the pages of a list by their links and wants that many things,
// each of them once.
func (w *world) walk(t *testing.T, list string, n int) {
	t.Helper()
	all := w.want(t, http.StatusOK, http.MethodGet, list, "").json(t)
	require.Len(t, all["data"], n)
	require.Nil(t, all["next"])
	var walked []any
	first := list + "?limit=1"
	if strings.Contains(list, "?") {
		first = list + "&limit=1"
	}
	for path := first; path != ""; {
		page := w.want(t, http.StatusOK, http.MethodGet, path, "")
		walked = append(walked, page.json(t)["data"].([]any)...)
		link := page.header.Get("Link")
		path = ""
		if link != "" {
			require.Contains(t, link, page.json(t)["next"])
			path = strings.TrimSuffix(strings.TrimPrefix(link, "<"+admin.Prefix), `>; rel="next"`)
		}
	}
	if n == 0 {
		require.Empty(t, walked)
		return
	}
	require.Equal(t, all["data"], walked)
}

// collide has each operation be refused that can be as things stand.
func collide(t *testing.T, w *world) {
	t.Helper()
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", strings.NewReplacer("acme", "taken", "6698", "7698").Replace(acme))
	w.want(t, http.StatusConflict, http.MethodPost, "/tenants", `{"name":"taken","cometchat":{"app":"other","region":"eu"}}`)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", `{"name":"other","cometchat":{"app":"o","region":"eu"}}`)
	refused := w.want(t, http.StatusConflict, http.MethodPatch, "/tenants/other", `{"cometchat":{"app":"taken-app","region":"us"}}`)
	require.Equal(t, "/cometchat", refused.json(t)["errors"].([]any)[0].(map[string]any)["pointer"])
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants/other/accounts", `{"id":"user"}`)
	w.want(t, http.StatusConflict, http.MethodPost, "/tenants/other/accounts", `{"id":"user"}`)
	refused = w.want(t, http.StatusConflict, http.MethodPost, "/tenants/other/accounts/user/sessions", `{}`)
	require.Contains(t, refused.text, "no Refold address")
	require.NotContains(t, refused.text, `"errors"`, "it is no member's fault")
	const taken = `{"dialect":"cometchat","keys":["0123456789abcdef","0123456789abcdefg"]}`
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants/other/keys/import", taken)
	refused = w.want(t, http.StatusConflict, http.MethodPost, "/tenants/taken/keys/import", `{"dialect":"cometchat","keys":["another-key-of-them","0123456789abcdefg"]}`)
	require.Equal(t, "/keys/1", refused.json(t)["errors"].([]any)[0].(map[string]any)["pointer"])
	require.NotContains(t, refused.text, "0123456789abcdef", "a value is never shown")
	key := w.want(t, http.StatusCreated, http.MethodPost, "/tenants/other/keys", `{"dialect":"cometchat"}`).json(t)["id"].(string)
	w.want(t, http.StatusOK, http.MethodDelete, "/tenants/other/keys/"+key, "")
	w.want(t, http.StatusConflict, http.MethodPost, "/tenants/other/keys/"+key+"/rotate", `{"overlap_seconds":0}`)
	signs := w.want(t, http.StatusOK, http.MethodGet, "/signing-keys", "").json(t)["data"].([]any)[0].(map[string]any)["id"].(string)
	w.want(t, http.StatusConflict, http.MethodPost, "/signing-keys/"+signs+"/retire", "")

	_, err := w.operator.BeginTenantDeletion(t.Context(), "other") // and nobody goes on with it
	require.NoError(t, err)
	for _, path := range []string{"/suspend", "/resume"} {
		w.want(t, http.StatusConflict, http.MethodPost, "/tenants/other"+path, "")
	}
	w.want(t, http.StatusConflict, http.MethodPatch, "/tenants/other", `{}`)
	w.want(t, http.StatusConflict, http.MethodPost, "/tenants/other/keys", `{"dialect":"cometchat"}`)
	w.want(t, http.StatusAccepted, http.MethodDelete, "/tenants/other", "")
	w.awaitGone(t, "other")
}

// refuse has each operation be refused for what it is asked.
func refuse(t *testing.T, w *world) {
	t.Helper()
	const unknown = "?unknown=1"
	for _, o := range w.document.Operations {
		path := pathOf(o, "nobody")
		body := bodies[o.ID]
		w.handler.RefillRefused()
		w.want(t, http.StatusUnauthorized, o.Method, path, body, "Authorization", "Bearer "+strings.Repeat("x", 32))
		refused := w.want(t, http.StatusBadRequest, o.Method, path+unknown, body)
		require.Equal(t, []any{map[string]any{"parameter": "unknown", "detail": "is not known here"}}, refused.json(t)["errors"])
		if strings.Contains(o.Path, "{") {
			w.want(t, http.StatusNotFound, o.Method, path, body)
		}
		if o.RequestBody() == nil {
			w.want(t, http.StatusBadRequest, o.Method, path, `{}`)
			continue
		}
		w.want(t, http.StatusUnsupportedMediaType, o.Method, path, body, "Content-Type", "text/plain")
		w.want(t, http.StatusUnsupportedMediaType, o.Method, path, body, "Content-Type", "")
		for _, wrong := range []string{" ", "[]", "null", `{"a":1,"a":1}`, `{`, `{} {}`, "{\"a\":\"\xff\"}"} {
			w.want(t, http.StatusBadRequest, o.Method, path, wrong)
		}
		w.want(t, http.StatusRequestEntityTooLarge, o.Method, path, `{"a":"`+strings.Repeat("a", 1<<20)+`"}`)
	}
	key := w.want(t, http.StatusCreated, http.MethodPost, "/tenants/taken/keys", `{"dialect":"refold"}`).json(t)["id"].(string)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants/taken/accounts", `{"id":"user"}`)
	for _, o := range w.document.Operations {
		if o.RequestBody() == nil {
			continue
		}
		path := strings.NewReplacer("/keys/nobody/", "/keys/"+key+"/").Replace(pathOf(o, "taken"))
		path = strings.ReplaceAll(path, "/nobody", "/user")
		refused := w.want(t, http.StatusUnprocessableEntity, o.Method, path, `{"a~/b":1}`)
		require.Contains(t, refused.text, `{"pointer":"/a~0~1b","detail":"is not known here"}`)
	}
	for _, query := range []string{"?limit=0", "?limit=201", "?limit=x", "?limit=", "?limit=1&limit=2", "?after=x", "?after=_", "?after=a2V5cwphCmI", "?a=%zz"} {
		for _, list := range []string{
			"/tenants", "/tenants/taken/keys", "/tenants/taken/accounts", "/tenants/taken/accounts/user/sessions",
			"/tenants/taken/servers", "/tenants/taken/servers/one/history", "/tenants/taken/audit", "/audit",
		} {
			w.want(t, http.StatusBadRequest, http.MethodGet, list+query, "")
		}
	}
	// A key and a session are found below their own tenant and account alone.
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", `{"name":"apart","cometchat":{"app":"apart","region":"eu"}}`)
	w.want(t, http.StatusNotFound, http.MethodGet, "/tenants/apart/keys/"+key, "")
	w.want(t, http.StatusNotFound, http.MethodDelete, "/tenants/apart/keys/"+key, "")
	w.want(t, http.StatusNotFound, http.MethodGet, "/tenants/taken/keys/import", "")
	for _, none := range []string{"x", "1.2", "1.x", "x.2", "01.2", "1.2.none", "1.2.", "1.2.%00"} {
		w.want(t, http.StatusNotFound, http.MethodDelete, "/tenants/taken/accounts/user/sessions/"+none, "")
	}
	for _, none := range []string{"%00", "%FF", "..%2Ftaken", "%2E"} {
		w.want(t, http.StatusNotFound, http.MethodGet, "/tenants/"+none, "")
		w.want(t, http.StatusNotFound, http.MethodGet, "/tenants/taken/accounts/"+none, "")
		w.want(t, http.StatusNotFound, http.MethodPost, "/signing-keys/"+none+"/retire", "")
		w.want(t, http.StatusNotFound, http.MethodGet, "/tenants/taken/servers/"+none+"/history", "")
		w.want(t, http.StatusNotFound, http.MethodPost, "/tenants/taken/servers/"+none+"/revert", `{"revision":1}`)
		w.want(t, http.StatusNotFound, http.MethodPost, "/tenants/taken/servers/"+none+"/undelete", "")
	}
}

// bodies are what operations take that take one.
var bodies = map[string]string{
	"create_tenant": acme, "update_tenant": `{}`, "create_key": `{"dialect":"refold"}`, "rotate_key": `{"overlap_seconds":0}`,
	"import_keys": `{"dialect":"refold","keys":["0123456789abcdef"]}`, "create_account": `{"id":"a"}`, "create_session": `{}`,
	"revert_server": `{"revision":1}`, "prune_changes": `{}`,
}

// pathOf gives an operation's path for a tenant that has nothing.
func pathOf(o *openapitest.Operation, tenant string) string {
	return strings.NewReplacer("{tenant}", tenant, "{key}", "nobody", "{account}", "nobody", "{session}", "nobody",
		"{signing_key}", "nobody", "{mcp_server}", "nobody").Replace(strings.TrimPrefix(o.Path, admin.Prefix))
}

func eachOperation(t *testing.T, w *world, status int, tenant string, headers ...string) {
	t.Helper()
	for _, o := range w.document.Operations {
		a := w.want(t, status, o.Method, pathOf(o, tenant), bodies[o.ID], headers...)
		require.NotContains(t, a.text, "infinity")
	}
}

func (w *world) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// breakDown has each operation fail: by rows that no program makes, then with
// no database.
func breakDown(t *testing.T, w *world) {
	t.Helper()
	_, err := w.connect(t).Exec(t.Context(), `
		UPDATE tenant SET created_at = 'infinity';
		UPDATE signing_key SET created_at = 'infinity';
		INSERT INTO signing_key (id, created_at) VALUES ('nobody', 'infinity');
		CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'infinity'; END $$;
		CREATE TRIGGER break BEFORE INSERT ON tenant FOR EACH ROW EXECUTE FUNCTION break();
		CREATE TRIGGER break BEFORE UPDATE ON change FOR EACH STATEMENT EXECUTE FUNCTION break();
		SET session_replication_role = replica;
		UPDATE change SET at = 'infinity';`)
	require.NoError(t, err)
	eachOperation(t, w, http.StatusInternalServerError, "acme")
	w.store.Close()
	eachOperation(t, w, http.StatusServiceUnavailable, "acme")
	require.Contains(t, w.log.String(), "infinity", "the log says more")
	require.Equal(t, slices.Sorted(maps.Keys(admin.Routes())), slices.Sorted(maps.Keys(operationsOf(w))))
}

func operationsOf(w *world) map[string]bool {
	out := map[string]bool{}
	for _, o := range w.document.Operations {
		out[o.ID] = true
	}
	return out
}
