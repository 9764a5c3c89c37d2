package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/store/memstore"
)

// panickingStore panics where servers are listed.
type panickingStore struct {
	*memstore.Store

	saying any
}

// MCPServerPage panics.
func (s panickingStore) MCPServerPage(context.Context, core.TenantID, core.Order, int, int) ([]core.MCPServer, int, error) {
	panic(s.saying)
}

// MCPServersFrom panics, in the runtime's words.
func (s panickingStore) MCPServersFrom(context.Context, core.TenantID, core.Place, core.Direction, int) ([]core.MCPServer, error) {
	var none []core.MCPServer
	return none[len(none):1], nil
}

// A panic may say anything, of what a client sent too. The tenant may have one
// request under way, so that one that is counted for ever would be the last.
func TestAPanicIsAnswered500InTheDialectsShapeAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	g := newInProcess(t, s, s)
	_, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	service := core.NewService(panickingStore{s, map[string]string{"key": headers["key"][1]}}, g.secret, time.Now, core.NewIDSource())
	var log bytes.Buffer // read when the server has ended
	server := httptest.NewServer(gateway.New(service, g.tokens, gateway.Limits{Others: core.Limits{Concurrency: new(1)}},
		dialects.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))}))
	ids := map[string]string{}
	for path, c := range map[string]struct{ way, want, says string }{
		refoldServers:    {"key", `"status_code":500,"http_error_type":"INTERNAL_SERVER_ERROR"`, "map[string]string"},
		cometChatServers: {"apikey", `{"error":{"code":"ERR_`, "runtime error: slice bounds out of range"},
	} {
		reused := false
		for range 3 {
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
			r, err := try(ctx, http.MethodGet, server.URL+path, "", headers[c.way]...)
			require.NoError(t, err)
			require.Equal(t, http.StatusInternalServerError, r.status, r.body)
			require.Contains(t, r.body, c.want)
			ids[r.header.Get(dialects.RequestIDHeader)] = c.says
		}
		require.True(t, reused, "the connection is kept")
		r := send(t, http.MethodGet, server.URL+path+"/none", "", headers[c.way]...)
		require.NotEqual(t, http.StatusTooManyRequests, r.status, r.body)
		require.Less(t, r.status, 500, r.body)
	}
	require.NoError(t, server.Config.Shutdown(t.Context()), "nothing is under way")
	server.Close()

	panics := 0
	for line := range strings.Lines(log.String()) {
		var l struct{ Msg, Panic, Stack, Operation, Request_ID string } //nolint:revive // as the log has it
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		if l.Msg == "panic" {
			require.Contains(t, l.Panic, ids[l.Request_ID])
			require.Contains(t, l.Stack, "panic_test.go")
			require.NotEmpty(t, l.Operation)
			panics++
		}
	}
	require.Equal(t, len(ids), panics)
	for _, way := range headers {
		require.NotContains(t, log.String(), strings.TrimPrefix(way[1], "Bearer "))
	}
}
