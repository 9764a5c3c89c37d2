package store

import (
	"context"
	"log/slog"
	"time"
)

const (
	// chainDelay is how long entries may wait to be put into their chains. Whoever
	// reads history puts them there himself, so that nobody sees them missing.
	chainDelay = time.Second

	// chainedAtOnce bounds a transaction that puts entries into their chains.
	chainedAtOnce = 500

	// chainTimeout bounds a look: what it came to is in the chains, the rest is
	// looked for again.
	chainTimeout = 30 * time.Second

	// lastChainTimeout bounds what a store that is closed does for others.
	lastChainTimeout = time.Second
)

// chainer puts the entries of what this store has changed into their tenants'
// chains soon after: one after the other, which those who change something don't
// wait for. What it doesn't come to, another instance or a reader does.
type chainer struct {
	db      directoryDB
	log     *slog.Logger
	due     chan struct{} // has one where something was changed since it was last looked
	stop    func()        // once or more often
	stopped chan struct{}
}

func startChainer(db directoryDB, log *slog.Logger) *chainer {
	ctx, stop := context.WithCancel(context.Background())
	c := &chainer{db: db, log: log, due: make(chan struct{}, 1), stop: stop, stopped: make(chan struct{})}
	go c.run(ctx)
	return c
}

// changed says that something was.
func (c *chainer) changed() {
	select {
	case c.due <- struct{}{}:
	default: // it is known
	}
}

func (c *chainer) run(ctx context.Context) {
	defer close(c.stopped)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-c.due:
			select {
			case <-ctx.Done():
				c.changed() // it is looked for below
			case <-time.After(chainDelay):
				c.look(ctx, chainTimeout)
			}
		}
	}
	if len(c.due) > 0 {
		c.look(context.WithoutCancel(ctx), lastChainTimeout)
	}
}

// look puts all there is into the chains, and comes again where it can't.
func (c *chainer) look(ctx context.Context, most time.Duration) {
	bounded, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	switch done, err := chainChanges(bounded, c.db, false); {
	case err != nil:
		if ctx.Err() == nil { // else it was stopped, and there is a last look
			c.log.WarnContext(ctx, "put changes into their chains; it is tried again", slog.String("error", err.Error()))
		}
		c.changed()
	case !done:
		c.changed()
	}
}

// close ends it, a look that is under way too, with a last one.
func (c *chainer) close() {
	c.stop()
	<-c.stopped
}

// chainChanges puts all entries there are into their chains. done is false where
// it was not to wait and somebody else is at it.
func chainChanges(ctx context.Context, db directoryDB, wait bool) (done bool, err error) {
	for n := chainedAtOnce; n == chainedAtOnce; {
		var chained *int
		if err := db.QueryRow(ctx, "SELECT chain_changes($1, $2)", chainedAtOnce, wait).Scan(&chained); err != nil {
			return false, wrap(err, "change", "put changes into their chains")
		}
		if chained == nil {
			return false, nil
		}
		n = *chained
	}
	return true, nil
}
