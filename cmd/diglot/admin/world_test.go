package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/memstore"
	"github.com/diglot/diglot/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const token = "0123456789abcdefghijklmnopqrstuv"

// world is the API over TCP, over a store of its own. Each answer that it gives
// is held to the document.
type world struct {
	url       string
	handler   *admin.Handler
	operator  *core.Operator
	directory core.Directory
	log       *dialecttest.Buffer
	document  *openapitest.Document
	coverage  *openapitest.Coverage

	databaseURL string       // empty: memory
	store       *store.Store // nil: memory
}

func newMemory(t *testing.T) *world {
	t.Helper()
	return newWorld(t, memstore.New())
}

func newPostgres(t *testing.T) *world {
	t.Helper()
	url := storetest.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := newWorld(t, s)
	w.databaseURL, w.store = url, s
	return w
}

func newWorld(t *testing.T, d core.Directory) *world {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	admins, err := admin.OneAdmin(token)
	require.NoError(t, err)
	w := &world{directory: d, operator: core.NewOperator(d, secret, time.Now), log: &dialecttest.Buffer{}}
	w.handler = admin.New(admin.Options{
		Operator: w.operator, Tokens: refold.NewTokens(secret, refold.DefaultLifetimes), Admins: admins,
		Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	t.Cleanup(func() { require.NoError(t, w.handler.Close()) })
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.document, err = openapitest.Load("admin", admin.OpenAPI())
	require.NoError(t, err)
	w.coverage = openapitest.NewCoverage(w.document)
	return w
}

// answer is what a request was answered.
type answer struct {
	status int
	header http.Header
	text   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.text), &v), "%d %s", a.status, a.text)
	return v
}

// ask sends a request with the token, below the prefix; headers are name, value
// pairs. The answer is held to the document where that has the operation.
func (w *world) ask(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+admin.Prefix+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	w.hold(t, req, []byte(body), res, text)
	return answer{res.StatusCode, res.Header, string(text)}
}

func (w *world) hold(t *testing.T, req *http.Request, body []byte, res *http.Response, text []byte) {
	t.Helper()
	if w.document.Operation(req.Method, req.URL) == nil {
		return
	}
	require.NoError(t, w.coverage.Hold(openapitest.Exchange{
		Method: req.Method, URL: req.URL, RequestBody: body, Status: res.StatusCode, Header: res.Header, Body: text,
	}, req.Header))
}

// want is ask for an answer of a status.
func (w *world) want(t *testing.T, status int, method, path, body string, headers ...string) answer {
	t.Helper()
	a := w.ask(t, method, path, body, headers...)
	require.Equal(t, status, a.status, "%s %s %s: %s", method, path, body, a.text)
	return a
}

const acme = `{"name":"acme","refold":{"org":"6698b77a733c5ebd8908189e","env":"test","revision":"v3","require_accounts":true,` +
	`"protect_servers":true},"cometchat":{"app":"acme-app","region":"us"},"url_template":"https://mcp.example.com/{slug}",` +
	`"etags":"strong","require_if_match":true,` +
	`"limits":{"base":"vendor","rate":600,"burst":20,"concurrency":50,"max_body":65536,"max_servers":100}}`

// awaitGone waits until the tenant is deleted.
func (w *world) awaitGone(t *testing.T, tenant string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := w.operator.Tenant(context.WithoutCancel(t.Context()), tenant)
		return core.KindOf(err) == core.NotFound
	}, 20*time.Second, time.Millisecond)
}
