// Package mapping turns the vendors' records into core's and back, and says of
// each of their members what becomes of it. README.md in this folder has the
// table of mappings, which a test holds equal to [Table].
//
// What a member becomes is never only claimed: a record is mapped into core, core's
// record is printed as the dialects print it to their clients, and the two
// texts are compared member by member. The table gives the reasons.
package mapping
