// Package dialecttest replays recorded requests against a dialect: its golden
// runner, and the guarantees that every dialect gives whatever its wire format.
//
// A case is a txtar file, testdata/<operation>/<case>.txtar in the dialect's
// folder. The comment before the first file says in prose what the case pins.
// Lines in it of these forms mean something to the runner:
//
//	source: inferred, contract 2.6   where the fact is from; each case has one, and it
//	                                 begins with documented, recorded, library or inferred
//	given: 25 servers                what is there before the first request, see fixtures
//	clock: 2025-07-09T08:37:19.407Z  when the first request comes; "frozen" stops the clock
//	url-template: https://…/{slug}   the tenant's
//	rate-limit: 3                    requests a minute of a tenant, 0 for any number; else 20000
//	verbatim: yes                    the responses are the vendor's own bytes: -update keeps them
//	undeclared: transport args: why  members of a query or a body that are sent, taken and not
//	                                 documented; any other such member fails
//	known-gap: why                   the responses are what should come and does not; the case
//	                                 fails when they do come, so that the mark goes
//
// Files come in pairs. A request is a line "METHOD target", header lines, an
// empty line and the body; a response is the status, the header lines but Date,
// sorted, an empty line and the body, byte for byte. Content-Length is there
// only where no body is: it tells an empty body from none. The newline at the
// end of either belongs to the file format. With -update the responses are
// written anew:
//
//	go test ./dialects/... -update
//
// In requests, $NAME stands for a value of the [World], $1._id for a member of
// the first step's reply, $NEST98 for 98 arrays in each other, $X300 for 300
// letters x, and $BOM and $FF for bytes that do not show in an editor.
//
// Every reply is held to the dialect's OpenAPI document; [Contract] and
// [Examples] hold the goldens, the documents and the vendor's pages together.
//
// Each case has a world of its own: a store, a clock, ids and request ids that
// are the same every time, and two tenants with both addresses. Requests go
// over TCP. After the last one the log is checked: a line for each request,
// with its id and status, and nowhere a credential or a value from a body.
package dialecttest
