package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
	"github.com/diglot/diglot/store/storetest"
)

// The network takes everything and says nothing, until it is mended; what was
// connected stays lost.
func TestABlackHoleIsAnswered503AndSoonForgotten(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	f.proxy.BlackHole()
	require.Equal(t, http.StatusServiceUnavailable, send(t, http.MethodGet, f.g.url+"/readyz", "").status)
	f.refuses(t)
	f.lift(t)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, f.g.url+"/readyz", "").status)
	f.end(t)
}

func TestADatabaseThatIsASecondAwayIsServedFrom(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	before := map[*loadClient]int{}
	for _, c := range f.clients {
		c.mu.Lock()
		before[c] = c.served
		c.mu.Unlock()
	}
	f.proxy.SetLatency(500*time.Millisecond, 500*time.Millisecond)
	f.all(t, patience, "served from afar", func(c *loadClient) bool { return c.served > before[c]+1 })
	f.lift(t)
	f.end(t)
}

func TestResetConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	for range 5 {
		f.proxy.Reset()
		f.serves(t)
	}
	for _, bytes := range []int64{1, 60, 150, 400, 1000} { // in the middle of a batch, or of connecting
		f.proxy.CutAfter(bytes)
		f.refuses(t)
		f.lift(t)
	}
	f.end(t)
}

func TestConnectionsThatCloseSlowlyOrByHalfAreReplaced(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	f.proxy.CloseAfter(500 * time.Millisecond)
	f.serves(t)
	f.proxy.HalfClose()
	f.serves(t)
	f.proxy.Refuse()
	f.refuses(t)
	f.lift(t)
	f.end(t)
}

func TestAStormOfTerminatedBackendsIsOutlived(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	start := time.Now()
	f.storm(t, false, func() bool { return time.Since(start) >= time.Second })
	f.serves(t)
	f.end(t)
}

// PostgreSQL is stopped and started again as an administrator does it, then
// killed.
func TestARestartedPostgresIsServedFromAgain(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	start := func() *localpg.Cluster {
		cluster, err := localpg.Start(t.Context(), localpg.Options{Dir: dir})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, cluster.Close()) })
		return cluster
	}
	cluster := start()
	databaseURL := cluster.URL("diglot")
	require.NoError(t, store.Up(t.Context(), databaseURL))
	f := startFaulty(t, databaseURL)
	require.NoError(t, cluster.Close())
	f.refuses(t)
	start()
	f.serves(t)
	killPostmaster(t, dir)
	f.refuses(t)
	f.answers(t)
	f.serves(t)
	f.end(t)
}

func TestAKilledGatewayLeavesNothingHalfDoneAndNothingLost(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	f.proxy.SetLatency(30*time.Millisecond, 30*time.Millisecond) // so that writes are under way
	f.all(t, backAfter, "served", func(c *loadClient) bool { return c.consecutive >= 8 })
	require.NoError(t, f.healthy())
	for _, c := range f.clients {
		c.mu.Lock()
		c.orphan = true
		c.mu.Unlock()
	}
	f.g.kill(t)
	f.stop(t)
	require.NoError(t, f.proxy.Lift())
	f.g = startGateway(t, f.env)
	f.keptAll(t)
}

func TestAThousandClientsThatHangUpHarmNobody(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	f.proxy.SetLatency(0, 20*time.Millisecond)
	var clients sync.WaitGroup
	failed := make(chan error, 20)
	for i := range 20 {
		clients.Go(func() {
			for n := range 50 {
				if err := f.hangUp(n, fmt.Sprintf("acme-gone-%d-%d", i, n)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	clients.Wait()
	close(failed)
	require.NoError(t, <-failed)
	f.lift(t)
	f.end(t)
}

// hangUp sends a creation, or half of it, and leaves: by FIN or by RST.
func (f *faulty) hangUp(n int, slug string) error {
	address := strings.TrimPrefix(f.g.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	body := `{"name":"n","slug":"` + slug + `","url":"http://localhost"}`
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\napikey: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		cometChatServers, address, f.tenants[0].credentials["apikey"][1], len(body), body)
	if n%3 == 0 {
		request = request[:len(request)-len(body)/2]
	}
	if n%2 == 0 {
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	_, err = conn.Write([]byte(request))
	return errors.Join(err, conn.Close())
}

// PostgreSQL's own words for a full disk, from the real server over the real
// line, also where no disk can be mounted to be filled.
func TestAFullDiskIsAnswered503AndReadFrom(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	conn, err := pgx.Connect(t.Context(), f.db)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), `
		CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT ON mcp_server FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	require.NoError(t, err)
	f.refuses(t)
	for _, tenant := range f.tenants {
		require.NotEmpty(t, listed(t, f.g.url, tenant.credentials["apikey"]), "what is there can be read")
	}
	_, err = conn.Exec(t.Context(), "DROP FUNCTION full_disk CASCADE")
	require.NoError(t, err)
	f.serves(t)
	f.end(t)
}
