package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// bounded serves what the gateway does, with memory for answers.
func (g *inProcess) bounded(t *testing.T, bytes int) (addr string, answers *dialects.Answers) {
	t.Helper()
	bounded := gateway.New(g.service, g.tokens, gateway.Limits{AnswerMemory: bytes}, dialects.Options{Logger: slog.New(slog.DiscardHandler)})
	server := gateway.NewServer(bounded, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String(), bounded.Answers
}

// fillWith makes n servers of the tenant's whose descriptions have so many bytes.
func (g *inProcess) fillWith(t *testing.T, tenant core.Tenant, n, bytes int) {
	t.Helper()
	for i := range n {
		name := fmt.Sprint("server-", i)
		_, err := g.service.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{
			Name: name, Slug: name, URL: "https://mcp.example.com", Description: new(strings.Repeat("x", bytes)),
		})
		require.NoError(t, err)
	}
}

// ask sends a request and reads no more of its answer than the status line.
func ask(t *testing.T, addr, path string, headers []string) (conn net.Conn, status string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
	text := "GET " + path + " HTTP/1.1\r\nHost: h\r\n"
	for i := 0; i < len(headers); i += 2 {
		text += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	_, err = fmt.Fprint(conn, text, "\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(startLimit)))
	line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	require.NoError(t, err)
	return conn, strings.Fields(line)[1]
}

const cometChatPage = cometChatServers + "?limit=100"

// Readers that read nothing hold no more than their tenant may have, and keep
// nobody else out. It isn't parallel: it looks at the heap.
func TestAnswersThatNobodyReadsTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	t.Run("memory", func(t *testing.T) { stall(t, memstoreInProcess(t)) })
	t.Run("postgres", func(t *testing.T) { stall(t, postgresInProcess(t)) })
}

func stall(t *testing.T, g *inProcess) {
	t.Helper()
	const most, large = 32 << 20, 200_000
	acme, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	other, others := g.tenant(t, "other", "6500a1b2c3d4e5f6a7b8c9d0", "other-app")
	g.fillWith(t, acme, 100, large) // a page of 20 MB
	g.fillWith(t, other, 10, large)
	addr, answers := g.bounded(t, most)
	ways := []struct {
		path    string
		headers []string
	}{
		{refoldServers + "?limit=100", headers["key"]}, {refoldServers + "?limit=100", headers["token"]}, {cometChatPage, headers["apikey"]},
	}
	for _, w := range ways {
		before := send(t, http.MethodGet, g.url+w.path, "", w.headers...)
		require.Equal(t, http.StatusOK, before.status, before.body)
		require.Greater(t, len(before.body), 100*large)
		now := send(t, http.MethodGet, "http://"+addr+w.path, "", w.headers...)
		require.Equal(t, http.StatusOK, now.status, "the only answer may be large")
		require.True(t, before.body == now.body) //nolint:testifylint // or it prints megabytes
		require.Equal(t, before.header["Etag"], now.header["Etag"])
	}

	heap := heapBytes()
	var stalled []net.Conn
	for i := range 30 {
		w := ways[i%len(ways)]
		conn, status := ask(t, addr, w.path, w.headers)
		stalled = append(stalled, conn)
		require.Equal(t, map[bool]string{true: "200", false: "429"}[i == 0], status)
	}
	require.Less(t, heapBytes()-heap, int64(2*most))
	for range 3 {
		r := send(t, http.MethodGet, "http://"+addr+cometChatPage, "", others["apikey"]...)
		require.Equal(t, http.StatusOK, r.status, "another tenant is served: %s", r.body[:min(len(r.body), 200)])
		require.Greater(t, len(r.body), 10*large)
	}
	for _, conn := range stalled {
		require.NoError(t, conn.Close())
	}
	const quarter = most / 4
	require.Eventually(t, func() bool { // all of it is there again
		taken := 0
		for taken < 4 && answers.Take(core.TenantID(fmt.Sprint(taken)), 0, quarter, false) == nil {
			taken++
		}
		for i := range taken {
			answers.Return(core.TenantID(fmt.Sprint(i)), quarter)
		}
		return taken == 4
	}, startLimit, time.Millisecond)
}

// heapBytes gives how much the heap has that is in use.
func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestTheMemoryForAnswersHasRoomForARecord(t *testing.T) {
	t.Parallel()
	_, stderr, err := diglot(t, nil, "serve", "--memory", "--answer-memory", "16777215")
	require.Error(t, err)
	require.Contains(t, stderr, "--answer-memory is 16777215: it must be at least 16777216")
}
