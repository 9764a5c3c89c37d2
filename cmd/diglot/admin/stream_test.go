package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
)

// narrow has what is sent and not read yet be some 100 kB, as over a slow line.
type narrow struct{ net.Listener }

// Accept implements [net.Listener].
func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return conn, err
}

// listenerReads is the time-out of reading, long enough for a request on a busy
// machine.
const listenerReads = 300 * time.Millisecond

// serveOperations serves the API as the operations listener does, but that its
// time-outs are short: that of writing is over before anything can be sent.
func serveOperations(t *testing.T, w *world) (address string) {
	t.Helper()
	server := gateway.NewServer(w.handler, slog.New(slog.DiscardHandler))
	server.WriteTimeout, server.ReadTimeout = time.Millisecond, listenerReads
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(narrow{listener}) }()
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ending), "a request is under way")
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

// askForExport asks for a tenant's history and reads nothing.
func askForExport(t *testing.T, address, tenant string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(64<<10))
	_, err = fmt.Fprintf(conn, "GET %s/tenants/%s/audit/export HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", admin.Prefix, tenant, token)
	require.NoError(t, err)
	return conn
}

// export asks for a tenant's history and reads its first line. Who doesn't go on
// reading holds it up.
func export(t *testing.T, address, tenant string) (conn net.Conn, body *bufio.Reader, first string) {
	t.Helper()
	conn = askForExport(t, address, tenant)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(t, http.StatusOK, res.StatusCode)
	body = bufio.NewReader(res.Body)
	first, err = body.ReadString('\n')
	require.NoError(t, err)
	return conn, body, first
}

// write enters 1500 changes: a few MB of them.
func (w *world) write(t *testing.T, tenant string) {
	t.Helper()
	w.fill(t, tenant, 1)
	_, err := w.connect(t).Exec(t.Context(), `DO $$ BEGIN
		FOR i IN 1..1500 LOOP
			UPDATE mcp_server SET description = repeat('d', 1000) || i, revision = revision + 1;
		END LOOP;
	END $$`)
	require.NoError(t, err)
}

// idle requires that soon no connection to the database is in use.
func (w *world) idle(t *testing.T) {
	t.Helper()
	conn := w.connect(t)
	require.Eventually(t, func() bool {
		var busy int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'diglot%' AND state <> 'idle'`).Scan(&busy)
		return err == nil && busy == 0 && w.store.Stat().AcquiredConns() == 0
	}, 20*time.Second, time.Millisecond)
}

const exported = `"operation":"export_changes"`

// It lasts as long as the client reads, and holds nothing while that doesn't.
func TestAnExportOutlastsTheServersTimeOuts(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.write(t, "kept")
	address, start := serveOperations(t, w), time.Now()
	_, body, line := export(t, address, "kept")
	require.Eventually(t, func() bool { return time.Since(start) > 2*listenerReads }, 20*time.Second, time.Millisecond, "the client is slow")
	w.idle(t)
	require.NotContains(t, w.log.String(), exported, "there is more to come")

	var verifier core.ChainVerifier
	for err := error(nil); !errors.Is(err, io.EOF); line, err = body.ReadString('\n') {
		require.NoError(t, err)
		var l admin.Change
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		c, err := l.ToCore()
		require.NoError(t, err)
		require.NoError(t, verifier.Next(&c))
	}
	head, err := verifier.End()
	require.NoError(t, err)
	require.Greater(t, head.Seq, int64(1500))
	w.logged(t, exported)
	require.NotContains(t, w.log.String(), `"level":"ERROR"`)
}

func TestAnExportEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.write(t, "kept")
	address := serveOperations(t, w)
	for _, linger := range []int{0, -1} { // RST, FIN
		conn, _, _ := export(t, address, "kept")
		w.idle(t)
		require.NoError(t, conn.(*net.TCPConn).SetLinger(linger))
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return strings.Count(w.log.String(), exported) == 2 }, 20*time.Second, time.Millisecond)
	w.idle(t)
	require.Equal(t, 2, strings.Count(w.log.String(), `"left":"`))
	require.NotContains(t, w.log.String(), `"level":"ERROR"`, "it is the client's doing")
}

// Who leaves before the first line ends what the database was asked.
func TestAnExportThatWaitsEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.fill(t, "kept", 1)
	conn := w.connect(t)
	_, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock(4716083210985430013)") // chain_changes waits for it
	require.NoError(t, err)
	client := askForExport(t, serveOperations(t, w), "kept")
	require.Eventually(t, func() bool {
		var waits bool
		err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
		return err == nil && waits
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, client.Close())
	w.logged(t, exported)
	require.Contains(t, w.log.String(), `"status":499`)
	require.Contains(t, w.log.String(), `"left":"`)
	require.NotContains(t, w.log.String(), `"level":"ERROR"`)
	w.idle(t)
}

// logged waits until the log has a line.
func (w *world) logged(t *testing.T, part string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), part) }, 20*time.Second, time.Millisecond)
}
