package refold_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

// dialect is what the golden runner needs of this one.
var dialect = dialecttest.Dialect{
	Name:     core.Refold,
	NewStore: func() dialecttest.Backend { return memstore.New() },
	Handler:  handler,
	Create: `POST /api/v2/public/mcp-servers
x-api-key: $KEY
linked_account_id: $ACCOUNT
content-type: application/json

{"name":"Big","description":"$DESCRIPTION"}`,
	Read: `GET /api/v2/public/mcp-servers
x-api-key: $KEY
linked_account_id: $ACCOUNT`,
	Documents: []*openapitest.Document{legacyDocument, v3Document},
	Document:  document,
}

var (
	legacyDocument = load("legacy", core.RefoldLegacy)
	v3Document     = load("v3", core.RefoldV3)
)

func load(name string, revision core.RefoldRevision) *openapitest.Document {
	d, err := openapitest.Load(name, refold.OpenAPI(revision))
	if err != nil {
		panic(err)
	}
	return d
}

// document is that of the revision that the request asks for, else of the
// tenant's, if it is known: who is answered 401, or sends no credential, isn't,
// and is answered in legacy.
func document(a dialecttest.Asked) *openapitest.Document {
	revision := core.RefoldRevision(a.Header.Get(refold.RevisionHeader))
	if !revision.Valid() {
		revision = core.RefoldLegacy
		if a.Status != http.StatusUnauthorized && (a.Header.Get("X-Api-Key") != "" || a.Header.Get("Authorization") != "") {
			revision = a.Revision
		}
	}
	if revision == core.RefoldV3 {
		return v3Document
	}
	return legacyDocument
}

func handler(w *dialecttest.World) http.Handler {
	tokens := refold.NewTokens(w.Secret, refold.DefaultLifetimes)
	start := w.Clock.Now()
	issue := func(placeholder string, tenant core.Tenant, account string, at time.Time) core.Session {
		s := w.Issue(tenant, account, at, refold.DefaultLifetimes.Token, refold.DefaultLifetimes.Refresh)
		w.AddSecret(placeholder, must(tokens.Token(*tenant.Refold, s.SessionID)))
		return s
	}
	good := issue("TOKEN", w.Acme, w.Values["ACCOUNT"], start)
	issue("OTHER_TOKEN", w.Other, w.Values["OTHER_ACCOUNT"], start)
	issue("EXPIRED_TOKEN", w.Acme, w.Values["ACCOUNT"], start.Add(-refold.DefaultLifetimes.Token-time.Hour))
	issue("FUTURE_TOKEN", w.Other, w.Values["OTHER_ACCOUNT"], start.Add(time.Hour))
	w.AddSecret("REFRESH_TOKEN", must(tokens.RefreshToken(*w.Acme.Refold, good)))
	// Genuine, of what was never issued.
	never := good.SessionID
	never.ExpiresAt++
	w.AddSecret("UNRECORDED_TOKEN", must(tokens.Token(*w.Acme.Refold, never)))
	never = good.SessionID
	never.KeyID = "k1"
	w.AddSecret("OTHER_KEYS_TOKEN", must(tokens.Token(*w.Acme.Refold, never)))
	never = good.SessionID
	never.Account = "stranger@example.com"
	w.AddSecret("STRANGER_TOKEN", must(tokens.Token(*w.Acme.Refold, never)))
	production := core.RefoldAddress{OrgID: w.Acme.Refold.OrgID, Environment: core.Production}
	w.AddSecret("PRODUCTION_TOKEN", must(tokens.Token(production, good.SessionID)))
	w.AddSecret("UNSIGNED_TOKEN", unsigned(w, good.SessionID))
	return refold.New(w.Core, tokens, dialects.Options{
		Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots, Bodies: w.Bodies, Answers: w.Answers,
	})
}

func must(token string, err error) string {
	if err != nil {
		panic(err)
	}
	return token
}

// unsigned is a token that says it needs no signature.
func unsigned(w *dialecttest.World, s core.SessionID) string {
	return must(jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
		"org_id": w.Acme.Refold.OrgID, "linked_account_id": s.Account, "environment": "test", "iat": s.IssuedAt, "exp": s.ExpiresAt,
	}).SignedString(jwt.UnsafeAllowNoneSignatureType))
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, dialect)
}

func TestReadmeNamesEveryGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Readme(t)
}

func TestGuarantees(t *testing.T) {
	t.Parallel()
	dialecttest.Guarantees(t, dialect)
}

func TestContract(t *testing.T) {
	t.Parallel()
	deleted := "the account has to be deleted between the look-up of its token and its own"
	dialecttest.Contract(t, dialect, map[string]string{
		"legacy get_active_linked_account 404": deleted,
		"v3 get_active_linked_account 404":     deleted,
	})
}

func TestExamples(t *testing.T) {
	t.Parallel()
	dialecttest.Examples(t)
}
