package dialects_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// The flag of the dialects' golden cases: here it means nothing, and
// "go test ./dialects/... -update" needs it in every package.
var _ = flag.Bool("update", false, "nothing: this package has no golden cases")

// toy is the smallest dialect. What comes of a request is the last segment of
// its path.
type toy struct {
	kit          *dialects.Kit
	log          bytes.Buffer
	observations []dialects.Observation
}

type toyRequest struct {
	name, query string
}

func (in *toyRequest) Bind(r *dialects.Request) error {
	in.name, in.query = r.Param("name"), r.Query().Get("q")
	return nil
}

type toyAnswer struct {
	Name  string   `json:"name"`
	Query string   `json:"query,omitzero"`
	Bad   chan int `json:"bad,omitzero"` // cannot be written
}

const internals = "password of 10.1.2.3"

// toyRemove answers as its path says.
func toyRemove(_ context.Context, _ *core.Principal, in toyRequest) (*dialects.Answer, error) {
	switch in.name {
	case "silently":
		return &dialects.Answer{}, nil
	case "empty":
		return &dialects.Answer{Status: http.StatusOK}, nil
	}
	return &dialects.Answer{Status: http.StatusAccepted, Body: []string{in.name}}, nil
}

func toyCall(_ context.Context, _ *core.Principal, in toyRequest) (*toyAnswer, error) {
	switch in.name {
	case "nothing":
		return nil, nil
	case "unwritable":
		return &toyAnswer{Bad: make(chan int)}, nil
	case "broken":
		return nil, errors.New(internals)
	case "speechless":
		return nil, &core.Error{Kind: core.Conflict, Message: "what no words are for"}
	case "away":
		return nil, &core.Error{Kind: core.Unavailable, Message: "the database is away", Err: errors.New(internals)}
	case "panic":
		panic(internals)
	case "abort":
		panic(http.ErrAbortHandler)
	}
	return &toyAnswer{Name: in.name, Query: in.query}, nil
}

func toyAuthenticate(_ context.Context, r *http.Request) (*core.Principal, error) {
	who := &core.Principal{Tenant: &core.Tenant{Name: "acme"}}
	switch r.Header.Get("Key") {
	case "":
		return nil, &core.Error{Kind: core.NoCredential, Message: "no key"}
	case "half":
		return who, &core.Error{Kind: core.NoAccount, Message: "half a key"}
	}
	return who, nil
}

func toyWord(f dialects.Failure) (int, any) {
	requestID := f.RequestID
	switch core.KindOf(f.Err) { //nolint:exhaustive // a toy
	case core.NoAccount:
		return http.StatusForbidden, []string{f.Principal.Tenant.Name, f.Request.Header.Get("Key")}
	case core.NoCredential:
		return http.StatusUnauthorized, []string{requestID, "who?"}
	case core.NoRoute:
		return http.StatusNotFound, []string{requestID, "where?"}
	case core.Unserved:
		return http.StatusNotImplemented, []string{requestID, f.Err.Error()}
	case core.Unavailable:
		return http.StatusServiceUnavailable, []string{requestID, "later"}
	case core.Conflict:
		return http.StatusConflict, make(chan int)
	}
	return http.StatusInternalServerError, []string{requestID, "sorry"}
}

func newToy(level slog.Level, trusted ...dialects.Proxies) *toy {
	k := &toy{}
	k.kit = dialects.New(dialects.Adapter{Name: "toy", Authenticate: toyAuthenticate, Word: toyWord}, dialects.Options{
		Logger:       slog.New(slog.NewJSONHandler(&k.log, &slog.HandlerOptions{Level: level})),
		Proxies:      append(trusted, dialects.Proxies{})[0],
		Observe:      func(o dialects.Observation) { k.observations = append(k.observations, o) },
		NewRequestID: func() string { return "the-id" },
	})
	dialects.Route(k.kit, http.MethodGet, "/toys/:name", "get_toy", http.StatusOK, toyCall)
	dialects.Route(k.kit, http.MethodPost, "/toys/:name", "make_toy", http.StatusAccepted, toyCall)
	dialects.Route(k.kit, http.MethodDelete, "/toys/:name", "remove_toy", http.StatusNoContent, toyRemove)
	return k
}

