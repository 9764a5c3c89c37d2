package refold

import (
	_ "embed"

	"github.com/diglot/diglot/core"
)

var (
	//go:embed openapi-legacy.yaml
	openAPILegacy []byte
	//go:embed openapi-v3.yaml
	openAPIV3 []byte
)

// OpenAPI gives the OpenAPI document of a revision, as YAML: every operation
// that is served and every status it answers with, and where each is known
// from. Nobody may change the text.
func OpenAPI(revision core.RefoldRevision) []byte {
	if revision == core.RefoldV3 {
		return openAPIV3
	}
	return openAPILegacy
}
