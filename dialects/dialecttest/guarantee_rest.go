package dialecttest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Unread is a request that is answered without its body.
type Unread struct {
	// Given is what is there before it, see fixtures.
	Given []string
	// Reads is how many lists are asked for before it.
	Reads int
	// Request is a request in the form that cases have it, without its body.
	Request string
	// Status is what it is answered with.
	Status int
}

// smallWindow is what either side of a connection keeps of what the other one
// has not taken, in bytes, or a few times as much: far less than a body.
const smallWindow = 32 << 10

// AnswersUnread checks that who writes the largest body that may be, and reads
// only when all of it was written, gets an answer that needs nothing of it.
func AnswersUnread(t *testing.T, d Dialect, requests map[string]Unread) {
	t.Helper()
	for name, u := range requests {
		for _, chunked := range []bool{false, true} {
			t.Run(name+", chunked "+strconv.FormatBool(chunked), func(t *testing.T) {
				t.Parallel()
				u.check(t, d, chunked)
			})
		}
	}
}

func (u Unread) check(t *testing.T, d Dialect, chunked bool) {
	t.Helper()
	w := NewWorld(t, d.Name, d.NewStore(), Setting{})
	for _, name := range u.Given {
		w.Given(t, name)
	}
	server := httptest.NewUnstartedServer(d.Handler(w))
	server.Config.ConnState = func(conn net.Conn, s http.ConnState) {
		if s == http.StateNew {
			_ = conn.(*net.TCPConn).SetReadBuffer(smallWindow)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := &Client{world: w, dialect: d, url: server.URL, server: server, http: server.Client()}
	for range u.Reads {
		require.Equal(t, http.StatusOK, c.Do(t, d.Read).Status)
	}
	r := c.request(t, c.fill(t, u.Request)+"\n\n"+strings.Repeat("x", maxBody))
	r.Header["Content-Type"] = []string{"application/json"}
	if chunked {
		r.ContentLength = -1
	}
	conn := c.dial(t)
	require.NoError(t, conn.(*net.TCPConn).SetWriteBuffer(smallWindow))
	require.NoError(t, r.Write(conn), "the answer was not waited for")
	reply := c.read(t, r, conn)
	require.Equal(t, u.Status, reply.Status, "%s", reply.Body)
	if u.Status == http.StatusTooManyRequests {
		require.NotEmpty(t, reply.Header.Get("Retry-After"))
	}
	next := c.request(t, c.fill(t, d.Read))
	require.NoError(t, next.Write(conn))
	c.read(t, next, conn) // the connection goes on
}
