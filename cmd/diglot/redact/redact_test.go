package redact

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCredentialsAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Api-Key", "Apikey", "X-Auth-Token", "X-Access-Token",
		"X-Amz-Security-Token", "Token", "X-Csrf-Token",
	} {
		require.True(t, IsHeader(name), name)
	}
	for _, name := range []string{"Content-Type", "Linked_account_id", "Idempotency-Key", "Appid", "X-Request-Id", "Accept"} {
		require.False(t, IsHeader(name), name)
	}
	for _, name := range []string{"auth_credentials", "refreshToken", "refresh_token", "x-api-key", "apiKey", "clientSecret", "password"} {
		require.True(t, IsMember(name), name)
	}
	for _, name := range []string{"cookie", "name", "key_name", "slug", "tokens", "x"} {
		require.False(t, IsMember(name), name)
	}
}

func TestAQueryIsKeptWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := SecretsOf(http.Header{"X-Auth-Token": {"a/b c+defgh=="}, "Accept": {"application/json"}})
	require.Equal(t, Secrets{"c+defgh=="}, s)
	for raw, want := range map[string]string{
		"":                               "",
		"limit=10&page=2":                "limit=10&page=2",
		"apikey=k&limit=1&token=t":       "apikey=[redacted]&limit=1&token=[redacted]",
		"X-Amz-Security-Token=a&sig=b":   "X-Amz-Security-Token=[redacted]&sig=[redacted]",
		"api%5Fkey=k&access_token":       "api%5Fkey=[redacted]&access_token",
		"%zz=unreadable":                 "%zz=[redacted]",
		"search=c%2Bdefgh%3D%3D&x=1":     "search=[redacted]&x=1",
		"search=c+defgh==&search=defghi": "search=[redacted]&search=defghi",
	} {
		require.Equal(t, want, s.Query(raw), raw)
	}
}
