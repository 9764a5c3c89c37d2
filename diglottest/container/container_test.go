//go:build containers

package container_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"

	"github.com/diglot/diglot/diglottest/container"
)

// start runs the gateway and removes it with the test.
func start(t *testing.T, opts ...testcontainers.ContainerCustomizer) *container.Container {
	t.Helper()
	ctr, err := container.Run(t.Context(), gatewayImage, opts...)
	testcontainers.CleanupContainer(t, ctr)
	require.NoError(t, err)
	return ctr
}

// ask sends a request; headers are name, value pairs.
func ask(ctx context.Context, method, url, body string, headers ...string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func createWithRefold(t *testing.T, ctr *container.Container, tenant, name string) {
	t.Helper()
	url, err := ctr.RefoldURL(t.Context())
	require.NoError(t, err)
	who, err := ctr.Tenant(tenant)
	require.NoError(t, err)
	status, body, err := ask(t.Context(), http.MethodPost, url+"/mcp-servers", `{"name":"`+name+`","description":"made by a test"}`,
		"x-api-key", who.RefoldKey, "linked_account_id", who.Account)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, status, body)
}

// namesWithCometChat lists what a tenant has, in the other dialect.
func namesWithCometChat(t *testing.T, ctr *container.Container, tenant string) []string {
	t.Helper()
	url, err := ctr.CometChatURL(t.Context())
	require.NoError(t, err)
	who, err := ctr.Tenant(tenant)
	require.NoError(t, err)
	status, body, err := ask(t.Context(), http.MethodGet, url+"/mcp-servers", "", "apikey", who.CometChatKey, "appid", who.CometChatApp)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, body)
	var list struct {
		Data []struct {
			Name string `json:"name"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list), body)
	names := []string{}
	for _, s := range list.Data {
		names = append(names, s.Name)
	}
	return names
}

func TestBothDialectsWorkOnOneTenant(t *testing.T) {
	t.Parallel()
	ctr := start(t)
	createWithRefold(t, ctr, container.DefaultTenant, "Weather")
	require.Equal(t, []string{"Weather"}, namesWithCometChat(t, ctr, container.DefaultTenant))
}

func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	ctr := start(t, container.WithTenants("acme", "globex"))
	createWithRefold(t, ctr, "acme", "Weather")
	require.Equal(t, []string{"Weather"}, namesWithCometChat(t, ctr, "acme"))
	require.Empty(t, namesWithCometChat(t, ctr, "globex"))
	_, err := ctr.Tenant(container.DefaultTenant)
	require.ErrorContains(t, err, "WithTenants", "nobody asked for it")
}

// A tenant is there after a restart with the same credentials, though what it
// had in memory is not.
func TestCredentialsOutliveARestart(t *testing.T) {
	t.Parallel()
	ctr := start(t)
	createWithRefold(t, ctr, container.DefaultTenant, "Weather")
	require.NoError(t, ctr.Stop(t.Context(), nil))
	require.NoError(t, ctr.Start(t.Context()))
	require.Empty(t, namesWithCometChat(t, ctr, container.DefaultTenant))
	createWithRefold(t, ctr, container.DefaultTenant, "Weather")
}

func TestPostgresKeepsWhatThereWasAndIsOnANetworkOfItsOwn(t *testing.T) {
	t.Parallel()
	ctr := start(t, container.WithPostgres(postgresImage))
	createWithRefold(t, ctr, container.DefaultTenant, "Weather")
	require.NoError(t, ctr.Stop(t.Context(), nil))
	require.NoError(t, ctr.Start(t.Context()))
	require.Equal(t, []string{"Weather"}, namesWithCometChat(t, ctr, container.DefaultTenant))

	url, err := ctr.DatabaseURL(t.Context())
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var servers int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM mcp_server").Scan(&servers))
	require.Equal(t, 1, servers)
	require.NoError(t, conn.Close(t.Context()))

	networks, err := ctr.Networks(t.Context())
	require.NoError(t, err)
	require.Len(t, networks, 1)
	require.NotEqual(t, "bridge", networks[0])
	docker := engine(t)
	found, err := docker.NetworkInspect(t.Context(), networks[0], client.NetworkInspectOptions{})
	require.NoError(t, err)
	require.Len(t, found.Network.Containers, 2, "the gateway and its PostgreSQL")
	for id := range found.Network.Containers {
		defer requireGone(t, docker, id)
	}
	require.NoError(t, ctr.Terminate(t.Context()))
	_, err = docker.NetworkInspect(t.Context(), networks[0], client.NetworkInspectOptions{})
	require.True(t, errdefs.IsNotFound(err), "%v", err)
}

// A container that is used again has what there was, and good credentials for
// whoever comes later too.
func TestAContainerCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	again := testcontainers.WithReuseByName("diglot-test-" + rand.Text())
	first := start(t, again)
	createWithRefold(t, first, container.DefaultTenant, "Weather")
	second := start(t, again)
	require.Equal(t, first.GetContainerID(), second.GetContainerID())
	require.NotEqual(t, first.RefoldKey(), second.RefoldKey())
	require.Equal(t, []string{"Weather"}, namesWithCometChat(t, second, container.DefaultTenant))
	require.Equal(t, []string{"Weather"}, namesWithCometChat(t, first, container.DefaultTenant))
}

// The controls are reached by the published port, in memory and on PostgreSQL, and
// the keys outlive a reset.
func TestATestModeHasItsControls(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]testcontainers.ContainerCustomizer{
		"memory":   {container.WithKeys("tk-of-a-file-0000000", "")},
		"postgres": {container.WithPostgres(postgresImage), container.WithRevision("v3")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctr := start(t, append(opts, container.WithTestMode())...)
			controls, err := ctr.ControlsURL(t.Context())
			require.NoError(t, err)
			control := func(path, body string, want int) string {
				status, answer, err := ask(t.Context(), http.MethodPost, controls+path, body)
				require.NoError(t, err)
				require.Equal(t, want, status, answer)
				return answer
			}
			control("/seed", `{"tenants":[{"name":"test","cometchat":{"mcp_servers":[{"name":"Maps","slug":"maps","url":"http://localhost"}]}}]}`, http.StatusOK)
			require.Equal(t, []string{"Maps"}, namesWithCometChat(t, ctr, container.DefaultTenant))
			control("/reset", "", http.StatusNoContent)
			require.Empty(t, namesWithCometChat(t, ctr, container.DefaultTenant))
			control("/faults", `{"operation":"list_mcp_servers","status":503}`, http.StatusOK)
			url, err := ctr.RefoldURL(t.Context())
			require.NoError(t, err)
			status, answer, err := ask(t.Context(), http.MethodGet, url+"/mcp-servers", "", "x-api-key", ctr.RefoldKey(), "linked_account_id", ctr.Account())
			require.NoError(t, err)
			require.Equal(t, http.StatusServiceUnavailable, status, answer)
			control("/requests/verify", `{"tenant":"test","status":503,"times":1}`, http.StatusOK)
			if name == "memory" {
				require.Equal(t, "tk-of-a-file-0000000", ctr.RefoldKey())
			} else {
				_, answer, err := ask(t.Context(), http.MethodGet, controls+"/tenants", "")
				require.NoError(t, err)
				require.Contains(t, answer, `"refold_revision":"v3"`)
			}
			token, err := ctr.SessionToken(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, token)
		})
	}
}

func TestThereAreNoControlsWithoutTestMode(t *testing.T) {
	t.Parallel()
	_, err := start(t).ControlsURL(t.Context())
	require.ErrorContains(t, err, "WithTestMode")
}

func engine(t *testing.T) *testcontainers.DockerClient {
	t.Helper()
	docker, err := testcontainers.NewDockerClientWithOpts(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, docker.Close()) })
	return docker
}

func requireGone(t *testing.T, docker *testcontainers.DockerClient, id string) {
	t.Helper()
	_, err := docker.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.True(t, errdefs.IsNotFound(err), "%v", err)
}

// What was started is given back with an error, so that it can be removed.
func TestAContainerThatFailsCanBeTerminated(t *testing.T) {
	t.Parallel()
	ctr, err := container.Run(t.Context(), gatewayImage, container.WithPostgres(postgresImage), testcontainers.WithCmdArgs("--no-such-flag"))
	testcontainers.CleanupContainer(t, ctr)
	require.ErrorContains(t, err, "run diglot: ")
	require.NotNil(t, ctr)
	docker, id := engine(t), ctr.GetContainerID()
	_, err = docker.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.NoError(t, err)
	require.NoError(t, ctr.Terminate(t.Context()))
	requireGone(t, docker, id)
}

func TestADatabaseThatCannotStartIsNamedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	// The gateway's image, as a PostgreSQL, ends at once.
	ctr, err := container.Run(t.Context(), gatewayImage, container.WithPostgres(gatewayImage))
	testcontainers.CleanupContainer(t, ctr)
	require.ErrorContains(t, err, "run diglot's postgres")
	require.NotNil(t, ctr)
	require.NoError(t, ctr.Terminate(t.Context()))
}

func TestAnOptionThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]testcontainers.ContainerCustomizer{
		"revision": {container.WithRevision("v4")}, "no tenant": {container.WithTenants()}, "no image": {container.WithPostgres("")},
		"tenants of test mode": {container.WithTenants("acme"), container.WithTestMode()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := container.Run(t.Context(), gatewayImage, opts...)
			require.ErrorContains(t, err, "With")
		})
	}
}
