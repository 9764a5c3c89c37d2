package memstore

import (
	"context"

	"github.com/diglot/diglot/core"
)

// Rehearse implements [core.Directory], on a copy of all that there is.
func (s *Store) Rehearse(ctx context.Context, _ core.TenantID, do func(core.Backend) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rehearsing := New(WithClock(s.now))
	rehearsing.Restore(s.Snapshot())
	return do(rehearsing)
}
