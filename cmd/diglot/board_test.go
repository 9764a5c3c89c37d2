package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/diglot/diglot/store/storetest"
)

var (
	metricName  = regexp.MustCompile(`\b(?:diglot|go|process)_[a-z_]+\b`)
	labelLists  = regexp.MustCompile(`\bby \(([^)]*)\)`)
	labelsAsked = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
)

// The board and the alerts ask for no metric and no label that the program
// doesn't have. Requests are answered, refused and compared first: a counter without
// an event isn't there.
func TestTheBoardAndTheAlertsAskForMetricsThatExist(t *testing.T) {
	t.Parallel()
	ops, shadowed := freeAddress(t), filepath.Join(t.TempDir(), "shadow.yaml")
	peer := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(peer.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(broken.Close)
	require.NoError(t, os.WriteFile(shadowed, []byte("allow_networks: [127.0.0.1]\nshadows:\n"+
		shadowRule("refold", peer.URL)+shadowRule("cometchat", broken.URL)), 0o600))
	g := startGateway(t, []string{"DIGLOT_DATABASE_URL=" + storetest.New(t)}, "--ops-addr", ops, "--demo", "--max-body", "1024", "--shadow", shadowed)
	require.Eventually(t, func() bool { return len(curlLine.FindAllString(g.printed(), -1)) == 2 }, startLimit, 5*time.Millisecond)
	refold, comet := curls(t, g.printed())
	require.Equal(t, http.StatusCreated, refold.send(t).status)
	require.Equal(t, http.StatusCreated, comet.send(t).status)
	refold.body = `{"name":"` + strings.Repeat("n", 2000) + `"}`
	require.Equal(t, http.StatusRequestEntityTooLarge, refold.send(t).status)
	var scraped string
	require.Eventually(t, func() bool { // the shadow comes behind the client
		scraped = send(t, http.MethodGet, "http://"+ops+"/metrics", "").body
		return strings.Contains(scraped, "diglot_shadow_different_total{") && strings.Contains(scraped, "diglot_shadow_failed_total{") &&
			strings.Contains(scraped, "diglot_shadow_dropped_total{")
	}, startLimit, 10*time.Millisecond)

	labels := map[string]bool{"instance": true, "job": true} // what Prometheus adds
	for _, m := range labelsAsked.FindAllStringSubmatch(scraped, -1) {
		labels[m[1]] = true
	}
	asked := 0
	for _, query := range append(boardQueries(t), alertQueries(t)...) {
		for _, name := range metricName.FindAllString(query, -1) {
			require.Contains(t, scraped, "\n"+name, query)
			asked++
		}
		for _, m := range labelsAsked.FindAllStringSubmatch(query, -1) {
			require.True(t, labels[m[1]], "label %s: %s", m[1], query)
		}
		for _, m := range labelLists.FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(m[1], ", ") {
				require.True(t, labels[label], "label %s: %s", label, query)
			}
		}
	}
	require.Greater(t, asked, 15)
}

func boardQueries(t *testing.T) (queries []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile("../../deploy/compose/grafana/diglot.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &board))
	for _, p := range board.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	text, err := os.ReadFile("../../deploy/compose/alerts.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &alerts))
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			queries = append(queries, r.Expr)
		}
	}
	return queries
}
