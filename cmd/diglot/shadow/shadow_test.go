package shadow_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/core"
)

const (
	oneID = "686e23c7397a76e76449bc14"
	twoID = "686e23c7397a76e76449bc15"
)

// Two gateways with the same data are told to be alike in both dialects, though
// they list in another order and were written at other times.
func TestTwoSidesThatAreAlikeAreEqual(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{shadow.Diglot, shadow.Peer} {
		t.Run(answers, func(t *testing.T) {
			t.Parallel()
			peer := newWorld(t, "")
			config := rule(core.Refold, peer.url, "answers: "+answers) +
				strings.SplitAfter(rule(core.CometChat, peer.url, "answers: "+answers), "shadows:\n")[1]
			w := newWorld(t, config)
			for _, side := range []*world{w, peer} {
				side.server(t, oneID, "weather", "Weather")
				side.server(t, twoID, "maps", "Maps")
			}
			require.Equal(t, http.StatusOK, w.refold(t, http.MethodGet, servers, "").status)
			require.Equal(t, http.StatusOK, w.refold(t, http.MethodGet, servers+"/"+oneID, "").status)
			require.Equal(t, http.StatusNotFound, w.refold(t, http.MethodGet, servers+"/686e23c7397a76e76449bc99", "").status)
			require.Equal(t, http.StatusOK, w.comet(t, http.MethodGet, cometServers, "").status)
			require.Equal(t, http.StatusOK, w.comet(t, http.MethodHead, cometServers+"/maps", "").status)
			require.Equal(t, http.StatusNotFound, w.comet(t, http.MethodGet, cometServers+"/nothing", "").status)
			for _, r := range w.records(t, 6) {
				require.True(t, r.Equal, "%+v", r)
				require.Equal(t, "acme", r.Tenant)
				require.Equal(t, answers, r.Answers)
				require.Contains(t, []string{"list_mcp_servers", "get_mcp_server"}, r.Operation)
				require.NotEmpty(t, r.RequestID)
			}
			require.Equal(t, 6, w.counted(t, "diglot_shadow_compared_total"))
			require.Zero(t, w.counted(t, "diglot_shadow_different_total"))
		})
	}
}

func TestADifferenceNamesTheOperationAndTheMember(t *testing.T) {
	t.Parallel()
	peer := newWorld(t, "")
	w := newWorld(t, rule(core.Refold, peer.url))
	w.server(t, oneID, "weather", "Weather of today")
	peer.server(t, oneID, "weather", "Weather")
	peer.server(t, twoID, "maps", "Maps")
	w.refold(t, http.MethodGet, servers+"/"+oneID, "")
	first := w.records(t, 1)[0]
	require.False(t, first.Equal)
	require.Equal(t, []shadow.Difference{{Kind: shadow.Value, Path: "/name", Ours: "string of 16", Theirs: "string of 7"}}, first.Differences)
	require.NotContains(t, w.log.String(), "Weather", "no value is kept unless told to")
	w.refold(t, http.MethodGet, servers+"/"+twoID, "")
	second := w.records(t, 2)[1]
	require.Equal(t, []shadow.Difference{{Kind: shadow.Status, Ours: "404", Theirs: "200"}}, second.Differences)
	require.Equal(t, 2, w.counted(t, "diglot_shadow_different_total", "dialect", "refold", "operation", "get_mcp_server"))
	var recent strings.Builder
	require.NoError(t, w.shadow.Recent(&recent))
	require.Equal(t, 2, strings.Count(recent.String(), "\n"))
	require.NotContains(t, recent.String(), "string of")
}

func TestValuesAndBodiesAreKeptOnlyWhereTheyAreAskedForAndNeverCredentials(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = fmt.Fprintf(w, `{"_id":%q,"name":"Peer's","description":"the key is %s","token":"of-somebody","other":{"api_key":"of-somebody"}}`,
			oneID, r.Header.Get("X-Api-Key"))
	})
	w := newWorld(t, rule(core.Refold, url, "values: true", "bodies: true"))
	w.server(t, oneID, "weather", "Weather")
	w.refold(t, http.MethodGet, servers+"/"+oneID, "")
	r := w.records(t, 1)[0]
	require.Contains(t, r.Differences, shadow.Difference{Kind: shadow.Value, Path: "/name", Ours: `"Weather"`, Theirs: `"Peer's"`})
	require.Contains(t, r.Differences, shadow.Difference{Kind: shadow.Value, Path: "/description", Ours: `"d"`, Theirs: `"the key is [redacted]"`})
	require.Equal(t, servers+"/"+oneID, r.Path)
	require.Contains(t, string(r.Ours), `"Weather"`)
	require.Contains(t, string(r.Theirs), `"Peer's"`)
	for _, secret := range []string{refoldKey, "of-somebody"} {
		require.NotContains(t, w.log.String(), secret)
		require.NotContains(t, w.access.String(), secret)
	}
}

