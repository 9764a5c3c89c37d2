package diglottest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

// Option changes how a server begins.
type Option func(*config)

type config struct {
	logger   *slog.Logger
	tenants  []string
	revision core.RefoldRevision
	now      time.Time
	seed     *uint64
	faults   []Fault
	postgres *string // nil: in memory
	sleep    func(context.Context, time.Duration)
}

// WithTenants has these tenants be there in place of the one that is called test;
// the first is the one whose methods [Server] has, the others are got with
// [Server.Tenant]. They see
// nothing of each other.
func WithTenants(first string, others ...string) Option {
	return func(c *config) { c.tenants = append([]string{first}, others...) }
}

// Revision is a generation of Refold's API.
type Revision = core.RefoldRevision

// The revisions of Refold's API that its documentation prints.
const (
	Legacy = core.RefoldLegacy
	V3     = core.RefoldV3
)

// WithRevision has Refold's clients be answered in a revision, those too whose
// tenant isn't known, as for a wrong key; without it, in [Legacy].
func WithRevision(r Revision) Option { return func(c *config) { c.revision = r } }

// WithNow begins with a clock that stands still at that time; without it, it is
// the real one. See [Server.Clock].
func WithNow(now time.Time) Option { return func(c *config) { c.now = now } }

// WithIDSeed has all ids be the same from run to run, those of requests too, as
// long as the same requests come in the same order. Object ids begin with the time
// and so ask for [WithNow] too.
func WithIDSeed(seed uint64) Option { return func(c *config) { c.seed = &seed } }

// WithFaults has the server begin with faults. See [Server.AddFaults].
func WithFaults(faults ...Fault) Option {
	return func(c *config) { c.faults = append(c.faults, faults...) }
}

// WithPostgres keeps everything in a PostgreSQL 15 or later, in a database of the
// server's own that is made on it, and dropped when the test ends. The URL's user
// has to be one that may make databases and roles. [Server.Snapshot] needs memory.
func WithPostgres(url string) Option { return func(c *config) { c.postgres = &url } }

// WithLogger has the gateway's log go there; without it, there is none. It never
// has credentials or bodies in it.
func WithLogger(l *slog.Logger) Option { return func(c *config) { c.logger = l } }

// WithSleep has a function wait in place of the clock on the wall where a fault
// has latency: so that a test can see what would be waited, and wait for nothing.
func WithSleep(sleep func(context.Context, time.Duration)) Option {
	return func(c *config) { c.sleep = sleep }
}

// mode gives what a test mode is made of.
func (c *config) mode() testmode.Options {
	o := testmode.Options{Now: c.now, Seed: c.seed, Logger: c.logger, Sleep: c.sleep}
	for _, name := range c.tenants {
		o.Tenants = append(o.Tenants, testmode.Tenant{Name: name, Revision: c.revision})
	}
	return o
}

// open opens where everything is kept.
func (c *config) open(ctx context.Context, t testing.TB, now core.Clock) (kept, error) {
	t.Helper()
	secret, err := core.NewSecret([]byte(testmode.SecretMaterial))
	if err != nil {
		return kept{}, err
	}
	if c.postgres != nil {
		return openPostgres(ctx, t, *c.postgres, secret)
	}
	s := memstore.New(memstore.WithClock(now))
	return kept{store: s, directory: s, memory: s, secret: secret}, nil
}