func (k *toy) do(method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Key", "k")
	w := httptest.NewRecorder()
	k.kit.ServeHTTP(w, r)
	return w
}

func TestRoutesAnswerWithTheirStatusAndTheRequestID(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	for target, want := range map[string]string{
		"/toys/x":             `{"name":"x"}`,
		"/toys/x/":            `{"name":"x"}`,
		"/toys/x?q=%3C%26%3E": `{"name":"x","query":"<&>"}`,
		"/toys/a%20b%2Fc":     `{"name":"a b/c"}`,
		"/toys/%FF":           "{\"name\":\"\uFFFD\"}",
	} {
		w := k.do(http.MethodGet, target)
		require.Equal(t, http.StatusOK, w.Code, target)
		require.Equal(t, want, w.Body.String(), target)
		require.Equal(t, "the-id", w.Header().Get("X-Request-Id"))
		require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	}
	require.Equal(t, http.StatusAccepted, k.do(http.MethodPost, "/toys/x").Code)
}

func TestNothingIsAnAnswerWithoutBody(t *testing.T) {
	t.Parallel()
	w := newToy(slog.LevelInfo).do(http.MethodGet, "/toys/nothing")
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Body.String())
	require.Empty(t, w.Header().Get("Content-Type"))
}

func TestWhatNoRouteMatchesIsTheDialectsToAnswer(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	for _, r := range [][2]string{
		{"GET", "/"},
		{"GET", "/toys"},
		{"GET", "/toys/"},
		{"GET", "/toys//"},
		{"GET", "/toys/x/y"},
		{"GET", "/toys/x%20/y"},
		{"GET", "/TOY%53/x"},
		{"PUT", "/toys/x"},
		{"BREW", "/toys/x"},
		{"GET", "/%FF"},
	} {
		w := k.do(r[0], r[1])
		require.Equal(t, http.StatusNotFound, w.Code, "%s", r)
		require.Equal(t, `["the-id","where?"]`, w.Body.String(), "%s", r)
	}
	for _, o := range k.observations {
		require.Equal(t, "none", o.Operation)
	}
}

// Only what no route takes as it is written is looked for in another case.
func TestFixedSegmentsAreTakenInAnyCaseAndParametersAsSent(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	for _, name := range []string{"Lost-and", "Lost%2Dand", "Lost%2dand/", "100%2525", "100%25", "a%20b", "a%2Fb", "%FF", "ü"} {
		want := k.do(http.MethodGet, "/toys/"+name)
		require.Equal(t, http.StatusOK, want.Code, name)
		w := k.do(http.MethodGet, "/TOYs/"+name+"?q=Q")
		require.Equal(t, http.StatusOK, w.Code, name)
		require.Equal(t, strings.TrimSuffix(want.Body.String(), "}")+`,"query":"Q"}`, w.Body.String(), name)
	}
	require.Equal(t, http.StatusNotFound, k.do(http.MethodPut, "/TOYS/x").Code)
	require.Contains(t, k.do(http.MethodOptions, "/TOYS/x").Header().Get("Allow"), "DELETE")
	for _, o := range k.observations[:4] {
		require.Equal(t, "get_toy", o.Operation)
	}
}

func TestAnAnswerMayHaveAStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newToy(slog.LevelInfo).kit)
	t.Cleanup(server.Close)
	for name, want := range map[string]struct {
		status            int
		contentType, body string
		length            []string
	}{
		"silently": {status: http.StatusNoContent},
		"empty":    {status: http.StatusOK, length: []string{"0"}},
		"loudly":   {http.StatusAccepted, "application/json; charset=utf-8", `["loudly"]`, []string{"10"}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, server.URL+"/toys/"+name, nil)
		require.NoError(t, err)
		r.Header.Set("Key", "k")
		reply, err := server.Client().Do(r)
		require.NoError(t, err, name)
		body, err := io.ReadAll(reply.Body)
		require.NoError(t, err, name)
		require.NoError(t, reply.Body.Close())
		require.Equal(t, want.status, reply.StatusCode, name)
		require.Equal(t, want.contentType, reply.Header.Get("Content-Type"), name)
		require.Equal(t, want.length, reply.Header["Content-Length"], name)
		require.Equal(t, want.body, string(body), name)
	}
}

