package admin_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/dialects/dialecttest"
)

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	got := w.want(t, http.StatusUnprocessableEntity, http.MethodPost, "/tenants",
		`{"name":" acme","refold":{"org":"a bc","env":"prod","x":1},"cometchat":5,"require_if_match":null,"foo":1}`)
	require.JSONEq(t, `{"type":"urn:diglot:problem:invalid","title":"Values are not acceptable","status":422,
		"detail":"/cometchat must be an object","errors":[
		{"pointer":"/cometchat","detail":"must be an object"},
		{"pointer":"/foo","detail":"is not known here"},
		{"pointer":"/name","detail":"must be 1 to 100 letters, digits, dots, dashes or underscores, the first a letter or digit"},
		{"pointer":"/refold/env","detail":"must be test or production"},
		{"pointer":"/refold/org","detail":"must be 1 to 100 letters, digits, dashes or underscores"},
		{"pointer":"/refold/x","detail":"is not known here"},
		{"pointer":"/require_if_match","detail":"must be true or false"}]}`, got.text)
}

func TestWhatNoOperationTakesIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	for _, path := range []string{"/", "/nothing", "//tenants", "/tenants/../tenants", "/tenants//keys"} {
		got := w.want(t, http.StatusNotFound, http.MethodGet, path, "")
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), path)
		require.Equal(t, "urn:diglot:problem:not-found", got.json(t)["type"])
	}
	for path, allow := range map[string]string{"/tenants": "GET, HEAD, POST", "/tenants/a/suspend": "POST", "/openapi.yaml": "GET, HEAD"} {
		for _, method := range []string{http.MethodPut, http.MethodOptions} {
			got := w.want(t, http.StatusMethodNotAllowed, method, path, "")
			require.Equal(t, allow, got.header.Get("Allow"))
			require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "urn:diglot:problem:method-not-allowed", got.json(t)["type"])
		}
	}
	head := w.want(t, http.StatusOK, http.MethodHead, "/tenants", "")
	require.Empty(t, head.text)
	read := w.want(t, http.StatusOK, http.MethodGet, "/openapi.yaml", "", "Authorization", "")
	require.Equal(t, string(admin.OpenAPI()), read.text)
}

func TestAGoodTokenIsHeardHoweverManyAreRefused(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	for _, wrong := range []string{"", "Bearer", "Bearer ", "Basic " + token, "Bearer x" + token, "Bearer " + token[1:], token} {
		got := w.want(t, http.StatusUnauthorized, http.MethodGet, "/tenants", "", "Authorization", wrong)
		require.Equal(t, `Bearer realm="diglot admin"`, got.header.Get("WWW-Authenticate"))
		require.Equal(t, "send an operator's token as Authorization: Bearer", got.json(t)["detail"], "whatever is wrong")
	}
	w.handler.EmptyRefused()
	for range 3 {
		got := w.want(t, http.StatusTooManyRequests, http.MethodGet, "/tenants", "", "Authorization", "Bearer wrong")
		require.Equal(t, "1", got.header.Get("Retry-After"))
		w.want(t, http.StatusOK, http.MethodGet, "/tenants", "")
	}
}

func TestTheLogHasTheOperatorAndNoSecret(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", acme)
	key := w.want(t, http.StatusCreated, http.MethodPost, "/tenants/acme/keys", `{"dialect":"refold"}`)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants/acme/accounts", `{"id":"user"}`)
	session := w.want(t, http.StatusCreated, http.MethodPost, "/tenants/acme/accounts/user/sessions", `{}`)
	w.want(t, http.StatusBadRequest, http.MethodGet, "/tenants?in-the-query=1", "")
	w.want(t, http.StatusUnauthorized, http.MethodGet, "/tenants", "", "Authorization", "Bearer a-wrong-one")
	require.Equal(t, "no-store", key.header.Get("Cache-Control"))
	log := w.log.String()
	require.Contains(t, log, `"request_id":"`+key.header.Get("X-Request-Id")+`","operation":"create_key","operator":"admin","tenant":"acme","client":"127.0.0.1","method":"POST","status":201`)
	for _, secret := range []string{token, "a-wrong-one", key.json(t)["key"].(string), session.json(t)["token"].(string), "in-the-query"} {
		require.NotContains(t, log, secret)
	}
}