// What a client gets is byte for byte what it gets without a shadow, bodies or
// none.
func TestTheClientsAnswerIsTheSameByteForByte(t *testing.T) {
	t.Parallel()
	peer := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	plain, w := newWorld(t, ""), newWorld(t, rule(core.Refold, peer, "writes: mirror"))
	for _, side := range []*world{plain, w} {
		side.server(t, oneID, "weather", "Weather")
	}
	for i, ask := range []func(*world) reply{
		func(w *world) reply { return w.refold(t, http.MethodGet, servers, "") },
		func(w *world) reply { return w.refold(t, http.MethodHead, servers, "") },
		func(w *world) reply { return w.refold(t, http.MethodGet, servers+"/nothing", "") },
		func(w *world) reply {
			return w.refold(t, http.MethodGet, servers, "", "If-None-Match", plain.refold(t, http.MethodGet, servers, "").header.Get("Etag"))
		},
		func(w *world) reply { return w.refold(t, http.MethodPut, servers+"/"+oneID, `{"name":1}`) },
		func(w *world) reply { return w.refold(t, http.MethodDelete, servers+"/"+oneID, "") },
		func(w *world) reply { return w.refold(t, http.MethodGet, "/api/v2/public/nothing", "") },
	} {
		want, got := ask(plain), ask(w)
		for _, varies := range []string{"Date", "X-Request-Id"} {
			want.header.Del(varies)
			got.header.Del(varies)
		}
		require.Equal(t, want, got, "request %d", i)
	}
}

// blocked is a peer that answers nobody until the test lets it.
type blocked struct {
	url   string
	asked atomic.Int32
	open  chan struct{}
	once  sync.Once
}

func newBlocked(t *testing.T) *blocked {
	t.Helper()
	b := &blocked{open: make(chan struct{})}
	b.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		select {
		case <-b.open:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNotFound)
	})
	t.Cleanup(b.release)
	return b
}

func (b *blocked) release() { b.once.Do(func() { close(b.open) }) }

// The peer answers only after the client has all of its answers: a client that
// waited for it would never have one.
func TestAPeerThatHangsHoldsNoClientUpAndItsQueueIsBounded(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	w := newWorld(t, "queue: 5\nworkers: 2\n"+rule(core.Refold, peer.url, "timeout: 50s"))
	w.server(t, oneID, "weather", "Weather")
	get := func(n int) {
		for range n {
			require.Equal(t, http.StatusOK, w.refold(t, http.MethodGet, servers+"/"+oneID, "").status)
		}
	}
	get(2)
	require.Eventually(t, func() bool { return peer.asked.Load() == 2 }, patience, time.Millisecond, "as many as there are workers")
	get(48)
	require.Equal(t, 5, w.counted(t, "diglot_shadow_queue_length"))
	w.counts(t, 43, "diglot_shadow_dropped_total", "reason", "queue")
	peer.release()
	list := w.records(t, 7)
	require.Equal(t, []shadow.Difference{{Kind: shadow.Status, Ours: "200", Theirs: "404"}}, list[0].Differences)
	require.EqualValues(t, 43, list[0].Dropped)
}

func TestTheMemoryOfTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	w := newWorld(t, "queue_megabytes: 1\nworkers: 1\n"+rule(core.Refold, peer.url, "timeout: 50s", "writes: mirror"))
	long := strings.Repeat("x", 400<<10)
	for i := range 5 {
		r := w.refold(t, http.MethodPost, servers, fmt.Sprintf(`{"name":"n%d","description":%q}`, i, long))
		require.Equal(t, http.StatusCreated, r.status, r.body)
	}
	w.counts(t, 4, "diglot_shadow_dropped_total", "reason", "queue")
}

func TestWhatWaitsAtAStopIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	w := newWorld(t, "workers: 1\n"+rule(core.Refold, peer.url, "timeout: 50s"))
	w.server(t, oneID, "weather", "Weather")
	for range 4 {
		w.refold(t, http.MethodGet, servers+"/"+oneID, "")
	}
	require.Eventually(t, func() bool { return peer.asked.Load() == 1 }, patience, time.Millisecond)
	require.Zero(t, w.shadow.Close(patience/40), "what is asked is given up, not waited for")
	require.Equal(t, 3, w.counted(t, "diglot_shadow_dropped_total", "reason", "stop"))
	require.Equal(t, 1, w.counted(t, "diglot_shadow_failed_total", "reason", "canceled"))
	require.Equal(t, http.StatusOK, w.refold(t, http.MethodGet, servers+"/"+oneID, "").status, "requests under way are answered all the same")
}

func TestAnotherConfigurationHoldsFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	one, two := newWorld(t, ""), newWorld(t, "")
	w := newWorld(t, rule(core.Refold, one.url))
	w.server(t, oneID, "weather", "Weather")
	two.server(t, oneID, "weather", "Weather")
	w.refold(t, http.MethodGet, servers+"/"+oneID, "")
	require.False(t, w.records(t, 1)[0].Equal)
	w.shadow.Reload(readConfig(t, rule(core.Refold, two.url)))
	w.refold(t, http.MethodGet, servers+"/"+oneID, "")
	require.True(t, w.records(t, 2)[1].Equal)
}

func TestSamplesAreTaken(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	draws := []float64{0, 0.24, 0.25, 0.99, 0.1}
	drawn := 0
	w := newWorld(t, rule(core.Refold, peer.front, "sample: 0.25"), func(o *shadow.Options) {
		o.Random = func() float64 { drawn++; return draws[drawn-1] }
	})
	for i := range draws {
		w.refold(t, http.MethodGet, servers+"/"+strconv.Itoa(i), "")
	}
	w.records(t, 3)
	require.Zero(t, w.shadow.Close(patience))
	require.ElementsMatch(t, []string{"GET " + servers + "/0", "GET " + servers + "/1", "GET " + servers + "/4"}, peer.requests())
}

func TestThePeerIsAskedWithItsOwnCredentialWhereThereIsOne(t *testing.T) {
	t.Setenv("SHADOW_TEST_KEY", "of-the-peer-itself")
	peer := newCounting(t)
	w := newWorld(t, rule(core.Refold, peer.front, "credential_env: SHADOW_TEST_KEY"))
	session, err := w.operator.IssueSession(t.Context(), w.tenant, core.NewSession{Account: account, Lifetime: time.Hour})
	require.NoError(t, err)
	token, err := w.tokens.Token(*w.tenant.Refold, session.SessionID)
	require.NoError(t, err)
	w.refold(t, http.MethodGet, servers, "", "Cookie", "a=b", "Diglot-ETag", "strong", "X-Forwarded-For", "203.0.113.9")
	send(t, http.MethodGet, w.url+servers, "", "Authorization", "Bearer "+token)
	w.records(t, 2)
	for _, h := range peer.heads {
		require.Equal(t, "of-the-peer-itself", h.Get("X-Api-Key"))
		require.Equal(t, account, h.Get("Linked_account_id"))
		for _, name := range []string{"Authorization", "Cookie", "Diglot-Etag", "X-Forwarded-For"} {
			require.Empty(t, h.Get(name), name)
		}
	}
	require.NotContains(t, w.log.String(), "of-the-peer-itself")

	without := newWorld(t, rule(core.Refold, peer.front))
	session, err = without.operator.IssueSession(t.Context(), without.tenant, core.NewSession{Account: account, Lifetime: time.Hour})
	require.NoError(t, err)
	token, err = without.tokens.Token(*without.tenant.Refold, session.SessionID)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, without.url+servers, "", "Authorization", "Bearer "+token).status)
	require.Equal(t, 1, without.counted(t, "diglot_shadow_dropped_total", "reason", "session"))
	require.Len(t, peer.requests(), 2, "a token of Diglot's says nothing to a peer")
}

// Nobody's request, another tenant's and another dialect's go by the shadow.
func TestOnlyTheRulesRequestsAreAskedASecondTime(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	w := newWorld(t, rule(core.Refold, peer.front))
	require.Equal(t, http.StatusUnauthorized, send(t, http.MethodGet, w.url+servers, "", "x-api-key", "tk-nobodys-key-at-all", "linked_account_id", account).status)
	require.Equal(t, http.StatusOK, w.comet(t, http.MethodGet, cometServers, "").status)
	require.Equal(t, http.StatusNotImplemented, w.refold(t, http.MethodGet, "/api/v2/public/application", "").status)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, w.url+"/healthz", "").status)
	require.Zero(t, w.shadow.Close(patience))
	require.Empty(t, peer.requests())
	require.Empty(t, w.log.String())
}

