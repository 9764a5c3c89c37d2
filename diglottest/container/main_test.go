//go:build containers

package container_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// The images that are tested; anywhere but in CI the second is simply pulled.
var (
	gatewayImage  = cmp.Or(os.Getenv("DIGLOT_TEST_IMAGE"), "diglot:latest")
	postgresImage = cmp.Or(os.Getenv("DIGLOT_TEST_POSTGRES_IMAGE"), "postgres:17-alpine")
)

const engineTimeout = 10 * time.Second

func TestMain(m *testing.M) {
	if err := engineAnswers(); err != nil {
		fmt.Fprintf(os.Stderr, "container: no Docker engine answers: %v\nhint: start one, or have deploy/ensure.sh docker do it; "+
			"without -tags containers these tests are left out\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// engineAnswers gives up in time: looking for an engine takes no context.
func engineAnswers() error {
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // as the provider does where there is nothing to look at
				answer <- fmt.Errorf("%v", r)
			}
		}()
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
