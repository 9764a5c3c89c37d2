package cometchat_test

import (
	"net/http"
	"testing"

	"github.com/diglot/diglot/dialects/dialecttest"
)

func TestAnAnswerThatNeedsNoBodyReachesWhoReadsAfterItWrote(t *testing.T) {
	t.Parallel()
	const (
		servers = "/v3/ai-agents/agent-builder/mcp-servers"
		key     = "\napikey: $KEY"
	)
	dialecttest.AnswersUnread(t, dialect, map[string]dialecttest.Unread{
		"a bad key":     {Request: "POST " + servers + "\napikey: 0123", Status: http.StatusUnauthorized},
		"no key":        {Request: "POST " + servers, Status: http.StatusUnauthorized},
		"no such route": {Request: "POST /v3/ai-agents/agent-builder/nothing" + key, Status: http.StatusNotFound},
		"another version of agents": {
			Request: "POST /v3/ai-agents/agent-builder/agents" + key + "\nchatApiVersion: v2", Status: http.StatusBadRequest,
		},
		"a minute that is used up": {
			Given: []string{"a rate of two"}, Reads: 2, Request: "POST " + servers + key, Status: http.StatusTooManyRequests,
		},
		"too many under way": {
			Given:   []string{"one request at once", "a request under way"},
			Request: "POST " + servers + key, Status: http.StatusTooManyRequests,
		},
		"an idempotency key that is none": {Request: "POST " + servers + key + "\nIdempotency-Key: é", Status: http.StatusBadRequest},
		"a deletion": {
			Given: []string{"cometchat server"}, Request: "DELETE " + servers + "/$SLUG" + key, Status: http.StatusOK,
		},
		"a list": {Request: "GET " + servers + key, Status: http.StatusOK},
		"a preflight": {
			Request: "OPTIONS " + servers + "\nOrigin: https://example.com\nAccess-Control-Request-Method: POST", Status: http.StatusNoContent,
		},
	})
}
