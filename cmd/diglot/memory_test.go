package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bodies that don't end take no more than their share, and keep nobody else out.
func TestBodiesUnderWayTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory", "--demo", "--body-memory", "16777216")
	const many = 30 // of 1 MB, where 8 have room
	body := func(name string) string {
		return `{"name":"` + name + `","description":"` + strings.Repeat("x", 1_000_000) + `"}`
	}
	key, conns := demoKey(t, g), make([]net.Conn, many)
	for i := range conns {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(g.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		conns[i] = conn
		text := body(fmt.Sprintf("held %d", i))
		_, err = fmt.Fprintf(conns[i], "POST %s HTTP/1.1\r\nHost: h\r\nx-api-key: %s\r\nlinked_account_id: anyone\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", refoldServers, key, len(text), text[:len(text)-1])
		require.NoError(t, err)
	}
	require.Equal(t, http.StatusCreated, demoSend(t, g, http.MethodPost, `{"name":"small","description":"d"}`))
	answers := map[int]int{}
	for _, conn := range conns {
		_, err := conn.Write([]byte("}"))
		require.NoError(t, err)
	}
	for _, conn := range conns {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		answers[res.StatusCode]++
	}
	require.Equal(t, many, answers[http.StatusCreated]+answers[http.StatusTooManyRequests], "%v", answers)
	require.Positive(t, answers[http.StatusTooManyRequests])
	require.Equal(t, http.StatusCreated, demoSend(t, g, http.MethodPost, body("large")), "all of it was given back")
}

func TestTheMemoryForBodiesHasRoomForOne(t *testing.T) {
	t.Parallel()
	_, stderr, err := diglot(t, nil, "serve", "--memory", "--body-memory", "16777215")
	require.Error(t, err)
	require.Contains(t, stderr, "--body-memory is 16777215: it must be at least 16777216")
}
