package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
)

// loadNoun is what a client creates and lists.
type loadNoun struct {
	dialect, path, way string
	headers            []string
	body               string // without its end
}

// Of the first and the last, nothing but an idempotency key keeps two of one name
// from being there.
var loadNouns = []loadNoun{
	{"refold", refoldServers, "key", []string{refold.RevisionHeader, string(core.RefoldV3)}, `"description":"d"`},
	{"cometchat", cometChatServers, "apikey", nil, `"url":"http://localhost"`},
	{"cometchat", agentsPath, "apikey", nil, `"description":"d"`},
}

// loadBook is what was asked for of a tenant's, by name.
type loadBook struct {
	mu           sync.Mutex
	asked, acked map[string]bool
}

func (b *loadBook) ask(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[name] = true
}

func (b *loadBook) ack(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked[name] = true
}

func (b *loadBook) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acked)
}

// loadClient creates something, lists all there is of it, and so on. What was not
// acknowledged it asks for again, under the same idempotency key.
type loadClient struct {
	loadNoun

	f                *faulty
	book             *loadBook
	headers          []string
	foreign, prefix  string
	mu               sync.Mutex
	served, refused  int
	consecutive      int // served since it was last refused, or this was last set
	replayed         int // created, as it turned out, by a request that was not answered
	problems         []string
	gatewayMayBeGone bool
}

func (c *loadClient) run(ctx context.Context) {
	url := c.f.url + c.path
	for n := 0; ctx.Err() == nil; pause(ctx, time.Duration(c.f.pause.Load())) {
		c.f.gate.RLock()
		if c.create(url, fmt.Sprintf("%s-%d", c.prefix, n)) {
			n++
		}
		c.ask(http.MethodGet, url, "", http.StatusOK, c.headers)
		c.f.gate.RUnlock()
	}
}

func (c *loadClient) create(url, name string) bool {
	c.book.ask(name)
	body := fmt.Sprintf(`{"name":"%s","slug":"%s",%s}`, name, name, c.body)
	if c.path != cometChatServers {
		body = fmt.Sprintf(`{"name":"%s",%s}`, name, c.body)
	}
	created := c.ask(http.MethodPost, url, body, http.StatusCreated, append([]string{dialects.IdempotencyKeyHeader, name}, c.headers...))
	if created {
		c.book.ack(name)
	}
	return created
}

// ask sends one request and judges its answer. It never gives up before the
// gateway should have.
func (c *loadClient) ask(method, url, body string, want int, headers []string) (served bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := time.Now()
	r, err := try(ctx, method, url, body, headers...)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.gatewayMayBeGone:
	case err != nil:
		c.problems = append(c.problems, fmt.Sprintf("%s after %s: %v", method, time.Since(start), err))
	case strings.Contains(r.body, c.foreign):
		c.problems = append(c.problems, method+" shows another tenant's: "+r.body)
	case r.status == want:
		c.served++
		c.consecutive++
		if r.header.Get(dialects.ReplayedHeader) == "true" {
			c.replayed++
		}
		return true
	case isUnavailable(c.dialect, r):
		c.refused++
		c.consecutive = 0
	default:
		c.problems = append(c.problems, fmt.Sprintf("%s: %d %v %s", method, r.status, r.header, r.body))
	}
	return false
}

// isUnavailable reports whether an answer is the dialect's own way to say that
// the same may pass later.
func isUnavailable(dialect string, r reply) bool {
	words := map[string]string{
		"refold":    `"status_code":503,"http_error_type":"SERVICE_UNAVAILABLE"`,
		"cometchat": `{"error":{"code":"ERR_EXCEPTION","message":"The service is unavailable. Please try again later."`,
	}
	return r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") == "1" &&
		strings.HasPrefix(r.header.Get("Content-Type"), "application/json") && strings.Contains(r.body, words[dialect])
}

// pause ends early with the context.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
