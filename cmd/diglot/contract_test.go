package main

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/dialects/refold"
)

// client sends the tests' requests. It holds each answer of a dialect to its
// document: one that it does not have is an error.
var client = &http.Client{Transport: &openapitest.Transport{RoundTripper: http.DefaultTransport, Documents: documentsOf}}

var (
	refoldLegacy = loadDocument("legacy", refold.OpenAPI(core.RefoldLegacy))
	refoldV3     = loadDocument("v3", refold.OpenAPI(core.RefoldV3))
	cometChat    = loadDocument("cometchat", cometchat.OpenAPI())
)

// loadDocument gives nil to who is the program, and not a test: hundreds of them
// are started, and loading takes longer than all else that most of them do.
func loadDocument(name string, text []byte) *openapitest.Document {
	if os.Getenv(asDiglot) != "" {
		return nil
	}
	d, err := openapitest.Load(name, text)
	if err != nil {
		panic(err)
	}
	return d
}

// tenantsRevision is the key of what a request's context says of its tenant.
type tenantsRevision struct{}

// ofTenant says which revision the tenant of a request is set to: legacy where
// nothing says another.
func ofTenant(ctx context.Context, revision core.RefoldRevision) context.Context {
	return context.WithValue(ctx, tenantsRevision{}, revision)
}

// unknownsRevision is the key of what a request's context says of its gateway.
type unknownsRevision struct{}

// ofUnknown says which revision a request's gateway answers clients in that it
// does not know: legacy where nothing says another.
func ofUnknown(ctx context.Context, revision core.RefoldRevision) context.Context {
	return context.WithValue(ctx, unknownsRevision{}, revision)
}

// changing says that the revision of a request's tenant is changed meanwhile, so
// that an answer may be in either: a gateway follows the change at once, and
// still some time after the command has returned.
const changing core.RefoldRevision = "changing"

// documentsOf gives the document that an answer to a request is held to. It is
// that of the revision that the request asks for, else of its tenant's. Where
// the tenant is not known to the gateway that is the gateway's: with 401 always. With
// 500 and 503 nobody can say from outside whether it was known when the request
// failed, so that of a v3 tenant's either will do.
func documentsOf(r *http.Request, status int) []*openapitest.Document {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v3/"):
		return []*openapitest.Document{cometChat}
	case !strings.HasPrefix(r.URL.Path, "/api/"):
		return nil
	}
	revision := core.RefoldRevision(r.Header.Get(refold.RevisionHeader))
	if !revision.Valid() {
		revision, _ = r.Context().Value(tenantsRevision{}).(core.RefoldRevision)
		switch {
		case status == http.StatusUnauthorized:
			revision, _ = r.Context().Value(unknownsRevision{}).(core.RefoldRevision)
		case revision == core.RefoldV3 && status >= http.StatusInternalServerError:
			revision = changing
		}
	}
	if revision == changing {
		return []*openapitest.Document{refoldLegacy, refoldV3}
	}
	if revision == core.RefoldV3 {
		return []*openapitest.Document{refoldV3}
	}
	return []*openapitest.Document{refoldLegacy}
}

func TestAnAnswerIsHeldToTheRevisionThatItHasToBeIn(t *testing.T) {
	t.Parallel()
	const ok, unauthorized, away = http.StatusOK, http.StatusUnauthorized, http.StatusServiceUnavailable
	legacy, v3 := []*openapitest.Document{refoldLegacy}, []*openapitest.Document{refoldV3}
	for _, c := range []struct {
		path, asked string
		tenants     core.RefoldRevision
		status      int
		want        []*openapitest.Document
	}{
		{"/healthz", "", "", ok, nil},
		{"/v3/x", "", core.RefoldV3, ok, []*openapitest.Document{cometChat}},
		{"/api/x", "", "", ok, legacy},
		{"/api/x", "", "", away, legacy},
		{"/api/x", "v3", "", away, v3},
		{"/api/x", "v2", "", ok, legacy},
		{"/api/x", "", core.RefoldV3, ok, v3},
		{"/api/x", "legacy", core.RefoldV3, ok, legacy},
		{"/api/x", "", core.RefoldV3, unauthorized, legacy},
		{"/api/x", "v3", core.RefoldV3, unauthorized, v3},
		{"/api/x", "", core.RefoldV3, away, []*openapitest.Document{refoldLegacy, refoldV3}},
		{"/api/x", "", changing, ok, []*openapitest.Document{refoldLegacy, refoldV3}},
	} {
		r, err := http.NewRequestWithContext(ofTenant(t.Context(), c.tenants), http.MethodGet, "http://localhost"+c.path, nil)
		require.NoError(t, err)
		r.Header.Set(refold.RevisionHeader, c.asked)
		require.Equal(t, c.want, documentsOf(r, c.status), "%+v", c)
	}
}
