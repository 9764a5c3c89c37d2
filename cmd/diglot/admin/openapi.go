package admin

import (
	_ "embed"
	"net/http"

	"github.com/diglot/diglot/cmd/diglot/gateway"
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
	gateway.ServeDocument(x, r, document)
}
