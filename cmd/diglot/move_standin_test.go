package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

const (
	storyOrg = "6698b77a733c5ebd8908189e"
	storyApp = "my-app-id"

	// storyBurst is what a stand-in takes at once, as Refold documents.
	storyBurst = 5

	// chatRate is what CometChat documents, in requests a minute.
	chatRate = 20_000
)

// standIn is a gateway that stands for a vendor and holds its clients to a rate.
type standIn struct {
	*inProcess

	tenant core.Tenant
	keys   credentials

	mu      sync.Mutex
	asked   int                  // requests
	refused int                  // for their pace
	early   int                  // of those that came again before they were told to
	waiting map[string]time.Time // when those may come again that were refused
}

// newStandIn makes one that takes so many requests a second.
func newStandIn(t *testing.T, rate int) *standIn {
	t.Helper()
	s := memstore.New()
	v := &standIn{inProcess: newInProcess(t, s, s), waiting: map[string]time.Time{}}
	v.tenant, v.keys = v.inProcess.tenant(t, "vendor", storyOrg, storyApp)
	v.holdTo(t, core.Limits{Rate: new(rate * 60), Burst: new(storyBurst)})
	watched := httptest.NewServer(http.HandlerFunc(v.watch))
	t.Cleanup(watched.Close)
	v.url = watched.URL
	return v
}

func (v *standIn) holdTo(t *testing.T, l core.Limits) {
	t.Helper()
	_, err := v.operator.UpdateTenant(t.Context(), v.tenant, core.TenantUpdate{Limits: &l})
	require.NoError(t, err)
}

// watch serves a request and sees whether one that was refused for its pace comes
// again no earlier than it was told to.
func (v *standIn) watch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its client was killed
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	key := r.Method + " " + r.URL.RequestURI() + " " + r.Header.Get("Idempotency-Key") + " " + string(body)
	now := time.Now()
	v.mu.Lock()
	v.asked++
	if at, was := v.waiting[key]; was {
		if now.Before(at) {
			v.early++
		}
		delete(v.waiting, key)
	}
	v.mu.Unlock()
	seen := &statusWriter{ResponseWriter: w}
	v.gateway.ServeHTTP(seen, r)
	if seen.status != http.StatusTooManyRequests {
		return
	}
	seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused++
	if err != nil || seconds < 1 {
		v.early++ // it was told nothing that it could keep to
	}
	v.waiting[key] = now.Add(time.Duration(seconds) * time.Second)
}

// statusWriter keeps an answer's status.
type statusWriter struct {
	http.ResponseWriter

	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for the gateway's deadlines.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// requests counts those that have come.
func (v *standIn) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
}

// forget is for a client that was killed: the next one was told nothing.
func (v *standIn) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.waiting)
}

// requireHonoured fails where a request that was refused for its pace came again
// before it was told to, and gives how many were refused: on a slow machine none.
func requireHonoured(t *testing.T, vendors ...*standIn) (all int) {
	t.Helper()
	for _, v := range vendors {
		v.mu.Lock()
		refused, early := v.refused, v.early
		v.mu.Unlock()
		require.Zero(t, early, "of %d requests that were refused so many came again too early", refused)
		all += refused
	}
	t.Logf("%d requests were refused for their pace, and came again when they were told to", all)
	return all
}

func (v *standIn) counts(t *testing.T) core.TenantCounts {
	t.Helper()
	n, err := v.operator.TenantCounts(t.Context(), v.tenant)
	require.NoError(t, err)
	return n
}

// fill gives a stand-in servers of one vendor's making, with some accounts or agents.
func (v *standIn) fill(t *testing.T, dialect core.DialectName, n int) {
	t.Helper()
	ctx := t.Context()
	at := time.Date(2024, time.May, 6, 7, 8, 9, 10*int(time.Millisecond), time.UTC)
	ids := core.NewIDSource()
	for i := range n {
		at = at.Add(time.Duration(i%3) * time.Millisecond) // some share one
		name := fmt.Sprintf("%s %d", dialect, i)
		s := core.MCPServer{ID: ids(at), Name: name, CreatedAt: at, UpdatedAt: at.Add(time.Hour), Revision: 1, Description: new("Said of " + name)}
		if dialect == core.Refold {
			s.Suggestions = core.JSON(`[{"name":"Hello","prompt":"Größe","n":9007199254740993}]`)
			s.AssociatedApps = core.JSON(`[{"slug":"pipedrive","workflows":[],"actions":[{"id":"delete_lead"}]}]`)
			s.Chains = []core.Chain{{ID: ids(at), Fields: core.JSON(`{"name":"One","goals":"g"}`)}}
		} else {
			s.URL, s.Icon = "https://mcp.example.com/"+strconv.Itoa(i), "https://example.com/icon.png"
		}
		made, err := v.operator.ImportMCPServer(ctx, v.tenant, s)
		require.NoError(t, err)
		switch {
		case i%10 != 0:
		case dialect == core.Refold:
			_, err = v.operator.ImportAccount(ctx, v.tenant, core.Account{
				ID: "user-" + strconv.Itoa(i), Name: new("Ñ"), ObjectID: ids(at), CreatedAt: at, UpdatedAt: at, Version: 3,
				Fields: []core.AccountField{{ID: ids(at), Name: "tier", Value: core.JSON("12345678901234567890"), CreatedAt: at}},
			})
			require.NoError(t, err)
		default:
			_, err = v.operator.ImportAgent(ctx, v.tenant, core.Agent{
				UID: core.AgentUID(core.NewUUID()), Name: "Agent " + strconv.Itoa(i), Active: true, Instruction: new("Be kind."),
				MCPServers: []string{made.Slug}, Metadata: core.JSON(`{"a":1.50}`), CreatedAt: at, UpdatedAt: at, Revision: 1,
			})
			require.NoError(t, err)
		}
	}
}
