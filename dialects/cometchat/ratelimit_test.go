package cometchat

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// Header names are compared without case, and yet go out as they are documented.
func TestTheHeadersOfTheRateLimitAreSpelledAsDocumented(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 4, 12, 0, 45, 999, time.UTC)
	l := newRateLimit(1, func() time.Time { return now })
	who := &core.Principal{Tenant: &core.Tenant{ID: core.NewTenantID()}, Scope: core.FullAccess}

	h := http.Header{}
	require.NoError(t, l.admit(h, who))
	require.Equal(t, http.Header{
		"X-Rate-Limit": {"1"}, "X-Rate-Limit-Remaining": {"0"},
		"X-RateLimit-Limit": {"1"}, "X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {"1772625660"},
	}, h)

	h = http.Header{}
	require.Equal(t, core.TooMany, core.KindOf(l.admit(h, who)))
	require.Equal(t, http.Header{
		"Retry-After":  {"15"},
		"X-Rate-Limit": {"1"}, "X-Rate-Limit-Remaining": {"0"}, "X-Rate-Limit-Reset": {"1772625660"},
		"X-RateLimit-Limit": {"1"}, "X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {"1772625660"},
	}, h)
}
