package cometchat_test

import (
	"testing"

	"github.com/diglot/diglot/dialects/dialecttest"
)

// documentFuzz allows no failure of the server's: this vendor documents none
// for what a client sends.
func documentFuzz() dialecttest.Fuzz {
	return dialecttest.Fuzz{
		Dialect:  dialect,
		Document: dialect.Documents[0],
		Given:    []string{"auth-only key"},
		Known: map[string][]string{
			"slug": {"slug"}, "uid": {"uid"}, "mcps": {"slug"}, "mcpServers": {"slug"}, "createdAt": {"createdAt"}, "appid": {"appId"},
		},
		Own:    []string{"apikey: $KEY", "apiKey: $KEY\nappid: my-app-id", "apikey: $KEY\nchatApiVersion: v3.0"},
		Others: []string{"apikey: $OTHER_KEY", "apikey: $OTHER_KEY\nappid: other-app"},
		Bad: []string{
			"", "apikey: $AUTH_ONLY_KEY", "apikey: $FOREIGN_KEY", "apikey: x", "apikey: $KEY\nappid: other-app", "apikey: $OTHER_KEY\nappid: my-app-id",
			"apikey: $KEY\nappid: ", "x-api-key: $KEY", "apikey: $COMETCHAT_KEY $COMETCHAT_KEY",
		},
	}
}

func FuzzCometChatDocument(f *testing.F) { documentFuzz().Run(f) }

func TestTheSeedsOfTheDocumentFuzzReachEveryOperation(t *testing.T) {
	t.Parallel()
	documentFuzz().RequireReach(t)
}