// A peer that is this instance has nothing to compare, and a write that it is sent
// is not done twice.
func TestAPeerThatLeadsBackHereIsNoCircle(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{shadow.Diglot, shadow.Peer} {
		var front atomic.Value
		front.Store("")
		loop := serve(t, func(w http.ResponseWriter, r *http.Request) {
			(&counting{world: &world{url: front.Load().(string)}}).pass(w, r)
		})
		w := newWorld(t, rule(core.Refold, loop, "writes: mirror", "answers: "+answers))
		front.Store(w.url)
		r := w.refold(t, http.MethodPost, servers, `{"name":"Weather","description":"d"}`)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		require.Empty(t, r.header.Get("Via"))
		require.Equal(t, http.StatusOK, w.refold(t, http.MethodGet, servers, "").status)
		w.counts(t, 2, "diglot_shadow_failed_total", "reason", "loop")
		require.Zero(t, w.shadow.Close(patience))
		require.Zero(t, w.counted(t, "diglot_shadow_compared_total"))
		n, err := w.operator.TenantCounts(t.Context(), w.tenant)
		require.NoError(t, err)
		require.Equal(t, 1, n.Servers, answers)
		require.Equal(t, 1, strings.Count(w.access.String(), "leads back to this instance"))
	}
}

// What is as before goes on as before.
func TestARuleThatIsTheSameGoesOnOverAReload(t *testing.T) {
	t.Parallel()
	peer := newBlocked(t)
	config := "workers: 1\n" + rule(core.Refold, peer.url, "timeout: 50s")
	w := newWorld(t, config)
	for range 4 {
		w.refold(t, http.MethodGet, servers, "")
	}
	require.Eventually(t, func() bool { return peer.asked.Load() == 1 }, patience, time.Millisecond)
	w.shadow.Reload(readConfig(t, config))
	require.Equal(t, 3, w.counted(t, "diglot_shadow_queue_length"))
	peer.release()
	w.records(t, 4)
	require.Zero(t, w.counted(t, "diglot_shadow_dropped_total"))
}

func TestIDsOfTheOtherSideAreKnownOverAReload(t *testing.T) {
	t.Parallel()
	peer := newCounting(t)
	w := newWorld(t, rule(core.Refold, peer.front, "writes: mirror"))
	r := w.refold(t, http.MethodPost, servers, `{"name":"Weather","description":"d"}`)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	w.records(t, 1)
	w.shadow.Reload(readConfig(t, rule(core.Refold, peer.front, "writes: mirror", "timeout: 9s")))
	w.refold(t, http.MethodGet, servers+"/"+between(r.body, `"_id":"`, `"`), "")
	require.True(t, w.records(t, 2)[1].Equal)
}

// What peers get of a client's headers is the same whoever answers.
func TestNoPeerGetsWhatIsTheSitesOrWhomItIsFor(t *testing.T) {
	t.Setenv("SHADOW_TEST_KEY", "of-the-peer-itself")
	private := []string{
		"Cookie", "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Forwarded-For", "X-Forwarded-Host", "Diglot-Etag",
	}
	var sent []string
	for _, name := range private {
		sent = append(sent, name, "203.0.113.9")
	}
	for _, more := range []string{"answers: diglot", "answers: peer", "credential_env: SHADOW_TEST_KEY"} {
		peer := newCounting(t)
		w := newWorld(t, rule(core.Refold, peer.front, more))
		w.refold(t, http.MethodGet, servers, "", append(sent, "Apikey", "of-the-other-dialect", "X-Auth-Token", "of-something-else")...)
		require.Eventually(t, func() bool { return len(peer.requests()) == 1 }, patience, time.Millisecond)
		h := peer.heads[0]
		for _, name := range private {
			require.NotContains(t, h, name, more)
		}
		require.Contains(t, h.Get("Via"), "diglot-")
		if strings.HasPrefix(more, "credential") {
			require.Equal(t, "of-the-peer-itself", h.Get("X-Api-Key"))
			require.NotContains(t, h, "Apikey")
			require.NotContains(t, h, "X-Auth-Token")
		}
	}
}

// The answers of peers take of the memory that what waits has.
func TestTheMemoryOfPeersAnswersIsBounded(t *testing.T) {
	t.Parallel()
	peer := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) })
	w := newWorld(t, "queue_megabytes: 1\n"+rule(core.Refold, peer))
	for i := range 3 {
		w.refold(t, http.MethodGet, servers, "")
		require.Equal(t, "too_large", w.records(t, i+1)[i].Failed)
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}
