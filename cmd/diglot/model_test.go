package main

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

const (
	// envModelSteps is how many steps the model takes on each store, envModelTime
	// for how long it goes on instead.
	envModelSteps, envModelTime = "DIGLOT_MODEL_STEPS", "DIGLOT_MODEL_TIME"

	modelSteps      = 1000 // where nobody says otherwise
	stepsOfOneWorld = 100  // on average: then come three new tenants
)

// setModelFlags has one run of the model be longer than rapid makes it unless it
// is told. It has to come before flags are read.
func setModelFlags() { _ = flag.Set("rapid.steps", strconv.Itoa(stepsOfOneWorld)) } // the flag is there

// Clients of both dialects and operators work on what three tenants have, by
// turns. Each answer is what a plain model of it says, and has nothing of another
// tenant in it; so is all that there is, now and then, and each tenant's history
// at the end. A failure is shrunk, and printed as the requests that lead to it.
func TestThreeTenantsAreAnsweredAsTheModelSays(t *testing.T) {
	t.Parallel()
	steps, err := strconv.Atoi(cmp.Or(os.Getenv(envModelSteps), strconv.Itoa(modelSteps)))
	require.NoError(t, err)
	limit, err := time.ParseDuration(cmp.Or(os.Getenv(envModelTime), "0s"))
	require.NoError(t, err)
	eachStore(t, func(t *testing.T, g *inProcess) {
		b := newModelBench(t, g)
		start := time.Now()
		enough := func() bool {
			if limit > 0 {
				return time.Since(start) >= limit
			}
			return b.steps >= steps
		}
		for !enough() && !t.Failed() {
			rapid.Check(t, func(rt *rapid.T) {
				b.failed = b.failed || b.underWay // what failed did not come to its end; it is shrunk, however long that takes
				if !b.failed && enough() {
					return
				}
				b.underWay = true
				m := b.newModel(rt)
				rt.Repeat(m.actions())
				m.compare(rt)
				m.compareHistories(rt)
				b.underWay, b.steps = false, b.steps+m.steps
			})
		}
		_, _ = fmt.Fprintf(t.Output(), "%d steps in %s\n", b.steps, time.Since(start).Round(time.Millisecond))
	})
}

// modelBench is the gateway that models are compared with, one after the other.
type modelBench struct {
	*inProcess

	at               atomic.Int64 // the gateway's time, in microseconds since the epoch
	made             int          // tenants
	steps            int
	underWay, failed bool
}

// newModelBench makes one more gateway over a store, whose clock is the model's
// and whose operator is its own.
func newModelBench(t *testing.T, g *inProcess) *modelBench {
	t.Helper()
	b := &modelBench{}
	service := core.NewService(g.store, g.secret, b.now, core.NewIDSource())
	b.inProcess = &inProcess{
		service: service, operator: core.NewOperator(g.directory, g.secret, b.now, core.WithService(service)),
		tokens: g.tokens, store: g.store, directory: g.directory, secret: g.secret,
	}
	watch(t, b.inProcess)
	server := httptest.NewServer(gateway.New(service, g.tokens, gateway.Limits{}, dialects.Options{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *modelBench) now() time.Time { return time.UnixMicro(b.at.Load()).UTC() }

// model is what three tenants should have.
type model struct {
	*modelBench

	tenants []*modelTenant
	// What there is or was of any tenant: requests name another's too.
	serverIDs, agentUIDs []string
	steps                int
}

type modelTenant struct {
	core.Tenant

	mark     string             // in all that only this tenant may see
	servers  []*core.MCPServer  // by place
	agents   []*core.Agent      // by place
	accounts []*core.Account    // in the order of lists
	sessions []*modelSession    // in the order of their being issued
	keys     []*modelKey        // likewise
	kept     map[string]*kept   // by scope, operation and idempotency key
	was      map[serverAt]state // each revision that there was of a server
	deleted  map[string]state   // servers, by id
	history  map[string]int     // how many changes there should be, by action, noun and record
}

// serverAt names a revision of a server.
type serverAt struct {
	id       string
	revision int64
}

type state = core.MCPServer

// changed says that the history has one more entry.
func (tn *modelTenant) changed(action, noun, record string) {
	tn.history[action+" "+noun+" "+record]++
}

func (b *modelBench) newModel(t *rapid.T) *model {
	m := &model{modelBench: b}
	b.at.Store(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	for i := range 3 {
		b.made++
		mark := fmt.Sprintf("facade%018x", b.made) // it may be the id of an org
		tenant, err := b.operator.CreateTenant(t.Context(), core.Tenant{
			Name: mark, Refold: &core.RefoldAddress{OrgID: mark, Environment: core.Test},
			CometChat:      &core.CometChatAddress{AppID: mark + "-app", Region: "us"},
			RefoldRevision: []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3, core.RefoldLegacy}[i],
		})
		require.NoError(t, err)
		tn := &modelTenant{
			Tenant: tenant, mark: mark, kept: map[string]*kept{}, was: map[serverAt]state{}, deleted: map[string]state{},
			history: map[string]int{},
		}
		m.tenants = append(m.tenants, tn)
		m.addKey(t, tn, core.Refold, nil)
		m.addKey(t, tn, core.CometChat, nil)
	}
	return m
}

// actions are what a step may be. Those whose names come first are drawn more often.
func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			if m.steps++; m.steps%25 == 0 {
				m.compare(t)
			}
		},
		"add server (refold)":       m.createRefoldServer,
		"add server (cometchat)":    m.createCometChatServer,
		"change server (refold)":    m.changeRefoldServer,
		"change server (cometchat)": m.changeCometChatServer,
		"read server (refold)":      m.readRefoldServer,
		"read server (cometchat)":   m.readCometChatServer,
		"delete server (refold)":    m.deleteRefoldServer,
		"delete server (cometchat)": m.deleteCometChatServer,
		"page servers (refold)":     m.pageServers,
		"walk servers (cometchat)":  m.walkServers,
		"revert server":             m.revertServer,
		"undelete server":           m.undeleteServer,
		"list server's history":     m.listHistory,
		"add agent":                 m.createAgent,
		"change agent":              m.changeAgent,
		"name agent's servers":      m.addOrRemoveServers,
		"read agent":                m.readAgent,
		"delete agent":              m.deleteAgent,
		"walk agents":               m.walkAgents,
		"add account":               m.createAccount,
		"upsert account":            m.upsertAccount,
		"read account":              m.readAccount,
		"delete account":            m.deleteAccount,
		"page accounts":             m.pageAccounts,
		"begin session":             m.issueSession,
		"read session's account":    m.readSession,
		"revoke session":            m.revokeSession,
		"make key":                  m.issueKey,
		"rotate key":                m.rotateKey,
		"revoke key":                m.revokeKey,
		"suspend or resume tenant":  m.suspendOrResume,
		"pass time":                 m.passTime,
	}
}

func (m *model) tenant(t *rapid.T) *modelTenant {
	return m.tenants[rapid.IntRange(0, len(m.tenants)-1).Draw(t, "tenant")]
}

func (m *model) passTime(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Millisecond, time.Second, time.Minute, 10 * time.Minute, 13 * time.Hour,
	}).Draw(t, "time")
	m.at.Add(d.Microseconds() * int64(rapid.IntRange(1, 3).Draw(t, "times")))
}

// today is the time as records have it.
func (m *model) today() time.Time { return m.now().Truncate(time.Millisecond) }
