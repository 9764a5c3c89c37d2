// Package container runs Diglot's image with testcontainers, for tests whose
// clients speak to Refold or CometChat over HTTP:
//
//	ctr, err := container.Run(ctx, "diglot:latest")
//	testcontainers.CleanupContainer(t, ctr)
//	require.NoError(t, err)
//	url, err := ctr.RefoldURL(ctx) // the vendor's base URL
//	require.NoError(t, err)
//	client := newClient(url, ctr.RefoldKey(), ctr.Account())
//
// The gateway keeps everything in memory, or in a PostgreSQL beside it, see
// [WithPostgres]. It has a tenant with credentials of both dialects as soon as
// it runs. Options of testcontainers work too: each of serve's flags is an
// environment variable, so testcontainers.WithEnv sets it.
package container

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	gatewayPort    = "8080/tcp" // both dialects
	operationsPort = "9090/tcp" // metrics and the admin API

	refoldPath    = "/api/v2/public"
	cometChatPath = "/v3/ai-agents/agent-builder"
	adminPath     = "/admin/v1"
	controlsPath  = "/_diglot"
)

// The variables that the gateway takes what it is told here from.
const (
	envMemory      = "DIGLOT_MEMORY"
	envDatabaseURL = "DIGLOT_DATABASE_URL"
	envAdminToken  = "DIGLOT_ADMIN_TOKEN" //nolint:gosec // the name of it is no credential
	envLimits      = "DIGLOT_LIMITS"

	envTestMode         = "DIGLOT_TEST_MODE"
	envTestDatabase     = "DIGLOT_TEST_DATABASE"
	envTestRevision     = "DIGLOT_TEST_REFOLD_REVISION"
	envTestRefoldKey    = "DIGLOT_TEST_REFOLD_KEY"
	envTestCometChatKey = "DIGLOT_TEST_COMETCHAT_KEY"
)

// Container is a running Diglot, and the PostgreSQL beside it where one was
// asked for.
type Container struct {
	testcontainers.Container

	settings options
	postgres *testcontainers.DockerContainer // nil: there is none
	network  *testcontainers.DockerNetwork   // nil: as before
	tenants  []Tenant
}

// Run starts the image with a gateway that keeps everything in memory and has
// the tenants that the options ask for, "test" where they ask for none. It
// returns when they can be used. The container is returned with an error too,
// for what was started of it to be terminated.
func Run(ctx context.Context, img string, opts ...testcontainers.ContainerCustomizer) (*Container, error) {
	c := &Container{settings: options{tenants: []string{DefaultTenant}}}
	for _, opt := range opts {
		if o, ok := opt.(Option); ok {
			if err := o(&c.settings); err != nil {
				return nil, err
			}
		}
	}
	if err := c.settings.check(); err != nil {
		return nil, err
	}
	for _, name := range c.settings.tenants {
		c.tenants = append(c.tenants, newTenant(name))
	}
	c.settings.apply(&c.tenants[0])

	moduleOpts := []testcontainers.ContainerCustomizer{
		testcontainers.WithCmd("serve"), // what WithCmdArgs adds flags to
		testcontainers.WithExposedPorts(gatewayPort, operationsPort),
		testcontainers.WithEnv(map[string]string{envAdminToken: randomHex(32)}),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/readyz").WithPort(gatewayPort).WithPollInterval(pollInterval)),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostReadies: []testcontainers.ContainerHook{c.settle},
		}),
	}
	if c.settings.postgresImage != "" {
		if err := c.runPostgres(ctx); err != nil {
			return c, fmt.Errorf("run diglot's postgres: %w", err)
		}
		moduleOpts = append(moduleOpts, network.WithNetwork([]string{"diglot"}, c.network))
	}
	moduleOpts = append(moduleOpts, c.settings.store(), c.settings.controls())
	moduleOpts = append(moduleOpts, opts...)
	moduleOpts = append(moduleOpts, testcontainers.CustomizeRequestOption(memoryUnlessDatabase))

	ctr, err := testcontainers.Run(ctx, img, moduleOpts...)
	if ctr != nil {
		c.Container = ctr
	}
	if err != nil {
		return c, fmt.Errorf("run diglot: %w", err)
	}
	return c, nil
}

// memoryUnlessDatabase comes after the user's options, which may name a database
// in the environment.
func memoryUnlessDatabase(req *testcontainers.GenericContainerRequest) error {
	if req.Env[envDatabaseURL] == "" && req.Env[envMemory] == "" {
		req.Env[envMemory] = "true"
	}
	return nil
}

// URL is where the gateway is reached from here, without a path.
func (c *Container) URL(ctx context.Context) (string, error) {
	return c.PortEndpoint(ctx, gatewayPort, "http")
}

// RefoldURL is the base URL of Refold's clients.
func (c *Container) RefoldURL(ctx context.Context) (string, error) {
	return c.below(ctx, gatewayPort, refoldPath)
}

// CometChatURL is the base URL of CometChat's clients.
func (c *Container) CometChatURL(ctx context.Context) (string, error) {
	return c.below(ctx, gatewayPort, cometChatPath)
}

