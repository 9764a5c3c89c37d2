package dialecttest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Guarantees checks what holds in every dialect, whatever its words.
func Guarantees(t *testing.T, d Dialect) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, Dialect){
		"a body of 1 MiB is taken and one byte more is not":      bodyLimit,
		"a client that sends 10 MB gets the refusal":             largeBody,
		"a client that asks before it sends 10 MB sends nothing": largeBodyAnnounced,
		"a client that reads after it wrote gets the refusal":    largeBodyWrittenFirst,
		"hostile bodies are answered at once":                    hostileBodies,
		"of fifty equal creations at once one succeeds":          equalCreations,
		"a client that leaves is no failure of ours":             clientLeaves,
		"a client that leaves within a body is told so":          clientLeavesWithinBody,
		"packed bodies are unpacked":                             packedBodies,
		"what net/http refuses, no dialect sees":                 refusedBelow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, d)
		})
	}
}

// The limits that are promised.
const (
	maxBody   = 1 << 20
	largeSize = 10_000_000
	atOnce    = 5 * time.Second // with the race detector, on a busy machine
)

func (d Dialect) serve(t *testing.T) (*World, *Client) {
	t.Helper()
	w := NewWorld(t, d.Name, d.NewStore(), Setting{})
	return w, d.client(t, w)
}

// create is a request that creates a server, with a JSON value for its description.
func (c *Client) create(t *testing.T, d Dialect, value string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(d.Create, "\n\n")
	return c.request(t, c.fill(t, head)+"\n\n"+strings.Replace(body, `"$DESCRIPTION"`, value, 1))
}

// createOf is a request that creates a server, its body of that size.
func (c *Client) createOf(t *testing.T, d Dialect, size int) *http.Request {
	t.Helper()
	_, body, _ := strings.Cut(d.Create, "\n\n")
	n := size - (len(body) - len("$DESCRIPTION"))
	return c.create(t, d, `"`+strings.Repeat("d", n)+`"`)
}

func bodyLimit(t *testing.T, d Dialect) {
	t.Helper()
	_, c := d.serve(t)
	require.Equal(t, http.StatusRequestEntityTooLarge, c.send(t, c.createOf(t, d, maxBody+1)).Status)
	require.Equal(t, http.StatusCreated, c.send(t, c.createOf(t, d, maxBody)).Status)
}

