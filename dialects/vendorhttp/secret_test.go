package vendorhttp_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
)

// serveRaw answers each request with the same bytes and closes the connection.
func serveRaw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // nothing depends on it
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, r.Body) // who asks may be gone
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// odd are answers that repeat what the client sent, %s: where net/http says what is
// wrong with an answer, it quotes it.
var odd = map[string]string{
	"a header without a colon":  "HTTP/1.1 200 OK\r\nbad key %s\r\n\r\n",
	"a header's name":           "HTTP/1.1 200 OK\r\nbad (%s): x\r\n\r\n",
	"a status line":             "%s\r\n\r\n",
	"a version":                 "HTTP/%s 200 OK\r\n\r\n",
	"a status":                  "HTTP/1.1 %s OK\r\n\r\n",
	"a reason":                  "HTTP/1.1 400 %s\r\n\r\n",
	"a length":                  "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
	"two lengths":               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: %s\r\n\r\n",
	"an encoding":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
	"a trailer":                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n",
	"a chunk's length":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
	"a redirect":                "HTTP/1.1 302 Found\r\nLocation: http://[%s\r\nContent-Length: 0\r\n\r\n",
	"a redirect elsewhere":      "HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n",
	"a redirect of no protocol": "HTTP/1.1 302 Found\r\nLocation: %s:x\r\nContent-Length: 0\r\n\r\n",
	"a time to come back":       "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
	"no answer to a GET":        "%s",
	"a page":                    "HTTP/1.1 400 Bad Request\r\n\r\n<html>%s",
	"a body that breaks off":    "HTTP/1.1 400 Bad Request\r\nContent-Length: 4000\r\n\r\n{\"key\":\"%s",
	"members that nobody reads": "HTTP/1.1 409 Conflict\r\n\r\n{\"errors\":[{\"detail\":\"%s\"}]}",
	"a code":                    "HTTP/1.1 409 Conflict\r\n\r\n{\"code\":\"%s\"}",
	"a message":                 "HTTP/1.1 409 Conflict\r\n\r\n{\"message\":\"%s\"}",
	"a success that is none":    "HTTP/1.1 200 OK\r\n\r\nwelcome, %s",
}

// spelt are the ways to repeat a key.
var spelt = map[string]func(string) string{
	"as it is":  func(key string) string { return key },
	"in JSON":   func(key string) string { text, _ := json.Marshal(key); return strings.Trim(string(text), `"`) },
	"as PHP":    func(key string) string { return strings.ReplaceAll(key, "/", `\/`) },
	"in a URL":  url.QueryEscape,
	"in a path": url.PathEscape,
	"in a page": html.EscapeString,
	"broken":    func(key string) string { return key[:len(key)-3] },
	"quoted":    func(key string) string { return fmt.Sprintf("%q", key) },
	"by code": func(key string) string {
		var b strings.Builder
		for i := range len(key) {
			fmt.Fprintf(&b, `\u%04x`, key[i])
		}
		return b.String()
	},
}

// Whatever is answered, and however that repeats the key, nothing of an error that is
// printed has it, nor the greater part of it.
func TestNoErrorHasTheKey(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{key, `sk/the+very"secret\key&<of>=all==`} {
		for name, answer := range odd {
			for how, spell := range spelt {
				t.Run(name+" "+how, func(t *testing.T) {
					t.Parallel()
					o := vendorhttptest.NewClock().Options(serveRaw(t, strings.ReplaceAll(answer, "%s", spell(secret))))
					o.Attempts = 1
					c, err := vendorhttp.New("vendor", o, func(body []byte) (string, string) {
						var f struct{ Code, Message string }
						_ = json.Unmarshal(body, &f)
						return f.Code, f.Message
					}, vendorhttp.Credential{Header: "x-api-key", Secret: vendorhttp.Secret(secret)})
					require.NoError(t, err)
					for _, r := range []vendorhttp.Request{get("x"), post("x").Once(), get("x", secret)} {
						_, err = c.Do(t.Context(), r)
						for ; err != nil; err = errors.Unwrap(err) {
							for _, shown := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %q", err, err, err, err)} {
								for _, spell := range spelt {
									require.NotContains(t, shown, spell(secret))
								}
								require.NotContains(t, shown, secret[:len(secret)*2/3])
							}
						}
					}
				})
			}
		}
	}
}

// The token that such an answer has is new: nobody knows it yet, to take it out.
func TestNoErrorShowsAnAnswerThatIsPrivate(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJIUzI1NiJ9.e30.5mhBHqs5"
	for name, answer := range odd {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := vendorhttptest.NewClock().Options(serveRaw(t, strings.ReplaceAll(answer, "%s", token)))
			o.Attempts = 1
			c, err := vendorhttp.New("vendor", o, func([]byte) (string, string) { return "", "" })
			require.NoError(t, err)
			for _, r := range []vendorhttp.Request{get("x"), post("x")} {
				r.Private = true
				if _, err = c.Do(t.Context(), r); err != nil {
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), token)
				}
			}
		})
	}
}
