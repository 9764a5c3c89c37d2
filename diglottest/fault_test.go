package diglottest_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/diglottest"
)

// inPlaceOf are what stands in a path for a parameter.
var inPlaceOf = strings.NewReplacer(
	"{mcp_server_id}", "686e2393750d509493c6d87d", "{linked_account_id}", "customer@example.com",
	"{slug}", "maps", "{uid}", "5d0e5a2c-8f31-4c6e-9b7a-003b9ac9ff01",
)

// Every failure that is documented of every operation is answered on demand, in
// its documented form, headers too; one that is not is never.
func TestAFaultByStatusIsAnsweredAsTheDialectDocumentsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     []byte
		dialect  string
		revision diglottest.Revision
	}{
		"legacy":    {refold.OpenAPI(core.RefoldLegacy), "refold", diglottest.Legacy},
		"v3":        {refold.OpenAPI(core.RefoldV3), "refold", diglottest.V3},
		"cometchat": {cometchat.OpenAPI(), "cometchat", diglottest.Legacy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := openapitest.Load(name, c.text)
			require.NoError(t, err)
			s := diglottest.New(t, diglottest.WithRevision(c.revision))
			client, token := s.RefoldClient(), s.RefoldToken()
			if c.dialect == "cometchat" {
				client = s.CometChatClient()
			}
			seen := 0
			for _, of := range document.Cases() {
				if of.Status < http.StatusBadRequest {
					continue
				}
				seen++
				s.SetFaults(1, diglottest.Fault{Dialect: c.dialect, Operation: of.Operation.ID, Status: of.Status})
				headers, body := []string{}, ""
				if !slices.Contains(of.Operation.Security, "apiKey") { // a token's own
					headers = append(headers, "Authorization", "Bearer "+token)
				}
				if of.Operation.RequestBody() != nil {
					body = `{"slug":"maps","name":"n","mcpServers":["maps"]}`
				}
				at, err := url.Parse(s.URL() + inPlaceOf.Replace(of.Operation.Path))
				require.NoError(t, err)
				r := send(t, client, of.Operation.Method, at.String(), body, headers...)
				require.Equal(t, of.Status, r.status, "%s: %s", of, r.body)
				_, err = document.Check(openapitest.Exchange{
					Method: of.Operation.Method, URL: at, RequestBody: []byte(body), Status: r.status, Header: r.header, Body: []byte(r.body),
				})
				require.NoError(t, err, "%s", of)
			}
			require.Greater(t, seen, 70)
		})
	}
}

