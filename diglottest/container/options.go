package container

import (
	"errors"
	"fmt"
	"slices"

	"github.com/testcontainers/testcontainers-go"
)

// DefaultTenant is the tenant that there is where [WithTenants] names none.
const DefaultTenant = "test"

// options are what goes beyond the container's own request.
type options struct {
	tenants       []string // never empty
	revision      string   // "": the gateway's default
	postgresImage string   // "": no PostgreSQL of its own
	refoldKey     string   // "": one is made
	cometChatKey  string   // likewise
	testMode      bool
}

// Option is an option of this module alone; testcontainers' own work beside it.
type Option func(*options) error

// Customize implements [testcontainers.ContainerCustomizer]; what there is to
// do, Run does.
func (Option) Customize(*testcontainers.GenericContainerRequest) error { return nil }

// WithPostgres has the gateway keep everything in a PostgreSQL 15 or later of
// that image, such as postgres:17-alpine, in a container of its own on a network
// that nobody else is on. The image takes POSTGRES_USER, POSTGRES_PASSWORD and
// POSTGRES_DB, as the official one does.
func WithPostgres(img string) Option {
	return func(o *options) error {
		if img == "" {
			return errors.New("WithPostgres: no image")
		}
		o.postgresImage = img
		return nil
	}
}

// WithDatabaseURL has the gateway keep everything in a database that is there,
// by the URL that leads to it from within the container, as the owner of the
// database.
func WithDatabaseURL(url string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithEnv(map[string]string{envDatabaseURL: url})
}

// WithTenants makes these tenants in place of [DefaultTenant]. Each has an
// address, a key and an account of its own, and sees nothing of the others.
func WithTenants(names ...string) Option {
	return func(o *options) error {
		if len(names) == 0 {
			return errors.New("WithTenants: no name")
		}
		o.tenants = names
		return nil
	}
}

// WithKeys has the first tenant's keys be these, of 16 to 512 printable ASCII
// characters without spaces, for clients that have theirs from a file. An empty
// one is made.
func WithKeys(refold, cometChat string) Option {
	return func(o *options) error {
		o.refoldKey, o.cometChatKey = refold, cometChat
		return nil
	}
}

// WithRevision has the tenants' Refold clients be answered in a revision of its
// API, "legacy" or "v3"; without it in the gateway's default, legacy.
func WithRevision(revision string) Option {
	return func(o *options) error {
		if revision != "legacy" && revision != "v3" {
			return fmt.Errorf("WithRevision: %q is neither legacy nor v3", revision)
		}
		o.revision = revision
		return nil
	}
}

// WithVendorLimits has the gateway hold tenants to the rates and bursts that
// the vendors document, for tests of clients that are told to slow down.
func WithVendorLimits() testcontainers.CustomizeRequestOption {
	return testcontainers.WithEnv(map[string]string{envLimits: "vendor"})
}

// WithTestMode has the gateway serve controls for tests below
// [Container.ControlsURL]: faults, seeds, reset, snapshots, the clock, ids, and the
// requests that came; diglottest/README.md has them all. Whoever reaches the gateway
// may use them. The tenant is [DefaultTenant] and no other, as a reset has it; a seed
// makes more. Its keys are the same everywhere, unless [WithKeys] names others.
// Beside [WithDatabaseURL], DIGLOT_TEST_DATABASE=true says that the database is for
// tests.
func WithTestMode() Option {
	return func(o *options) error {
		o.testMode = true
		return nil
	}
}

// apply sets what is asked for of the first tenant.
func (o *options) apply(t *Tenant) {
	if o.refoldKey != "" {
		t.RefoldKey = o.refoldKey
	}
	if o.cometChatKey != "" {
		t.CometChatKey = o.cometChatKey
	}
}

// check refuses options that do not go together.
func (o *options) check() error {
	if o.testMode && !slices.Equal(o.tenants, []string{DefaultTenant}) {
		return errors.New("WithTestMode has the tenant " + DefaultTenant + " alone: leave out WithTenants, and seed the others")
	}
	return nil
}

// controls says what a test mode is told; nothing without one.
func (o *options) controls() testcontainers.CustomizeRequestOption {
	if !o.testMode {
		return testcontainers.WithEnv(nil)
	}
	env := map[string]string{envTestMode: "true"}
	for name, value := range map[string]string{envTestRevision: o.revision, envTestRefoldKey: o.refoldKey, envTestCometChatKey: o.cometChatKey} {
		if value != "" {
			env[name] = value
		}
	}
	if o.postgresImage != "" {
		env[envTestDatabase] = "true"
	}
	return testcontainers.WithEnv(env)
}

// store says where the gateway keeps what it has.
func (o *options) store() testcontainers.CustomizeRequestOption {
	if o.postgresImage == "" {
		return testcontainers.WithEnv(nil)
	}
	return WithDatabaseURL(databaseURL(postgresHost + ":5432"))
}
