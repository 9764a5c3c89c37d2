package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/diglot/diglot/core"
)

// The SQLSTATE codes that mean something to this package.
const (
	notInRepertoire       = "22021"
	invalidParameterValue = "22023"
	foreignKeyViolation   = "23503"
	uniqueViolation       = "23505"
	insufficientPrivilege = "42501"
	undefinedColumn       = "42703"
	undefinedFunction     = "42883"
	undefinedTable        = "42P01"
	statementTooComplex   = "54001"

	objectNotReady       = "55000"
	lockNotAvailable     = "55P03"
	readOnlyTransaction  = "25006"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"

	sessionEnded = "DG401" // enter_session's own
)

// The classes of SQLSTATE codes that say that the server, not the request, is
// the matter.
var outages = []string{
	"08", // connection exceptions
	"53", // insufficient resources: disk, memory, connections
	"57", // operator intervention
	"58", // errors of the system below
}

// conflicts says which rule of core's a unique constraint keeps.
var conflicts = map[string]struct{ noun, field string }{
	"tenant_name_key":      {"tenant", "name"},
	"tenant_refold_key":    {"tenant", "refold"},
	"tenant_cometchat_key": {"tenant", "cometchat"},
	"api_key_hash_key":     {"key", "key"},
	"kept_answer_pkey":     {"idempotency_key", "idempotency_key"},
	"linked_account_pkey":  {"account", "id"},
	"signing_key_pkey":     {"signing_key", "id"},
}

// wrap gives err as core's error where a caller can act on it: what came of
// doing something with a noun. It is the only place that does.
func wrap(err error, noun, doing string) error {
	if err == nil {
		return nil
	}
	if _, is := errors.AsType[*core.Error](err); is {
		return err
	}
	classified := func(kind core.Kind, noun, message string) *core.Error {
		return &core.Error{Kind: kind, Noun: noun, Message: message, Err: fmt.Errorf("%s: %w", doing, err)}
	}
	pgErr, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return notFound(noun)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	case unavailable(err, pgErr):
		return classified(core.Unavailable, "database", "the database can't be reached")
	case pgErr == nil:
		return fmt.Errorf("%s: %w", doing, err)
	case pgErr.Code == sessionEnded:
		return core.ErrSessionEnded
	case pgErr.Code == uniqueViolation:
		if c, ok := conflicts[pgErr.ConstraintName]; ok {
			return conflict(c.noun, c.field)
		}
	case pgErr.Code == foreignKeyViolation: // every foreign key is to tenant
		return classified(core.NotFound, "tenant", core.Missing("tenant").Message)
	case pgErr.Code == statementTooComplex:
		return classified(core.Invalid, noun, "a value is nested too deeply")
	case pgErr.Code == notInRepertoire: // JSON that is no UTF-8: core passes it through
		return classified(core.Invalid, noun, "a value has characters that cannot be kept")
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func notFound(noun string) error { return core.Missing(noun) }

func conflict(noun, field string) error { return core.Taken(noun, field) }

// unavailable reports whether the database couldn't be reached or wouldn't
// answer in time: the same may pass later.
func unavailable(err error, pgErr *pgconn.PgError) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true // whatever the server says of it: nobody gets in
	}
	if pgErr != nil {
		return len(pgErr.Code) == 5 && slices.Contains(outages, pgErr.Code[:2]) ||
			isSQLState(err, objectNotReady, lockNotAvailable, readOnlyTransaction, serializationFailure, deadlockDetected,
				undefinedTable, undefinedColumn, undefinedFunction) // a schema that is behind, or being moved
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) // of a connection that closed while it was idle
}

func isSQLState(err error, codes ...string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(codes, pgErr.Code)
}
