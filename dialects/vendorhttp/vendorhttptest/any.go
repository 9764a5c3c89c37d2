package vendorhttptest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever holds a client to taking whatever a vendor answers: it gives a record
// or a failure, and the key, which the answers repeat, is in no failure. use is
// one round of requests by a client of the base, and gives their failures; bodies
// are some that the vendor was seen to give, of which others are made.
func Whatever(t *testing.T, key string, bodies []string, use func(base string) []error) {
	t.Helper()
	var answer atomic.Pointer[Answer]
	base := Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a := answer.Load()
		w.WriteHeader(a.Status)
		_, _ = w.Write([]byte(a.Body))
	}))
	pieces := rapid.SampledFrom([]string{key, "null", "{}", "[", `"`, "1e999", "\\ud800", "\xff", "\uFEFF", "<html>", ",", `"_id":`, "true", strings.Repeat("[", 200)})
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.SampledFrom(append(bodies, "")).Draw(rt, "body")
		for range rapid.IntRange(0, 3).Draw(rt, "changes") {
			from := rapid.IntRange(0, len(body)).Draw(rt, "from")
			to := rapid.IntRange(from, min(len(body), from+20)).Draw(rt, "to")
			body = body[:from] + pieces.Draw(rt, "piece") + body[to:]
		}
		status := rapid.SampledFrom([]int{200, 201, 202, 302, 400, 401, 404, 418, 500}).Draw(rt, "status")
		answer.Store(&Answer{Status: status, Body: body})
		for _, err := range use(base) {
			if err != nil {
				require.NotContains(rt, err.Error(), key)
			}
			require.True(rt, err != nil || status < http.StatusMultipleChoices, "a failure is none")
		}
	})
}
