package refold_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest"
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
}

func handler(w *dialecttest.World) http.Handler {
	tokens := refold.NewTokens(w.Secret)
	mint := func(tenant core.Tenant, account string, at time.Time) string {
		token, err := tokens.Mint(*tenant.Refold, account, at, refold.DefaultTokenLifetime)
		if err != nil {
			panic(err)
		}
		return token
	}
	start := w.Clock.Now()
	w.AddSecret("TOKEN", mint(w.Acme, w.Values["ACCOUNT"], start))
	w.AddSecret("OTHER_TOKEN", mint(w.Other, w.Values["OTHER_ACCOUNT"], start))
	w.AddSecret("EXPIRED_TOKEN", mint(w.Acme, w.Values["ACCOUNT"], start.Add(-refold.DefaultTokenLifetime-time.Hour)))
	w.AddSecret("FUTURE_TOKEN", mint(w.Acme, w.Values["ACCOUNT"], start.Add(time.Hour)))
	w.AddSecret("STRANGER_TOKEN", mint(w.Acme, "stranger@example.com", start))
	w.AddSecret("PRODUCTION_TOKEN", mint(core.Tenant{
		Refold: &core.RefoldAddress{OrgID: w.Acme.Refold.OrgID, Environment: core.Production},
	}, w.Values["ACCOUNT"], start))
	w.AddSecret("UNSIGNED_TOKEN", unsigned(w, start))
	return refold.New(w.Core, tokens, dialects.Options{Logger: w.Logger, NewRequestID: w.NewRequestID})
}

// unsigned is a token that says it needs no signature.
func unsigned(w *dialecttest.World, at time.Time) string {
	token, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
		"org_id": w.Acme.Refold.OrgID, "linked_account_id": w.Values["ACCOUNT"], "environment": "test",
		"iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
	}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		panic(err)
	}
	return token
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
