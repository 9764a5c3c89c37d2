package main

import (
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

func TestHealthcheckTellsAGatewayThatServesFromNone(t *testing.T) {
	t.Parallel()
	g := startGateway(t, nil, "--memory")
	addr := strings.TrimPrefix(g.url, "http://")
	_, stderr, err := diglot(t, nil, "healthcheck", "--addr", addr)
	require.NoError(t, err, stderr)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	_, stderr, err = diglot(t, []string{"DIGLOT_ADDR=:" + port}, "healthcheck", "--ready")
	require.NoError(t, err, "an address that is every one is asked on loopback: %s", stderr)

	require.NoError(t, g.stop(t))
	_, stderr, err = diglot(t, nil, "healthcheck", "--addr", addr)
	require.Error(t, err)
	require.Contains(t, stderr, "hint: name the address")
}

// A gateway whose database is away is alive and not ready.
func TestHealthcheckAsksForReadinessOnlyWhereItIsTold(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	g := startGateway(t, []string{"DIGLOT_DATABASE_URL=" + db})
	addr := strings.TrimPrefix(g.url, "http://")
	_, stderr, err := diglot(t, nil, "healthcheck", "--ready", "--addr", addr)
	require.NoError(t, err, stderr)

	conn, err := pgx.Connect(t.Context(), db)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE schema_migrations SET version = version - 1")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	_, stderr, err = diglot(t, nil, "healthcheck", "--ready", "--addr", addr)
	require.Error(t, err)
	require.Contains(t, stderr, "503")
	_, stderr, err = diglot(t, nil, "healthcheck", "--addr", addr)
	require.NoError(t, err, stderr)
}
