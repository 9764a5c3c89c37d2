package store

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/diglot/diglot/core"
)

// Who makes a change is told the database's triggers, which enter it beside the
// change, by a setting of the transaction: app.actor. The statement that says
// whose the transaction is says it too, so that it costs no message.
var (
	enterActing = prepared("enter_acting",
		`SELECT set_config('app.tenant_id', $1, true), set_config('app.actor', $2, true)`)
	enterSessionActing = prepared("enter_session_acting",
		`SELECT enter_session($1, $2, $3, $4, $5), set_config('app.actor', $6, true)`)
)

// actorOf gives who acts in a transaction that begins so; nil: nobody is known,
// or it only reads.
func actorOf(ctx context.Context, start *statement) []byte {
	if start != begin {
		return nil
	}
	if text, ok := actorText(ctx); ok {
		return textArg(text)
	}
	return nil
}

var oneLine = strings.NewReplacer("\n", " ", "\x00", "")

// actorText gives app.actor's value: kind, dialect, request id, id, a line each.
// The id may have lines of its own.
func actorText(ctx context.Context) (text string, ok bool) {
	a := core.ActorOf(ctx)
	if a == nil {
		return "", false
	}
	id := a.ID
	if !core.ValidText(id) {
		id = strings.ReplaceAll(strings.ToValidUTF8(id, "\uFFFD"), "\x00", "")
	}
	return string(a.Kind) + "\n" + oneLine.Replace(a.Dialect) + "\n" + oneLine.Replace(a.RequestID) + "\n" + id, true
}

const setActor = `SELECT set_config('app.actor', $1, true)`

// actIn says who acts in a transaction that changes something, where that is
// known.
func (s *Store) actIn(ctx context.Context, tx pgx.Tx) error {
	s.chainer.changed() // it is in a moment: nobody looks that soon
	text, ok := actorText(ctx)
	if !ok {
		return nil
	}
	_, err := tx.Exec(ctx, setActor, text)
	return err
}

// acting is an operator's database: what it is asked for one row, or to change,
// it does as the context's actor. What is sent in one go is one transaction.
type acting struct {
	*pgxpool.Pool

	changed func() // is called for what an actor may have changed
}

// QueryRow is pgx's.
func (a acting) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	b := a.batch(ctx, sql, args)
	if b == nil {
		return a.Pool.QueryRow(ctx, sql, args...)
	}
	return batchedRow{a.SendBatch(ctx, b), 1}
}

// Exec is pgx's.
func (a acting) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	b := a.batch(ctx, sql, args)
	if b == nil {
		return a.Pool.Exec(ctx, sql, args...)
	}
	results := a.SendBatch(ctx, b)
	if _, err = results.Exec(); err == nil {
		tag, err = results.Exec()
	}
	if closing := results.Close(); err == nil { // at its end the transaction is committed
		err = closing
	}
	return tag, err
}

// batch gives nil where nobody is known to act.
func (a acting) batch(ctx context.Context, sql string, args []any) *pgx.Batch {
	text, ok := actorText(ctx)
	if !ok {
		return nil
	}
	var b pgx.Batch
	b.Queue(setActor, text)
	b.Queue(sql, args...)
	a.changed() // if it is in a moment: nobody looks that soon
	return &b
}
