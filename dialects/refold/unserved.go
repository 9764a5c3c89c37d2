package refold

import (
	_ "embed"

	"github.com/diglot/diglot/dialects"
)

//go:embed operations.txt
var operationsText string

// operations are all of the vendor's public API, those that are served too.
func operations() []dialects.Operation {
	list, err := dialects.ParseOperations(operationsText)
	if err != nil {
		panic(err) // impossible: a test reads it
	}
	return list
}
