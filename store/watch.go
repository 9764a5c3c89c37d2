package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/diglot/diglot/core"
)

const (
	// watchConfirm is how often the connection is asked for a sign of life. What
	// is remembered may be used for [core.MaxUnheard] after the last one was asked
	// for; so a sign that takes less than their difference holds nothing up.
	watchConfirm = 300 * time.Millisecond
	// watchPing is how long a sign may take before the connection is given up. No
	// decision hangs on it: what is remembered has long been out of use by then.
	// With watchConfirm it is less than answerTimeout, so that whoever waited in
	// vain on a connection finds no other in the pool that is as lost.
	watchPing = 2200 * time.Millisecond

	watchMinBackoff = 50 * time.Millisecond
	watchMaxBackoff = 5 * time.Second
)

// Watch implements [core.Store]. It keeps a connection of its own, never to a
// pooler, which would hand it to another between two transactions.
func (s *Store) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	backoff := watchMinBackoff
	for ctx.Err() == nil {
		listened, err := s.listen(ctx, tell)
		if listened {
			tell(core.DirectoryEvent{}) // at the end too: from now on nobody hears of changes
			backoff = watchMinBackoff
		}
		if ctx.Err() != nil {
			return
		}
		s.pool.Reset() // the idle ones are as lost, most likely: nobody is to try them one by one
		s.log.LogAttrs(ctx, slog.LevelWarn, "directory watch lost its connection; credentials are looked up anew until it is back",
			slog.Any("error", err))
		select {
		case <-ctx.Done():
		case <-time.After(backoff/2 + rand.N(backoff/2)): //nolint:gosec // spreads reconnections, keeps no secret
		}
		backoff = min(2*backoff, watchMaxBackoff)
	}
}

// listen tells what one connection hears until it is lost or ctx ends.
// listened: it told of being connected.
func (s *Store) listen(ctx context.Context, tell func(core.DirectoryEvent)) (listened bool, err error) {
	cc := s.direct.Copy()
	cc.RuntimeParams["application_name"] += " watch"
	w := &watch{tell: tell}
	cc.OnNotification = w.hear
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // it may be gone already
	}()
	asked := monotonic()
	if _, err := conn.Exec(ctx, "LISTEN diglot_directory"); err != nil {
		return false, err
	}
	if err := s.holdVersion(ctx, conn, &w.version); err != nil {
		return false, err
	}
	w.until = asked.Add(core.MaxUnheard)
	tell(core.DirectoryEvent{Connected: true, Until: w.until})
	for {
		if err := waitUntil(ctx, conn, asked.Add(watchConfirm)); err != nil {
			return true, err
		}
		asked = monotonic()
		if err := w.confirm(ctx, conn, asked); err != nil {
			return true, err
		}
		if err := s.holdVersion(ctx, conn, &w.version); err != nil {
			return true, err
		}
	}
}

// watch is what one connection hears.
type watch struct {
	tell  func(core.DirectoryEvent)
	until time.Time // zero: not yet told of being connected, which covers all before it

	version int64 // of the secret, that the connection has the lock of; 0: none
}

// hear tells of a notification, as soon as it is read.
func (w *watch) hear(_ *pgconn.PgConn, n *pgconn.Notification) {
	if w.until.IsZero() {
		return
	}
	e := core.DirectoryEvent{Connected: true, Changed: core.TenantID(n.Payload), Until: w.until}
	if !e.Changed.Valid() {
		e.Changed = "" // a signing key was retired, or it is not from our triggers: all may have changed
	}
	w.tell(e)
}

// confirm has the server answer. It sends what it has to notify of before its
// answer: so every change that was committed before it was asked has been told
// when confirm returns.
func (w *watch) confirm(ctx context.Context, conn *pgx.Conn, asked time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, watchPing)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return err
	}
	w.until = asked.Add(core.MaxUnheard)
	w.tell(core.DirectoryEvent{Connected: true, Quiet: true, Until: w.until})
	return nil
}

// waitUntil reads notifications until then.
func waitUntil(ctx context.Context, conn *pgx.Conn, then time.Time) error {
	waiting, cancel := context.WithDeadline(ctx, then)
	defer cancel()
	for {
		err := conn.PgConn().WaitForNotification(waiting)
		switch {
		case err == nil: // it has been told
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return nil
		default:
			return err
		}
	}
}

// monotonic gives the time of this machine, to measure from.
func monotonic() time.Time { return time.Now() } //nolint:forbidigo // how long ago a sign of life was asked for, nothing stored
