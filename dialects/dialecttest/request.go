package dialecttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Handler makes a dialect's handler over a world.
type Handler func(*World) http.Handler

// Client sends requests to a dialect over TCP and remembers the replies.
type Client struct {
	world   *World
	dialect Dialect // whose documents the replies are held to
	url     string
	http    *http.Client
	server  *httptest.Server
	replies []Reply
}

// Reply is an answer, its body read.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Serve starts the dialect on a port of its own, until the test ends.
func Serve(t testing.TB, w *World, h http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &Client{world: w, url: server.URL, server: server, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do sends a request in the form that cases have it, placeholders filled in.
func (c *Client) Do(t testing.TB, text string) Reply {
	t.Helper()
	text = c.fill(t, text)
	reply := c.send(t, c.request(t, text))
	c.replies = append(c.replies, reply)
	c.world.Log.sent(text)
	c.world.Clock.tick(requestStep)
	return reply
}

// client is [Serve] with the dialect's documents at hand.
func (d Dialect) client(t testing.TB, w *World) *Client {
	t.Helper()
	c := Serve(t, w, d.Handler(w))
	c.dialect = d
	return c
}

// send sends a request that is already made, and holds the reply to the
// dialect's documents.
func (c *Client) send(t testing.TB, r *http.Request) Reply {
	t.Helper()
	reply, err := c.http.Do(r)
	require.NoError(t, err)
	defer func() { _ = reply.Body.Close() }()
	out := Reply{reply.StatusCode, reply.Header, readAll(t, reply.Body)}
	c.check(t, r, out)
	return out
}

func readAll(t testing.TB, body io.Reader) []byte {
	t.Helper()
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	return text
}

// request makes a request of the text of one. A header is sent in the case in
// which it is written.
func (c *Client) request(t testing.TB, text string) *http.Request {
	t.Helper()
	head, body, hasBody := strings.Cut(text, "\n\n")
	line, headers, _ := strings.Cut(head, "\n")
	method, target, ok := strings.Cut(line, " ")
	require.True(t, ok, "a request begins with METHOD target: %q", line)
	var reader io.Reader
	if hasBody {
		reader = bytes.NewReader([]byte(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, c.url+target, reader)
	require.NoError(t, err)
	for h := range strings.Lines(headers) {
		name, value, ok := strings.Cut(strings.TrimSuffix(h, "\n"), ": ")
		require.True(t, ok, "a header line is Name: value: %q", h)
		if strings.EqualFold(name, "host") {
			r.Host = value
			continue
		}
		r.Header[name] = append(r.Header[name], value)
	}
	return r
}

// String gives the reply in the form that cases have it. Where there is no body
// a Content-Length tells an empty one from none: 200 from 204.
func (r Reply) String() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(r.Status))
	var names []string
	for name := range r.Header {
		if name != "Date" && (name != "Content-Length" || len(r.Body) == 0) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			b.WriteString("\n" + name + ": " + value)
		}
	}
	if len(r.Body) > 0 {
		b.WriteString("\n\n")
		b.Write(r.Body)
	}
	return b.String()
}

var placeholder = regexp.MustCompile(`\$(?:(\d+)((?:\.\w+)+)|(NEST|X)(\d+)|([A-Z][A-Z_]*))`)

// fill puts values in the place of placeholders.
func (c *Client) fill(t testing.TB, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		m := placeholder.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[1] + m[4])
		switch {
		case m[1] != "":
			require.LessOrEqual(t, n, len(c.replies), "%s: no such step yet", s)
			return c.replies[n-1].Member(t, m[2][1:])
		case m[3] == "NEST":
			return strings.Repeat("[", n) + strings.Repeat("]", n)
		case m[3] == "X":
			return strings.Repeat("x", n)
		}
		value, ok := c.world.Values[m[5]]
		require.True(t, ok, "%s: no such value", s)
		return value
	})
}

// Member gives the text of a member of the reply, by its dotted path.
func (r Reply) Member(t testing.TB, path string) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), "%s", r.Body)
	for name := range strings.SplitSeq(path, ".") {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[name]
		case []any:
			i, err := strconv.Atoi(name)
			require.NoError(t, err)
			require.Less(t, i, len(parent), "%s in %s", path, r.Body)
			v = parent[i]
		default:
			require.Fail(t, "no such member", "%s in %s", path, r.Body)
		}
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		require.Fail(t, "neither a string nor a number", "%s in %s", path, r.Body)
		return ""
	}
}
