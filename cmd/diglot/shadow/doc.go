// Package shadow asks a second time what a client asked: of the vendor where
// Diglot answers, of Diglot where the vendor does, and compares both answers. So a
// team sees, of its own requests, what would be other than before the switch.
//
// [Shadow] is a handler around a gateway, there only where a [Config] asks for it.
// A client never waits for the second answer, and nothing that becomes of it is
// told to the client. What was found is kept as [Record]s; a [Report] groups them.
package shadow
