package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/diglot/diglot/core"
)

// This file speaks to PostgreSQL one level below pgx's Batch, in pgconn's. A
// tenant's write is some statements in one round trip, and what pgx does for
// each of them (encode by type, describe, scan by type) adds up: this way they
// take little longer than the one that is wanted. Every value crosses in
// PostgreSQL's binary format, which for text and json is the text itself.

// statement is prepared on every connection, under its name, when that opens;
// one to a pooler prepares nothing, see pooled.go.
type statement struct {
	name      string
	sql       string
	bySession *statement // what a read is by a session, see [preparedRead]; nil: what it is else
}

var statements []*statement

// prepared registers a statement. Call it from package level, beside the
// method that runs the statement: connections prepare what is there when they
// open.
func prepared(name, sql string) *statement {
	st := &statement{name: name, sql: sql}
	statements = append(statements, st)
	return st
}

var (
	begin         = prepared("begin", "BEGIN")
	beginRead     = prepared("begin_read", "BEGIN READ ONLY")
	beginSnapshot = prepared("begin_snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	commit        = prepared("commit", "COMMIT")
)

// descriptions is where a connection keeps what PostgreSQL said of each
// statement; with it, the columns needn't be described with every result.
type descriptions map[*statement]*pgconn.StatementDescription

const descriptionsKey = "diglot"

// prepareStatements prepares all statements in one round trip.
func prepareStatements(ctx context.Context, conn *pgx.Conn) error {
	// One plan per statement and connection. Left to itself PostgreSQL would
	// plan a list anew each time, because it takes the limit for a tenth of the
	// table; all our statements are served by an index whatever their arguments.
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = force_generic_plan; SET jit = off"); err != nil {
		return fmt.Errorf("set up connection: %w", err)
	}
	pg := conn.PgConn()
	pipeline := pg.StartPipeline(ctx)
	for _, st := range statements {
		pipeline.SendPrepare(st.name, st.sql, nil)
	}
	err := pipeline.Sync()
	known := make(descriptions, len(statements))
	for _, st := range statements {
		if err != nil {
			break
		}
		var result any
		if result, err = pipeline.GetResults(); err == nil {
			sd := result.(*pgconn.StatementDescription) // what answers SendPrepare
			sd.Name = st.name                           // the server doesn't repeat it
			known[st] = sd
		} else {
			err = fmt.Errorf("prepare %s: %w", st.name, err)
		}
	}
	if closeErr := pipeline.Close(); err == nil {
		err = closeErr
	}
	pg.CustomData()[descriptionsKey] = known
	return explainSchema(err)
}

// explainSchema says what to do where a statement didn't fit the schema.
func explainSchema(err error) error {
	if isSQLState(err, undefinedTable, undefinedColumn, undefinedFunction) {
		return fmt.Errorf("the database's schema is not the one this build needs, run diglot migrate up: %w", err)
	}
	return err
}

// call is one statement in a batch: what to run, and who takes its rows.
type call struct {
	stmt *statement
	sql  string // for what isn't in statements
	args [][]byte
	each func(*row) error  // called for each row; nil: there are none
	read forgetter         // what each has made of rows; nil: nothing that is large
	tag  pgconn.CommandTag // what was done, once it was
}

// forgetter is what was read, and can be forgotten before it was read to its end.
type forgetter interface{ forget() }

// records are a [forgetter].
type records[R any] []R

func (r *records[R]) forget() { *r = nil }

