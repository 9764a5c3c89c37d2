package shadow_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
	"github.com/diglot/diglot/core"
)

// resetting is a peer that speaks HTTP/2 with who does, and resets each request with
// a code upon which net/http sends it again. Over HTTP/1 it closes the connection.
type resetting struct {
	address string
	roots   *x509.CertPool
	code    uint32
	asked   atomic.Int32
}

// The frames and errors of HTTP/2 (RFC 9113, sections 6 and 7) that it knows.
const (
	frameHeaders, frameReset, frameSettings = 1, 3, 4

	resetProtocol, resetRefused = 1, 7

	// enough is where it stops to reset: who has sent a request so often goes on.
	enough = 20
)

func newResetting(t *testing.T, code uint32) *resetting {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(certified.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &resetting{address: "https://" + l.Addr().String(), roots: roots, code: code}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn.(*tls.Conn))
		}
	}()
	return p
}

func (p *resetting) serve(conn *tls.Conn) {
	defer conn.Close() //nolint:errcheck // nothing depends on it
	if conn.Handshake() != nil {
		return
	}
	in := bufio.NewReader(conn)
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		if _, err := http.ReadRequest(in); err == nil {
			p.asked.Add(1)
		}
		return
	}
	frame := func(kind, flags byte, stream uint32, payload []byte) {
		b := []byte{0, 0, byte(len(payload)), kind, flags}
		_, _ = conn.Write(append(binary.BigEndian.AppendUint32(b, stream), payload...)) // who asks may be gone
	}
	if _, err := in.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		return
	}
	frame(frameSettings, 0, 0, nil)
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		if _, err := in.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2])); err != nil {
			return
		}
		switch kind, flags := head[3], head[4]; {
		case kind == frameSettings && flags == 0:
			frame(frameSettings, 1, 0, nil)
		case kind == frameHeaders:
			if p.asked.Add(1) > enough {
				return
			}
			frame(frameReset, 0, binary.BigEndian.Uint32(head[5:]), binary.BigEndian.AppendUint32(nil, p.code))
		}
	}
}

// net/http sends a request without a body again where the peer speaks HTTP/2 and
// resets it.
func TestAWriteThatThePeerResetsIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, code := range []uint32{resetProtocol, resetRefused} {
		for _, answers := range []string{shadow.Diglot, shadow.Peer} {
			peer := newResetting(t, code)
			w := newWorld(t, rule(core.Refold, peer.address, "writes: mirror", "answers: "+answers))
			w.shadow.Trust(peer.roots)
			w.server(t, oneID, "weather", "Weather")
			w.refold(t, http.MethodDelete, servers+"/"+oneID, "")
			w.counts(t, 1, "diglot_shadow_failed_total")
			require.EqualValues(t, 1, peer.asked.Load(), "%s, code %d", answers, code)
		}
	}
}

// A peer closes a connection that was used before: of a write, whether it was done
// is not known.
func TestAWriteOnAConnectionThatWasUsedIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{shadow.Diglot, shadow.Peer} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		var deleted, reused atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close() //nolint:errcheck // nothing depends on it
					in := bufio.NewReader(conn)
					for n := int32(0); ; n++ {
						r, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						if r.Method == http.MethodDelete {
							deleted.Add(1)
							reused.Add(n)
							return
						}
						if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
							return
						}
					}
				}()
			}
		}()
		w := newWorld(t, rule(core.Refold, "http://"+l.Addr().String(), "writes: mirror", "answers: "+answers))
		w.server(t, oneID, "weather", "Weather")
		w.refold(t, http.MethodGet, servers, "")
		w.records(t, 1)
		w.refold(t, http.MethodDelete, servers+"/"+oneID, "")
		w.counts(t, 1, "diglot_shadow_failed_total")
		require.Equal(t, []int32{1, 1}, []int32{deleted.Load(), reused.Load()}, answers)
	}
}
