package dialecttest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// fixtures are what "given:" can ask for, beside "N servers" and "N agents",
// either also "in one millisecond". Each makes its servers known as $ID and
// $SLUG, its agents as $AGENT or $FOREIGN_AGENT.
var fixtures = map[string]func(testing.TB, *World){
	// The server that seed 002 changes, and the id of the chain in its reply.
	"seed 002": func(t testing.TB, w *World) {
		w.nextIDs = ids(t, "686e2393750d509493c6d87c")
		w.at(time.Date(2025, time.July, 9, 8, 8, 51, 177_000_000, time.UTC), func() {
			w.create(t, w.Acme, core.NewMCPServer{
				Name: "MCP Server", Description: new("Suggestion"), RefuseSameName: true,
			})
		})
		w.nextIDs = ids(t, "686e2a3f7e7cb9099d06ca40")
	},
	// The two servers that stand before seed 002's in the recorded list.
	"recorded list": func(t testing.TB, w *World) {
		w.nextIDs = ids(t, "686e12889a52f0683c93b619", "686e231ddc5abb7e41501eae")
		w.at(time.Date(2025, time.July, 9, 6, 56, 8, 507_000_000, time.UTC), func() {
			s := w.create(t, w.Acme, core.NewMCPServer{Name: "MCP CONFIG", Description: new("This is SOmething")})
			w.Clock.Set(time.Date(2025, time.July, 9, 7, 51, 8, 859_000_000, time.UTC))
			w.update(t, w.Acme, s, core.MCPServerUpdate{})
		})
		w.at(time.Date(2025, time.July, 9, 8, 6, 53, 272_000_000, time.UTC), func() {
			w.create(t, w.Acme, core.NewMCPServer{
				Name: "MCP Server Dhananjay", Description: new("This is a Dummy MCP Server"),
			})
		})
	},
	// Both tenants are answered in the newer revision.
	v3Tenants: func(t testing.TB, w *World) {
		for _, tenant := range []*core.Tenant{&w.Acme, &w.Other} {
			changed, err := w.Operator.UpdateTenant(t.Context(), *tenant, core.TenantUpdate{RefoldRevision: new(core.RefoldV3)})
			require.NoError(t, err)
			*tenant = changed
		}
	},
	// The session whose tokens the newer Refold documentation shows.
	"documented session": documentedSession,
	// The server of the newer Refold documentation's examples, in the tenant
	// that has the examples' org.
	"v3 server": v3Server,
	// The 18 servers of the newer documentation's list, of which it shows the first.
	"v3 list": func(t testing.TB, w *World) {
		for i := range 17 {
			w.create(t, w.Other, core.NewMCPServer{Name: fmt.Sprintf("Server %02d", i+1), Description: new("No. " + strconv.Itoa(i+1))})
			w.Clock.Set(w.Clock.Now().Add(time.Millisecond))
		}
		v3Server(t, w)
	},
	// A server with all that either revision shows, some of which no client can set.
	"server of both revisions": func(t testing.TB, w *World) {
		id := w.newID(w.Clock.Now())
		at := w.Clock.Now()
		s, err := w.Store.CreateMCPServer(t.Context(), w.Acme.ID, core.Creation{Server: core.MCPServer{
			ID: id, Slug: "crm-helper", Name: "CRM Helper", Description: new("Keeps the CRM tidy"),
			Suggestions:    core.JSON(`[{"name":"Tidy","prompt":"Tidy up"}]`),
			AssociatedApps: core.JSON(`[{"slug":"hubspot","workflows":[{"id":"w"}],"actions":["create_contact"]}]`),
			Resources:      core.JSON(`[{"uri":"file:///r"}]`),
			Notebooks:      core.JSON(`["n1","n2"]`),
			Chains:         []core.Chain{{ID: w.newID(at), Fields: core.JSON(`{"name":"Tidy up"}`)}},
			Branding: core.Branding{
				AgentName: new("CRM Assistant"), PrimaryColor: new("#2D6CDF"), SecondaryColor: new(""), BasePrompt: new("Be kind."),
				SafeMode: new(false),
			},
			Place: core.PlaceAt(at), CreatedAt: at, UpdatedAt: at, Revision: 1,
		}})
		require.NoError(t, err)
		w.Values["ID"], w.Values["SLUG"] = s.ID.String(), s.Slug
	},
	// A server as Refold clients make one, with all that only they show.
	"refold server": func(t testing.TB, w *World) {
		s := w.create(t, w.Acme, core.NewMCPServer{
			Name: "CRM Helper", Description: new("Keeps the CRM tidy"), RefuseSameName: true,
		})
		w.update(t, w.Acme, s, core.MCPServerUpdate{
			Suggestions:    core.JSON(`[{"prompt":"Tidy up","name":"Tidy","rank":1.50}]`),
			AssociatedApps: core.JSON(`[{"slug":"hubspot","workflows":[],"actions":["create_contact"]}]`),
			Chains:         &[]core.JSON{core.JSON(`{"steps":"one\ntwo","name":"Tidy up"}`)},
			Branding:       core.Branding{AgentName: new("CRM Assistant"), PrimaryColor: new("#2D6CDF"), SafeMode: new(true)},
		})
	},
	// A server as Refold clients make one, and nothing more.
	"bare refold server": func(t testing.TB, w *World) {
		w.create(t, w.Acme, core.NewMCPServer{Name: "CRM Helper", Description: new("Keeps the CRM tidy"), RefuseSameName: true})
	},
	// A server as CometChat clients make one, with all that only they show.
	"cometchat server": func(t testing.TB, w *World) {
		w.create(t, w.Acme, core.NewMCPServer{
			Name: "Weather Server", Slug: "weather-server", Description: new("Provides weather data for cities"),
			URL: "http://localhost:3001", Icon: "http://localhost:3001/icon.png",
		})
	},
	// A server as CometChat clients make one, without what they may leave out.
	"bare cometchat server": func(t testing.TB, w *World) {
		w.create(t, w.Acme, core.NewMCPServer{Name: "Weather Server", Slug: "weather-server", URL: "http://localhost:3001"})
	},
	// A server of the other tenant.
	"foreign server": func(t testing.TB, w *World) {
		w.create(t, w.Other, core.NewMCPServer{
			Name: "Foreign Server", Slug: "foreign-server", Description: new("Not for acme"), URL: "http://localhost:3009",
		})
	},
	// An agent as CometChat clients make one, with all that they may say of it,
	// and two servers for it. It lists the first.
	"agent": func(t testing.TB, w *World) {
		for _, slug := range []string{"weather-server", "filesystem"} {
			w.create(t, w.Acme, core.NewMCPServer{Name: "Server", Slug: slug, URL: "http://localhost:3001"})
		}
		w.createAgent(t, w.Acme, "AGENT", core.NewAgent{
			Name: "Support Agent", Icon: "https://example.com/icon.png", Description: new("A helpful support agent"),
			Instruction: new("You are a helpful assistant"), Model: new("gpt-4o-mini"),
			Tools: core.JSON(`["gmail","slack"]`), MCPServers: []string{"weather-server"},
			Metadata: core.JSON(`{"team":"support","rank":1.50}`), ModelMetadata: core.JSON(`{"temperature":0.70}`),
		})
	},
	// An agent that has a name and nothing more.
	"bare agent": func(t testing.TB, w *World) {
		w.createAgent(t, w.Acme, "AGENT", core.NewAgent{Name: "Bare Agent"})
	},
	// An agent of the other tenant.
	"foreign agent": func(t testing.TB, w *World) {
		w.createAgent(t, w.Other, "FOREIGN_AGENT", core.NewAgent{Name: "Foreign Agent", Instruction: new("Not for acme")})
	},
	// Beside keys of acme's, linked accounts have to exist.
	"required accounts": func(t testing.TB, w *World) {
		changed, err := w.Operator.UpdateTenant(t.Context(), w.Acme, core.TenantUpdate{RequireAccounts: new(true)})
		require.NoError(t, err)
		w.Acme = changed
	},
	// Servers of acme's are deleted by keys alone.
	"protected servers": func(t testing.TB, w *World) {
		changed, err := w.Operator.UpdateTenant(t.Context(), w.Acme, core.TenantUpdate{ProtectServers: new(true)})
		require.NoError(t, err)
		w.Acme = changed
	},
	// Single records of acme's have strong tags without asking.
	"strong tags": func(t testing.TB, w *World) {
		changed, err := w.Operator.UpdateTenant(t.Context(), w.Acme, core.TenantUpdate{StrongETags: new(true)})
		require.NoError(t, err)
		w.Acme = changed
	},
	// Changes to acme's servers and agents have to say which version they mean.
	"required If-Match": func(t testing.TB, w *World) {
		changed, err := w.Operator.UpdateTenant(t.Context(), w.Acme, core.TenantUpdate{RequireIfMatch: new(true)})
		require.NoError(t, err)
		w.Acme = changed
	},
	// What acme may have and ask, of each kind one.
	"two servers at most": limited(core.Limits{Servers: new(2)}),
	"a burst of two":      limited(core.Limits{Rate: new(60), Burst: new(2)}),
	"a rate of two":       limited(core.Limits{Rate: new(2)}),
	"the vendor's limits": limited(core.Limits{Vendor: true}),
	"bodies of 2 KiB":     limited(core.Limits{BodyBytes: new(2 << 10)}),
	"no rate of its own":  limited(core.Limits{Rate: new(0)}),
	"one request at once": limited(core.Limits{Concurrency: new(1)}),
	"a request under way": func(t testing.TB, w *World) {
		_, ok := w.Slots.Take(w.Acme.ID, 1)
		require.True(t, ok)
	},
	"bodies of the tenant's in memory": held(func(w *World) []core.TenantID { return []core.TenantID{w.Acme.ID} }),
	"bodies of others in memory":       held(func(*World) []core.TenantID { return []core.TenantID{"one", "another"} }),
	"answers to the tenant in memory":  answered(func(w *World) []core.TenantID { return []core.TenantID{w.Acme.ID} }),
	"answers to others in memory":      answered(func(*World) []core.TenantID { return []core.TenantID{"one", "another", "a third", "a fourth"} }),
	// A CometChat key of acme's that is known and may do nothing.
	"auth-only key": func(t testing.TB, w *World) {
		const value = "5b7d9f1a3c5e7082a4c6e8f0b2d4f6081a3c5e79"
		_, err := w.Operator.IssueKey(t.Context(), w.Acme, core.NewKey{Dialect: core.CometChat, Scope: core.AuthOnly, Value: value})
		require.NoError(t, err)
		w.AddSecret("AUTH_ONLY_KEY", value)
	},
	// Keys of acme's that have ended: of each dialect one that expired and one that
	// was revoked.
	"ended keys": func(t testing.TB, w *World) {
		w.endedKey(t, core.Refold, "EXPIRED_KEY", "tk7c1e9b30-52d8-4f6a-9e17-c04b8a2d6f91", false)
		w.endedKey(t, core.Refold, "REVOKED_KEY", "tk0e8d4a76-b913-4c2f-8d5a-61f7e3902bc4", true)
		w.endedKey(t, core.CometChat, "EXPIRED_APIKEY", "c3a1f5e7092b4d6c8e0f1a3b5c7d9e1f30527496", false)
		w.endedKey(t, core.CometChat, "REVOKED_APIKEY", "d4b206f81a3c5e7d9f1021b3c4d5e6f7a8b9c0d1", true)
	},
	// Acme is suspended: its credentials are good no more.
	"suspended tenant": func(t testing.TB, w *World) {
		_, err := w.Operator.SuspendTenant(t.Context(), w.Acme.Name)
		require.NoError(t, err)
	},
	// What CometChat's examples show: a server, and an agent with three servers to list.
	"documented server": documentedServer,
	"documented agent":  documentedAgent,
	// What the newer Refold documentation's examples show of accounts, in the
	// tenant that has the examples' org.
	"documented account":  documentedAccount,
	"documented accounts": documentedAccounts,
	"store unavailable":   func(_ testing.TB, w *World) { w.Store.Fail(unavailable) },
	"store broken":        func(_ testing.TB, w *World) { w.Store.Fail(broken) },
	"store panics":        func(_ testing.TB, w *World) { w.Store.Fail(panics) },
}

