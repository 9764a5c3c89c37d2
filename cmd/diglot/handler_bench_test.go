package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

// BenchmarkRead is what the gateway itself adds to a read: everything but the
// connection and the database.
func BenchmarkRead(b *testing.B) {
	s := memstore.New()
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(b, err)
	service := core.NewService(s, secret, time.Now, core.NewIDSource())
	go service.Watch(b.Context())
	o := core.NewOperator(s, secret, time.Now)
	d, err := makeDemo(b.Context(), o, secret)
	require.NoError(b, err)
	t, err := o.Tenant(b.Context(), demoTenant)
	require.NoError(b, err)
	server, err := service.CreateMCPServer(b.Context(), t.ID, core.NewMCPServer{Name: "Weather", Slug: "weather", URL: "http://localhost"})
	require.NoError(b, err)
	tokens := refold.NewTokens(secret, refold.DefaultLifetimes)
	session, err := o.IssueSession(b.Context(), t, core.NewSession{Account: demoAccount, Lifetime: time.Hour})
	require.NoError(b, err)
	token, err := tokens.Token(*t.Refold, session.SessionID)
	require.NoError(b, err)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(b, err)
	m := newMetrics()
	g := gateway.New(service, tokens, gateway.Limits{AnswerMemory: dialects.DefaultAnswerMemory}, dialects.Options{Logger: slog.New(slog.NewJSONHandler(null, nil)), Observe: m.observe})
	for name, c := range map[string]struct {
		path   string
		header http.Header
	}{
		"refold/key":   {"/api/v2/public/mcp-servers/" + server.ID.String(), http.Header{"X-Api-Key": {d.refoldKey}, "Linked_account_id": {demoAccount}}},
		"refold/token": {"/api/v2/public/mcp-servers/" + server.ID.String(), http.Header{"Authorization": {"Bearer " + token}}},
		"cometchat":    {"/v3/ai-agents/agent-builder/mcp-servers/weather", http.Header{"Apikey": {d.cometChatKey}}},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			r.Header = c.header
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				g.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
