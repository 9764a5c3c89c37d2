package dialecttest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusedBelow holds to what is said of requests that no dialect sees.
func refusedBelow(t *testing.T, d Dialect) {
	t.Helper()
	for request, status := range map[string]int{
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n":                                        http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: x\r\nx: " + strings.Repeat("x", 10_000) + "\r\n\r\n": http.StatusRequestHeaderFieldsTooLarge,
		"POST / HTTP/1.1\r\nHost: x\r\nExpect: a\r\nContent-Length: 1\r\n\r\nx":       http.StatusExpectationFailed,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: a\r\n\r\n":                  http.StatusNotImplemented,
	} {
		w := NewWorld(t, d.Name, d.NewStore(), Setting{})
		server := httptest.NewUnstartedServer(d.Handler(w))
		server.Config.MaxHeaderBytes = 1000
		server.Start()
		c := &Client{world: w, server: server} // no document has these answers
		conn := c.dial(t)
		_, err := conn.Write([]byte(request))
		require.NoError(t, err)
		reply := c.read(t, &http.Request{Method: http.MethodPost}, conn)
		server.Close()
		require.Equal(t, status, reply.Status)
		require.Empty(t, reply.Header.Get("X-Request-Id"))
		require.Empty(t, reply.Header.Get("Access-Control-Allow-Origin"))
		require.NotContains(t, reply.Header.Get("Content-Type"), "json")
		require.Empty(t, w.Log.Lines(t))
	}
}
