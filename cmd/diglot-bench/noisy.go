package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store"
)

// What the neighbours do while one of them is noisy.
const (
	quietTenants = 10
	quietRate    = 20 // requests a second of each
	noisyFactor  = 50 // times its limit
	noisyConns   = 16
)

// noise is what somebody does at a rate that nobody should notice.
type noise struct {
	name   string
	rate   int // requests a second
	next   target
	status map[int]*atomic.Int64 // how often each was answered
}

// neighbours prints what the p99 of tenants that ask modestly becomes of one that
// asks 50 times what it may, and of somebody who tries keys that there are not.
func (p plan) neighbours(ctx context.Context, db *database) error {
	noisy := db.tenants[0]
	limit := *refold.VendorLimits.Rate / 60
	if err := db.limit(ctx, core.Limits{Vendor: true}); err != nil {
		return err
	}
	noises := []noise{
		{
			name: fmt.Sprintf("one that reads %d times its limit of %d a second", noisyFactor, limit), rate: noisyFactor * limit,
			next: func(base string, _ *database, r *rand.Rand) *http.Request {
				return request(http.MethodGet, base+refoldServers+"/"+idOf(1+r.IntN(db.perTenant)), "", noisy.headers["key"]...)
			},
		},
		{
			name: fmt.Sprintf("one that creates %d times its limit of %d a second", noisyFactor, limit), rate: noisyFactor * limit,
			next: func(base string, _ *database, _ *rand.Rand) *http.Request {
				body := fmt.Sprintf(`{"name":"Created %d","description":"Weather for cities"}`, created.Add(1))
				return request(http.MethodPost, base+refoldServers, body, noisy.headers["key"]...)
			},
		},
		{
			name: fmt.Sprintf("somebody who tries %d keys a second", noisyFactor*limit), rate: noisyFactor * limit,
			next: func(base string, _ *database, _ *rand.Rand) *http.Request {
				return request(http.MethodGet, base+cometChatServers, "", "apikey", cometchat.NewAPIKey())
			},
		},
	}
	say("\np99 of %d tenants that read %d times a second each, %d turns of %s, median (least to most), goal below 1.20:",
		quietTenants, quietRate, p.rounds, p.turn)
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
	n.status = map[int]*atomic.Int64{}
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusUnauthorized, http.StatusTooManyRequests} {
		n.status[status] = new(atomic.Int64)
	}
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
	served := n.status[http.StatusOK].Load() + n.status[http.StatusCreated].Load()
	seconds := float64(p.rounds) * p.turn.Seconds()
	say("  it was served %.0f times a second and refused %.0f times: %d 429, %d 401", float64(served)/seconds,
		float64(n.status[http.StatusTooManyRequests].Load()+n.status[http.StatusUnauthorized].Load())/seconds,
		n.status[http.StatusTooManyRequests].Load(), n.status[http.StatusUnauthorized].Load())
	return nil
}

// quiet gives the p99 of the quiet tenants' requests in one turn, in
// microseconds.
func (p plan) quiet(ctx context.Context, db *database, n *noise) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: quietTenants + noisyConns, DisableCompression: true, DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	start := time.Now().Add(100 * time.Millisecond)
	end := start.Add(p.turn)
	var (
		wg        sync.WaitGroup
		mu        sync.Mutex
		latencies []time.Duration
		first     error
	)
	each := func(i int, every time.Duration, do func(*rand.Rand) error) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), uint64(end.UnixNano()))) //nolint:gosec // load, not secrets
			var err error
			for at := start.Add(time.Duration(r.Int64N(int64(every)))); err == nil && at.Before(end) && ctx.Err() == nil; at = at.Add(every) {
				time.Sleep(time.Until(at))
				err = do(r)
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
	}
	for i := range quietTenants {
		t := db.tenants[1+i]
		each(i, time.Second/quietRate, func(r *rand.Rand) error {
			id := idOf((1+i)*db.perTenant + r.IntN(db.perTenant) + 1)
			began := time.Now() // it was due now: an answer takes much less than the time between two
			err := once(client, request(http.MethodGet, db.gatewayURL+refoldServers+"/"+id, "", t.headers["key"]...))
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, took)
			return err
		})
	}
	if n != nil {
		for i := range noisyConns {
			each(quietTenants+i, time.Second*noisyConns/time.Duration(n.rate), func(r *rand.Rand) error {
				return n.once(client, n.next(db.gatewayURL, db, r))
			})
		}
	}
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	if first != nil {
		return 0, first
	}
	slices.Sort(latencies)
	return float64(latencies[len(latencies)*99/100].Microseconds()), nil
}

// once sends a noisy request; the answers that there may be are counted.
func (n *noise) once(client *http.Client, r *http.Request) error {
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	count, ok := n.status[res.StatusCode]
	if !ok {
		return fmt.Errorf("%s %s: %d", r.Method, r.URL.Path, res.StatusCode)
	}
	count.Add(1)
	return nil
}
