package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
)

// What the neighbours do while one of them is noisy.
const (
	quietTenants = 10
	quietRate    = 20 // requests a second of each
	noisyFactor  = 50 // times its limit
	noisyConns   = 16

	// pestStarts is the time that a process has to start.
	pestStarts = 300 * time.Millisecond
)

// noise is what somebody does at a rate that nobody should notice, and how often
// each of its requests was answered how.
type noise struct {
	name   string
	does   pest
	status map[int]int
}

// neighbours prints what the p99 of tenants that ask modestly becomes of one that
// asks 50 times what it may, and of somebody who tries keys that there are not.
func (p plan) neighbours(ctx context.Context, db *database) error {
	noisy := db.tenants[0]
	limit := *refold.VendorLimits.Rate / 60
	if err := db.limit(ctx, core.Limits{Vendor: true}); err != nil {
		return err
	}
	rate := noisyFactor * limit
	does := func(what string) pest {
		return pest{What: what, URL: db.gatewayURL, Headers: noisy.headers["key"], Servers: db.perTenant, Rate: rate, Turn: p.noisyTurn}
	}
	noises := []noise{
		{name: fmt.Sprintf("one that reads %d times its limit of %d a second", noisyFactor, limit), does: does(pestReads)},
		{name: fmt.Sprintf("one that creates %d times its limit of %d a second", noisyFactor, limit), does: does(pestCreates)},
		{name: fmt.Sprintf("somebody who tries %d keys a second", rate), does: does(pestGuesses)},
	}
	say("\np99 of %d tenants that read %d times a second each, %d turns of %s, median (least to most), goal below 1.20 beside a tenant:",
		quietTenants, quietRate, p.rounds, p.noisyTurn)
	for _, n := range noises {
		if err := p.withNoise(ctx, db, &n); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return nil
}

// limit sets the first tenant's limits.
func (db *database) limit(ctx context.Context, l core.Limits) error {
	s, err := store.Open(ctx, store.Config{URL: db.url, Role: store.Operator})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.UpdateTenant(ctx, "tenant-0", core.TenantUpdate{Limits: &l})
	return err
}

// withNoise takes turns with and without the noise.
func (p plan) withNoise(ctx context.Context, db *database, n *noise) error {
	n.status = map[int]int{}
	var alone, beside, ratios []float64
	for i := range 2 * p.rounds {
		noisy := n
		if i%2 == 0 {
			noisy = nil
		}
		p99, err := p.quiet(ctx, db, noisy)
		if err != nil {
			return err
		}
		if noisy == nil {
			alone = append(alone, p99)
			continue
		}
		beside = append(beside, p99)
		ratios = append(ratios, p99/alone[len(alone)-1])
	}
	l1, m1, h1 := spread(alone)
	l2, m2, h2 := spread(beside)
	l3, m3, h3 := spread(ratios)
	say("%s: %.0f µs alone (%.0f to %.0f), %.0f beside (%.0f to %.0f), ratio %.2f (%.2f to %.2f)", n.name, m1, l1, h1, m2, l2, h2, m3, l3, h3)
	seconds := float64(p.rounds) * p.noisyTurn.Seconds()
	limited, refused := n.status[http.StatusTooManyRequests], n.status[http.StatusUnauthorized]
	say("  it was served %.0f times a second and refused %.0f times: %d 429, %d 401",
		float64(n.status[http.StatusOK]+n.status[http.StatusCreated])/seconds, float64(limited+refused)/seconds, limited, refused)
	return nil
}

// quiet gives the p99 of the quiet tenants' requests in one turn, in
// microseconds. The noise comes from a process of its own: its client's work and
// garbage are not the gateway's.
func (p plan) quiet(ctx context.Context, db *database, n *noise) (float64, error) {
	clients := make([]*http.Client, quietTenants)
	for i := range clients {
		clients[i] = &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{}).DialContext}}
		defer clients[i].CloseIdleConnections()
	}
	read := func(i, n int) error {
		t := 1 + i // the first is the noisy one
		return once(clients[i], request(http.MethodGet, db.gatewayURL+refoldServers+"/"+idOf(t*db.perTenant+n+1), "", db.tenants[t].headers["key"]...))
	}
	for i := range quietTenants { // a connection's first is the slowest, and would be one in a hundred
		if err := read(i, 0); err != nil {
			return 0, err
		}
	}
	start := time.Now().Add(pestStarts)
	end := start.Add(p.noisyTurn)
	var (
		wg        sync.WaitGroup
		mu        sync.Mutex
		latencies []time.Duration
		first     error
	)
	each := func(i int, every time.Duration, do func(*rand.Rand) error) {
		wg.Go(func() {
			err := paced(ctx, i, start, end, every, do)
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
	}
	for i := range quietTenants {
		each(i, time.Second/quietRate, func(r *rand.Rand) error {
			began := time.Now() // it was due now: an answer takes much less than the time between two
			err := read(i, r.IntN(db.perTenant))
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, took)
			return err
		})
	}
	var err error
	if n != nil {
		n.does.Start = start
		err = n.does.send(ctx, n.status)
	}
	wg.Wait()
	if first == nil {
		first = errors.Join(err, ctx.Err())
	}
	if first != nil {
		return 0, first
	}
	slices.Sort(latencies)
	return float64(latencies[len(latencies)*99/100].Microseconds()), nil
}

// paced does something each time that it is due, from some moment of the first
// time on.
func paced(ctx context.Context, i int, start, end time.Time, every time.Duration, do func(*rand.Rand) error) error {
	r := rand.New(rand.NewPCG(uint64(i), uint64(end.UnixNano()))) //nolint:gosec // load, not secrets
	var err error
	for at := start.Add(time.Duration(r.Int64N(int64(every)))); err == nil && at.Before(end) && ctx.Err() == nil; at = at.Add(every) {
		time.Sleep(time.Until(at))
		err = do(r)
	}
	return err
}
