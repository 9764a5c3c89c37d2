package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/memstore"
)

const testModeFlag = "test-mode"

// testConfig is what `diglot serve` takes for a test mode.
type testConfig struct {
	on       bool
	database bool
	seed     optionalSeed
	now      optionalTime
	tenant   testmode.Tenant
}

func (c *testConfig) flags(f *pflag.FlagSet) {
	f.BoolVar(&c.on, testModeFlag, false, "serve controls for tests at "+testmode.Prefix+", without a credential, and a tenant \"test\" whose keys everybody knows; needs --memory or --test-database")
	f.BoolVar(&c.database, "test-database", false, "test mode may make and delete tenants in the database of "+envDatabaseURL)
	f.Var(&c.seed, "test-seed", "test mode: ids repeat from run to run, others for each number")
	f.Var(&c.now, "test-now", "test mode: the clock stands still at that time, RFC 3339")
	f.StringVar(&c.tenant.RefoldKey, "test-refold-key", "", "test mode: the tenant's Refold key (default: one that is always the same, which serve prints)")
	f.StringVar(&c.tenant.CometChatKey, "test-cometchat-key", "", "test mode: the tenant's CometChat key (default: one that is always the same, which serve prints)")
	f.StringVar((*string)(&c.tenant.Revision), "test-refold-revision", string(core.RefoldLegacy), "test mode: the revision that the tenant's Refold clients are answered in, legacy or v3")
}

// optionalSeed is a number that may not be given.
type optionalSeed struct{ value *uint64 }

// String implements [pflag.Value].
func (s *optionalSeed) String() string {
	if s.value == nil {
		return ""
	}
	return strconv.FormatUint(*s.value, 10)
}

// Set implements [pflag.Value].
func (s *optionalSeed) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	s.value = &n
	if err != nil {
		return errors.New("it must be a whole number, 0 or more")
	}
	return nil
}

// Type implements [pflag.Value].
func (s *optionalSeed) Type() string { return "number" }

// optionalTime is a time that may not be given.
type optionalTime struct{ time.Time }

// String implements [pflag.Value].
func (t *optionalTime) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// Set implements [pflag.Value].
func (t *optionalTime) Set(text string) error {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return errNoTime
	}
	t.Time = at
	return nil
}

// Type implements [pflag.Value].
func (t *optionalTime) Type() string { return "time" }

// validate refuses a test mode where something looks like production, and its
// settings without it.
func (c *testConfig) validate(memory bool) error {
	if !c.on {
		if c.database || c.seed.value != nil || !c.now.IsZero() || c.tenant.RefoldKey != "" || c.tenant.CometChatKey != "" {
			return withHint(errors.New("a flag --test-… is given without --"+testModeFlag), "add --"+testModeFlag+", or leave it out")
		}
		return nil
	}
	for _, name := range []string{envSecret, envSecretFile, envPreviousSecret, envPreviousSecretFile} {
		if os.Getenv(name) != "" {
			return withHint(fmt.Errorf("--%s and %s are both given", testModeFlag, name),
				"test mode lets everybody in: leave out the secret of an installation that is in use")
		}
	}
	named := os.Getenv(envDatabaseURL) != ""
	switch {
	case named && !c.database && !memory:
		return withHint(fmt.Errorf("--%s and %s are both given", testModeFlag, envDatabaseURL),
			"test mode deletes tenants and lets everybody in: use --memory, or say with --test-database that the database is for tests")
	case !named && !memory:
		return withHint(fmt.Errorf("--%s doesn't use the private cluster", testModeFlag),
			"add --memory, or name a database for tests in "+envDatabaseURL+" and add --test-database")
	case !c.tenant.Revision.Valid():
		return errors.New("--test-refold-revision must be legacy or v3")
	}
	return nil
}

// parts is what a gateway is made with: in test mode, what tests can set.
type parts struct {
	now      core.Clock
	newID    core.IDSource
	service  []core.Option
	operator []core.OperatorOption
	dialects dialects.Options

	mode *testmode.Mode // nil: production
}

func (c *serveConfig) parts(logger *slog.Logger) *parts {
	p := &parts{now: time.Now, newID: core.NewIDSource(), dialects: dialects.Options{Logger: logger}}
	if !c.test.on {
		return p
	}
	c.test.tenant.Name = testmode.DefaultTenant
	m := testmode.New(testmode.Options{Now: c.test.now.Time, Seed: c.test.seed.value, Tenants: []testmode.Tenant{c.test.tenant}, Logger: logger})
	p.mode, p.now, p.newID = m, m.Clock.Now, m.IDs.ObjectID
	p.service = []core.Option{core.WithUUIDs(m.IDs.UUID)}
	p.operator = []core.OperatorOption{core.WithIDs(m.IDs.ObjectID), core.WithOperatorUUIDs(m.IDs.UUID)}
	p.dialects.NewRequestID, p.dialects.Interceptor = m.IDs.RequestID, m
	return p
}

// serve gives what the main port serves.
func (p *parts) serve(ctx context.Context, g *gateway.Gateway, b testmode.Backend, s core.Store) (http.Handler, error) {
	if p.mode == nil {
		return g, nil
	}
	b.Memory, _ = s.(*memstore.Store)
	h, err := p.mode.Serve(ctx, b)
	if e, ok := errors.AsType[*testmode.NotOursError](err); ok {
		return nil, withHint(e, "name a database for tests alone in "+envDatabaseURL+": test mode would delete the tenant and all that it has")
	}
	return h, err
}

// testModeGraces is how many endGraces the end of a test mode may take: tenants are
// removed from the database.
const testModeGraces = 4

// end removes what a test mode made and would outlive it.
func (p *parts) end() error {
	if p.mode == nil {
		return nil
	}
	return p.mode.End(context.Background()) // what asked for the stop is over already
}

// endBy is end within a stop, behind its first step. It gives how many endGraces
// that may have taken.
func (p *parts) endBy(stop *stopping) time.Duration {
	if p.mode == nil {
		return 0
	}
	stop.step(1+testModeGraces, func() {
		if err := p.end(); err != nil {
			stop.logger.Error("remove the tenants of test mode; the next start does", slog.String("error", err.Error()))
		}
	}, func() string { return "the tenants of test mode in the database" })
	return testModeGraces
}

// print says how the test mode's tenant is reached.
func (p *parts) print(w io.Writer, addr net.Addr) error {
	if p.mode == nil {
		return nil
	}
	c, _ := p.mode.Credentials(testmode.DefaultTenant) // it was made at the start
	url := "http://" + reachable(addr)
	_, err := fmt.Fprintf(w, `Diglot is ready, in test mode: whoever reaches it may do everything. Its controls are below %s%s
Refold:    %s%s  x-api-key: %s, linked_account_id: %s
CometChat: %s%s  apikey: %s
`, url, testmode.Prefix, url, refold.Prefix, c.RefoldKey, c.Account, url, cometchat.Prefix, c.CometChatKey)
	return err
}
