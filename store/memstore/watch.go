package memstore

import (
	"context"
	"sync"

	"github.com/diglot/diglot/core"
)

// watcher queues what its Watch has yet to tell: writers append and go on,
// however long telling takes.
type watcher struct {
	mu      sync.Mutex
	pending []core.TenantID
	wake    chan struct{} // holds one token while pending is not empty
}

// Watch implements [core.Store]. It is connected from the first moment to the
// last; the event that ends it says that from then on changes go untold.
func (s *Store) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	w := &watcher{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.watchers[w] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, w)
		s.mu.Unlock()
		tell(core.DirectoryEvent{Connected: false})
	}()

	tell(core.DirectoryEvent{Connected: true})
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			for _, id := range w.take() {
				tell(core.DirectoryEvent{Connected: true, Changed: id})
			}
		}
	}
}

// changed tells every watcher; "" is for all tenants. The caller holds the store's write lock, so
// all of them hear of changes in the order in which they were made.
func (s *Store) changed(id core.TenantID) {
	for w := range s.watchers {
		w.add(id)
	}
}

func (w *watcher) add(id core.TenantID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, id)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []core.TenantID {
	w.mu.Lock()
	defer w.mu.Unlock()
	pending := w.pending
	w.pending = nil
	return pending
}
