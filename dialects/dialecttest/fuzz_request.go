package dialecttest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// source gives the decisions that an input holds, zeros behind its end.
type source struct{ left []byte }

// n gives a number below the limit, which is at most 256.
func (s *source) n(limit int) int {
	if len(s.left) == 0 {
		return 0
	}
	b := s.left[0]
	s.left = s.left[1:]
	return int(b) % limit
}

// text gives some bytes as they are.
func (s *source) text() string {
	n := min(s.n(32), len(s.left))
	out := string(s.left[:n])
	s.left = s.left[n:]
	return out
}

func pick[T any](s *source, from []T) (v T) {
	if len(from) == 0 {
		return v
	}
	return from[s.n(len(from))]
}

// Whose credentials a request carries.
const (
	byNobody = iota
	byAcme
	byOther
)

// fuzzRequest is a request that was made of an input.
type fuzzRequest struct {
	operation      string
	method, target string
	url            *url.URL
	headers        [][2]string
	body           []byte
	by             int
	text           []byte
}

// String shows the request, its body cut short.
func (r fuzzRequest) String() string {
	return fmt.Sprintf("%s %q\n%q\n\n%.2000q", r.method, r.target, r.headers, r.body)
}

// header gives the first one of a name, as a server does.
func (r fuzzRequest) header(name string) (value string, ok bool) {
	for _, h := range r.headers {
		if strings.EqualFold(h[0], name) {
			return h[1], true
		}
	}
	return "", false
}

// json gives the body that counts as JSON.
func (r fuzzRequest) json() []byte {
	value, _ := r.header("Content-Type")
	if t, _, err := mime.ParseMediaType(value); t != "application/json" || err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return nil
	}
	if len(bytes.TrimLeft(bytes.TrimPrefix(r.body, []byte("\uFEFF")), " \t\r\n")) == 0 {
		return nil
	}
	return r.body
}

// contentTypes are what a body is sent as; JSON more often than not.
var contentTypes = []string{
	"application/json", "application/json", "application/json", "application/json", "application/json", "application/json; charset=utf-8",
	"Application/JSON;x", "application/json; charset=utf-16", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
	"application/merge-patch+json", "application/json, text/plain", "", "\xff", "none",
}

// request makes the next request.
func (s *session) request(t *testing.T) fuzzRequest {
	t.Helper()
	o := s.Document.Operations[s.bytes.n(len(s.Document.Operations))]
	r := fuzzRequest{operation: o.ID, method: o.Method}
	s.credentials(t, &r)
	path, query := o.Path, []string{}
	for _, p := range o.Parameters {
		value, ok := s.parameter(p)
		switch {
		case p.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
		case !ok:
		case p.In == openapi3.ParameterInQuery:
			query = append(query, p.Name+"="+value)
		default:
			if _, set := r.header(p.Name); !set || s.bytes.n(8) == 7 {
				r.headers = append(r.headers, [2]string{p.Name, fieldValue(value)})
			}
		}
	}
	r.target = path
	switch s.bytes.n(24) {
	case 20:
		r.target += "/"
	case 21:
		query = append(query, s.bytes.text())
	case 22:
		r.target = strings.Replace(r.target, "-", "%2D", 1)
	case 23:
		if r.method == http.MethodGet {
			r.method = http.MethodHead
		}
	}
	if len(query) > 0 {
		r.target += "?" + strings.Join(query, "&")
	}
	r.target = requestTarget(r.target)
	if schema := o.RequestBody(); schema != nil || s.bytes.n(16) == 15 {
		s.body(&r, schema)
	}
	return r.finish(s.bytes.n(16) == 15)
}

// credentials are mostly acme's own.
func (s *session) credentials(t *testing.T, r *fuzzRequest) {
	t.Helper()
	var lines string
	switch s.bytes.n(16) {
	case 12, 13:
		lines, r.by = pick(s.bytes, s.Others), byOther
	case 14:
		lines, r.by = pick(s.bytes, s.Bad), byNobody
	case 15:
		lines, r.by = pick(s.bytes, s.Bad), byNobody
		name, _, _ := strings.Cut(pick(s.bytes, s.Own), ":")
		r.headers = append(r.headers, [2]string{name, fieldValue(s.hostile())})
	default:
		lines, r.by = pick(s.bytes, s.Own), byAcme
	}
	for line := range strings.Lines(s.client.fill(t, lines)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		r.headers = append(r.headers, [2]string{name, value})
	}
	if r.by == byAcme && s.bytes.n(8) == 7 { // a token that was answered
		if tokens := s.own["token"]; len(tokens) > 0 {
			r.headers = append(r.headers, [2]string{"Authorization", "Bearer " + pick(s.bytes, tokens)})
		}
	}
}

func (r fuzzRequest) finish(chunked bool) fuzzRequest {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", r.method, r.target)
	for _, h := range r.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	switch {
	case r.body == nil:
		b.WriteString("\r\n")
	case chunked:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
		if len(r.body) == 0 { // its chunk was the last one
			b.Truncate(b.Len() - len("\r\n0\r\n\r\n") + len("\r\n"))
		}
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	}
	seen, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b.Bytes())))
	if err != nil || seen.Host != "localhost" || !strings.HasPrefix(seen.RequestURI, "/") {
		return fuzzRequest{}
	}
	r.url, r.text = seen.URL, b.Bytes()
	return r
}

// requestTarget escapes what would end a target.
func requestTarget(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fieldValue leaves out what no header can have; a server answers to that
// before any dialect is asked.
func fieldValue(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\u00ff")), " \t")
}

// fuzzConn is a connection that is kept while the server keeps it.
type fuzzConn struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

// fuzzTimeout is when a server counts as hanging.
const fuzzTimeout = 20 * time.Second

func (c *fuzzConn) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing depends on it
		c.conn = nil
	}
}

func (c *fuzzConn) send(method string, text []byte) (Reply, error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			return Reply{}, err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(fuzzTimeout)); err != nil {
		return Reply{}, err
	}
	_, writeErr := c.conn.Write(text) // a server may answer before it read all
	res, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.close()
		return Reply{}, errors.Join(writeErr, err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it was read
	if res.Close || err != nil || writeErr != nil {
		c.close()
	}
	return Reply{res.StatusCode, res.Header, body}, err
}
