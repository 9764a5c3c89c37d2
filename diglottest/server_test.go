package diglottest_test

import (
	"io"
	"net/http"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/diglottest"
	"github.com/diglot/diglot/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t *testing.T) (members map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), &members), r.body)
	return members
}

func try(client *http.Client, method, url, body string, headers ...string) (reply, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, string(text)}, err
}

func send(t *testing.T, client *http.Client, method, url, body string, headers ...string) reply {
	t.Helper()
	r, err := try(client, method, url, body, headers...)
	require.NoError(t, err)
	return r
}

func TestAServerHasBothVendorsAPIsAndCredentialsForThem(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]diglottest.Option{
		"memory": nil, "postgres": {diglottest.WithPostgres(storetest.NewEmpty(t))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := diglottest.New(t, options...)
			require.Equal(t, "test", s.Name())
			made := send(t, s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"Weather","description":"d"}`)
			require.Equal(t, http.StatusCreated, made.status, made.body)
			r := send(t, s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/mcp-servers/weather", "")
			require.Equal(t, http.StatusOK, r.status, r.body)
			require.Equal(t, s.CometChatApp(), r.json(t)["appId"])
			r = send(t, http.DefaultClient, http.MethodGet, s.RefoldURL()+"/mcp-servers/"+made.json(t)["_id"].(string), "", "Authorization", "Bearer "+s.RefoldToken())
			require.Equal(t, http.StatusOK, r.status, r.body)
			r = send(t, http.DefaultClient, http.MethodGet, s.RefoldURL()+"/mcp-servers", "", "x-api-key", s.RefoldKey(), "linked_account_id", s.Account())
			require.Equal(t, http.StatusOK, r.status, r.body)
			r = send(t, http.DefaultClient, http.MethodGet, s.CometChatURL()+"/mcp-servers", "", "apikey", s.CometChatKey())
			require.Equal(t, http.StatusOK, r.status, r.body)
			r = send(t, http.DefaultClient, http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
			require.Equal(t, http.StatusUnauthorized, r.status, r.body)
			require.Equal(t, http.StatusOK, send(t, http.DefaultClient, http.MethodGet, s.URL()+"/docs", "").status)
		})
	}
}

// Each of many at once sees what it made and nothing else.
func TestParallelServersShareNothing(t *testing.T) {
	t.Parallel()
	for range 16 {
		t.Run("server", func(t *testing.T) {
			t.Parallel()
			s := diglottest.New(t, diglottest.WithIDSeed(1))
			for i := range 5 {
				slug := string(rune('a' + i))
				r := send(t, s.CometChatClient(), http.MethodPost, s.CometChatURL()+"/mcp-servers", `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`)
				require.Equal(t, http.StatusCreated, r.status, r.body)
			}
			r := send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/mcp-servers", "")
			require.InDelta(t, 5, r.json(t)["totalDocs"], 0, r.body)
			require.Len(t, s.Requests(diglottest.Filter{}), 6)
		})
	}
}

func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t, diglottest.WithTenants("one", "two"), diglottest.WithRevision(diglottest.V3))
	two := s.Tenant("two")
	require.NotEqual(t, s.RefoldKey(), two.RefoldKey())
	r := send(t, s.RefoldClient(), http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"Weather","description":"d"}`)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	id := r.json(t)["_id"].(string)
	r = send(t, two.RefoldClient(), http.MethodGet, two.RefoldURL()+"/mcp-servers/"+id, "")
	require.Equal(t, http.StatusNotFound, r.status)
	require.Equal(t, "MCPEntry not found", r.json(t)["message"], "v3's words")
	r = send(t, two.CometChatClient(), http.MethodGet, two.CometChatURL()+"/mcp-servers/weather", "")
	require.Equal(t, http.StatusNotFound, r.status)
}

// What a server began ends with its test.
func TestNothingIsLeftBehind(t *testing.T) { //nolint:paralleltest // it counts goroutines
	before := runtime.NumGoroutine()
	t.Run("servers", func(t *testing.T) {
		for range 10 {
			s := diglottest.New(t, diglottest.WithFaults(diglottest.Fault{Operation: "get_mcp_server", Reset: true}))
			send(t, s.RefoldClient(), http.MethodGet, s.RefoldURL()+"/mcp-servers", "")
			_, err := try(s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/mcp-servers/x", "")
			require.Error(t, err)
		}
	})
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Whoever imports the package gets no engine for containers, and nothing that
// starts a PostgreSQL.
func TestItBringsNoTestCode(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/diglot/diglot/diglottest").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "github.com/diglot/diglot/core\n")
	for _, denied := range []string{"testcontainers", "diglot/store/storetest", "diglot/store/localpg", "diglot/core/coretest", "diglot/dialects/dialecttest", "stretchr/testify", "net/http/httptest"} {
		require.NotContains(t, string(out), denied)
	}
}

// scope ends before its test does.
type scope struct {
	testing.TB

	ends []func()
}

// Cleanup implements [testing.TB].
func (s *scope) Cleanup(end func()) { s.ends = append(s.ends, end) }

func (s *scope) end() {
	for _, end := range slices.Backward(s.ends) {
		end()
	}
}

// BenchmarkNew is how long a test waits for its server, up to the first answer: half
// of them no longer than median-ms.
func BenchmarkNew(b *testing.B) {
	var waits []time.Duration
	for b.Loop() {
		of, begin := &scope{TB: b}, time.Now()
		s := diglottest.New(of)
		r, err := try(s.CometChatClient(), http.MethodGet, s.CometChatURL()+"/mcp-servers", "")
		waits = append(waits, time.Since(begin))
		b.StopTimer()
		if err != nil || r.status != http.StatusOK {
			b.Fatal(r, err)
		}
		of.end()
		b.StartTimer()
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2])/float64(time.Millisecond), "median-ms")
}
