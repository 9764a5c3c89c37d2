package refold

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

func TestMoreThan1000FieldsOfAnAccountAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ open, field, end string }{
		"an object": {"{", `"k%d":1`, "}"},
		"an array":  {"[", `{"key_name":"k%d","key_value":1}`, "]"},
	} {
		for n, want := range map[int]dialects.Presence{0: dialects.Given, 1000: dialects.Given, 1001: dialects.Wrong} {
			fields := make([]string, n)
			for i := range fields {
				fields[i] = fmt.Sprintf(c.field, i)
			}
			var u udf
			require.NoError(t, json.Unmarshal([]byte(c.open+strings.Join(fields, ",")+c.end), &u))
			require.Equal(t, want, u.Presence, "%s of %d", name, n)
			require.Len(t, u.Value, min(n, 1000))
			require.False(t, u.repeated)
		}
	}
}

// An account's id is a client's: it is shown to that client and not logged.
func TestAFailureAboutAnAccountLogsNoID(t *testing.T) {
	t.Parallel()
	err := ofAccount("user@example.com", &core.Error{Kind: core.NotFound, Noun: "account", Message: "account not found"})
	require.NotContains(t, err.Error(), "user@example.com")
	require.Equal(t, core.NotFound, core.KindOf(err))
	require.NoError(t, ofAccount("user@example.com", nil))
}

func TestTheAuthServicesPathsAreAccountsAndSessions(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/linked-account": true, "/linked-account/a": true, "/session/active-linked-account": true,
		"/session-token": true, "/session-token/revoke": true, "/session-tokens": false,
		"/mcp-servers": false, "/mcp-servers/linked-account": false, "/linked-accounts": false, "": false,
	} {
		require.Equal(t, want, isAuthService(httptest.NewRequest(http.MethodGet, Prefix+path, nil)), path)
	}
	require.False(t, isAuthService(httptest.NewRequest(http.MethodGet, "/linked-account", nil)))
}
