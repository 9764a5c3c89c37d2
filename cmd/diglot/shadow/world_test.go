package shadow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

const (
	org     = "6698b77a733c5ebd8908189e"
	app     = "my-app-id"
	account = "customer@example.com"

	// The keys that clients have at the vendor and bring along.
	refoldKey = "tk0a1b2c3d-0000-4000-8000-00000000c0de"
	cometKey  = "0123456789abcdef0123456789abcdef01234567"

	servers      = refold.Prefix + "/mcp-servers"
	cometServers = "/v3/ai-agents/agent-builder/mcp-servers"
)

// world is a gateway with one tenant, acme, which may be shadowed or be the peer.
type world struct {
	url      string
	service  *core.Service
	operator *core.Operator
	tenant   core.Tenant
	tokens   *refold.Tokens
	handler  http.Handler
	shadow   *shadow.Shadow // nil: there is none
	store    *leaving
	log      *dialecttest.Buffer
	access   *dialecttest.Buffer // the gateway's own log
}

// leaving is a database that may be away.
type leaving struct {
	core.Store

	away atomic.Bool
}

// KeyOwner implements [core.Store].
func (s *leaving) KeyOwner(ctx context.Context, dialect core.DialectName, hashes ...core.KeyHash) (core.Tenant, core.Key, error) {
	if s.away.Load() {
		return core.Tenant{}, core.Key{}, &core.Error{Kind: core.Unavailable, Noun: "service", Message: "the database is away"}
	}
	return s.Store.KeyOwner(ctx, dialect, hashes...)
}

// leave has the database be away, and nothing be known of it.
func (w *world) leave() {
	w.store.away.Store(true)
	w.service.ForgetCredentials()
}

// newWorld starts a gateway on a port of its own; config may be empty: no shadow.
func newWorld(t *testing.T, config string, options ...func(*shadow.Options)) *world {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	s := memstore.New()
	there := &leaving{Store: s}
	w := &world{
		store: there, service: core.NewService(there, secret, time.Now, core.NewIDSource()), operator: core.NewOperator(s, secret, time.Now),
		tokens: refold.NewTokens(secret, refold.DefaultLifetimes), log: &dialecttest.Buffer{}, access: &dialecttest.Buffer{},
	}
	w.tenant, err = w.operator.CreateTenant(t.Context(), core.Tenant{
		Name: "acme", Refold: &core.RefoldAddress{OrgID: org, Environment: core.Test}, CometChat: &core.CometChatAddress{AppID: app, Region: "us"},
	})
	require.NoError(t, err)
	for dialect, key := range map[core.DialectName]string{core.Refold: refoldKey, core.CometChat: cometKey} {
		_, err = w.operator.CreateKey(t.Context(), w.tenant, dialect, key)
		require.NoError(t, err)
	}
	_, err = w.operator.CreateAccount(t.Context(), w.tenant, account)
	require.NoError(t, err)
	o := dialects.Options{
		Logger:       slog.New(slog.NewJSONHandler(w.access, nil)),
		NewRequestID: func() string { return "0190a4e2-0000-7000-8000-000000000000" }, // an answer has it in it
	}
	if config != "" {
		so := shadow.Options{Config: readConfig(t, config), Log: w.log, Logger: o.Logger, Now: time.Now}
		for _, set := range options {
			set(&so)
		}
		w.shadow = shadow.New(so)
		o.Relay = w.shadow
	}
	var h http.Handler = gateway.New(w.service, w.tokens, gateway.DefaultLimits(), o)
	if w.shadow != nil {
		h = w.shadow.Serve(h)
		t.Cleanup(func() { w.shadow.Close(0) })
	}
	w.handler, w.url = h, serve(t, h.ServeHTTP)
	return w
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func readConfig(t *testing.T, text string) *shadow.Config {
	t.Helper()
	c, err := shadow.ReadConfig([]byte(text))
	require.NoError(t, err)
	return c
}

// rule is a configuration of one rule for a peer on this machine, with more lines
// of the rule's.
func rule(dialect core.DialectName, peer string, more ...string) string {
	text := fmt.Sprintf("allow_networks: [127.0.0.0/8]\nshadows:\n  - tenant: acme\n    dialect: %s\n    peer: %s\n    insecure_http: true\n", dialect, peer)
	for _, line := range more {
		text += "    " + line + "\n"
	}
	return text
}

// server puts a server into the tenant that has the same id everywhere, as a move
// does.
func (w *world) server(t *testing.T, id, slug, name string) {
	t.Helper()
	parsed, ok := core.ParseObjectID(id)
	require.True(t, ok)
	at := time.Date(2025, 7, 8, 12, 0, 0, 0, time.UTC)
	_, err := w.operator.ImportMCPServer(t.Context(), w.tenant, core.MCPServer{
		ID: parsed, Slug: slug, Name: name, Description: new("d"), URL: "http://localhost", CreatedAt: at, UpdatedAt: at, Revision: 1,
	})
	require.NoError(t, err)
}

type reply struct {
	status int
	header http.Header
	body   string
}

// refold and comet send requests of the tenant's clients.
func (w *world) refold(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	return send(t, method, w.url+path, body, append([]string{"x-api-key", refoldKey, "linked_account_id", account}, header...)...)
}

func (w *world) comet(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	return send(t, method, w.url+path, body, append([]string{"apikey", cometKey}, header...)...)
}

func send(t *testing.T, method, url, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res.StatusCode, res.Header, string(text)}
}

// patience is for what happens behind an answer, far longer than it takes.
const patience = 20 * time.Second

// records waits until so many are in the log, and gives them.
func (w *world) records(t *testing.T, n int) []shadow.Record {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(w.log.String(), "\n") >= n }, patience, 2*time.Millisecond, "records: %s", w.log)
	var list []shadow.Record
	for line := range strings.Lines(w.log.String()) {
		var r shadow.Record
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		list = append(list, r)
	}
	require.Len(t, list, n)
	return list
}

// counts waits until a counter of the shadow's is so high: a client has its answer
// before what becomes of its request is counted.
func (w *world) counts(t *testing.T, n int, name string, labels ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return w.counted(t, name, labels...) == n }, patience, time.Millisecond, "%s %v", name, labels)
}

// counted gives a counter of the shadow's, the sum over the labels that are not
// said.
func (w *world) counted(t *testing.T, name string, labels ...string) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.shadow.Collectors()...)
	families, err := registry.Gather()
	require.NoError(t, err)
	sum := 0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			fits := true
			for _, label := range m.GetLabel() {
				for i := 0; i < len(labels); i += 2 {
					fits = fits && (label.GetName() != labels[i] || label.GetValue() == labels[i+1])
				}
			}
			if fits {
				sum += int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	return sum
}
