package refold_test

import (
	"net/http"
	"testing"

	"github.com/diglot/diglot/dialects/dialecttest"
)

func TestAnAnswerThatNeedsNoBodyReachesWhoReadsAfterItWrote(t *testing.T) {
	t.Parallel()
	const (
		servers = "/api/v2/public/mcp-servers"
		key     = "\nx-api-key: $KEY\nlinked_account_id: $ACCOUNT"
	)
	dialecttest.AnswersUnread(t, dialect, map[string]dialecttest.Unread{
		"a bad key":                       {Request: "POST " + servers + "\nx-api-key: tk0\nlinked_account_id: a", Status: http.StatusUnauthorized},
		"a bad token":                     {Request: "POST " + servers + "\nAuthorization: Bearer garbage", Status: http.StatusUnauthorized},
		"no credential":                   {Request: "POST " + servers, Status: http.StatusNotFound},
		"a key without a linked account":  {Request: "POST " + servers + "\nx-api-key: $KEY", Status: http.StatusNotFound},
		"a malformed id":                  {Request: "PUT " + servers + "/zz" + key, Status: http.StatusNotFound},
		"no such route":                   {Request: "POST /api/v2/public/nothing" + key, Status: http.StatusNotFound},
		"an operation that is not served": {Request: "POST /api/v2/public/connect-url" + key, Status: http.StatusNotImplemented},
		"a minute that is used up": {
			Given: []string{"a rate of two"}, Reads: 2, Request: "POST " + servers + key, Status: http.StatusTooManyRequests,
		},
		"too many under way": {
			Given:   []string{"one request at once", "a request under way"},
			Request: "POST " + servers + key, Status: http.StatusTooManyRequests,
		},
		"a deletion":   {Given: []string{"seed 002"}, Request: "DELETE " + servers + "/$ID" + key, Status: http.StatusNoContent},
		"a list":       {Request: "GET " + servers + key, Status: http.StatusOK},
		"a revocation": {Request: "POST /api/v2/public/session-token/revoke\nAuthorization: Bearer $TOKEN", Status: http.StatusOK},
		"a preflight": {
			Request: "OPTIONS " + servers + "\nOrigin: https://example.com\nAccess-Control-Request-Method: POST", Status: http.StatusNoContent,
		},
	})
}
