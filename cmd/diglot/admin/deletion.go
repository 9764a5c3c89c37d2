package admin

import (
	"context"
	"log/slog"
	"sync"

	"github.com/diglot/diglot/core"
)

// deletions removes tenants behind the answers, one process's: where it ends
// before a deletion does, whoever asks again goes on with it.
type deletions struct {
	operator *core.Operator
	log      *slog.Logger
	ctx      context.Context //nolint:containedctx // of what goes on behind all requests
	end      context.CancelFunc

	mu      sync.Mutex
	running map[string]struct{} // by tenant's name
	wg      sync.WaitGroup
}

func (d *deletions) begin(operator *core.Operator, log *slog.Logger) {
	d.operator, d.log, d.running = operator, log, map[string]struct{}{}
	d.ctx, d.end = context.WithCancel(context.Background())
}

// start removes a tenant that is being deleted, unless that is under way; it is
// the doing of whoever asks for it.
func (d *deletions) start(who *core.Actor, tenant string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, is := d.running[tenant]; is || d.ctx.Err() != nil {
		return
	}
	d.running[tenant] = struct{}{}
	d.wg.Go(func() { d.run(core.WithActor(d.ctx, who), tenant) })
}

func (d *deletions) run(ctx context.Context, tenant string) {
	total := 0
	err := d.operator.DeleteTenant(ctx, tenant, func(n int) { total = n })
	d.mu.Lock()
	delete(d.running, tenant)
	d.mu.Unlock()
	attrs := []slog.Attr{slog.String("tenant", tenant), slog.Int("removed", total)}
	switch {
	case err == nil:
		d.log.LogAttrs(ctx, slog.LevelInfo, "tenant deleted", attrs...)
	case core.KindOf(err) == core.NotFound: // another process was done first
	default:
		d.log.LogAttrs(ctx, slog.LevelWarn, "tenant not deleted yet: whoever deletes it again goes on", append(attrs, slog.String("error", err.Error()))...)
	}
}

// close ends what is under way and waits until it has.
func (d *deletions) close() {
	d.mu.Lock()
	d.end()
	d.mu.Unlock()
	d.wg.Wait()
}
