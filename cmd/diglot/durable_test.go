package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// writers create servers through both dialects until they are stopped, and
// remember each that was acknowledged.
type writers struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	acked []string // slugs
}

func startWriters(t *testing.T, refold, cometchat printedCurl) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &writers{cancel: cancel}
	for i := range 4 {
		w.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				slug := fmt.Sprintf("server-%d-%d", i, n)
				c, body := cometchat, `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`
				if i%2 == 0 {
					c, body = refold, `{"name":"`+slug+`","description":"d"}`
				}
				r, err := try(ctx, http.MethodPost, c.url, body, c.headers...)
				if err == nil && r.status == http.StatusCreated {
					w.mu.Lock()
					w.acked = append(w.acked, slug)
					w.mu.Unlock()
				}
			}
		})
	}
	return w
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// stop ends the writers and gives what was acknowledged.
func (w *writers) stop() []string {
	w.cancel()
	w.done.Wait()
	return w.acked
}

// listed gives the slugs of all servers, walking the list as a client does.
func listed(t *testing.T, gateway string, headers []string) map[string]int {
	t.Helper()
	slugs := map[string]int{}
	query := "?limit=100"
	for {
		r := send(t, http.MethodGet, gateway+"/v3/ai-agents/agent-builder/mcp-servers"+query, "", headers...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		page := r.json(t)
		for _, s := range page["data"].([]any) {
			slugs[s.(map[string]any)["slug"].(string)]++
		}
		next, more := page["meta"].(map[string]any)["next"].(map[string]any)
		if !more {
			return slugs
		}
		query = fmt.Sprintf("?limit=100&affix=%s&createdAt=%s", next["affix"], strconv.FormatFloat(next["createdAt"].(float64), 'f', -1, 64))
	}
}

func requireAll(t *testing.T, acked []string, slugs map[string]int) {
	t.Helper()
	require.NotEmpty(t, acked)
	for _, slug := range acked {
		require.Equal(t, 1, slugs[slug], "%s was acknowledged", slug)
	}
}

func startDemo(t *testing.T, dir string) (g *gatewayProcess, refold, cometchat printedCurl) {
	t.Helper()
	g = startGateway(t, nil, "--data-dir", dir, "--demo")
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, 5*time.Second, 5*time.Millisecond)
	refold, cometchat = curls(t, g.printed())
	return g, refold, cometchat
}

func TestEveryAcknowledgedWriteSurvivesKillingTheGateway(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	g, refold, cometchat := startDemo(t, dir)
	w := startWriters(t, refold, cometchat)
	require.Eventually(t, func() bool { return w.count() > 50 }, 20*time.Second, time.Millisecond)
	g.kill(t)
	acked := w.stop()

	g, _, cometchat = startDemo(t, dir)
	requireAll(t, acked, listed(t, g.url, cometchat.headers))
}

func TestEveryAcknowledgedWriteSurvivesKillingPostgres(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	g, refold, cometchat := startDemo(t, dir)
	w := startWriters(t, refold, cometchat)
	require.Eventually(t, func() bool { return w.count() > 50 }, 20*time.Second, time.Millisecond)
	killPostmaster(t, dir)
	before := w.count()
	require.Eventually(t, func() bool { return w.count() > before+50 }, 60*time.Second, 10*time.Millisecond, "it comes back by itself")
	acked := w.stop()
	requireAll(t, acked, listed(t, g.url, cometchat.headers))
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/healthz", "").status)
}

// killPostmaster kills -9 the private cluster's first process.
func killPostmaster(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pg", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}
