// Package localpg keeps a private PostgreSQL cluster in a data folder, run from
// the server binaries that the machine has installed. It is what serve and the
// other commands work on when no database is configured.
//
// The server is a child of this process and listens on a unix socket in a
// directory that only its own user (and root) can enter; that directory is the
// whole access control, so nothing here ever opens a TCP port.
//
// Two facts decide most of the code. One process owns the folder, by a lock
// that the kernel drops when the process dies, however it dies. And the server
// may outlive its owner: after a kill -9 of the gateway the postmaster is an
// orphan, which the next owner stops and replaces with a child of its own.
package localpg
