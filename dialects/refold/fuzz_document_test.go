package refold_test

import (
	"regexp"
	"testing"

	"github.com/diglot/diglot/dialects/dialecttest"
)

// A 500 is an answer to a client's input where the vendor documents it so, and
// then it has to be reproduced: contract 2.5. Nothing else that a client sends
// may be one.
var (
	yourAppFailure    = regexp.MustCompile(`^Valid App ID and Auth credentials required in your_app$`)
	noSuchSession     = regexp.MustCompile(`(?s)^No linked account found for account id : .* in environment test$`)
	unknownToDeletion = regexp.MustCompile(`(?s)^Linked Account with account id .* for org [0-9a-f]{24} in environment test not found$`)
)

var documentFuzz = dialecttest.Fuzz{
	Dialect:   dialect,
	Sometimes: []string{"protected servers", "required accounts"},
	Known: map[string][]string{
		"mcp_server_id": {"_id"}, "linked_account_id": {"account_id"}, "account_id": {"account_id"},
	},
	Own: []string{
		"x-api-key: $KEY\nlinked_account_id: $ACCOUNT", "Authorization: Bearer $TOKEN", "x-api-key: $KEY", "X-API-Key: $KEY\nAuthorization: Bearer $TOKEN",
		"x-api-key: $KEY\nLinked-Account-Id: $ACCOUNT",
	},
	Others: []string{"x-api-key: $OTHER_KEY\nlinked_account_id: $OTHER_ACCOUNT", "Authorization: Bearer $OTHER_TOKEN", "x-api-key: $OTHER_KEY\nlinked_account_id: $ACCOUNT"},
	Bad: []string{
		"", "linked_account_id: $ACCOUNT", "x-api-key: $FOREIGN_KEY\nlinked_account_id: $ACCOUNT", "x-api-key: x", "Authorization: Bearer $EXPIRED_TOKEN",
		"Authorization: Bearer $FUTURE_TOKEN", "Authorization: Bearer $STRANGER_TOKEN", "Authorization: Bearer $PRODUCTION_TOKEN", "Authorization: Bearer $UNSIGNED_TOKEN",
		"Authorization: Bearer $REFRESH_TOKEN", "Authorization: Bearer $UNRECORDED_TOKEN", "Authorization: Bearer $OTHER_KEYS_TOKEN", "Authorization: Basic eDp5", "Authorization: Bearer", "apikey: $KEY",
	},
	Lenient: map[string]string{
		"create_linked_account": "an id of another type counts as missing, where the other name has one",
		"upsert_linked_account": "the same, a token names the account by itself, and nothing beside payload counts",
	},
	Failures: map[string]*regexp.Regexp{
		"legacy create_linked_account": yourAppFailure,
		"legacy upsert_linked_account": yourAppFailure,
		"legacy delete_linked_account": unknownToDeletion,
		"legacy create_session_token":  noSuchSession,
		"v3 create_linked_account":     yourAppFailure, // inferred from legacy
		"v3 upsert_linked_account":     yourAppFailure,
	},
}

func fuzzLegacy() dialecttest.Fuzz {
	z := documentFuzz
	z.Document = legacyDocument
	return z
}

func fuzzV3() dialecttest.Fuzz {
	z := documentFuzz
	z.Document, z.Given = v3Document, []string{"v3 tenants"}
	return z
}

func FuzzRefoldLegacyDocument(f *testing.F) { fuzzLegacy().Run(f) }

func FuzzRefoldV3Document(f *testing.F) { fuzzV3().Run(f) }

func TestTheSeedsOfTheDocumentFuzzReachEveryOperation(t *testing.T) {
	t.Parallel()
	t.Run("legacy", func(t *testing.T) { t.Parallel(); fuzzLegacy().RequireReach(t) })
	t.Run("v3", func(t *testing.T) { t.Parallel(); fuzzV3().RequireReach(t) })
}