// inTenant runs the calls in one transaction of the tenant's, in one round
// trip. The transaction is committed when all succeeded, else undone: as their
// rows come it has been already, so that nothing is undone for what a reader makes
// of them. A write's readers fail on nothing that this store has written, and what
// it is answered with is owed ([core.Meter]). By a session that has ended none of
// the calls is run.
func (s *Store) inTenant(ctx context.Context, tenant core.TenantID, start *statement, calls ...*call) error {
	if !tenant.Valid() { // row security would fail on it, in words of its own
		return fmt.Errorf("tenant id %q is not a UUID", tenant)
	}
	if s.rehearsing != nil {
		return rehearse(ctx, s.rehearsing, append([]*call{enter(tenant, nil, actorOf(ctx, start))}, calls...))
	}
	turn, err := s.turns.take(ctx, tenant)
	if err != nil {
		return err
	}
	defer s.turns.end(turn)
	if start == begin { // once there is a turn: what others were answered with is counted by then
		if err := core.MeterOf(ctx).Room(); err != nil {
			return err
		}
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	use := core.SessionOf(ctx)
	alone := start == beginRead && len(calls) == 1
	if alone && use != nil && len(s.prelude) == 0 && calls[0].stmt.bySession != nil {
		return readBySession(ctx, pg, tenant, use, calls[0])
	}
	// What is sent in one go is one transaction (in the protocol's words, what
	// comes before a Sync), so that none has to be begun and ended, unless it is of
	// a kind of its own. One that fails is undone then by the time it is answered.
	implied := (alone || start == begin) && len(s.prelude) == 0
	batch := make([]*call, 0, len(calls)+len(s.prelude)+3)
	if !implied {
		batch = append(batch, &call{stmt: start})
	}
	for _, sql := range s.prelude {
		batch = append(batch, &call{sql: sql})
	}
	batch = append(batch, enter(tenant, use, actorOf(ctx, start)))
	batch = append(batch, calls...)
	if !implied {
		batch = append(batch, &call{stmt: commit})
	}
	err = send(ctx, pg, batch)
	if err != nil {
		undo(ctx, pg)
		return err
	}
	if use != nil {
		use.Confirm()
	}
	if start == begin {
		s.chainer.changed()
	}
	return nil
}

// send runs the calls in order, in one round trip, until one fails.
func send(ctx context.Context, pg *pgconn.PgConn, calls []*call) error {
	known, _ := pg.CustomData()[descriptionsKey].(descriptions)
	var b pgconn.Batch
	for _, c := range calls {
		switch {
		case c.stmt == nil:
			b.ExecParams(c.sql, c.args, nil, binaryFormat, binaryFormat)
		case known == nil: // by way of a pooler
			b.ExecParams(c.stmt.sql, c.args, nil, binaryFormat, binaryFormat)
		default:
			b.ExecStatement(known[c.stmt], c.args, binaryFormat, binaryFormat)
		}
	}
	meter := core.MeterOf(ctx)
	results := pg.ExecBatch(ctx, &b)
	var failed error // of a reader: the results have to be read to their end all the same
	for _, c := range calls {
		if !results.NextResult() {
			break
		}
		result := results.ResultReader()
		for result.NextRow() {
			if c.each != nil && failed == nil {
				if failed = meter.Record(textBytes(result.Values())); failed != nil {
					if c.read != nil { // there is still the rest to come, for nobody
						c.read.forget()
					}
					meter.End()
					continue
				}
				failed = c.each(&row{values: result.Values()})
			}
		}
		c.tag, _ = result.Close() // an error is the batch's too
	}
	if err := results.Close(); err != nil {
		return err
	}
	return failed
}

// textBytes gives how many bytes a row's values have.
func textBytes(values [][]byte) (n int) {
	for _, v := range values {
		n += len(v)
	}
	return n
}

// rollbackTimeout bounds the wait for a connection that is to be reused; past
// it the connection is given up.
const rollbackTimeout = time.Second

// undo ends a transaction that failed, so that the pool can use the connection
// again instead of making another.
func undo(ctx context.Context, pg *pgconn.PgConn) {
	if pg.IsClosed() || pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = pg.Exec(ctx, "ROLLBACK").Close() // the pool destroys a connection that is still in a transaction
}

var binaryFormat = []int16{pgx.BinaryFormatCode}
