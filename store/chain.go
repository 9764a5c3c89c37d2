package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// chainDelay is how long entries may wait to be put into their chains. Whoever
	// reads history puts them there himself, so that nobody sees them missing.
	chainDelay = time.Second

	// chainedAtOnce bounds a transaction that puts entries into their chains.
	chainedAtOnce = 500

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
	stops   chan struct{} // is closed by it
	stopped chan struct{}
}

func startChainer(db directoryDB, log *slog.Logger) *chainer {
	c := &chainer{db: db, log: log, due: make(chan struct{}, 1), stops: make(chan struct{}), stopped: make(chan struct{})}
	c.stop = sync.OnceFunc(func() { close(c.stops) })
	go c.run()
	return c
}

// changed says that something was.
func (c *chainer) changed() {
	select {
	case c.due <- struct{}{}:
	default: // it is known
	}
}

func (c *chainer) run() {
	defer close(c.stopped)
	ctx := context.Background()
	for stopping := false; !stopping; {
		select {
		case <-c.stops:
			stopping = true
		case <-c.due:
			select {
			case <-c.stops:
				stopping = true
				c.changed() // it is looked for below
			case <-time.After(chainDelay):
				c.look(ctx)
			}
		}
	}
	if len(c.due) > 0 {
		last, cancel := context.WithTimeout(ctx, lastChainTimeout)
		defer cancel()
		c.look(last)
	}
}

// look puts all there is into the chains, and comes again where it can't.
func (c *chainer) look(ctx context.Context) {
	switch done, err := chainChanges(ctx, c.db, false); {
	case err != nil:
		c.log.WarnContext(ctx, "put changes into their chains; it is tried again", slog.String("error", err.Error()))
		c.changed()
	case !done:
		c.changed()
	}
}

// close ends it, with a last look.
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
