package testmode

import _ "embed"

// documentName is where the OpenAPI document is, below [Prefix].
const documentName = "openapi.yaml"

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI gives the OpenAPI document of the controls.
func OpenAPI() []byte { return openAPI }
