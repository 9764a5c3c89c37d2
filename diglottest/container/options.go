package container

import (
	"errors"
	"fmt"

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

// apply sets what is asked for of the first tenant.
func (o *options) apply(t *Tenant) {
	if o.refoldKey != "" {
		t.RefoldKey = o.refoldKey
	}
	if o.cometChatKey != "" {
		t.CometChatKey = o.cometChatKey
	}
}

// store says where the gateway keeps what it has.
func (o *options) store() testcontainers.CustomizeRequestOption {
	if o.postgresImage == "" {
		return testcontainers.WithEnv(nil)
	}
	return WithDatabaseURL(databaseURL(postgresHost + ":5432"))
}
