package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/diglot/diglot/store/localpg"
)

const (
	// engineTimeout bounds the question whether a Docker engine answers.
	engineTimeout = 3 * time.Second

	// containerTimeout leaves time to start the installed binaries instead.
	containerTimeout = 2 * time.Minute

	// reachTimeout bounds the first connection to a container that is ready.
	reachTimeout = 5 * time.Second

	defaultImage = "postgres:17-alpine"

	noServerHint = "tests need a PostgreSQL server: set DIGLOT_TEST_DATABASE_URL to one whose login may create databases " +
		"and roles, start Docker, or install the server binaries (apt-get install postgresql, brew install postgresql@17); " +
		"go test -short skips these tests"
)

// findServer gives the first of the three kinds of server that there is.
func findServer(ctx context.Context) (*server, error) {
	if u := os.Getenv("DIGLOT_TEST_DATABASE_URL"); u != "" {
		return &server{url: onServer(u), stop: func() error { return nil }}, nil
	}
	log.SetDefault(log.NewNoopLogger())
	if EngineAnswers(ctx) == nil {
		pulling, cancel := context.WithTimeout(ctx, containerTimeout)
		s, err := startContainer(pulling)
		cancel()
		if err == nil {
			return s, nil
		}
		// Offline, or without rights to the registry: not a reason to fail yet.
		_, _ = fmt.Fprintln(os.Stderr, "storetest: a Docker engine answers but gives no PostgreSQL, trying installed binaries:", err)
	}
	s, err := startBinaries(ctx)
	if errors.Is(err, localpg.ErrNoBinaries) {
		return nil, errors.New(noServerHint)
	}
	return s, err
}

// onServer gives a function from a database to its URL on the server that a
// URL, or a key=value string, leads to. "" is the URL's own.
func onServer(base string) func(string) string {
	return func(database string) string {
		u, err := url.Parse(base)
		switch {
		case database == "":
			return base
		case err == nil && strings.HasPrefix(u.Scheme, "postgres"):
			u.Path = "/" + database
			return u.String()
		default:
			return base + " dbname=" + database // the last one counts
		}
	}
}

func startBinaries(ctx context.Context) (*server, error) {
	removeAbandoned()
	dir, err := os.MkdirTemp(fastTempDir(), tempPrefix)
	if err != nil {
		return nil, err
	}
	cluster, err := localpg.Start(ctx, localpg.Options{
		Dir: dir, Purpose: localpg.Use, Fast: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &server{
		url: func(database string) string {
			if database == "" {
				database = "postgres"
			}
			return cluster.URL(database)
		},
		stop: func() error { return errors.Join(cluster.Close(), os.RemoveAll(dir)) },
	}, nil
}

// EngineAnswers gives an error where there is no Docker engine. Finding out takes
// milliseconds then.
func EngineAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() { // finding the engine takes no context
		provider, err := testcontainers.NewDockerProvider()
		if err == nil {
			err = provider.Health(ctx)
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reach connects once.
func reach(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func startContainer(ctx context.Context) (*server, error) {
	image := os.Getenv("DIGLOT_TEST_POSTGRES_IMAGE")
	if image == "" {
		image = defaultImage
	}
	const password = "diglot"
	container, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts("5432/tcp"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": password}),
		testcontainers.WithTmpfs(map[string]string{"/var/lib/postgresql/data": "rw"}),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "max_connections=300"),
		// The image starts the server once to set it up, and then for good.
		testcontainers.WithWaitStrategy(wait.ForLog("database system is ready to accept connections").
			WithOccurrence(2).WithStartupTimeout(time.Minute)),
	)
	stop := func() error { return testcontainers.TerminateContainer(container) }
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	address, err := container.PortEndpoint(ctx, "5432/tcp", "")
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	base := "postgres://postgres:" + password + "@" + address + "/postgres?sslmode=disable"
	if err := reach(ctx, base); err != nil { // the engine may be one whose containers can't be reached from here
		return nil, errors.Join(err, stop())
	}
	return &server{url: onServer(base), stop: stop}, nil
}
