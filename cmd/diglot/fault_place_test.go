package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

// behindProxy is a database on the tests' server, with the network before it.
func behindProxy(t *testing.T) *faulty {
	t.Helper()
	return startBehindProxy(t, &faulty{db: storetest.New(t)})
}

func startBehindProxy(t *testing.T, f *faulty) *faulty {
	t.Helper()
	f.makeTenants(t)
	proxy, proxied := faultproxy.Before(t, f.db)
	f.proxy = proxy
	f.env = []string{envDatabaseURL + "=" + withPool(proxied, 4), envSecret + "=the secret of all tests"}
	f.start(t)
	return f
}

// ownCluster is a cluster that the test runs.
func ownCluster(t *testing.T) *faulty {
	t.Helper()
	return startInCluster(t, dataDir(t))
}

func startInCluster(t *testing.T, dir string) *faulty {
	t.Helper()
	f := &faulty{dir: dir}
	f.startCluster(t)
	f.db = f.cluster.URL("diglot")
	require.NoError(t, store.Up(t.Context(), f.db))
	return startBehindProxy(t, f)
}

func (f *faulty) startCluster(t *testing.T) {
	t.Helper()
	cluster, err := localpg.Start(t.Context(), localpg.Options{Dir: f.dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	f.cluster = cluster
}

// keptCluster is one that the gateway runs in its data folder.
func keptCluster(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{dir: dataDir(t), env: []string{envSecret + "=the secret of all tests"}}
	f.args = []string{"--data-dir", f.dir}
	f.start(t)
	f.makeTenants(t)
	return f
}

// killPostmaster kills -9 a private cluster's first process.
func killPostmaster(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pg", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

// inThisProcess is a gateway whose clock can be set.
func inThisProcess(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{db: storetest.New(t), log: func() string { return "" }}
	f.makeTenants(t)
	runtime, err := store.Open(t.Context(), store.Config{URL: withPool(f.db, 4), Role: store.Runtime})
	require.NoError(t, err)
	t.Cleanup(runtime.Close)
	f.url = newInProcess(t, runtime, runtime).byClock(t, func() time.Time { return time.Now().Add(time.Duration(f.clock.Load())) })
	return f
}
