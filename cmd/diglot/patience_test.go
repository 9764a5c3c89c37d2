package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

// hangingStore is a database that takes a request and says nothing more.
type hangingStore struct{ *memstore.Store }

// MCPServerPage hangs.
func (hangingStore) MCPServerPage(ctx context.Context, _ core.TenantID, _ core.Order, _, _ int) ([]core.MCPServer, int, error) {
	<-ctx.Done()
	return nil, 0, ctx.Err()
}

// MCPServersFrom hangs.
func (hangingStore) MCPServersFrom(ctx context.Context, _ core.TenantID, _ core.Place, _ core.Direction, _ int) ([]core.MCPServer, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestADatabaseThatHangsIsAnswered503InTheDialectsShape(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	g := newInProcess(t, s, s)
	_, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	service := core.NewService(hangingStore{s}, secret, time.Now, core.NewIDSource())
	server := httptest.NewServer(gateway.New(service, refold.NewTokens(secret, refold.DefaultLifetimes), gateway.Limits{},
		dialects.Options{Logger: slog.New(slog.DiscardHandler), Patience: time.Millisecond}))
	t.Cleanup(server.Close)
	for path, c := range map[string]struct{ way, want string }{
		refoldServers:    {"key", `"http_error_type":"SERVICE_UNAVAILABLE"`},
		cometChatServers: {"apikey", `"code":"ERR_EXCEPTION"`},
	} {
		r := send(t, http.MethodGet, server.URL+path, "", headers[c.way]...)
		require.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
		require.Equal(t, "1", r.header.Get("Retry-After"))
		require.Contains(t, r.body, c.want)
	}
}

// Some proxies and tools close their half of the connection behind a request.
func TestAClientThatClosesItsHalfIsAnswered(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	g := newInProcess(t, s, s)
	_, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	address := strings.TrimPrefix(g.url, "http://")
	for i := range 20 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		body := fmt.Sprintf(`{"name":"n","slug":"s-%d","url":"http://localhost"}`, i)
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\napikey: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			cometChatServers, address, headers["apikey"][1], len(body), body)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusCreated, res.StatusCode, string(answer))
		require.NoError(t, conn.Close())
	}
}
