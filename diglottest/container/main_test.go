//go:build containers

package container_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/diglot/diglot/store/storetest"
)

// The images that are tested; anywhere but in CI the second is simply pulled.
var (
	gatewayImage  = cmp.Or(os.Getenv("DIGLOT_TEST_IMAGE"), "diglot:latest")
	postgresImage = cmp.Or(os.Getenv("DIGLOT_TEST_POSTGRES_IMAGE"), "postgres:17-alpine")
)

func TestMain(m *testing.M) {
	if err := storetest.EngineAnswers(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "container: no Docker engine answers: %v\nhint: start one, or have deploy/ensure.sh docker do it; "+
			"without -tags containers these tests are left out\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