// What fails by itself and what fails by a fault are the same bytes.
func TestAFaultIsTheBytesOfTheFailureItself(t *testing.T) {
	t.Parallel()
	const maps = `{"name":"Maps","slug":"maps","url":"http://localhost"}`
	for _, c := range []struct {
		name, dialect, method, path, body string
		status                            int
		headers                           []string
	}{
		{"no server", "refold", http.MethodGet, "/mcp-servers/686e2393750d509493c6d87d", "", 404, nil},
		{"no account", "refold", http.MethodGet, "/linked-account/nobody", "", 404, nil},
		{"no account to delete", "refold", http.MethodDelete, "/linked-account/nobody", "", 404, []string{refold.RevisionHeader, "v3"}},
		{"no name", "refold", http.MethodPost, "/mcp-servers", `{}`, 400, nil},
		{"name is taken", "refold", http.MethodPost, "/mcp-servers", `{"name":"Maps","description":"d"}`, 409, nil},
		{"wrong key", "refold", http.MethodGet, "/mcp-servers", "", 401, []string{"x-api-key", "tkwrong"}},
		{"no account for a token", "refold", http.MethodPost, "/session-token", `{}`, 400, nil},
		{"packed", "refold", http.MethodPost, "/mcp-servers", `{}`, 415, []string{"Content-Encoding", "BR"}},
		{"packed", "cometchat", http.MethodPost, "/mcp-servers", maps, 415, []string{"Content-Encoding", "BR"}},
		{"no server", "cometchat", http.MethodGet, "/mcp-servers/nothing", "", 404, nil},
		{"no agent", "cometchat", http.MethodGet, "/agents/5d0e5a2c-8f31-4c6e-9b7a-003b9ac9ff01", "", 404, nil},
		{"no server for an agent", "cometchat", http.MethodPost, "/agents", `{"name":"n","mcpServers":["gone"]}`, 404, nil},
		{"slug is taken", "cometchat", http.MethodPost, "/mcp-servers", maps, 409, nil},
		{"wrong limit", "cometchat", http.MethodGet, "/mcp-servers?limit=x", "", 400, nil},
		{"wrong key", "cometchat", http.MethodGet, "/mcp-servers", "", 401, []string{"apikey", "0123456789012345678901234567890123456789"}},
	} {
		t.Run(c.dialect+" "+c.name, func(t *testing.T) {
			t.Parallel()
			var answers []reply
			for _, byFault := range []bool{false, true} {
				s := diglottest.New(t, diglottest.WithIDSeed(1), diglottest.WithNow(epoch))
				r := send(t, s.CometChatClient(), http.MethodPost, s.CometChatURL()+"/mcp-servers", maps)
				require.Equal(t, http.StatusCreated, r.status)
				client, base := s.RefoldClient(), s.RefoldURL()
				if c.dialect == "cometchat" {
					client, base = s.CometChatClient(), s.CometChatURL()
				}
				if byFault {
					s.AddFaults(diglottest.Fault{Dialect: c.dialect, Status: c.status})
				}
				answers = append(answers, send(t, client, c.method, base+c.path, c.body, c.headers...))
				require.Equal(t, byFault, s.Requests(diglottest.Filter{})[1].Fault != nil)
			}
			require.Equal(t, c.status, answers[0].status)
			require.Equal(t, answers[0], answers[1])
		})
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func TestTooManyRequestsIsAnsweredWithItsHeaders(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithNow(epoch), diglottest.WithFaults(diglottest.Fault{Status: http.StatusTooManyRequests}))
	r := send(t, s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.Equal(t, "55", r.header.Get("Retry-After"), "the minute ends")
	reset := []string{"1767323100"}
	require.Equal(t, []string{"20000"}, r.header["X-Rate-Limit"])
	require.Equal(t, []string{"0"}, r.header["X-Rate-Limit-Remaining"])
	require.Equal(t, reset, r.header["X-Rate-Limit-Reset"])
	require.Equal(t, reset, r.header[http.CanonicalHeaderKey("X-RateLimit-Reset")])
	r = send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/mcp-servers", "")
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.Equal(t, "55", r.header.Get("Retry-After"))
}

func TestAConnectionIsResetAndABodyTruncated(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	s.SetFaults(1, diglottest.Fault{Reset: true})
	_, err := try(s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"n","description":"d"}`)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	came := s.Requests(diglottest.Filter{})
	require.Len(t, came, 1)
	require.Zero(t, came[0].Status)
	require.JSONEq(t, `{"name":"n","description":"d"}`, string(came[0].Body))

	s.SetFaults(1, diglottest.Fault{Truncate: new(10)})
	answer, err := s.RefoldClient().Get(s.RefoldURL() + "/mcp-servers")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, body, 10)
	require.Greater(t, answer.ContentLength, int64(10))

	s.SetFaults(1, diglottest.Fault{Status: http.StatusInternalServerError, Truncate: new(0)})
	answer, err = s.CometChatClient().Get(s.CometChatURL() + "/agents")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	_, err = io.ReadAll(answer.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	s.SetFaults(1)
	r := send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/mcp-servers", "")
	require.InDelta(t, 0, r.json(t)["totalDocs"], 0, "the one that was reset did nothing")
}

func TestAnAnswerMayBeAnyOneIsGiven(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithFaults(diglottest.Fault{
		Status: http.StatusBadGateway, Body: new("<h1>Bad Gateway</h1>"), Headers: map[string]string{"Content-Type": "text/html", "Server": "nginx"},
	}))
	r := send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/nothing", "")
	require.Equal(t, http.StatusBadGateway, r.status)
	require.Equal(t, "<h1>Bad Gateway</h1>", r.body)
	require.Equal(t, "text/html", r.header.Get("Content-Type"))
	require.Equal(t, "nginx", r.header.Get("Server"))
}

// waits notes what would be waited, and waits for nothing.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) sleep(_ context.Context, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
}

func (w *waits) sorted() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.all))
}

// The seed makes what is drawn the same at each run: these are no measurements.
func TestLatenciesAreDistributedAsTheRuleSays(t *testing.T) {
	t.Parallel()
	const n = 1000
	ms := func(n float64) diglottest.Duration { return diglottest.Duration(n * float64(time.Millisecond)) }
	for name, c := range map[string]struct {
		latency diglottest.Latency
		at      map[float64]float64 // milliseconds at a quantile
		within  float64             // of that
	}{
		"fixed":     {diglottest.Latency{Fixed: ms(70)}, map[float64]float64{0: 70, 0.5: 70, 1: 70}, 0},
		"uniform":   {diglottest.Latency{Uniform: &[2]diglottest.Duration{ms(10), ms(50)}}, map[float64]float64{0: 10, 0.25: 20, 0.5: 30, 0.75: 40, 1: 50}, 0.1},
		"lognormal": {diglottest.Latency{Lognormal: &diglottest.Lognormal{Median: ms(50), Sigma: 0.5}}, map[float64]float64{0.1587: 50 * math.Exp(-0.5), 0.5: 50, 0.8413: 50 * math.Exp(0.5)}, 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w waits
			s := diglottest.New(t, diglottest.WithSleep(w.sleep), diglottest.WithFaults(diglottest.Fault{Latency: &c.latency}))
			client := s.CometChatClient()
			for range n {
				r := send(t, client, http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
				require.Equal(t, http.StatusOK, r.status, "it is answered all the same")
			}
			drawn := w.sorted()
			require.Len(t, drawn, n)
			for quantile, want := range c.at {
				got := float64(drawn[int(quantile*(n-1))]) / float64(time.Millisecond)
				require.InDelta(t, want, got, want*c.within, "%g", quantile)
			}
		})
	}
}

// A client that gives up is not waited for.
func TestLatencyEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithFaults(diglottest.Fault{Latency: &diglottest.Latency{Fixed: diglottest.Duration(50 * time.Second)}}))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.RefoldURL()+"/mcp-servers", nil)
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		answer, err := s.RefoldClient().Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { return fired(t, s)[0] == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Eventually(t, func() bool { return len(s.Requests(diglottest.Filter{})) == 1 }, 10*time.Second, time.Millisecond)
}

func fired(t *testing.T, s *diglottest.Server) (counts []int) {
	t.Helper()
	r := send(t, http.DefaultClient, http.MethodGet, s.URL()+"/_diglot/faults", "")
	for _, rule := range r.json(t)["rules"].([]any) {
		counts = append(counts, int(rule.(map[string]any)["fired"].(float64)))
	}
	return counts
}

func TestTheFirstRuleThatMatchesIsTheOneThatIsMet(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithTenants("one", "two"), diglottest.WithFaults(
		diglottest.Fault{Dialect: "cometchat", Status: 503},
		diglottest.Fault{Method: http.MethodDelete, Status: 500},
		diglottest.Fault{Route: "/api/v2/public/mcp-servers/{id}", Status: 404},
		diglottest.Fault{Tenant: "two", Status: 429},
		diglottest.Fault{Operation: "list_linked_accounts", Count: new(2), Status: 500},
	))
	one, two := s.RefoldClient(), s.Tenant("two").RefoldClient()
	const id = "/686e2393750d509493c6d87d"
	for _, c := range []struct {
		client       *http.Client
		method, path string
		status       int
	}{
		{s.CometChatClient(), http.MethodGet, s.CometChatURL() + "/agents", 503},
		{one, http.MethodDelete, s.RefoldURL() + "/mcp-servers" + id, 500},
		{one, http.MethodGet, s.RefoldURL() + "/mcp-servers" + id, 404},
		{two, http.MethodGet, s.RefoldURL() + "/mcp-servers" + id, 404},
		{two, http.MethodGet, s.RefoldURL() + "/mcp-servers", 429},
		{one, http.MethodGet, s.RefoldURL() + "/mcp-servers", 200},
		{one, http.MethodGet, s.RefoldURL() + "/linked-account", 500},
		{one, http.MethodGet, s.RefoldURL() + "/linked-account", 500},
		{one, http.MethodGet, s.RefoldURL() + "/linked-account", 200},
	} {
		require.Equal(t, c.status, send(t, c.client, c.method, c.path, "").status, "%s %s", c.method, c.path)
	}
	require.Equal(t, []int{1, 1, 2, 1, 2}, fired(t, s))
}

// Each run of the same requests meets the same faults; another seed, others.
func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, more ...diglottest.Fault) (met string) {
		s := diglottest.New(t)
		s.SetFaults(seed, append([]diglottest.Fault{{Operation: "list_agents", Probability: new(0.3), Status: 503}}, more...)...)
		client := s.CometChatClient()
		for range 200 {
			status := send(t, client, http.MethodGet, s.CometChatURL()+"/agents", "").status
			met += map[int]string{200: ".", 503: "x", 500: "o"}[status]
		}
		return met
	}
	first := run(1)
	require.Equal(t, first, run(1))
	require.NotEqual(t, first, run(2))
	require.InDelta(t, 60, strings.Count(first, "x"), 15)
	second := run(1, diglottest.Fault{Probability: new(0.5), Status: 500})
	require.Equal(t, first, strings.ReplaceAll(second, "o", "."), "one more rule changes nothing of the first")
	require.InDelta(t, 70, strings.Count(second, "o"), 20)
}

func TestARuleThatCanDoNothingIsRefused(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	for body, member := range map[string]string{
		`{"dialect":"soap","status":500}`:                      "/dialect",
		`{"status":502}`:                                       "/status",
		`{"status":409,"operation":"get_agent"}`:               "/status",
		`{"status":204}`:                                       "/status",
		`{"status":500,"operation":"none"}`:                    "/status",
		`{"probability":2,"reset":true}`:                       "/probability",
		`{"count":0,"reset":true}`:                             "/count",
		`{"reset":true,"status":500}`:                          "/reset",
		`{"method":"GET"}`:                                     "",
		`{"body":"x"}`:                                         "/status",
		`{"latency":{}}`:                                       "/latency",
		`{"latency":{"fixed":"2m"}}`:                           "/latency",
		`{"latency":{"uniform":["2s","1s"]}}`:                  "/latency",
		`{"latency":{"lognormal":{"median":"1s","sigma":-1}}}`: "/latency",
		`{"truncate":-1}`:                                      "/truncate",
		`{"route":"mcp-servers","reset":true}`:                 "/route",
		`{"rout":"/x","reset":true}`:                           "/rout",
		`{"status":500,"route":"/api/v2/public/none/{id}"}`:    "/route",
		`{"status":501,"route":"/api/v2/public/mcp-servers","dialect":"refold"}`:     "/status",
		`{"status":404,"route":"/v3/ai-agents/agent-builder/agents","method":"GET"}`: "/status",
	} {
		r := send(t, http.DefaultClient, http.MethodPost, s.URL()+"/_diglot/faults", body)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%s: %s", body, r.body)
		require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
		first := r.json(t)["errors"].([]any)[0].(map[string]any)
		pointer, _ := first["pointer"].(string)
		require.Equal(t, member, pointer, "%s: %s", body, r.body)
	}
	require.Empty(t, fired(t, s))
}
