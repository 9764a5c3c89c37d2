// Package core is the domain of Diglot: MCP servers, the tenants that own
// them, the credentials that name a tenant, and the rules over all three.
//
// It knows no wire format and no storage. A dialect turns requests into the
// types of this package and its answers into the vendor's JSON; a store keeps
// them behind the [Store] and [Directory] ports. It imports the standard
// library alone.
package core
