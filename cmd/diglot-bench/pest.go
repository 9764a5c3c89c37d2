package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/dialects/cometchat"
)

// asPest is the argument by which this program is the noise of one turn.
const asPest = "pest"

// What a pest does.
const (
	pestReads   = "reads"
	pestCreates = "creates"
	pestGuesses = "guesses"
)

// pest is what a process that makes noise is told, on its standard input. It
// prints how often it had each status.
type pest struct {
	What    string
	URL     string
	Headers []string // its credentials
	Servers int      // that it may read
	Rate    int      // requests a second
	Start   time.Time
	Turn    time.Duration
}

// send has another process make the noise, and adds what it was answered. Its
// priority is the least: elsewhere, such a client has a machine of its own.
func (p pest) send(ctx context.Context, status map[int]int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	told, err := json.Marshal(p)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", self, asPest) //nolint:gosec // itself
	cmd.Stdin, cmd.Stderr = bytes.NewReader(told), os.Stderr
	printed, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("make noise: %w", err)
	}
	had := map[int]int{}
	if err := json.Unmarshal(printed, &had); err != nil {
		return fmt.Errorf("make noise: %w", err)
	}
	for s, n := range had {
		status[s] += n
	}
	return nil
}

// run is what that process does.
func (p pest) run(ctx context.Context) error {
	transport := &http.Transport{MaxIdleConnsPerHost: noisyConns, DisableCompression: true, DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error
		number atomic.Int64
		had    = map[int]int{}
	)
	for i := range noisyConns {
		wg.Go(func() {
			err := paced(ctx, i, p.Start, p.Start.Add(p.Turn), time.Second*noisyConns/time.Duration(p.Rate), func(r *rand.Rand) error {
				status, err := answered(client, p.next(r, number.Add(1)))
				mu.Lock()
				defer mu.Unlock()
				had[status]++
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	return json.NewEncoder(os.Stdout).Encode(had)
}

func (p pest) next(r *rand.Rand, n int64) *http.Request {
	switch p.What {
	case pestReads:
		return request(http.MethodGet, p.URL+refoldServers+"/"+idOf(1+r.IntN(p.Servers)), "", p.Headers...)
	case pestCreates:
		body := fmt.Sprintf(`{"name":"Noise %d %d","description":"Weather for cities"}`, p.Start.UnixNano(), n)
		return request(http.MethodPost, p.URL+refoldServers, body, p.Headers...)
	default:
		return request(http.MethodGet, p.URL+cometChatServers, "", "apikey", cometchat.NewAPIKey())
	}
}

// answered sends a request; any answer that there may be will do.
func answered(client *http.Client, r *http.Request) (status int, err error) {
	res, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusUnauthorized, http.StatusTooManyRequests:
		return res.StatusCode, nil
	default:
		return 0, fmt.Errorf("%s %s: %d", r.Method, r.URL.Path, res.StatusCode)
	}
}
