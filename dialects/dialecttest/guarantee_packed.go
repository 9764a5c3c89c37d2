package dialecttest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// packedBodies holds what becomes of packed bodies to what body-parser 1.20 was
// seen to do with them.
func packedBodies(t *testing.T, d Dialect) {
	t.Helper()
	for name, c := range map[string]struct {
		encoding string
		pack     func(t *testing.T, body []byte) []byte
		status   int
	}{
		"gzip":                         {"gzip", gzipped, http.StatusCreated},
		"gzip in capitals":             {"GZip", gzipped, http.StatusCreated},
		"deflate":                      {"deflate", deflated, http.StatusCreated},
		"deflate without a header":     {"deflate", rawDeflated, http.StatusBadRequest},
		"gzip of two members":          {"gzip", inTwo, http.StatusCreated},
		"gzip with zeros behind":       {"gzip", then(gzipped, "\x00\x00\x00"), http.StatusCreated},
		"gzip with text behind":        {"gzip", then(gzipped, "xyz"), http.StatusBadRequest},
		"deflate with text behind":     {"deflate", then(deflated, "xyz"), http.StatusCreated},
		"gzip that is cut":             {"gzip", cut(gzipped, 4), http.StatusBadRequest},
		"deflate that is cut":          {"deflate", cut(deflated, 2), http.StatusBadRequest},
		"gzip that is damaged":         {"gzip", damaged(gzipped, 8), http.StatusBadRequest},
		"deflate that is damaged":      {"deflate", damaged(deflated, 1), http.StatusBadRequest},
		"gzip that is none":            {"gzip", plain, http.StatusBadRequest},
		"gzip called deflate":          {"deflate", gzipped, http.StatusBadRequest},
		"gzip with damage in its head": {"gzip", damaged(gzipped, 1<<20), http.StatusBadRequest},
	} {
		for _, chunked := range []bool{false, true} {
			_, c1 := d.serve(t)
			r := c1.createOf(t, d, 1000)
			r.Header.Set("Content-Encoding", c.encoding)
			setBody(r, c.pack(t, readAll(t, r.Body)), chunked)
			require.Equal(t, c.status, c1.send(t, r).Status, "%s, chunked %t", name, chunked)
		}
	}
	for size, status := range map[int]int{maxBody: http.StatusCreated, maxBody + 1: http.StatusRequestEntityTooLarge, 20 * maxBody: http.StatusRequestEntityTooLarge} {
		for encoding, pack := range map[string]func(*testing.T, []byte) []byte{"gzip": gzipped, "deflate": deflated} {
			_, c := d.serve(t)
			r := c.createOf(t, d, size)
			r.Header.Set("Content-Encoding", encoding)
			setBody(r, pack(t, readAll(t, r.Body)), false)
			require.Equal(t, status, c.send(t, r).Status, "%s of %d bytes", encoding, size)
		}
	}
	_, c := d.serve(t)
	first := c.createOf(t, d, 1000)
	second := c.createOf(t, d, 1000)
	second.Header.Set("Content-Encoding", "gzip")
	setBody(second, gzipped(t, readAll(t, second.Body)), false)
	for i, r := range []*http.Request{first, second} {
		r.Header.Set("Idempotency-Key", "k")
		reply := c.send(t, r)
		require.Equal(t, http.StatusCreated, reply.Status)
		require.Equal(t, i == 1, reply.Header.Get("Idempotency-Replayed") == "true", "it is the same body, however it is packed")
	}
}

// setBody gives a request another body. The document has nothing to say of it.
func setBody(r *http.Request, body []byte, chunked bool) {
	r.Body, r.GetBody, r.ContentLength = io.NopCloser(bytes.NewReader(body)), nil, int64(len(body))
	if chunked {
		r.ContentLength = -1
	}
}

func plain(_ *testing.T, body []byte) []byte { return body }

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	return written(t, &b, gzip.NewWriter(&b), body)
}

func deflated(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	return written(t, &b, zlib.NewWriter(&b), body)
}

func rawDeflated(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	require.NoError(t, err)
	return written(t, &b, w, body)
}

func written(t *testing.T, b *bytes.Buffer, w io.WriteCloser, body []byte) []byte {
	t.Helper()
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func inTwo(t *testing.T, body []byte) []byte {
	t.Helper()
	return slices.Concat(gzipped(t, body[:len(body)/2]), gzipped(t, nil), gzipped(t, body[len(body)/2:]))
}

func then(pack func(*testing.T, []byte) []byte, more string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, body []byte) []byte {
		t.Helper()
		return append(pack(t, body), more...)
	}
}

// cut leaves out so many bytes at the end.
func cut(pack func(*testing.T, []byte) []byte, n int) func(*testing.T, []byte) []byte {
	return func(t *testing.T, body []byte) []byte {
		t.Helper()
		packed := pack(t, body)
		return packed[:len(packed)-n]
	}
}

// damaged changes a byte, so far before the end, the first at most.
func damaged(pack func(*testing.T, []byte) []byte, n int) func(*testing.T, []byte) []byte {
	return func(t *testing.T, body []byte) []byte {
		t.Helper()
		packed := pack(t, body)
		packed[max(len(packed)-n, 0)] ^= 1
		return packed
	}
}