func TestTheFileOfTokensIsFollowed(t *testing.T) {
	t.Parallel()
	file, other := filepath.Join(t.TempDir(), "tokens"), strings.Repeat("o", 32)
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("# operators\n\nann:" + token + "\r\nbob@example.com:" + other + "\n")
	log := &dialecttest.Buffer{}
	admins, err := admin.AdminsFromFile(file, slog.New(slog.NewJSONHandler(log, nil)))
	require.NoError(t, err)
	w := newMemory(t)
	handler := admin.New(admin.Options{Operator: w.operator, Admins: admins, Logger: slog.New(slog.NewJSONHandler(log, nil))})
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); require.NoError(t, handler.Close()) })
	w.url = server.URL
	as := func(token string) int {
		return w.ask(t, http.MethodGet, "/tenants", "", "Authorization", "Bearer "+token).status
	}
	require.Equal(t, http.StatusOK, as(token))
	require.Equal(t, http.StatusOK, as(other))
	require.Contains(t, log.String(), `"operator":"ann"`)
	require.Contains(t, log.String(), `"operator":"bob@example.com"`)
	write("bob:" + other + "\n")
	require.Equal(t, http.StatusUnauthorized, as(token), "from the next request on")
	require.Equal(t, http.StatusOK, as(other))
	for _, wrong := range []string{"bob:short", ""} {
		write(wrong)
		require.Equal(t, http.StatusOK, as(other), "what it said before holds")
	}
	require.NoError(t, os.Remove(file))
	require.Equal(t, http.StatusOK, as(other))
	require.Contains(t, log.String(), "read the file of admin tokens")
	write("ann:" + token + "\n")
	require.Equal(t, http.StatusUnauthorized, as(other))
}

func TestTokensThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "there is no token in it",
		"# nothing":                            "there is no token in it",
		token:                                  "line 1 must be name:token",
		"a b:" + token:                         "line 1 must be name:token",
		"ann:" + token[1:]:                     "line 1: a token must have at least 32 characters",
		"\nann:" + token + " x":                "line 2: a token is printable ASCII without spaces",
		"ann:" + token + "\nbob:" + token:      "line 2 has a token that another line has",
		"ann:" + strings.Repeat("x", 1<<20+32): "has more than",
	} {
		file := filepath.Join(t.TempDir(), "tokens")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := admin.AdminsFromFile(file, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), token)
	}
	_, err := admin.OneAdmin("short")
	require.ErrorContains(t, err, "at least 32")
	_, err = admin.AdminsFromFile(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A deletion that is held up is answered at once, ends with its process, and
// goes on where it is asked for again.
func TestAnInterruptedDeletionGoesOn(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants", acme)
	w.want(t, http.StatusCreated, http.MethodPost, "/tenants/acme/accounts", `{"id":"user"}`)
	blocker := w.connect(t)
	_, err := blocker.Exec(t.Context(), "BEGIN; SELECT FROM linked_account FOR UPDATE")
	require.NoError(t, err)
	for range 2 {
		w.want(t, http.StatusAccepted, http.MethodDelete, "/tenants/acme", "")
	}
	require.NoError(t, w.handler.Close())
	require.Contains(t, w.log.String(), "tenant not deleted yet")
	_, err = blocker.Exec(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.Equal(t, "deleting", w.want(t, http.StatusOK, http.MethodGet, "/tenants/acme", "").json(t)["status"])
	admins, err := admin.OneAdmin(token)
	require.NoError(t, err)
	next := admin.New(admin.Options{Operator: w.operator, Admins: admins, Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(next)
	t.Cleanup(func() { server.Close(); require.NoError(t, next.Close()) })
	w.url = server.URL
	w.want(t, http.StatusAccepted, http.MethodDelete, "/tenants/acme", "")
	w.awaitGone(t, "acme")
}
