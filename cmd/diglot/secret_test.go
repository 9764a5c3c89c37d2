package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

const (
	secretOne   = "the first version of the secret"
	secretTwo   = "the second version of the secret"
	secretThree = "no version of the secret at all"
)

// secretList gives what `diglot secret list` prints, the newest first.
func secretList(t *testing.T, env []string) (list []secretOutput) {
	t.Helper()
	stdout, stderr, err := diglot(t, env, "secret", "list", "-o", "json")
	require.NoError(t, err, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	return list
}

func TestTheSecretIsRotatedUnderRunningGateways(t *testing.T) {
	t.Parallel()
	database := envDatabaseURL + "=" + storetest.NewEmpty(t)
	before := []string{database, envSecret + "=" + secretOne}
	both := []string{database, envSecret + "=" + secretTwo, envPreviousSecret + "=" + secretOne}
	after := []string{database, envSecret + "=" + secretTwo}
	m := makeTenant(t, before, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	unused := diglotJSON(t, before, "key", "create", "--tenant", "acme", "--dialect", "refold")
	keys := &liveCredentials{t: t}
	keys.add("x-api-key", m.refoldKey)
	keys.add("Authorization", "Bearer "+m.token)
	old := startGateway(t, before)
	keys.hammer(old)

	_, stderr, err := diglot(t, before, "secret", "rotate")
	require.Error(t, err)
	require.Contains(t, stderr, "the one of before in DIGLOT_SECRET_PREVIOUS or DIGLOT_SECRET_PREVIOUS_FILE")
	rotated := diglotJSON(t, both, "secret", "rotate")
	require.Equal(t, []any{2.0, "newest", "elsewhere", 0.0}, []any{rotated["version"], rotated["state"], rotated["kept"], rotated["keys"]})
	require.Equal(t, 3, secretList(t, both)[1].Keys)

	// Old and new instances side by side, and keys made by who knows one version or two.
	one, two := startGateway(t, both), startGateway(t, both)
	keys.hammer(one)
	for _, env := range [][]string{before, both} {
		made := diglotJSON(t, env, "key", "create", "--tenant", "acme", "--dialect", "refold")
		keys.add("x-api-key", made["key"].(string))
		token := diglotJSON(t, env, "token", "create", "--tenant", "acme", "--account", "customer@example.com")
		keys.add("Authorization", "Bearer "+token["token"].(string))
		_, stderr, err = importKeys(t, env, m.refoldKey, "--dialect", "refold")
		require.Error(t, err)
		require.Contains(t, stderr, "is a key already", "one value is one key, under whichever version")
	}
	for _, g := range []*gatewayProcess{old, one, two} {
		keys.work(g)
	}
	_, stderr, err = diglot(t, both, "signing-key", "rotate")
	require.Error(t, err)
	require.Contains(t, stderr, "1 running instance doesn't know version 2 of the secret", "it could not sign")

	keys.stop(old)
	signing := diglotJSON(t, both, "signing-key", "rotate")
	require.True(t, strings.HasPrefix(signing["id"].(string), "s2-k"), signing["id"])
	token := diglotJSON(t, both, "token", "create", "--tenant", "acme", "--account", "customer@example.com")
	keys.add("Authorization", "Bearer "+token["token"].(string))
	keys.hammer(two)
	keys.work(one)
	keys.stop(one) // writes the hashes of the keys that were used

	_, stderr, err = diglot(t, both, "secret", "retire", "1")
	require.Error(t, err)
	require.Contains(t, stderr, "needed: key "+unused["id"].(string)+" of tenant acme")
	require.Contains(t, stderr, "needed: signing key first")
	_, stderr, err = diglot(t, both, "secret", "retire", "2", "--force")
	require.Error(t, err)
	require.Contains(t, stderr, "newest")
	keys.stop(two)
	keys.forget("Bearer ") // those of the first signing key end with it
	keys.add("Authorization", "Bearer "+token["token"].(string))
	two = startGateway(t, both)
	keys.hammer(two)
	stdout, stderr, err := diglot(t, both, "secret", "retire", "1", "--force")
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "lost: key "+unused["id"].(string)+" of tenant acme")
	require.Contains(t, stderr, "lost: signing key first")
	require.NotContains(t, stderr, m.refoldKey)
	require.Contains(t, stdout, "retired")
	require.Equal(t, "revoked", keyList(t, both, "acme")[unused["id"].(string)]["status"])

	three := startGateway(t, after)
	keys.work(three)
	keys.work(two)
	keys.stop(two)
	r := send(t, http.MethodGet, three.url+refoldServers, "", "x-api-key", unused["key"].(string), "linked_account_id", "customer@example.com")
	require.Equal(t, http.StatusUnauthorized, r.status)
	list := secretList(t, after)
	require.Equal(t, []any{2, "newest", 1, "retired", "nowhere"}, []any{list[0].Version, list[0].State, list[1].Version, list[1].State, list[1].Kept})
}

func TestAnInstanceSaysWhichVersionOfTheSecretIsMissing(t *testing.T) {
	t.Parallel()
	database := envDatabaseURL + "=" + storetest.NewEmpty(t)
	before := []string{database, envSecret + "=" + secretOne}
	makeTenant(t, before, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	both := []string{database, envSecret + "=" + secretTwo, envPreviousSecret + "=" + secretOne}
	fails := func(env []string, says string) {
		t.Helper()
		_, stderr, err := diglot(t, env, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off")
		require.Error(t, err)
		require.Contains(t, stderr, says)
		for _, secret := range []string{secretOne, secretTwo, secretThree} {
			require.NotContains(t, stderr, secret)
		}
	}
	fails(both, "run: diglot secret rotate")
	diglotJSON(t, both, "secret", "rotate")
	fails([]string{database, envSecret + "=" + secretTwo}, "version 1 of this database's secret is kept elsewhere")
	fails([]string{database, envSecret + "=" + secretThree, envPreviousSecret + "=" + secretOne}, "set up with another secret")
	fails([]string{database, envSecret + "=" + secretTwo, envPreviousSecretFile + "=/no/such/file"}, envPreviousSecretFile)
	g := startGateway(t, before)
	require.Contains(t, g.logged(), "the newest version of the secret is not given", "it serves, and is to be restarted")
	require.NoError(t, g.stop(t))
	diglotJSON(t, both, "signing-key", "rotate")
	fails(before, "version 2 of this database's secret is kept elsewhere")
}

// liveCredentials are headers that every gateway takes, at any time.
type liveCredentials struct {
	t *testing.T

	mu      sync.Mutex
	headers [][2]string
	running map[*gatewayProcess]*hammering
}

type hammering struct {
	stop     chan struct{}
	ended    chan struct{}
	requests atomic.Int64
}

func (l *liveCredentials) add(name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.headers = append(l.headers, [2]string{name, value})
}

func (l *liveCredentials) forget(prefix string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.headers[:0:0]
	for _, h := range l.headers {
		if !strings.HasPrefix(h[1], prefix) {
			kept = append(kept, h)
		}
	}
	l.headers = kept
}

func (l *liveCredentials) all() [][2]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.headers[:len(l.headers):len(l.headers)]
}

// work uses each of them on a gateway once.
func (l *liveCredentials) work(g *gatewayProcess) {
	l.t.Helper()
	for _, h := range l.all() {
		r := send(l.t, http.MethodGet, g.url+refoldServers, "", h[0], h[1], "linked_account_id", "customer@example.com")
		require.Equal(l.t, http.StatusOK, r.status, r.body)
	}
}

// hammer uses them all the time, until the gateway is stopped.
func (l *liveCredentials) hammer(g *gatewayProcess) {
	h := &hammering{stop: make(chan struct{}), ended: make(chan struct{})}
	l.mu.Lock()
	if l.running == nil {
		l.running = make(map[*gatewayProcess]*hammering)
	}
	l.running[g] = h
	l.mu.Unlock()
	l.t.Cleanup(func() { l.quiet(g) })
	go func() {
		defer close(h.ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, header := range l.all() {
				r, err := try(l.t.Context(), http.MethodGet, g.url+refoldServers, "", header[0], header[1], "linked_account_id", "customer@example.com")
				select {
				case <-h.stop:
					return
				default:
				}
				if err != nil || r.status != http.StatusOK {
					l.t.Errorf("a good credential was turned away: %d %s %v", r.status, r.body, err)
					return
				}
				h.requests.Add(1)
			}
			select {
			case <-h.stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// quiet ends what hammers on a gateway.
func (l *liveCredentials) quiet(g *gatewayProcess) {
	l.mu.Lock()
	h := l.running[g]
	delete(l.running, g)
	l.mu.Unlock()
	if h == nil {
		return
	}
	close(h.stop)
	<-h.ended
	if h.requests.Load() == 0 {
		l.t.Error("no request was made")
	}
}

func (l *liveCredentials) stop(g *gatewayProcess) {
	l.t.Helper()
	l.quiet(g)
	require.NoError(l.t, g.stop(l.t))
}
