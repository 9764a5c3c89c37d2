package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A vendor repeats the key in answers that are odd: nothing that is printed or kept
// has it.
func TestNothingOfAMoveHasTheKeyThatAVendorRepeats(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]struct{ method, answer string }{
		"a bad header":          {http.MethodPost, "HTTP/1.1 200 OK\r\nbad key %s\r\n\r\n"},
		"a bad header to reads": {http.MethodGet, "HTTP/1.1 200 OK\r\nbad key %s\r\n\r\n"},
		"a refusal":             {http.MethodPost, "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"E_%s\",\"message\":\"%s is taken\"}}"},
		"another refusal":       {http.MethodPost, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"detail\":\"%s is bad\"}"},
		"a page":                {http.MethodPost, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>%s is bad"},
		"one more than asked":   {http.MethodPost, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}%s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, keyed := acrossVendors(t, 2)
			_, key, _ := strings.Cut(keyed, "=")
			answers := 0
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != odd.method {
					m.vendor.watch(w, r)
					return
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if err == nil && r.Header.Get("apikey") == key {
					answers++
					_, _ = conn.Write([]byte(strings.ReplaceAll(odd.answer, "%s", key))) // who asks may be gone
					_ = conn.Close()
				}
			}))
			t.Cleanup(front.Close)
			m.args[3] = "cometchat:" + front.URL
			stdout, stderr, code := m.run(t, "apply", "--accept-loss", "--parallel", "1")
			require.NotZero(t, code)
			require.Positive(t, answers)
			require.NotContains(t, stdout+stderr, key)
			for _, args := range [][]string{{"status", "-o", "json"}, {"report"}} {
				stdout, stderr, _ = m.run(t, args...)
				require.NotContains(t, stdout+stderr, key)
			}
			require.NoError(t, filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					text, err := os.ReadFile(path)
					require.NoError(t, err)
					require.NotContains(t, string(text), key)
				}
				return err
			}))
		})
	}
}
