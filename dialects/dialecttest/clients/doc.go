// Package clients holds what a client generator makes of the dialects' OpenAPI
// documents, a package each: a document that generates a clumsy or wrong
// client is mended, not the client. Tests use them against real gateways, as
// programs of other people do. `make generate` makes them anew; `make check`
// fails where one isn't that of its document.
package clients