// held has all but a byte of a tenant's share of the memory for bodies be
// taken, of each.
func held(of func(*World) []core.TenantID) func(testing.TB, *World) {
	return func(t testing.TB, w *World) {
		for _, tenant := range of(w) {
			require.NoError(t, w.Bodies.Take(tenant, core.MaxBodyBytes))
		}
	}
}

// answered has acme and other have a large server and a small one each, and a
// quarter of the memory for answers be taken, of each that of gives.
func answered(of func(*World) []core.TenantID) func(testing.TB, *World) {
	return func(t testing.TB, w *World) {
		for _, owner := range []core.Tenant{w.Other, w.Acme} {
			for _, bytes := range []int{20_000, 1} { // the small one is $ID and $SLUG
				w.create(t, owner, core.NewMCPServer{
					Name: fmt.Sprintf("Of %d", bytes), URL: "https://mcp.example.com", Description: new(strings.Repeat("x", bytes)),
				})
			}
		}
		for _, tenant := range of(w) {
			require.NoError(t, w.Answers.Take(tenant, 0, dialects.MinAnswerMemory/4, false))
		}
	}
}

// limited gives acme limits of its own.
func limited(l core.Limits) func(testing.TB, *World) {
	return func(t testing.TB, w *World) {
		changed, err := w.Operator.UpdateTenant(t.Context(), w.Acme, core.TenantUpdate{Limits: &l})
		require.NoError(t, err)
		w.Acme = changed
	}
}