func TestAFailureIsWordedWithWhatIsKnownOfItsRequest(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	r := httptest.NewRequest(http.MethodGet, "/toys/x", nil)
	r.Header.Set("Key", "half")
	w := httptest.NewRecorder()
	k.kit.ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.JSONEq(t, `["acme","half"]`, w.Body.String())
	require.Contains(t, k.log.String(), `"tenant":"acme"`)
}

func TestFailuresAreWordedAndNeverShown(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelDebug)
	for name, want := range map[string]struct {
		status int
		body   string
	}{
		"broken":     {http.StatusInternalServerError, `["the-id","sorry"]`},
		"panic":      {http.StatusInternalServerError, `["the-id","sorry"]`},
		"unwritable": {http.StatusInternalServerError, `["the-id","sorry"]`},
		"speechless": {http.StatusInternalServerError, ""},
		"away":       {http.StatusServiceUnavailable, `["the-id","later"]`},
	} {
		w := k.do(http.MethodGet, "/toys/"+name)
		require.Equal(t, want.status, w.Code, name)
		require.Equal(t, want.body, w.Body.String(), name)
		require.Equal(t, name == "away", w.Header().Get("Retry-After") == "1", name)
	}
}

func TestAbortedAnswersStayAborted(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { k.do(http.MethodGet, "/toys/abort") })
	require.Contains(t, k.log.String(), `"status":0`, "there was none")
	require.Contains(t, k.log.String(), "broken off")
}

func TestEachRequestIsObserved(t *testing.T) {
	t.Parallel()
	k := newToy(slog.LevelInfo)
	k.do(http.MethodGet, "/toys/x")
	k.do(http.MethodHead, "/toys/x")
	k.do(http.MethodPost, "/toys/panic")
	k.do(http.MethodGet, "/nope")
	k.kit.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/toys/x", nil))
	for i := range k.observations {
		require.GreaterOrEqual(t, k.observations[i].Duration.Nanoseconds(), int64(0))
		k.observations[i].Duration = 0
	}
	require.Equal(t, []dialects.Observation{
		{Dialect: "toy", Operation: "get_toy", Status: 200},
		{Dialect: "toy", Operation: "get_toy", Status: 200},
		{Dialect: "toy", Operation: "make_toy", Status: 500},
		{Dialect: "toy", Operation: "none", Status: 404},
		{Dialect: "toy", Operation: "get_toy", Status: 401},
	}, k.observations)
}

func TestTheLogTellsOfFailuresOnlyWhatAnOperatorNeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level       slog.Level
		name, line  string
		says, hides string
	}{
		{slog.LevelInfo, "broken", "ERROR", `"error":"` + internals, ""},
		{slog.LevelInfo, "away", "ERROR", `"error":"the database is away: ` + internals, ""},
		{slog.LevelInfo, "panic", "ERROR", `"panic":"string"`, internals},
		{slog.LevelInfo, "speechless", "ERROR", `"error":"what no words are for`, ""},
		{slog.LevelInfo, "x?q=s3cret", "INFO", `"tenant":"acme"`, "s3cret"},
		{slog.LevelInfo, "x/y", "INFO", `"operation":"none","tenant":""`, `"error"`},
		{slog.LevelDebug, "x/y?q=s3cret", "INFO", `"error":"GET /toys/x/y"`, "s3cret"},
	} {
		k := newToy(c.level)
		k.do(http.MethodGet, "/toys/"+c.name)
		log := k.log.String()
		require.Contains(t, log, `"level":"`+c.line+`","msg":"request"`, c.name)
		require.Equal(t, 1, strings.Count(log, `"msg":"request"`), c.name)
		require.Contains(t, log, c.says, c.name)
		if c.hides != "" {
			require.NotContains(t, log, c.hides, c.name)
		}
	}
}

func TestRequestIDsAreUUIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	k := dialects.New(dialects.Adapter{Name: "toy", Authenticate: toyAuthenticate, Word: toyWord},
		dialects.Options{Logger: slog.New(slog.DiscardHandler)})
	seen := map[string]bool{}
	for range 100 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Request-Id", "theirs")
		k.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-Id")
		require.True(t, core.TenantID(id).Valid(), "%q is no UUID", id)
		require.Contains(t, w.Body.String(), id)
		seen[id] = true
	}
	require.Len(t, seen, 100)
	require.NotContains(t, seen, "theirs")
}
