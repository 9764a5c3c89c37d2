package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

const (
	// watchIdle is how long nothing may come before the connection is tried. A
	// loss that TCP doesn't report is noticed after this and watchPing at most:
	// before answerTimeout, so that whoever waited in vain on a connection finds
	// no other in the pool that is as lost.
	watchIdle = 500 * time.Millisecond
	watchPing = 2200 * time.Millisecond

	watchMinBackoff = 50 * time.Millisecond
	watchMaxBackoff = 5 * time.Second
)

// Watch implements [core.Store]. It keeps a connection of its own.
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
	cc := s.pool.Config().ConnConfig
	cc.RuntimeParams["application_name"] += " watch"
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // it may be gone already
	}()
	if _, err := conn.Exec(ctx, "LISTEN diglot_directory"); err != nil {
		return false, err
	}
	tell(core.DirectoryEvent{Connected: true})
	for {
		payload, err := nextNotification(ctx, conn)
		if err != nil {
			return true, err
		}
		e := core.DirectoryEvent{Connected: true, Changed: core.TenantID(payload)}
		if !e.Changed.Valid() {
			e.Changed = "" // not from our triggers: all may have changed
		}
		tell(e)
	}
}

// nextNotification waits for one, trying the connection now and then.
func nextNotification(ctx context.Context, conn *pgx.Conn) (payload string, err error) {
	for {
		waiting, cancel := context.WithTimeout(ctx, watchIdle)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		if err == nil {
			return n.Payload, nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return "", err
		}
		pinging, cancel := context.WithTimeout(ctx, watchPing)
		err = conn.Ping(pinging)
		cancel()
		if err != nil {
			return "", err
		}
	}
}
