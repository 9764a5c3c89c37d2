package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// fenced is a world with a tenant, acme, whose records all are asked for.
type fenced struct {
	*inProcess

	revision    core.RefoldRevision
	acme        core.Tenant
	neighbors   []core.Tenant // whose credentials are foreign
	token       string        // acme's
	credentials []credential
	kept        target // acme's, which nobody changes
	nothing     target
	n           int
}

// What is in every text that only acme may see, and only its neighbors.
const secretText, thiefsText = "Confidential", "Loot"

func newFenced(t *testing.T, g *inProcess, revision core.RefoldRevision) *fenced {
	t.Helper()
	w := &fenced{inProcess: g, revision: revision}
	watch(t, g)
	tenant := func(name, org string, environment core.Environment) core.Tenant {
		tenant, err := g.operator.CreateTenant(t.Context(), core.Tenant{
			Name: name, Refold: &core.RefoldAddress{OrgID: org, Environment: environment}, RefoldRevision: revision,
			CometChat: &core.CometChatAddress{AppID: name + "-app", Region: "us"},
		})
		require.NoError(t, err)
		_, err = g.operator.CreateAccount(t.Context(), tenant, testAccount)
		require.NoError(t, err)
		return tenant
	}
	w.acme = tenant("acme", "6698b77a733c5ebd8908189e", core.Test)
	thief := tenant("thief", "6500a1b2c3d4e5f6a7b8c9d0", core.Test)
	production := tenant("production", "6698b77a733c5ebd8908189e", core.Production)
	w.credentials = g.issueAll(t, w.acme, thief, production)
	w.kept = w.records(t, w.acme, "kept", secretText)
	session, err := g.operator.IssueSession(t.Context(), w.acme, core.NewSession{Account: w.kept.account, Lifetime: time.Hour})
	require.NoError(t, err)
	w.token = g.token(t, *w.acme.Refold, session.SessionID)
	w.neighbors = []core.Tenant{thief, production}
	for _, neighbor := range w.neighbors {
		w.records(t, neighbor, "taken-"+neighbor.Name, thiefsText)
	}
	w.nothing = target{id: "686e2393750d509493c6d87c", slug: "nothing", agent: core.NewUUID(), account: "nobody@example.com"}
	return w
}

// watch has the service remember credentials, as a gateway does.
func watch(t *testing.T, g *inProcess) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.service.Watch(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// records makes one of each for a tenant, with a text in all that has room for one.
func (w *fenced) records(t *testing.T, tenant core.Tenant, name, text string) target {
	t.Helper()
	ctx := t.Context()
	s, err := w.service.CreateMCPServer(ctx, tenant.ID, core.NewMCPServer{
		Name: text + " " + name, Slug: name, Description: &text, URL: "http://localhost/" + text, Icon: "http://localhost/" + text + ".png",
	})
	require.NoError(t, err)
	_, err = w.service.UpdateMCPServer(ctx, tenant.ID, core.ByID(s.ID), core.MCPServerUpdate{
		Suggestions: core.JSON(`[{"prompt":"` + text + `"}]`), Chains: &[]core.JSON{core.JSON(`{"name":"` + text + `"}`)},
		Branding: core.Branding{AgentName: &text},
	})
	require.NoError(t, err)
	a, err := w.service.CreateAgent(ctx, tenant.ID, core.NewAgent{
		Name: text, Instruction: &text, MCPServers: []string{s.Slug}, Metadata: core.JSON(`{"m":"` + text + `"}`),
	})
	require.NoError(t, err)
	account := name + "@example.com"
	_, err = w.service.CreateLinkedAccount(ctx, tenant.ID, core.NewAccount{ID: account, Name: &text, Fields: &[]core.NewAccountField{{Name: "f", Value: core.JSON(`"` + text + `"`)}}})
	require.NoError(t, err)
	return target{id: s.ID.String(), slug: s.Slug, agent: string(a.UID), account: account}
}

// snapshot is all that a tenant has, but when its keys were used.
type snapshot struct {
	servers  []core.MCPServer
	agents   []core.Agent
	accounts []core.Account
	keys     []core.Key
}

func (w *fenced) snapshots(t *testing.T, tenants ...core.Tenant) (all []snapshot) {
	t.Helper()
	ctx := t.Context()
	for _, tenant := range tenants {
		var s snapshot
		listed, _, err := w.service.MCPServerPage(ctx, tenant.ID, core.OldestFirst, 0, 1000)
		require.NoError(t, err)
		for _, l := range listed {
			server, err := w.service.MCPServer(ctx, tenant.ID, core.ByID(l.ID))
			require.NoError(t, err)
			s.servers = append(s.servers, server)
		}
		s.agents, err = w.service.AgentsFrom(ctx, tenant.ID, core.AgentQuery{Limit: 1000})
		require.NoError(t, err)
		s.accounts, _, err = w.service.LinkedAccountPage(ctx, tenant.ID, core.OldestFirst, 0, 1000)
		require.NoError(t, err)
		s.keys, err = w.operator.Keys(ctx, tenant)
		require.NoError(t, err)
		for i := range s.keys {
			s.keys[i].LastUsedAt = nil
		}
		all = append(all, s)
	}
	return all
}
