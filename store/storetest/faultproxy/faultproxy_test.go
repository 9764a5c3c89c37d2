package faultproxy

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startEcho gives the address of a server that sends back what it gets.
func startEcho(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// client is a connection through a proxy.
type client struct{ *net.TCPConn }

func dial(t *testing.T, p *Proxy) client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return client{conn.(*net.TCPConn)}
}

// echo gives what came back of a text.
func (c client) echo(text string) (string, error) {
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	back := make([]byte, len(text))
	n, err := io.ReadFull(c, back)
	return string(back[:n]), err
}

// passes requires that bytes go to and fro.
func (c client) passes(t *testing.T) {
	t.Helper()
	back, err := c.echo("hello")
	require.NoError(t, err)
	require.Equal(t, "hello", back)
}

// silent requires that nothing comes back, nor an end.
func (c client) silent(t *testing.T) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.echo("hello")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
}

func TestWithoutAFaultBytesPass(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	require.Equal(t, 1, p.Connections())
	require.NoError(t, c.CloseWrite())
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Empty(t, rest, "the end came back too")
	require.Eventually(t, func() bool { return p.Connections() == 0 }, 5*time.Second, time.Millisecond)
}

func TestLatencyDelaysAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.SetLatency(40*time.Millisecond, 60*time.Millisecond)
	start := time.Now()
	for range 50 {
		_, err := c.Write([]byte("0123456789"))
		require.NoError(t, err)
	}
	back := make([]byte, 500)
	_, err := io.ReadFull(c, back)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), 100*time.Millisecond)
	for i, b := range back {
		require.Equal(t, byte('0'+i%10), b)
	}
	require.NoError(t, p.Lift())
	c.passes(t)
}

func TestResetIsRSTAndNewConnectionsPass(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.Reset()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	dial(t, p).passes(t)
}

func TestABlackHoleSwallowsOldAndNewUntilItIsLifted(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	before := dial(t, p)
	before.passes(t)
	p.BlackHole()
	during := dial(t, p)
	before.silent(t)
	during.silent(t)
	require.NoError(t, p.Lift())
	before.silent(t)
	dial(t, p).passes(t)
}

func TestForgottenConnectionsAreSwallowedAndNewOnesPass(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.Forget()
	c.silent(t)
	dial(t, p).passes(t)
}

func TestRefusedUntilLifted(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.Refuse()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, p.Lift())
	dial(t, p).passes(t)
}

func TestAHalfClosedConnectionEndsForTheReaderAlone(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.HalfClose()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	for range 3 {
		_, err = c.Write([]byte("hello"))
		require.NoError(t, err)
	}
}

func TestASlowCloseIsSilentFirst(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.CloseAfter(200 * time.Millisecond)
	c.silent(t)
	_, err := io.ReadAll(c)
	require.NoError(t, err)
}

func TestACutComesInTheMiddleOfWhatIsSent(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	c := dial(t, p)
	c.passes(t)
	p.CutAfter(3)
	_, err := c.echo("hello")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, p.Lift())
	dial(t, p).passes(t)
}

// Any goroutine may set any fault while connections come and go; the race
// detector watches.
func TestFaultsMayBeSetWhileConnectionsComeAndGo(t *testing.T) {
	t.Parallel()
	p := Start(t, "tcp", startEcho(t))
	var clients, faults sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 50 {
				conn, err := (&net.Dialer{Timeout: time.Second}).Dial("tcp", p.Address())
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
				_, _ = client{conn.(*net.TCPConn)}.echo("hello")
				_ = conn.Close()
			}
		})
	}
	for _, fault := range []func(){
		p.Reset, p.BlackHole, p.Forget, p.HalfClose, p.Refuse, func() { p.CutAfter(2) },
		func() { p.CloseAfter(time.Millisecond) }, func() { p.SetLatency(time.Millisecond, time.Millisecond) },
		func() { _ = p.Lift() },
	} {
		faults.Go(func() {
			for range 20 {
				fault()
			}
		})
	}
	clients.Wait()
	faults.Wait()
	require.NoError(t, p.Lift())
	dial(t, p).passes(t)
}
