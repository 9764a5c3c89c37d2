package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target makes a request to a base URL; each connection has its own random.
type target func(base string, db *database, r *rand.Rand) *http.Request

// workload is one operation on both sides.
type workload struct {
	name   string
	goal   string
	diglot target
	floor  target
}

const (
	refoldServers    = "/api/v2/public/mcp-servers"
	cometChatServers = "/v3/ai-agents/agent-builder/mcp-servers"
)

func workloads() []workload {
	return []workload{
		{"Refold read, key", "0.75", refoldRead("key"), floorRead},
		{"Refold read, token", "0.75", refoldRead("token"), floorRead},
		{"CometChat read", "0.75", cometChatRead, floorRead},
		{"Refold list of 10", "0.7", refoldList, floorList},
		{"CometChat list of 10", "0.7", cometChatList, floorList},
		{"Refold create", "0.6", refoldCreate, floorCreate},
		{"CometChat create", "0.6", cometChatCreate, floorCreate},
	}
}

func request(method, url, body string, headers ...string) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		panic(err) // the URL is made of constants and numbers
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func refoldRead(way string) target {
	return func(base string, db *database, r *rand.Rand) *http.Request {
		t, n := db.pick(r)
		return request(http.MethodGet, base+refoldServers+"/"+idOf(n), "", t.headers[way]...)
	}
}

func cometChatRead(base string, db *database, r *rand.Rand) *http.Request {
	t, n := db.pick(r)
	return request(http.MethodGet, fmt.Sprintf("%s%s/server-%d", base, cometChatServers, n), "", t.headers["apikey"]...)
}

func refoldList(base string, db *database, r *rand.Rand) *http.Request {
	t, _ := db.pick(r)
	return request(http.MethodGet, base+refoldServers+"?page=1&limit=10", "", t.headers["key"]...)
}

func cometChatList(base string, db *database, r *rand.Rand) *http.Request {
	t, _ := db.pick(r)
	return request(http.MethodGet, base+cometChatServers+"?limit=10", "", t.headers["apikey"]...)
}

// created makes names that were never made before.
var created atomic.Int64

func refoldCreate(base string, db *database, r *rand.Rand) *http.Request {
	t, _ := db.pick(r)
	body := fmt.Sprintf(`{"name":"Created %d","description":"Weather for cities"}`, created.Add(1))
	return request(http.MethodPost, base+refoldServers, body, t.headers["key"]...)
}

func cometChatCreate(base string, db *database, r *rand.Rand) *http.Request {
	t, _ := db.pick(r)
	n := created.Add(1)
	body := fmt.Sprintf(`{"name":"Created %d","slug":"created-%d","description":"Weather for cities","url":"http://localhost:3001"}`, n, n)
	return request(http.MethodPost, base+cometChatServers, body, t.headers["apikey"]...)
}

func floorRead(base string, db *database, r *rand.Rand) *http.Request {
	_, n := db.pick(r)
	return request(http.MethodGet, base+"/servers/"+idOf(n), "")
}

func floorList(base string, db *database, r *rand.Rand) *http.Request {
	_, n := db.pick(r)
	return request(http.MethodGet, fmt.Sprintf("%s/servers?from=%d", base, n), "")
}

func floorCreate(base string, _ *database, _ *rand.Rand) *http.Request {
	n := created.Add(1)
	body := fmt.Sprintf(`{"name":"Created %d","slug":"created-%d","description":"Weather for cities","url":"http://localhost:3001"}`, n, n)
	return request(http.MethodPost, base+"/servers", body)
}

// result is what a turn measured.
type result struct {
	latencies []time.Duration
	turn      time.Duration
	cpu       processors // of the whole turn, and of its beginning, which isn't counted
	sent      int        // requests in that time
}

// perRequest is how long processors worked for each, in microseconds.
func (r result) perRequest() (own, postgres float64) {
	micros := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(r.sent, 1)) }
	return micros(r.cpu.own), micros(r.cpu.postgres)
}

func (r result) perSecond() float64 { return float64(len(r.latencies)) / r.turn.Seconds() }

// p50 is in microseconds.
func (r result) p50() float64 {
	slices.Sort(r.latencies)
	return float64(r.latencies[len(r.latencies)/2].Microseconds())
}

// drive sends requests over a number of connections for one turn, after a
// tenth of one that does not count.
func (p plan) drive(ctx context.Context, conns int, base string, db *database, next target) (result, error) {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, DisableCompression: true, DialContext: (&net.Dialer{}).DialContext,
	}}
	defer client.CloseIdleConnections()
	counting := time.Now().Add(p.turn / 10)
	end := counting.Add(p.turn)
	cpu := processorTime()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total = result{turn: p.turn}
		first error
		sent  atomic.Int64
	)
	for i := range conns {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), uint64(end.UnixNano()))) //nolint:gosec // load, not secrets
			var latencies []time.Duration
			var err error
			for err == nil && ctx.Err() == nil {
				start := time.Now()
				if start.After(end) {
					break
				}
				err = once(client, next(base, db, r))
				sent.Add(1)
				if start.After(counting) {
					latencies = append(latencies, time.Since(start))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.latencies = append(total.latencies, latencies...)
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	total.cpu = processorTime().since(cpu)
	total.sent = int(sent.Load())
	return total, first
}

func once(client *http.Client, r *http.Request) error {
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %d %s", r.Method, r.URL.Path, res.StatusCode, body)
	}
	return err
}

func spread(values []float64) (least, mid, most float64) {
	return slices.Min(values), median(values), slices.Max(values)
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}
