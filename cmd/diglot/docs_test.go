package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
)

func TestOpenAPIDocumentsAreServedByteForByte(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	for path, file := range map[string]string{
		"/openapi/refold.yaml":    "../../dialects/refold/openapi-legacy.yaml",
		"/openapi/refold-v3.yaml": "../../dialects/refold/openapi-v3.yaml",
		"/openapi/cometchat.yaml": "../../dialects/cometchat/openapi.yaml",
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		r := send(t, http.MethodGet, g.url+path, "")
		require.Equal(t, http.StatusOK, r.status)
		require.Equal(t, "application/yaml", r.header.Get("Content-Type"))
		require.Equal(t, string(text), r.body, path)
		r = send(t, http.MethodHead, g.url+path, "")
		require.Equal(t, http.StatusOK, r.status)
		require.Empty(t, r.body)
		requireReadOnly(t, g.url+path)
	}
	r := send(t, http.MethodGet, g.url+"/openapi/nothing.yaml", "")
	require.Equal(t, http.StatusNotFound, r.status)
	require.Contains(t, r.body, `"no such path"`)
}

func requireReadOnly(t *testing.T, address string) {
	t.Helper()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		r := send(t, method, address, "")
		require.Equal(t, http.StatusMethodNotAllowed, r.status, method)
		require.Equal(t, "GET, HEAD", r.header.Get("Allow"))
	}
}

// What a page has that a browser fetches or goes to.
var (
	htmlReference = regexp.MustCompile(`(?i)\b(?:src|href|action|data)\s*=\s*["']([^"']+)["']`)
	cssReference  = regexp.MustCompile(`(?:url\(\s*["']?|@import\s+["'])([^"')]+)`)
	urlsSetting   = regexp.MustCompile(`url: '([^']+)'`)
)

func TestTheDocsPageNeedsNoOtherHost(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	page := send(t, http.MethodGet, g.url+"/docs", "")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.header.Get("Content-Type"), "text/html")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'self'")
	require.Equal(t, page.body, send(t, http.MethodGet, g.url+"/docs/", "").body)
	require.Equal(t, http.StatusOK, send(t, http.MethodHead, g.url+"/docs", "").status)
	requireReadOnly(t, g.url+"/docs")
	require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, g.url+"/docs/nothing.js", "").status)
	require.Equal(t, http.StatusNotFound, send(t, http.MethodGet, g.url+"/docsx", "").status)

	at, err := url.Parse(g.url + "/docs")
	require.NoError(t, err)
	fetched := 0
	fetch := func(reference string) reply {
		t.Helper()
		u, err := at.Parse(reference)
		require.NoError(t, err)
		require.Equal(t, at.Host, u.Host, "%s is on another host", reference)
		fetched++
		r := send(t, http.MethodGet, u.String(), "")
		require.Equal(t, http.StatusOK, r.status, reference)
		require.NotEmpty(t, r.body, reference)
		return r
	}
	var start string
	for _, m := range htmlReference.FindAllStringSubmatch(page.body, -1) {
		asset := fetch(m[1])
		if m[1] == "/docs/start.js" {
			start = asset.body
		}
		if !strings.Contains(asset.header.Get("Content-Type"), "css") {
			continue
		}
		for _, m := range cssReference.FindAllStringSubmatch(asset.body, -1) {
			require.True(t, strings.HasPrefix(m[1], "data:"), "the style asks for %s", m[1])
		}
	}
	require.Equal(t, 6, fetched, "three scripts, a style and two icons")
	listed := urlsSetting.FindAllStringSubmatch(start, -1)
	require.Len(t, listed, len(gateway.Documents()), "the selector has each document")
	for _, m := range listed {
		require.Contains(t, fetch(m[1]).body, "openapi: 3.0.3")
	}
}

func TestAssetsAreSentCompressedToWhomTakesThem(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	plain := send(t, http.MethodGet, g.url+"/docs/swagger-ui-bundle.js", "", "Accept-Encoding", "identity")
	require.Empty(t, plain.header.Get("Content-Encoding"))
	require.Contains(t, plain.body, "SwaggerUIBundle")
	require.Contains(t, plain.header.Get("Content-Type"), "javascript")
	packed := send(t, http.MethodGet, g.url+"/docs/swagger-ui-bundle.js", "", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", packed.header.Get("Vary"))
	z, err := gzip.NewReader(strings.NewReader(packed.body))
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, plain.body, string(text))
}
