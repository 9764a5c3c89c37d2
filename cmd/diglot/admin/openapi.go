package admin

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.yaml
var document []byte

// OpenAPI gives the OpenAPI document of the API.
func OpenAPI() []byte { return document }

func serveDocument(x *exchange, r *http.Request) {
	x.operation = "openapi"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		x.Header().Set("Allow", "GET, HEAD")
		x.fail(&failure{kind: methodNotAllowed, detail: "the path takes GET, HEAD"})
		return
	}
	x.Header().Set("Content-Type", "application/yaml")
	x.WriteHeader(http.StatusOK)
	_, _ = x.Write(document) // the client may be gone
}
