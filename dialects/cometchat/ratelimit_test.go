package cometchat

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects"
)

// Header names are compared without case, and yet go out as they are documented.
func TestTheHeadersOfTheRateLimitAreSpelledAsDocumented(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	tellQuota(h, dialects.Quota{Limit: 1, Remaining: 0, Reset: 1772625660}, false)
	require.Equal(t, http.Header{
		"X-Rate-Limit": {"1"}, "X-Rate-Limit-Remaining": {"0"},
		"X-RateLimit-Limit": {"1"}, "X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {"1772625660"},
	}, h)

	h = http.Header{}
	tellQuota(h, dialects.Quota{Limit: 20_000, Remaining: 19_999, Reset: 1772625660}, true)
	require.Equal(t, http.Header{
		"X-Rate-Limit": {"20000"}, "X-Rate-Limit-Remaining": {"19999"}, "X-Rate-Limit-Reset": {"1772625660"},
		"X-RateLimit-Limit": {"20000"}, "X-RateLimit-Remaining": {"19999"}, "X-RateLimit-Reset": {"1772625660"},
	}, h)
}
