// Package move moves records between the vendors, Diglot's tenants and files.
//
// A [Source] gives records, a [Target] takes them, and an [Engine] has each go
// from one to the other once, whatever ends it on the way: what it is about to do
// and what it has done is in a [Run], a journal on the disk, before and after each
// record. What becomes of a record's members is said by mapping, and kept.
package move
