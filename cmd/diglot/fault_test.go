package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is something that goes wrong while clients write. What is required of all
// of them is in [faulty.outlives].
type fault struct {
	name  string
	begin func(*faulty, *testing.T)
	end   func(*faulty, *testing.T) // nil: it has ended with begin

	// unrefused is why not everybody is answered 503 meanwhile, unhealthy why
	// /healthz can't answer throughout; else both are required.
	unrefused, unhealthy string
	// meanwhile is required besides; nil: nothing.
	meanwhile func(*faulty, *testing.T)
}

// place is a gateway with its database, and what goes wrong there, in turn.
type place struct {
	name   string
	open   func(*testing.T) *faulty
	faults []fault
}

const (
	atOnce    = "it is over at once: who was not cut off doesn't notice"
	noGateway = "there is no gateway meanwhile"
	noHarm    = "nothing else may come of it than that it is served"
)

var places = append([]place{
	{"a network", behindProxy, append([]fault{
		{name: "is a second to and fro", unrefused: noHarm, meanwhile: (*faulty).goesOn, begin: (*faulty).farAway, end: (*faulty).lift},
		{name: "resets connections", unrefused: atOnce, begin: (*faulty).reset},
		{name: "resets connections with answers under way", unrefused: atOnce, begin: (*faulty).resetAnswers, end: (*faulty).liftAndReplay},
		{name: "closes connections slowly", unrefused: atOnce, begin: (*faulty).closeSlowly},
		{name: "closes connections by half", unrefused: atOnce, begin: (*faulty).closeHalf},
		{name: "refuses connections", begin: (*faulty).refuseAll, end: (*faulty).lift},
	}, cuts(1, 60, 150, 400, 1000)...)}, // in the middle of connecting, or of a batch
	{"a black hole", behindProxy, []fault{
		{name: "swallows all", begin: (*faulty).blackHole, meanwhile: (*faulty).unready, end: (*faulty).lift},
	}},
	{"a database", behindProxy, []fault{
		{name: "has all backends terminated", begin: (*faulty).terminateAll, end: (*faulty).calm},
		{name: "has backends terminated one by one", begin: (*faulty).terminateOneByOne, end: (*faulty).calm},
		{name: "says that the disk is full", begin: (*faulty).sayFull, meanwhile: (*faulty).readable, end: (*faulty).sayRoom},
	}},
	{"a gateway", behindProxy, []fault{
		{name: "is hung up on by a thousand clients", unrefused: noHarm, begin: (*faulty).hangUp, end: (*faulty).askWhoHungUp},
		{name: "is killed", begin: (*faulty).killGateway, end: (*faulty).startAgain, unrefused: noGateway, unhealthy: noGateway},
	}},
	{"a cluster", ownCluster, []fault{
		{name: "is stopped and started", begin: (*faulty).stopCluster, end: (*faulty).startCluster},
		{name: "is killed", begin: (*faulty).killCluster, end: (*faulty).answers},
	}},
	{"a kept cluster", keptCluster, []fault{
		{name: "is killed", begin: (*faulty).killCluster, end: (*faulty).answers},
		{name: "is left by a killed gateway", begin: (*faulty).killGateway, end: (*faulty).startAgain, unrefused: noGateway, unhealthy: noGateway},
	}},
	{"a clock", inThisProcess, []fault{
		{name: "is five minutes ahead", begin: (*faulty).ahead, end: (*faulty).onTime, unrefused: noHarm, meanwhile: (*faulty).goesOn},
		{name: "is five minutes behind", begin: (*faulty).behind, end: (*faulty).onTime, unrefused: noHarm, meanwhile: (*faulty).goesOn},
	}},
}, diskPlaces...)

// Most of the time all that happens is that something is waited for, so places go
// side by side, in the turn of one test.
func TestNothingIsLostWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	for _, p := range places {
		running.Go(func() {
			t.Run(p.name, func(t *testing.T) {
				f := p.open(t)
				f.load(t)
				for _, x := range p.faults {
					f.outlives(t, x)
				}
			})
		})
	}
	running.Wait()
}

