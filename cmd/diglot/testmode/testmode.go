// Package testmode is what `diglot serve --test-mode` and the package diglottest
// put around a gateway, for the tests of programs that call the vendors' APIs: a
// clock and ids that can be set, state that can be reset, seeded, kept and
// restored, faults on demand, and a journal of requests. It is served below
// [Prefix], without a credential, so it is never for production.
//
// Nothing of it is on the request path of a gateway that is not in test mode.
package testmode

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

// Prefix begins the path of every control.
const Prefix = "/_diglot/"

// SecretMaterial is what the secret of a gateway in test mode is made from where
// the store does not keep one: it is known to everybody, and session tokens are
// the same from run to run.
const SecretMaterial = "diglot in test mode keeps no secret" //nolint:gosec // which is what it says

// Options say how a test mode begins.
type Options struct {
	// Now, if not zero, is where the clock is frozen.
	Now time.Time
	// Seed, if not nil, has ids repeat from run to run.
	Seed *uint64
	// Tenants are there at the start, and after a reset. Those of no name: [DefaultTenant].
	Tenants []Tenant
	// Logger is told of what is asked of the controls. Required.
	Logger *slog.Logger
	// Sleep waits as a fault's latency asks; nil: it really does.
	Sleep func(context.Context, time.Duration)
}

func (o *Options) check() error {
	if !o.Now.IsZero() {
		if err := checkTime(o.Now); err != nil {
			return err
		}
	}
	for _, t := range o.Tenants {
		for vendor, key := range map[string]string{"Refold": t.RefoldKey, "CometChat": t.CometChatKey} {
			if strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
				return fmt.Errorf("the %s key of the tenant %q has a character that no key has: they are printable ASCII without spaces", vendor, t.Name)
			}
		}
	}
	return nil
}

// Mode is one gateway's test mode. Its clock and ids are for the gateway's parts
// to be made with; [Mode.Serve] then completes it. It is safe for concurrent use.
type Mode struct {
	Clock *Clock
	IDs   *IDs

	options  Options
	faults   faults
	journal  journal
	backend  Backend
	state    state
	known    tenants
	controls http.Handler
	changing sync.Mutex // held by what replaces state
}

// Backend is what a test mode is put around.
type Backend struct {
	Gateway  *gateway.Gateway
	Service  *core.Service
	Operator *core.Operator
	Tokens   *refold.Tokens
	// Memory is the store where everything is kept in memory; nil: in PostgreSQL.
	Memory *memstore.Store
}

// New makes a test mode.
func New(o Options) *Mode {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if len(o.Tenants) == 0 {
		o.Tenants = []Tenant{{Name: DefaultTenant}}
	}
	m := &Mode{Clock: newClock(o.Now), IDs: newIDs(o.Seed), options: o}
	m.faults.reset()
	m.controls = m.routes()
	return m
}

// Serve makes the tenants and gives the handler: the gateway's with the controls
// beside it.
func (m *Mode) Serve(ctx context.Context, b Backend) (http.Handler, error) {
	m.backend = b
	if b.Memory != nil {
		m.state = &memory{mode: m}
	} else {
		m.state = &database{mode: m}
	}
	if err := m.options.check(); err != nil {
		return nil, err
	}
	if err := m.state.begin(ctx); err != nil {
		return nil, err
	}
	return http.HandlerFunc(m.serve), nil
}

// End removes from a database what test mode made in it. What is kept in memory ends
// with the process. It is called when nothing is served any more.
func (m *Mode) End(ctx context.Context) error { return m.state.end(ctx) }

func (m *Mode) serve(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path+"/", Prefix):
		m.controls.ServeHTTP(w, r)
	case gateway.DialectAt(path) != "":
		m.observe(w, r)
	default:
		m.backend.Gateway.ServeHTTP(w, r)
	}
}

// sleep waits, or until nobody does any more.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// forget has the gateway forget what it remembers of state that was replaced.
func (m *Mode) forget() {
	m.backend.Service.ForgetCredentials()
	m.backend.Gateway.Refold.ForgetRates()
	m.backend.Gateway.CometChat.ForgetRates()
}

// The paths that clients use as their base URLs.
const (
	refoldPath    = refold.Prefix
	cometChatPath = cometchat.Prefix
)
