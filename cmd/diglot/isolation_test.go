package main

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
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
	gateway  *gateway.Gateway
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
		run(t, memstoreInProcess(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		run(t, postgresInProcess(t))
	})
}

func memstoreInProcess(t *testing.T) *inProcess {
	t.Helper()
	s := memstore.New()
	return newInProcess(t, s, s)
}

func postgresInProcess(t *testing.T) *inProcess {
	t.Helper()
	url := storetest.New(t)
	operator, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(operator.Close)
	runtime, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Runtime})
	require.NoError(t, err)
	t.Cleanup(runtime.Close)
	return newInProcess(t, runtime, operator)
}

func newInProcess(t *testing.T, s core.Store, d core.Directory) *inProcess {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	service := core.NewService(s, secret, time.Now, core.NewIDSource())
	g := &inProcess{store: s, directory: d, secret: secret, operator: core.NewOperator(d, secret, time.Now), service: service, tokens: refold.NewTokens(secret, refold.DefaultLifetimes)}
	g.gateway = gateway.New(service, g.tokens, gateway.Limits{}, dialects.Options{Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(g.gateway)
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
