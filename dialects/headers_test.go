package dialects

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tags are what the library etag 1.8.1 gives for these bodies.
func TestTagsAreExpresss(t *testing.T) {
	t.Parallel()
	require.Equal(t, `W/"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk"`, entityTag(nil))
	require.Equal(t, `W/"d-CgqfKmdylCVXq1NV12r0Qvj2XgE"`, entityTag([]byte("Hello, World!")))
}

func TestAClientThatHasTheBodyIsNotSentIt(t *testing.T) {
	t.Parallel()
	const tag = `W/"d-CgqfKmdylCVXq1NV12r0Qvj2XgE"`
	for _, c := range []struct {
		method, match, cache string
		fresh                bool
	}{
		{http.MethodGet, tag, "", true},
		{http.MethodHead, tag, "", true},
		{http.MethodGet, `"d-CgqfKmdylCVXq1NV12r0Qvj2XgE"`, "", true},
		{http.MethodGet, `"other", ` + tag, "", true},
		{http.MethodGet, "*", "", true},
		{http.MethodGet, tag, "no-cache", false},
		{http.MethodGet, `W/"other"`, "", false},
		{http.MethodGet, "", "", false},
		{http.MethodPost, tag, "", false},
		{http.MethodPut, "*", "", false},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Header.Set("If-None-Match", c.match)
		r.Header.Set("Cache-Control", c.cache)
		require.Equal(t, c.fresh, isFresh(r, tag), "%+v", c)
	}
}
