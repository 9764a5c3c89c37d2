package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// loadClient creates a server, lists servers, and so on.
type loadClient struct {
	dialect, gateway, foreign, prefix string
	tenant                            int
	headers                           []string

	mu              sync.Mutex
	acked           []string // slugs
	served, refused int
	consecutive     int // served since it was last refused, or this was last set
	problems        []string
	orphan          bool // the gateway may be gone
}

func (c *loadClient) run(ctx context.Context) {
	base := c.gateway + refoldServers
	if c.dialect == "cometchat" {
		base = c.gateway + cometChatServers
	}
	for n := 0; ctx.Err() == nil; n++ {
		slug := fmt.Sprintf("%s-%d", c.prefix, n)
		body := `{"name":"` + slug + `","description":"d"}`
		if c.dialect == "cometchat" {
			body = `{"name":"` + slug + `","slug":"` + slug + `","url":"http://localhost"}`
		}
		if c.ask(http.MethodPost, base, body, http.StatusCreated) {
			c.mu.Lock()
			c.acked = append(c.acked, slug)
			c.mu.Unlock()
		}
		c.ask(http.MethodGet, base, "", http.StatusOK)
		pause(ctx)
	}
}

// ask sends one request and judges its answer. It never gives up before the
// gateway should have.
func (c *loadClient) ask(method, url, body string, want int) (served bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := time.Now()
	r, err := try(ctx, method, url, body, c.headers...)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.orphan:
	case err != nil:
		c.problems = append(c.problems, fmt.Sprintf("%s after %s: %v", method, time.Since(start), err))
	case strings.Contains(r.body, c.foreign):
		c.problems = append(c.problems, method+" shows another tenant's: "+r.body)
	case r.status == want:
		c.served++
		c.consecutive++
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
