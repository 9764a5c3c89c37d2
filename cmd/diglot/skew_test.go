package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// skewed are instances on one database whose clocks are wrong by five minutes.
type skewed struct {
	*inProcess // the clock is right

	ahead, behind string // URLs
	tenant        core.Tenant
	credentials   credentials
}

const skew = 5 * time.Minute

func startSkewed(t *testing.T) skewed {
	t.Helper()
	databaseURL := storetest.New(t)
	operator, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: store.Operator})
	require.NoError(t, err)
	t.Cleanup(operator.Close)
	runtime, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: store.Runtime})
	require.NoError(t, err)
	t.Cleanup(runtime.Close)
	s := skewed{inProcess: newInProcess(t, runtime, operator)}
	s.tenant, s.credentials = s.inProcess.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	s.ahead, s.behind = s.instance(t, skew), s.instance(t, -skew)
	return s
}

// instance gives one more whose clock is off by that much.
func (s skewed) instance(t *testing.T, off time.Duration) (url string) {
	t.Helper()
	return s.byClock(t, func() time.Time { return time.Now().Add(off) })
}

// byClock gives another instance over the same store, with a clock of its own.
func (g *inProcess) byClock(t *testing.T, now core.Clock) (url string) {
	t.Helper()
	service := core.NewService(g.store, g.secret, now, core.NewIDSource())
	server := httptest.NewServer(gateway.New(service, g.tokens, gateway.Limits{}, dialects.Options{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	return server.URL
}

// create makes a server through an instance and gives its answer.
func (s skewed) create(t *testing.T, gateway, slug string) map[string]any {
	t.Helper()
	r := send(t, http.MethodPost, gateway+cometChatServers, `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`, s.credentials["apikey"]...)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	return r.json(t)
}

// A list is in the order of the creating instances' clocks, not in the order
// of creation; nothing is lost in it or there twice.
func TestListsAreWalkedExactlyOnceThoughClocksDiffer(t *testing.T) {
	t.Parallel()
	s := startSkewed(t)
	s.create(t, s.ahead, "made-first")
	s.create(t, s.behind, "made-second")
	servers, total, err := s.service.MCPServerPage(t.Context(), s.tenant.ID, core.OldestFirst, 0, 10)
	require.NoError(t, err)
	require.Equal(t, 2, total)
	require.Equal(t, []string{"made-second", "made-first"}, []string{servers[0].Slug, servers[1].Slug})
	require.InDelta(t, 2*skew, servers[1].CreatedAt.Sub(servers[0].CreatedAt), float64(time.Minute))

	instances := []string{s.ahead, s.url, s.behind}
	for i := range 120 { // more than a page
		s.create(t, instances[i%3], fmt.Sprintf("server-%d", i))
	}
	for _, gateway := range instances {
		slugs := listed(t, gateway, s.credentials["apikey"])
		require.Len(t, slugs, 122)
		for slug, times := range slugs {
			require.Equal(t, 1, times, slug)
		}
	}
}

func TestAnUpdateIsNeverBeforeTheCreationThoughClocksDiffer(t *testing.T) {
	t.Parallel()
	s := startSkewed(t)
	made := s.create(t, s.ahead, "one")
	r := send(t, http.MethodPatch, s.behind+cometChatServers+"/one", `{"description":"d"}`, s.credentials["apikey"]...)
	require.Equal(t, http.StatusOK, r.status, r.body)
	updated := r.json(t)
	require.Equal(t, made["createdAt"], updated["createdAt"])
	require.Equal(t, made["createdAt"], updated["updatedAt"], "by the clock it was before")
}

// A token is judged by the clock of whoever reads it, with 30 s to spare: an
// instance refuses those that come from its future, and ends the others as
// much earlier or later as it is ahead or behind.
func TestASessionTokenIsJudgedByTheReadersClock(t *testing.T) {
	t.Parallel()
	s := startSkewed(t)
	now := time.Now()
	for name, c := range map[string]struct {
		minted                time.Time
		lifetime              time.Duration
		ahead, right, lagging bool
	}{
		"by one ahead":            {now.Add(skew), time.Hour, true, false, false},
		"by one that is right":    {now, time.Hour, true, true, false},
		"by one behind":           {now.Add(-skew), time.Hour, true, true, true},
		"by one behind, for 7m":   {now.Add(-skew), skew + 2*time.Minute, false, true, true},
		"by one behind, for 3m":   {now.Add(-skew), skew - 2*time.Minute, false, false, true},
		"by one ahead, for 1m":    {now.Add(skew), time.Minute, true, false, false},
		"20 s ahead of the right": {now.Add(20 * time.Second), time.Hour, true, true, false},
	} {
		operator := core.NewOperator(s.directory, s.secret, func() time.Time { return c.minted })
		session, err := operator.IssueSession(t.Context(), s.tenant,
			core.NewSession{Account: testAccount, Lifetime: c.lifetime, RefreshLifetime: time.Hour, Fresh: true})
		require.NoError(t, err)
		token := s.token(t, *s.tenant.Refold, session.SessionID)
		for gateway, good := range map[string]bool{s.ahead: c.ahead, s.url: c.right, s.behind: c.lagging} {
			r := send(t, http.MethodGet, gateway+refoldServers, "", "Authorization", "Bearer "+token)
			want := http.StatusUnauthorized
			if good {
				want = http.StatusOK
			}
			require.Equal(t, want, r.status, "minted %s: %s", name, r.body)
		}
	}
}

// An expiry is judged by the clock of whoever is asked.
func TestAKeyEndsByTheClockOfTheInstanceThatIsAsked(t *testing.T) {
	t.Parallel()
	s := startSkewed(t)
	now := time.Now()
	for _, c := range []struct {
		expires time.Duration
		good    map[string]bool
	}{
		{skew + time.Minute, map[string]bool{s.ahead: true, s.url: true, s.behind: true}},
		{time.Minute, map[string]bool{s.ahead: false, s.url: true, s.behind: true}},
		{-time.Minute, map[string]bool{s.ahead: false, s.url: false, s.behind: true}},
		{-skew - time.Minute, map[string]bool{s.ahead: false, s.url: false, s.behind: false}},
	} {
		before := core.NewOperator(s.directory, s.secret, func() time.Time { return now.Add(-time.Hour) })
		value := cometchat.NewAPIKey()
		_, err := before.IssueKey(t.Context(), s.tenant, core.NewKey{Dialect: core.CometChat, Value: value, ExpiresAt: new(now.Add(c.expires))})
		require.NoError(t, err)
		for gateway, known := range c.good {
			want := http.StatusUnauthorized
			if known {
				want = http.StatusOK
			}
			r := send(t, http.MethodGet, gateway+cometChatServers, "", "apikey", value)
			require.Equal(t, want, r.status, "expires in %s: %s", c.expires, r.body)
		}
	}
}

// Whoever's clock kept an answer, it is found by every instance until a day has
// passed by the clock of the one that is asked: also by one in whose future it is.
func TestAnIdempotencyKeyHoldsThoughClocksDiffer(t *testing.T) {
	t.Parallel()
	s := startSkewed(t)
	before, after := s.instance(t, core.KeepAnswersFor-2*skew), s.instance(t, core.KeepAnswersFor+2*skew)
	create := func(gateway, key string) reply {
		r := send(t, http.MethodPost, gateway+agentsPath, `{"name":"`+key+`"}`, append([]string{dialects.IdempotencyKeyHeader, key}, s.credentials["apikey"]...)...)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		return r
	}
	for key, first := range map[string]string{"by one ahead": s.ahead, "by one that is right": s.url, "by one behind": s.behind} {
		made := create(first, key)
		require.Empty(t, made.header.Get(dialects.ReplayedHeader))
		for _, gateway := range []string{s.behind, s.url, s.ahead, before} {
			again := create(gateway, key)
			require.Equal(t, "true", again.header.Get(dialects.ReplayedHeader), key)
			require.Equal(t, made.body, again.body)
		}
		next := create(after, key)
		require.Empty(t, next.header.Get(dialects.ReplayedHeader), "a day has passed")
		require.NotEqual(t, made.body, next.body)
		for _, gateway := range []string{s.behind, after} {
			again := create(gateway, key)
			require.Equal(t, "true", again.header.Get(dialects.ReplayedHeader), key)
			require.Equal(t, next.body, again.body, "the last one holds")
		}
	}
	agents, err := s.service.AgentsFrom(t.Context(), s.tenant.ID, core.AgentQuery{Limit: 100})
	require.NoError(t, err)
	require.Len(t, agents, 6)
}
