// Package diglottest serves both vendors' MCP server APIs, Refold's and
// CometChat's, to the tests of a program that calls them: in the test's own
// process, over TCP on this machine, with no account, no network and no telemetry.
// What answers is the gateway that runs in production, with everything kept in
// memory.
//
//	func TestWeather(t *testing.T) {
//		vendor := diglottest.New(t)
//		client := weather.NewClient(vendor.RefoldURL(), vendor.RefoldKey())
//		…
//	}
//
// A server has a tenant with a key of each vendor's, a linked account and session
// tokens. It ends with the test, and shares nothing with any other: tests may run
// in parallel, each with its own.
//
// What a test needs to say of it is at hand: the clock ([Server.Clock]), ids that
// repeat ([WithIDSeed]), what there is at the start ([Server.Seed]), going back to
// it ([Server.Reset], [Server.Snapshot]), the faults that a client meets
// ([Server.AddFaults]) and the requests that came ([Server.Requests],
// [Server.Verify]). The same controls are served below [Server.URL] at /_diglot/,
// for programs in other languages: `diglot serve --test-mode` has them too.
package diglottest
