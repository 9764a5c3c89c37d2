package container

import (
	"context"
	"net/url"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	postgresPort = "5432/tcp"
	postgresHost = "postgres" // its name on the network
	postgresName = "diglot"   // database, user and password: nobody else gets there
)

func databaseURL(address string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresName, postgresName), Host: address, Path: "/" + postgresName,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// runPostgres starts a PostgreSQL on a network for it and the gateway. What a
// crash would lose is not kept: it ends with the test.
func (c *Container) runPostgres(ctx context.Context) error {
	var err error
	if c.network, err = network.New(ctx); err != nil {
		return err
	}
	c.postgres, err = testcontainers.Run(ctx, c.settings.postgresImage,
		testcontainers.WithExposedPorts(postgresPort),
		network.WithNetwork([]string{postgresHost}, c.network),
		testcontainers.WithEnv(map[string]string{
			"POSTGRES_USER": postgresName, "POSTGRES_PASSWORD": postgresName, "POSTGRES_DB": postgresName,
		}),
		testcontainers.WithTmpfs(map[string]string{"/var/lib/postgresql/data": "rw"}),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
		// The image starts the server once to set it up, and then for good.
		testcontainers.WithWaitStrategy(
			wait.ForLog("database system is ready to accept connections").WithOccurrence(2).WithPollInterval(pollInterval),
			wait.ForListeningPort(postgresPort).WithPollInterval(pollInterval),
		),
	)
	return err
}