// outlives requires of a fault that /healthz answers throughout, that who can't be
// served is answered 503 in the dialect's shape with Retry-After and nobody
// anything else, that all are served again within 5 s of its end, that the pool is
// idle within 1 s of the last request, and, of all that there is then, that no
// acknowledged write is lost, none is applied twice under one idempotency key, and
// none is or was seen by another tenant.
func (f *faulty) outlives(t *testing.T, x fault) {
	t.Helper()
	t.Logf("-- %s (not refused: %q, not healthy: %q)", x.name, x.unrefused, x.unhealthy)
	healthy := func() error { return nil }
	if x.unhealthy == "" {
		healthy = f.watchHealth()
	}
	x.begin(f, t)
	if x.unrefused == "" {
		f.refuses(t)
	}
	if x.meanwhile != nil {
		x.meanwhile(f, t)
	}
	if x.end != nil {
		x.end(f, t)
	}
	f.serves(t)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, f.url+"/readyz", "").status)
	require.NoError(t, healthy())

	f.gate.Lock()
	defer f.gate.Unlock()
	f.rests(t)
	f.keptAll(t)
}

// farAway has a second pass between a question and its answer.
func (f *faulty) farAway(*testing.T) { f.proxy.SetLatency(500*time.Millisecond, 500*time.Millisecond) }

func (f *faulty) reset(*testing.T)       { f.proxy.Reset() }
func (f *faulty) closeSlowly(*testing.T) { f.proxy.CloseAfter(500 * time.Millisecond) }
func (f *faulty) closeHalf(*testing.T)   { f.proxy.HalfClose() }
func (f *faulty) refuseAll(*testing.T)   { f.proxy.Refuse() }
func (f *faulty) blackHole(*testing.T)   { f.proxy.BlackHole() }

// cuts are connections that end behind so many bytes, whenever they are made.
func cuts(bytes ...int64) (faults []fault) {
	for _, n := range bytes {
		faults = append(faults, fault{name: "cuts connections", begin: func(f *faulty, _ *testing.T) { f.proxy.CutAfter(n) }, end: (*faulty).lift})
	}
	return faults
}

func (f *faulty) lift(t *testing.T) {
	t.Helper()
	require.NoError(t, f.proxy.Lift())
}

func (f *faulty) unready(t *testing.T) {
	t.Helper()
	require.Equal(t, http.StatusServiceUnavailable, send(t, http.MethodGet, f.url+"/readyz", "").status)
}

// resetAnswers resets connections once something was committed that nobody was
// told of.
func (f *faulty) resetAnswers(t *testing.T) {
	t.Helper()
	conn := f.connect(t)
	f.proxy.SetLatency(0, 300*time.Millisecond)
	require.Eventually(t, func() bool {
		var committed int
		err := conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM mcp_server) + (SELECT count(*) FROM agent)").Scan(&committed)
		acked := 0
		for _, tenant := range f.tenants {
			acked += tenant.book.count()
		}
		return err == nil && committed > acked
	}, patience, time.Millisecond)
	f.proxy.Reset()
}

// liftAndReplay requires that who asks again is answered as who asked first.
func (f *faulty) liftAndReplay(t *testing.T) {
	t.Helper()
	f.lift(t)
	require.Eventually(t, func() bool { return f.sum(func(c *loadClient) int { return c.replayed }) > 0 }, backAfter, 5*time.Millisecond)
}

func (f *faulty) stopCluster(t *testing.T) {
	t.Helper()
	require.NoError(t, f.cluster.Close())
}

// killCluster kills it in the middle of many a write.
func (f *faulty) killCluster(t *testing.T) {
	t.Helper()
	defer f.hurry(t)()
	killPostmaster(t, f.dir)
}

// killGateway kills it in the middle of many a write.
func (f *faulty) killGateway(t *testing.T) {
	t.Helper()
	defer f.hurry(t)()
	f.each(func(c *loadClient) { c.gatewayMayBeGone = true })
	f.g.kill(t)
}

func (f *faulty) startAgain(t *testing.T) {
	t.Helper()
	f.start(t)
	f.serves(t)
	f.each(func(c *loadClient) { c.gatewayMayBeGone = false })
}

func (f *faulty) ahead(*testing.T)  { f.clock.Store(int64(skew)) }
func (f *faulty) behind(*testing.T) { f.clock.Store(-int64(skew)) }
func (f *faulty) onTime(*testing.T) { f.clock.Store(0) }