// endedKey makes a key of acme's that was revoked, or has just expired.
func (w *World) endedKey(t testing.TB, dialect core.DialectName, name, value string, revoked bool) {
	t.Helper()
	now := w.Clock.Now()
	w.at(now.Add(-time.Hour), func() {
		k, err := w.Operator.IssueKey(t.Context(), w.Acme, core.NewKey{Dialect: dialect, Value: value, ExpiresAt: &now})
		if revoked && err == nil {
			_, err = w.Operator.RevokeKey(t.Context(), k.ID)
		}
		require.NoError(t, err)
	})
	w.AddSecret(name, value)
}

// v3Tenants is the fixture that a case's revision is told by.
const v3Tenants = "v3 tenants"

func v3Server(t testing.TB, w *World) {
	w.nextIDs = ids(t, "6a314ee8d0aeb8165beacc6e")
	w.at(time.Date(2026, time.June, 16, 13, 22, 0, 0, time.UTC), func() {
		w.create(t, w.Other, core.NewMCPServer{
			Name: "Production CRM Server", Description: new("MCP server for CRM workflows"), RefuseSameName: true,
		})
	})
}

// beforeEpoch is when fixtures make their servers, a millisecond between them.
var beforeEpoch = time.Date(2025, time.July, 9, 8, 8, 0, 0, time.UTC)