// counter counts what is read of a body.
type counter struct {
	io.Reader

	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func largeBody(t *testing.T, d Dialect) {
	t.Helper()
	_, c := d.serve(t)
	for _, length := range []int64{largeSize, -1} { // -1: sent in chunks, its length not told
		r := c.createOf(t, d, largeSize)
		body := &counter{Reader: r.Body}
		r.Body, r.GetBody, r.ContentLength = io.NopCloser(body), nil, length
		requireTooLarge(t, c.send(t, r))
		require.Equal(t, largeSize, body.n, "all of the body was taken")
	}
}

func largeBodyAnnounced(t *testing.T, d Dialect) {
	t.Helper()
	_, c := d.serve(t)
	c.http.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	r := c.createOf(t, d, largeSize)
	r.Header.Set("Expect", "100-continue")
	body := &counter{Reader: r.Body}
	r.Body, r.GetBody = io.NopCloser(body), nil
	requireTooLarge(t, c.send(t, r))
	require.Zero(t, body.n)
}

func largeBodyWrittenFirst(t *testing.T, d Dialect) {
	t.Helper()
	_, c := d.serve(t)
	r := c.createOf(t, d, largeSize)
	conn := c.dial(t)
	require.NoError(t, r.Write(conn))
	requireTooLarge(t, c.read(t, r, conn))
}

// read reads the answer to a request that was written to a connection, and holds
// it to the dialect's documents.
func (c *Client) read(t *testing.T, r *http.Request, conn net.Conn) Reply {
	t.Helper()
	reply, err := http.ReadResponse(bufio.NewReader(conn), r)
	require.NoError(t, err)
	defer func() { _ = reply.Body.Close() }()
	out := Reply{reply.StatusCode, reply.Header, readAll(t, reply.Body)}
	c.check(t, r, out)
	return out
}

func requireTooLarge(t *testing.T, r Reply) {
	t.Helper()
	require.Equal(t, http.StatusRequestEntityTooLarge, r.Status)
	requireWords(t, r)
}

// requireWords requires an answer in the dialect's shape.
func requireWords(t *testing.T, r Reply) {
	t.Helper()
	require.Equal(t, "application/json; charset=utf-8", r.Header.Get("Content-Type"))
	require.True(t, bytes.HasPrefix(r.Body, []byte("{")), "%s", r.Body)
}

func hostileBodies(t *testing.T, d Dialect) {
	t.Helper()
	fill := func(unit string) string { return strings.Repeat(unit, (maxBody-1000)/len(unit)) }
	for name, value := range map[string]string{
		"10,000 arrays in each other":         strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"1 MiB of arrays that never end":      fill("["),
		"1 MiB of objects that never end":     fill(`{"a":`),
		"1 MiB of one number":                 fill("9"),
		"1 MiB of elements":                   "[" + fill("0,") + "0]",
		"1 MiB of one member again and again": `0,` + fill(`"description":"d",`) + `"description":0`,
		"1 MiB of members":                    `0,` + fill(`"x":{},`) + `"x":0`,
		"1 MiB of escapes":                    `"` + fill(`\u0000`) + `"`,
		"1 MiB of backslashes that never end": `"` + fill(`\\`) + `\"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := d.serve(t)
			ctx, cancel := context.WithTimeout(t.Context(), atOnce)
			defer cancel()
			require.Equal(t, http.StatusBadRequest, c.send(t, c.create(t, d, value).WithContext(ctx)).Status)
		})
	}
}

func equalCreations(t *testing.T, d Dialect) {
	t.Helper()
	_, c := d.serve(t)
	const n = 50
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = c.create(t, d, `"d"`)
	}
	statuses := make(chan int, n)
	start := make(chan struct{})
	for _, r := range requests {
		go func() {
			<-start
			reply, err := c.http.Do(r)
			if err != nil {
				statuses <- 0
				return
			}
			_ = reply.Body.Close()
			statuses <- reply.StatusCode
		}()
	}
	close(start)
	count := map[int]int{}
	for range n {
		count[<-statuses]++
	}
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: n - 1}, count)
}

func clientLeaves(t *testing.T, d Dialect) {
	t.Helper()
	w, c := d.serve(t)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	w.Store.Fail(func(ctx context.Context) error {
		leave()
		<-left
		return ctx.Err() // what was begun goes on
	})
	_, err := c.http.Do(c.request(t, c.fill(t, d.Read)).WithContext(ctx)) //nolint:bodyclose // there is no response
	require.ErrorIs(t, err, context.Canceled)
	close(left)
	c.server.Close()
	lines := w.Log.Lines(t)
	require.Len(t, lines, 1)
	require.InDelta(t, http.StatusOK, lines[0]["status"], 0)
	require.Equal(t, "INFO", lines[0]["level"])
}

func clientLeavesWithinBody(t *testing.T, d Dialect) {
	t.Helper()
	for _, length := range []int64{0, -1} { // -1: sent in chunks
		w, c := d.serve(t)
		r := c.createOf(t, d, 1000)
		r.ContentLength = cmp.Or(length, r.ContentLength)
		var whole bytes.Buffer
		require.NoError(t, r.Write(&whole))
		conn := c.dial(t)
		_, err := conn.Write(whole.Bytes()[:whole.Len()-500])
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		reply := c.read(t, r, conn)
		require.Equal(t, http.StatusBadRequest, reply.Status)
		requireWords(t, reply)
		c.server.Close()
		lines := w.Log.Lines(t)
		require.Len(t, lines, 1)
		require.InDelta(t, http.StatusBadRequest, lines[0]["status"], 0)
		require.Equal(t, "INFO", lines[0]["level"])
	}
}

// dial opens a connection of its own.
func (c *Client) dial(t *testing.T) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", c.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
