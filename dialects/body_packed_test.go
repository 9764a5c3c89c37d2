package dialects

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// pack gives a text as an encoding has it.
func pack(t testing.TB, encoding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "deflate" {
		w = zlib.NewWriter(&b)
	}
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func packedRequest(bodies *Bodies, encoding string, body io.Reader) *Request {
	r := requestWith(bodies, body, -1)
	r.http.Header = http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {encoding}}
	return r
}

func TestAPackedBodyTakesMemoryAsItIsUnpacked(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"gzip", "deflate"} {
		for _, size := range []int{0, 1, freeBytes, freeBytes + 1, 100_000, core.DefaultMaxBytes, core.DefaultMaxBytes + 1, 1 << 23} {
			bodies, b := NewBodies(DefaultBodyMemory), new(bytes.Buffer)
			text := strings.Repeat("x", size)
			r := packedRequest(bodies, encoding, &trickle{rest: pack(t, encoding, text), step: 100, tell: func(int) {
				require.LessOrEqual(t, b.Cap(), (core.DefaultMaxBytes+1)*9/8)
			}})
			err := r.readBody(b)
			if size > core.DefaultMaxBytes {
				require.Equal(t, core.TooLarge, core.KindOf(err))
				require.Zero(t, b.Cap())
				require.Zero(t, bodies.held.Load())
				continue
			}
			require.NoError(t, err)
			require.Equal(t, text, b.String())
			if size > freeBytes {
				require.GreaterOrEqual(t, bodies.held.Load(), int64(size))
			}
			r.letGo()
			require.Zero(t, bodies.held.Load())
		}
	}
}

func TestAPackedBodyBeyondTheMemoryIsRefused(t *testing.T) {
	t.Parallel()
	bodies := NewBodies(MinBodyMemory)
	require.NoError(t, bodies.Take(someTenant, core.MaxBodyBytes))
	r := packedRequest(bodies, "gzip", bytes.NewReader(pack(t, "gzip", strings.Repeat("x", 600_000))))
	require.Equal(t, core.TooMany, core.KindOf(r.readBody(new(bytes.Buffer))))
	require.Equal(t, "1", r.writer.Header().Get("Retry-After"))
}

func TestWhatIsPackedToNothingHasABound(t *testing.T) {
	t.Parallel()
	nothing := pack(t, "gzip", "")
	body := &trickle{rest: bytes.Repeat(nothing, 8<<20/len(nothing)), step: 1 << 20, tell: func(int) {}}
	require.Equal(t, core.TooLarge, core.KindOf(packedRequest(nil, "gzip", body).readBody(new(bytes.Buffer))))
	require.LessOrEqual(t, body.given, packedShare*core.DefaultMaxBytes+4096+1)
}

// What one body was unpacked with unpacks the next, whatever became of that.
func FuzzPackedBodies(f *testing.F) {
	for _, encoding := range []string{"gzip", "deflate"} {
		whole := pack(f, encoding, `{"name":"n"}`)
		f.Add(encoding, whole)
		f.Add(encoding, whole[:len(whole)-1])
		f.Add(encoding, append(whole, whole...))
		f.Add(encoding, []byte(nil))
	}
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		b := new(bytes.Buffer)
		err := packedRequest(nil, encoding, bytes.NewReader(body)).readBody(b)
		if kind := core.KindOf(err); err != nil {
			require.Contains(t, []core.Kind{core.Malformed, core.TooLarge, core.UnsupportedEncoding}, kind)
		}
		require.LessOrEqual(t, b.Len(), core.DefaultMaxBytes)
		for _, good := range []string{"gzip", "deflate"} {
			b.Reset()
			require.NoError(t, packedRequest(nil, good, bytes.NewReader(pack(t, good, "text"))).readBody(b))
			require.Equal(t, "text", b.String())
		}
	})
}