// ControlsURL is where the controls of [WithTestMode] are: /faults, /seed, /clock and
// the others are below it.
func (c *Container) ControlsURL(ctx context.Context) (string, error) {
	if !c.settings.testMode {
		return "", errors.New("the gateway is not in test mode: give Run the option WithTestMode")
	}
	return c.below(ctx, gatewayPort, controlsPath)
}

// AdminURL is the base URL of the admin API, which takes [Container.AdminToken].
func (c *Container) AdminURL(ctx context.Context) (string, error) {
	return c.below(ctx, operationsPort, adminPath)
}

// MetricsURL is what Prometheus scrapes.
func (c *Container) MetricsURL(ctx context.Context) (string, error) {
	return c.below(ctx, operationsPort, "/metrics")
}

// DatabaseURL leads to the database of [WithPostgres] from here, as its owner.
func (c *Container) DatabaseURL(ctx context.Context) (string, error) {
	if c.postgres == nil {
		return "", errors.New("the container has no PostgreSQL: give Run the option WithPostgres")
	}
	address, err := c.postgres.PortEndpoint(ctx, postgresPort, "")
	if err != nil {
		return "", err
	}
	return databaseURL(address), nil
}

// AdminToken is the bearer token of the admin API.
func (c *Container) AdminToken(ctx context.Context) (string, error) {
	return adminToken(ctx, c)
}

// Tenant gives one of the tenants by its name.
func (c *Container) Tenant(name string) (Tenant, error) {
	for _, t := range c.tenants {
		if t.Name == name {
			return t, nil
		}
	}
	return Tenant{}, fmt.Errorf("there is no tenant %q: give Run the option WithTenants", name)
}

// RefoldKey is the API key of the first tenant's Refold clients, who name
// [Container.Account] beside it.
func (c *Container) RefoldKey() string { return c.tenants[0].RefoldKey }

// Account is a linked account of the first tenant.
func (c *Container) Account() string { return c.tenants[0].Account }

// CometChatKey is the API key of the first tenant's CometChat clients.
func (c *Container) CometChatKey() string { return c.tenants[0].CometChatKey }

// SessionToken makes a Refold session token of the first tenant's linked account,
// good for a day.
func (c *Container) SessionToken(ctx context.Context) (string, error) {
	a, err := newAdmin(ctx, c)
	if err != nil {
		return "", err
	}
	var made struct {
		Token string `json:"token"`
	}
	t := c.tenants[0]
	err = a.post(ctx, "/tenants/"+t.Name+"/accounts/"+t.Account+"/sessions", struct{}{}, &made)
	return made.Token, err
}

func (c *Container) below(ctx context.Context, port, path string) (string, error) {
	url, err := c.PortEndpoint(ctx, port, "http")
	if err != nil {
		return "", err
	}
	return url + path, nil
}

// settle makes the tenants as soon as the gateway is ready, after each start:
// one that kept them in memory has lost them. A test mode makes its own.
func (c *Container) settle(ctx context.Context, ctr testcontainers.Container) error {
	if c.settings.testMode {
		return c.settleControls(ctx, ctr)
	}
	a, err := newAdmin(ctx, ctr)
	if err != nil {
		return err
	}
	for _, t := range c.tenants {
		if err := a.makeTenant(ctx, t, c.settings.revision); err != nil {
			return fmt.Errorf("make tenant %s: %w", t.Name, err)
		}
	}
	return nil
}

// settleControls asks a test mode for its tenant's credentials.
func (c *Container) settleControls(ctx context.Context, ctr testcontainers.Container) error {
	url, err := ctr.PortEndpoint(ctx, gatewayPort, "http")
	if err != nil {
		return err
	}
	c.tenants[0], err = testTenant(ctx, url+controlsPath)
	return err
}

// Terminate removes the gateway, its PostgreSQL and their network.
func (c *Container) Terminate(ctx context.Context, opts ...testcontainers.TerminateOption) error {
	var errs []error
	if c.Container != nil {
		errs = append(errs, c.Container.Terminate(ctx, opts...))
	}
	if c.postgres != nil {
		errs = append(errs, c.postgres.Terminate(ctx, opts...))
	}
	if c.network != nil {
		errs = append(errs, c.network.Remove(ctx))
	}
	return errors.Join(errs...)
}

// adminToken reads it from the container, which may be one that is used again.
func adminToken(ctx context.Context, ctr testcontainers.Container) (string, error) {
	inspect, err := ctr.Inspect(ctx)
	if err != nil {
		return "", fmt.Errorf("inspect diglot: %w", err)
	}
	for _, env := range inspect.Config.Env {
		if token, ok := strings.CutPrefix(env, envAdminToken+"="); ok {
			return token, nil
		}
	}
	return "", errors.New("the container has no " + envAdminToken)
}

// newAdmin gives a client of the container's admin API.
func newAdmin(ctx context.Context, ctr testcontainers.Container) (*admin, error) {
	token, err := adminToken(ctx, ctr)
	if err != nil {
		return nil, err
	}
	url, err := ctr.PortEndpoint(ctx, operationsPort, "http")
	if err != nil {
		return nil, err
	}
	return &admin{url: url + adminPath, token: token, client: http.DefaultClient}, nil
}
