package main

import (
	"net/http"
	"strings"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/dialects/refold"
)

// client sends the tests' requests. It holds each answer of a dialect to its
// documents: one that they do not have is an error.
var client = &http.Client{Transport: &openapitest.Transport{RoundTripper: http.DefaultTransport, Documents: documentsOf}}

var (
	refoldLegacy = loadDocument("legacy", refold.OpenAPI(core.RefoldLegacy))
	refoldV3     = loadDocument("v3", refold.OpenAPI(core.RefoldV3))
	cometChat    = loadDocument("cometchat", cometchat.OpenAPI())
)

func loadDocument(name string, text []byte) *openapitest.Document {
	d, err := openapitest.Load(name, text)
	if err != nil {
		panic(err)
	}
	return d
}

// documentsOf gives the documents of the dialect that a request is for: either
// of Refold's, where the request does not say which, as tenants may have both.
func documentsOf(r *http.Request) []*openapitest.Document {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v3/"):
		return []*openapitest.Document{cometChat}
	case !strings.HasPrefix(r.URL.Path, "/api/"):
		return nil
	}
	switch core.RefoldRevision(r.Header.Get(refold.RevisionHeader)) {
	case core.RefoldLegacy:
		return []*openapitest.Document{refoldLegacy}
	case core.RefoldV3:
		return []*openapitest.Document{refoldV3}
	default:
		return []*openapitest.Document{refoldLegacy, refoldV3}
	}
}
