package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/memstore"
	"github.com/diglot/diglot/store/storetest"
)

// inProcess is a gateway in this process, over TCP, and its operator.
type inProcess struct {
	url      string
	operator *core.Operator
	service  *core.Service
	tokens   *refold.Tokens

	store     core.Store
	directory core.Directory
	secret    *core.Secret
}

// eachStore runs a test over the memory store and over PostgreSQL, there as
// the role that requests are served as.
func eachStore(t *testing.T, run func(t *testing.T, g *inProcess)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		s := memstore.New()
		run(t, newInProcess(t, s, s))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.New(t)
		operator, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Operator})
		require.NoError(t, err)
		t.Cleanup(operator.Close)
		runtime, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Runtime})
		require.NoError(t, err)
		t.Cleanup(runtime.Close)
		run(t, newInProcess(t, runtime, operator))
	})
}

func newInProcess(t *testing.T, s core.Store, d core.Directory) *inProcess {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	service := core.NewService(s, secret, time.Now, core.NewIDSource())
	g := &inProcess{store: s, directory: d, secret: secret, operator: core.NewOperator(d, secret, time.Now), service: service, tokens: refold.NewTokens(secret, refold.DefaultLifetimes)}
	server := httptest.NewServer(newGateway(service, g.tokens, rateLimits{}, dialects.Options{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// credentials is a tenant's way in, by name of the way.
type credentials map[string][]string

const testAccount = "customer@example.com"

// tenant makes a tenant with both addresses and every kind of credential.
func (g *inProcess) tenant(t *testing.T, name, org, app string) (core.Tenant, credentials) {
	t.Helper()
	ctx := t.Context()
	tenant, err := g.operator.CreateTenant(ctx, core.Tenant{
		Name: name, Refold: &core.RefoldAddress{OrgID: org, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: app, Region: "us"},
	})
	require.NoError(t, err)
	refoldKey, cometChatKey := refold.NewAPIKey(core.Test), cometchat.NewAPIKey()
	_, err = g.operator.CreateKey(ctx, tenant, core.Refold, refoldKey)
	require.NoError(t, err)
	_, err = g.operator.CreateKey(ctx, tenant, core.CometChat, cometChatKey)
	require.NoError(t, err)
	_, err = g.operator.CreateAccount(ctx, tenant, testAccount)
	require.NoError(t, err)
	token := g.token(t, *tenant.Refold, g.session(t, tenant).SessionID)
	return tenant, credentials{
		"key":    {"x-api-key", refoldKey, "linked_account_id", testAccount},
		"token":  {"Authorization", "Bearer " + token},
		"apikey": {"apikey", cometChatKey},
	}
}

// session issues one of the tenant's account.
func (g *inProcess) session(t *testing.T, tenant core.Tenant) core.Session {
	t.Helper()
	s, err := g.operator.IssueSession(t.Context(), tenant, core.NewSession{Account: testAccount, Lifetime: time.Hour, Fresh: true})
	require.NoError(t, err)
	return s
}

func (g *inProcess) token(t *testing.T, address core.RefoldAddress, id core.SessionID) string {
	t.Helper()
	token, err := g.tokens.Token(address, id)
	require.NoError(t, err)
	return token
}

// aRoute is an operation on one server or on all. One that takes a key alone,
// or a token alone, refuses the other as it refuses none.
type aRoute struct{ dialect, method, path, body string }

// The linked account that a tenant keeps and another may not see.
const confidentialAccount = "confidential@example.com"

func routesFor(id, slug, agent string) []aRoute {
	const r, c = "/api/v2/public/mcp-servers", "/v3/ai-agents/agent-builder/mcp-servers"
	const a, l = "/v3/ai-agents/agent-builder/agents", "/api/v2/public/linked-account"
	return []aRoute{
		{"refold", http.MethodGet, r, ""},
		{"refold", http.MethodPost, r, `{"name":"Another","description":"d"}`},
		{"refold", http.MethodGet, r + "/" + id, ""},
		{"refold", http.MethodPut, r + "/" + id, `{"description":"stolen"}`},
		{"refold", http.MethodDelete, r + "/" + id, ""},
		{"refold", http.MethodGet, l, ""},
		{"refold", http.MethodPost, l, `{"account_id":"another"}`},
		{"refold", http.MethodPut, l, `{"account_id":"another","name":"stolen"}`},
		{"refold", http.MethodGet, l + "/" + confidentialAccount, ""},
		{"refold", http.MethodDelete, l + "/" + confidentialAccount, ""},
		{"refold", http.MethodGet, "/api/v2/public/session/active-linked-account", ""},
		{"refold", http.MethodPost, "/api/v2/public/session-token", `{"linked_account_id":"` + confidentialAccount + `"}`},
		{"refold", http.MethodPost, "/api/v2/public/session-token/revoke", ""},
		{"cometchat", http.MethodGet, c, ""},
		{"cometchat", http.MethodPost, c, `{"name":"n","slug":"another","url":"http://localhost"}`},
		{"cometchat", http.MethodGet, c + "/" + slug, ""},
		{"cometchat", http.MethodPatch, c + "/" + slug, `{"description":"stolen"}`},
		{"cometchat", http.MethodDelete, c + "/" + slug, ""},
		{"cometchat", http.MethodGet, a, ""},
		{"cometchat", http.MethodGet, a + "?search=confidential", ""},
		{"cometchat", http.MethodPost, a, `{"name":"another"}`},
		{"cometchat", http.MethodPost, a, `{"name":"another","mcpServers":["` + slug + `"]}`},
		{"cometchat", http.MethodGet, a + "/" + agent, ""},
		{"cometchat", http.MethodPatch, a + "/" + agent, `{"instruction":"stolen"}`},
		{"cometchat", http.MethodPatch, a + "/" + agent + "/mcp/add", `{"mcps":[]}`},
		{"cometchat", http.MethodPatch, a + "/" + agent + "/mcp/remove", `{"mcps":["` + slug + `"]}`},
		{"cometchat", http.MethodDelete, a + "/" + agent, ""},
	}
}

func TestAnotherTenantsCredentialGetsNothingOnAnyRoute(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		victim, _ := g.tenant(t, "victim", "6698b77a733c5ebd8908189e", "victim-app")
		_, thief := g.tenant(t, "thief", "6500a1b2c3d4e5f6a7b8c9d0", "thief-app")
		s, err := g.service.CreateMCPServer(t.Context(), victim.ID, core.NewMCPServer{Name: "Confidential", Slug: "confidential", URL: "http://localhost/confidential"})
		require.NoError(t, err)
		agent, err := g.service.CreateAgent(t.Context(), victim.ID, core.NewAgent{
			Name: "Confidential", Instruction: new("Confidential"), MCPServers: []string{s.Slug},
		})
		require.NoError(t, err)
		account, err := g.service.CreateLinkedAccount(t.Context(), victim.ID, core.NewAccount{
			ID: confidentialAccount, Name: new("Confidential name"),
		})
		require.NoError(t, err)
		for _, route := range routesFor(s.ID.String(), s.Slug, string(agent.UID)) {
			for way, headers := range thief {
				if (route.dialect == "cometchat") != (way == "apikey") {
					continue
				}
				r := send(t, route.method, g.url+route.path, route.body, headers...)
				body := strings.ReplaceAll(r.body, "MCP server not found: confidential", "")
				body = strings.ReplaceAll(body, "account id "+confidentialAccount, "")
				body = strings.ReplaceAll(body, "account id : "+confidentialAccount, "")
				if strings.HasSuffix(route.path, confidentialAccount) || strings.Contains(route.body, confidentialAccount) {
					require.GreaterOrEqual(t, r.status, 400, "%s %s by %s", route.method, route.path, way)
				}
				body = strings.ReplaceAll(body, `"details":{"slug":"confidential"}`, "")
				body = strings.ReplaceAll(body, `"details":{"slugs":["confidential"]}`, "")
				require.NotContains(t, strings.ToLower(body), "confidential", "%s %s by %s", route.method, route.path, way)
				if strings.Contains(route.path, "/mcp-servers/") || strings.Contains(route.path, "/agents/") || strings.Contains(route.body, `"`+s.Slug+`"`) {
					require.Equal(t, http.StatusNotFound, r.status, "%s %s by %s", route.method, route.path, way)
				}
			}
		}
		after, err := g.service.MCPServer(t.Context(), victim.ID, core.ByID(s.ID))
		require.NoError(t, err)
		require.Equal(t, s, after, "nothing of it changed")
		_, total, err := g.service.MCPServerPage(t.Context(), victim.ID, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total)
		agents, err := g.service.AgentsFrom(t.Context(), victim.ID, core.AgentQuery{Limit: 10})
		require.NoError(t, err)
		require.Equal(t, []core.Agent{agent}, agents, "nothing of it changed")
		got, err := g.service.LinkedAccount(t.Context(), victim.ID, confidentialAccount)
		require.NoError(t, err)
		require.Equal(t, account, got, "nothing of it changed")
	})
}

func TestNoForeignOrBrokenCredentialPassesOnAnyRoute(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		tenant, good := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		past := core.NewOperator(g.directory, g.secret, func() time.Time { return time.Now().Add(-2 * time.Hour) })
		old, err := past.IssueSession(t.Context(), tenant, core.NewSession{Account: testAccount, Lifetime: time.Hour, Fresh: true})
		require.NoError(t, err)
		expired := g.token(t, *tenant.Refold, old.SessionID)
		lives := g.session(t, tenant)
		nobodys, unrecorded, otherKeys := lives.SessionID, lives.SessionID, lives.SessionID
		nobodys.Account, otherKeys.KeyID = "nobody", "k1"
		unrecorded.ExpiresAt += 3600
		refresh, err := g.tokens.RefreshToken(*tenant.Refold, lives)
		require.NoError(t, err)
		revoked := g.session(t, tenant)
		require.NoError(t, g.service.RevokeSession(t.Context(), &core.Principal{Tenant: &tenant, Session: &revoked.SessionID}))
		otherEnv := core.RefoldAddress{OrgID: tenant.Refold.OrgID, Environment: core.Production}
		refoldKey, cometChatKey := good["key"][1], good["apikey"][1]
		bad := map[string][]string{
			"nothing":                   {},
			"unknown refold key":        {"x-api-key", refold.NewAPIKey(core.Test), "linked_account_id", testAccount},
			"unknown cometchat key":     {"apikey", cometchat.NewAPIKey()},
			"refold key as apikey":      {"apikey", refoldKey},
			"apikey as refold key":      {"x-api-key", cometChatKey, "linked_account_id", testAccount},
			"apikey as token":           {"Authorization", "Bearer " + cometChatKey},
			"key as token":              {"Authorization", "Bearer " + refoldKey},
			"key cut short":             {"x-api-key", refoldKey[:len(refoldKey)-1], "linked_account_id", testAccount},
			"key in capitals":           {"x-api-key", strings.ToUpper(refoldKey), "linked_account_id", testAccount},
			"apikey in capitals":        {"apikey", strings.ToUpper(cometChatKey)},
			"expired token":             {"Authorization", "Bearer " + expired},
			"token of no account":       {"Authorization", "Bearer " + g.token(t, *tenant.Refold, nobodys)},
			"token of another env":      {"Authorization", "Bearer " + g.token(t, otherEnv, lives.SessionID)},
			"token of another key":      {"Authorization", "Bearer " + g.token(t, *tenant.Refold, otherKeys)},
			"token of no session":       {"Authorization", "Bearer " + g.token(t, *tenant.Refold, unrecorded)},
			"revoked token":             {"Authorization", "Bearer " + g.token(t, *tenant.Refold, revoked.SessionID)},
			"refresh token":             {"Authorization", "Bearer " + refresh},
			"token as basic":            {"Authorization", "Basic " + strings.TrimPrefix(good["token"][1], "Bearer ")},
			"token without its end":     {"Authorization", strings.TrimRight(good["token"][1], "=")[:len(good["token"][1])-3]},
			"key of another app's host": {"apikey", cometChatKey, "appid", "another-app"},
		}
		for _, route := range routesFor("686e2393750d509493c6d87c", "slug", core.NewUUID()) {
			for name, headers := range bad {
				r := send(t, route.method, g.url+route.path, route.body, headers...)
				refused := r.status == http.StatusUnauthorized || route.dialect == "refold" && r.status == http.StatusNotFound && strings.Contains(r.body, "MISSING_REQUIRED_FIELD")
				require.True(t, refused, "%s %s with %s: %d %s", route.method, route.path, name, r.status, r.body)
			}
		}
		_, total, err := g.service.MCPServerPage(t.Context(), tenant.ID, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Zero(t, total)
		agents, err := g.service.AgentsFrom(t.Context(), tenant.ID, core.AgentQuery{Limit: 10})
		require.NoError(t, err)
		require.Empty(t, agents)
		_, total, err = g.service.LinkedAccountPage(t.Context(), tenant.ID, core.OldestFirst, 0, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total, "its own")
	})
}
