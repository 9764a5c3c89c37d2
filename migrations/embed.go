// Package migrations embeds the schema: NNNNNN_verb_noun.up.sql and, for each,
// the .down.sql that undoes it. Files that were released never change; a
// change to the schema is a new pair of files. Each file runs in a transaction
// of its own together with the note that it ran, unless its first line is
// "-- no transaction" (CREATE INDEX CONCURRENTLY needs that).
package migrations

import "embed"

// FS holds the migration files.
//
//go:embed *.sql
var FS embed.FS
