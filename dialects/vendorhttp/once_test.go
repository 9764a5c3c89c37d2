package vendorhttp_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
)

func isWrite(r *http.Request) bool { return r.Method != http.MethodGet }

// A vendor closes a connection that was used before: of a write, whether it was done
// is not known, and nobody but the client says that it is sent again.
func TestAWriteOnAConnectionThatWasUsedIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		for _, body := range []any{nil, map[string]int{"n": 1}} {
			for name, r := range map[string]vendorhttp.Request{
				"bare":         {},
				"once":         vendorhttp.Request{}.Once(),
				"another name": {Header: http.Header{"X-Idempotency-Key": {"k"}}},
			} {
				b := &vendorhttptest.Breaking{Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Which: isWrite}
				c := newClient(t, vendorhttptest.NewClock().Options(vendorhttptest.Serve(t, b)))
				_, err := c.Do(t.Context(), get("x"))
				require.NoError(t, err)
				r.Method, r.Path, r.Body = method, []string{"x"}, body
				_, err = c.Do(t.Context(), r)
				require.Equal(t, 1, failureOf(t, err).Attempts)
				require.Equal(t, []int32{1, 1}, []int32{b.Broken.Load(), b.Reused.Load()}, "%s %s %v", name, method, body)
			}
		}
	}
}

func TestTheIdempotencyKeyArrivesAndIsTheSameOnEachAttempt(t *testing.T) {
	t.Parallel()
	v := vendorhttptest.NewVendor(t, vendorhttptest.Answer{Status: http.StatusTooManyRequests}, vendorhttptest.Answer{})
	_, err := newClient(t, vendorhttptest.NewClock().Options(v.Base)).Do(t.Context(), post("x").Once())
	require.NoError(t, err)
	asked := v.Asked()
	require.Len(t, asked, 2)
	require.NotEmpty(t, asked[0].Header.Get("Idempotency-Key"))
	require.Equal(t, asked[0].Header.Get("Idempotency-Key"), asked[1].Header.Get("Idempotency-Key"))
}

// Over HTTP/2 net/http sends a deletion again as often as the host resets it.
func TestAVendorIsOfferedNoHTTP2(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	offered := make(chan []string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // nothing depends on it
		_ = tls.Server(conn, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			offered <- hello.SupportedProtos
			return nil, net.ErrClosed
		}}).Handshake()
	}()
	o := vendorhttptest.NewClock().Options("https://" + l.Addr().String())
	o.Attempts = 1
	_, err = newClient(t, o).Do(t.Context(), vendorhttp.Request{Method: http.MethodDelete, Path: []string{"x"}})
	require.Error(t, err)
	require.NotContains(t, <-offered, "h2")
}
