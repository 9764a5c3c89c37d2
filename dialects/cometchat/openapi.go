package cometchat

import _ "embed"

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI gives the dialect's OpenAPI document, as YAML: every operation that
// is served and every status it answers with, and where each is known from.
// Nobody may change the text.
func OpenAPI() []byte { return openAPI }
