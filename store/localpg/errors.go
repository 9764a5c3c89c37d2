package localpg

import (
	"errors"
	"fmt"
)

// ErrNoBinaries says that the machine has no PostgreSQL server to run. Its text
// is meant for the person at the terminal.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries of version 15 or later found; " +
	"install them (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), " +
	"set DIGLOT_PG_BINDIR to the folder that has them, or use --memory, which needs none")

// NoClusterError says that a data folder has no cluster, where none is to be made.
// Errors hold a pointer to it.
type NoClusterError struct {
	Dir string // as the caller named it
}

func (e *NoClusterError) Error() string { return "there is no database in " + e.Dir }

// InUseError refuses a second serve on one data folder. Errors hold a pointer to it.
type InUseError struct {
	Dir string // as the caller named it
	PID int    // of the process that serves from it
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("another diglot (pid %d) is serving from %s; stop it or give --data-dir another folder", e.PID, e.Dir)
}
