package move_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
)

// sparing is a vendor that refuses changes which empty something.
func sparing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		for _, empty := range []string{`"model":""`, `"agent_name":""`, `"udf":{}`} {
			if err != nil || strings.Contains(string(body), empty) {
				http.Error(w, `{"message":"it is empty"}`, http.StatusBadRequest)
				return
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		next.ServeHTTP(w, r)
	})
}

// standsFor is a tenant that stands for a vendor's org and app, and the target that
// writes to it by that vendor's API.
func standsFor(t *testing.T, name string, within func(http.Handler) http.Handler) (*move.Tenant, move.Target) {
	t.Helper()
	v := vendors[name](t, within)
	return &move.Tenant{Operator: v.Operator, Store: v.Store, Tenant: v.Acme}, v.to
}

// put gives a tenant a server, an agent and an account of names that are always the
// same, with all that a vendor can be told, or with as little.
func put(t *testing.T, of *move.Tenant, full bool) {
	t.Helper()
	at := now.Add(-10 * 365 * 24 * time.Hour)
	server := core.MCPServer{Slug: "s", Name: "S", URL: "https://bare", CreatedAt: at, UpdatedAt: at}
	agent := core.Agent{UID: core.AgentUID(core.NewUUID()), Name: "A", CreatedAt: at, UpdatedAt: at}
	account := core.Account{ID: "user", CreatedAt: at, UpdatedAt: at}
	if full {
		server.Description, server.URL = new("d"), "https://full"
		server.Suggestions, server.AssociatedApps = core.JSON(`[{"name":"n"}]`), core.JSON(`[{"slug":"s"}]`)
		server.Chains = []core.Chain{{ID: core.NewIDSource()(at), Fields: core.JSON(`{"name":"c"}`)}}
		server.Branding = core.Branding{AgentName: new("a"), PrimaryColor: new("#fff"), SecondaryColor: new("#000"), BasePrompt: new("p")}
		agent.Description, agent.Instruction, agent.Model, agent.Active = new("d"), new("i"), new("m"), true
		agent.Tools, agent.APITools, agent.MCPServers = core.JSON(`["t"]`), core.JSON(`[1]`), []string{"s"}
		agent.Metadata, agent.ModelMetadata = core.JSON(`{"m":1}`), core.JSON(`{"m":2}`)
		account.Name = new("n")
		account.Fields = []core.AccountField{{ID: core.NewIDSource()(at), Name: "f", Value: core.JSON("1.0"), CreatedAt: at}}
	}
	_, err := of.Operator.ImportMCPServer(t.Context(), of.Tenant, server)
	require.NoError(t, err)
	_, err = of.Operator.ImportAgent(t.Context(), of.Tenant, agent)
	require.NoError(t, err)
	_, err = of.Operator.ImportAccount(t.Context(), of.Tenant, account)
	require.NoError(t, err)
}

// had gives what there is of what a vendor may be told.
func had(t *testing.T, of *move.Tenant) (out []string) {
	t.Helper()
	s, err := of.Store.MCPServer(t.Context(), of.Tenant.ID, core.BySlug("s"))
	require.NoError(t, err)
	agents, err := of.Store.AgentsFrom(t.Context(), of.Tenant.ID, core.AgentQuery{Search: "A", Limit: 1})
	require.NoError(t, err)
	account, err := of.Store.Account(t.Context(), of.Tenant.ID, "user")
	require.NoError(t, err)
	a := agents[0]
	for _, text := range []*string{
		s.Description, s.Branding.AgentName, s.Branding.PrimaryColor, s.Branding.SecondaryColor, s.Branding.BasePrompt,
		a.Description, a.Instruction, a.Model, account.Name,
	} {
		if text == nil {
			text = new("")
		}
		out = append(out, *text)
	}
	for _, text := range []core.JSON{s.Suggestions, s.AssociatedApps, a.Tools, a.APITools, a.Metadata, a.ModelMetadata} {
		if string(text) == "[]" || string(text) == "{}" {
			text = nil
		}
		out = append(out, string(text))
	}
	out = append(out, s.URL, strings.Join(a.MCPServers, ","))
	for _, c := range s.Chains {
		out = append(out, string(c.Fields))
	}
	for _, f := range account.Fields {
		out = append(out, f.Name, string(f.Value))
	}
	return out
}

// What an update empties at a vendor and what it adds is as before when it is undone.
func TestAnUndoneUpdateAtAVendorLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Refold v3", "CometChat"} { // legacy shows no branding
		for _, full := range []bool{false, true} {
			from := newTenant(t)
			put(t, from, !full)
			vendor, to := standsFor(t, name, asIs)
			put(t, vendor, full)
			before := had(t, vendor)
			e := newEngine(t, t.TempDir(), from, to)
			e.Policy, e.AcceptLoss = move.UpdateOnConflict, true
			require.NoError(t, e.Apply(t.Context()))
			require.Equal(t, 2, e.Run.Summary().Of(move.Done), name)
			after := had(t, vendor)
			require.NotEqual(t, before, after)
			_, err := e.Undo(t.Context(), false)
			require.NoError(t, err)
			require.Equal(t, before, had(t, vendor), name)
		}
	}
}

// A vendor that lets nothing be emptied gets the rest.
func TestAVendorThatLetsNothingBeEmptiedGetsTheRest(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Refold v3", "CometChat"} { // legacy shows no branding
		from := newTenant(t)
		put(t, from, false)
		vendor, to := standsFor(t, name, sparing)
		put(t, vendor, true)
		before := had(t, vendor)
		e := newEngine(t, t.TempDir(), from, to)
		e.Policy, e.AcceptLoss = move.UpdateOnConflict, true
		require.NoError(t, e.Apply(t.Context()))
		require.Equal(t, 2, e.Run.Summary().Of(move.Done), name)
		require.NotEqual(t, before, had(t, vendor))
		_, err := e.Undo(t.Context(), false)
		require.NoError(t, err)
		require.Equal(t, before, had(t, vendor), name)
	}
}

// What a vendor doesn't let be as it was is named: nobody takes it for restored.
func TestAnUndoNamesWhatAVendorKeeps(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Refold v3": "agent_name", "CometChat": "description"} {
		from := newTenant(t)
		put(t, from, true)
		vendor, to := standsFor(t, name, sparing)
		put(t, vendor, false)
		e := newEngine(t, t.TempDir(), from, to)
		e.Policy, e.AcceptLoss = move.UpdateOnConflict, true
		require.NoError(t, e.Apply(t.Context()))
		kept, err := e.Undo(t.Context(), false)
		require.NoError(t, err)
		require.Positive(t, kept, name)
		s := e.Run.Summary()
		require.Len(t, s.Records, kept)
		require.Equal(t, string(move.Undone), s.Records[0].State)
		require.Contains(t, s.Records[0].Why, want)
		require.NoError(t, e.Apply(t.Context()))
		require.Empty(t, e.Run.Summary().Records)
	}
}