// Given makes a fixture.
func (w *World) Given(t testing.TB, name string) {
	t.Helper()
	if f, ok := fixtures[name]; ok {
		w.at(beforeEpoch, func() { f(t, w) })
		return
	}
	count, rest, _ := strings.Cut(name, " ")
	n, err := strconv.Atoi(count)
	require.NoError(t, err, "no fixture %q", name)
	noun, moment, _ := strings.Cut(rest, " ")
	step := time.Millisecond
	if moment == "in one millisecond" {
		step = 0
	} else {
		require.Empty(t, moment, "no fixture %q", name)
	}
	w.at(beforeEpoch, func() {
		for i := range n {
			switch noun {
			case "servers":
				w.create(t, w.Acme, core.NewMCPServer{
					Name: fmt.Sprintf("Server %02d", i+1), Description: new("No. " + strconv.Itoa(i+1)),
					Slug: fmt.Sprintf("server-%02d", i+1), URL: "http://localhost:3001",
				})
			case "agents":
				w.createAgent(t, w.Acme, "AGENT", core.NewAgent{Name: fmt.Sprintf("Agent %02d", i+1)})
			default:
				require.Fail(t, "no such fixture", name)
			}
			w.Clock.Set(w.Clock.Now().Add(step))
		}
	})
}

// createAgent makes an agent that requests know by a placeholder.
func (w *World) createAgent(t testing.TB, tenant core.Tenant, placeholder string, in core.NewAgent) {
	t.Helper()
	a, err := w.Core.CreateAgent(t.Context(), tenant.ID, in)
	require.NoError(t, err)
	w.Values[placeholder] = string(a.UID)
}

// at runs f with the clock moved.
func (w *World) at(moment time.Time, f func()) {
	was := w.Clock.Set(moment)
	defer w.Clock.Set(was)
	f()
}

func (w *World) create(t testing.TB, tenant core.Tenant, in core.NewMCPServer) core.MCPServer {
	t.Helper()
	s, err := w.Core.CreateMCPServer(t.Context(), tenant.ID, in)
	require.NoError(t, err)
	w.Values["ID"], w.Values["SLUG"] = s.ID.String(), s.Slug
	return s
}

func (w *World) update(t testing.TB, tenant core.Tenant, s core.MCPServer, in core.MCPServerUpdate) {
	t.Helper()
	_, err := w.Core.UpdateMCPServer(t.Context(), tenant.ID, core.ByID(s.ID), in)
	require.NoError(t, err)
}

func ids(t testing.TB, texts ...string) []core.ObjectID {
	t.Helper()
	out := make([]core.ObjectID, len(texts))
	for i, text := range texts {
		id, ok := core.ParseObjectID(text)
		require.True(t, ok, text)
		out[i] = id
	}
	return out
}
