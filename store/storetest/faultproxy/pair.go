package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// halfCloser is a TCP or Unix connection.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// pair is a client's connection and its continuation to the server.
type pair struct {
	client *net.TCPConn
	server halfCloser
	left   atomic.Int64 // bytes that may still go to the server
	lost   atomic.Bool  // what comes is swallowed
	once   sync.Once
	done   chan struct{} // closed with both ends
}

func newPair(client *net.TCPConn, server halfCloser) *pair {
	return &pair{client: client, server: server, done: make(chan struct{})}
}

func (c *pair) swallow() { c.lost.Store(true) }

// close ends both connections.
func (c *pair) close() {
	c.once.Do(func() {
		_ = c.client.Close()
		_ = c.server.Close()
		close(c.done)
	})
}

// reset ends both, the client's with RST.
func (c *pair) reset() {
	_ = c.client.SetLinger(0)
	c.close()
}

// parcel is bytes on their way.
type parcel struct {
	bytes []byte // nil: the sender's half is closed
	due   time.Time
}

// run forwards until both halves are closed, or the pair is.
func (c *pair) run(toServer, toClient *atomic.Int64) {
	var wg sync.WaitGroup
	wg.Go(func() { c.pump(c.client, c.server, toServer, true) })
	wg.Go(func() { c.pump(c.server, c.client, toClient, false) })
	wg.Wait()
	c.close()
}

// pump forwards one direction. Bytes are read at once and written when due, so
// that latency doesn't narrow the line.
func (c *pair) pump(from, to halfCloser, latency *atomic.Int64, limited bool) {
	line := make(chan parcel, 1024)
	var wg sync.WaitGroup
	wg.Go(func() { c.deliver(line, to, limited) })
	defer wg.Wait()
	defer close(line)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !c.lost.Load() {
			line <- parcel{append([]byte{}, buffer[:n]...), time.Now().Add(time.Duration(latency.Load()))}
		}
		if err == nil {
			continue
		}
		if c.lost.Load() && !limited { // the server's end is news that is lost too
			<-c.done
		}
		line <- parcel{nil, time.Now().Add(time.Duration(latency.Load()))}
		return
	}
}

// deliver writes what is on the line, each parcel when it is due. Once the
// pair is closed or lost it only empties the line.
func (c *pair) deliver(line <-chan parcel, to halfCloser, limited bool) {
	for p := range line {
		select {
		case <-time.After(time.Until(p.due)):
		case <-c.done:
			continue
		}
		switch {
		case p.bytes == nil && c.lost.Load(): // the client gave up: nobody is left to hide from
			c.close()
		case p.bytes == nil:
			_ = to.CloseWrite()
		case c.lost.Load():
		case limited && !c.spend(len(p.bytes)):
			_, _ = to.Write(p.bytes[:max(0, c.left.Load())])
			c.reset()
		default:
			if _, err := to.Write(p.bytes); err != nil {
				c.close()
			}
		}
	}
}

// spend takes n from what may go to the server; false: there isn't so much,
// and left is what there is.
func (c *pair) spend(n int) bool {
	for {
		left := c.left.Load()
		if left < int64(n) {
			return false
		}
		if c.left.CompareAndSwap(left, left-int64(n)) {
			return true
		}
	}
}
