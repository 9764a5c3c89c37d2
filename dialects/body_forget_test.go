package dialects

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// keeping is a body that keeps what is read of it, as a shadow's.
type keeping struct {
	io.Reader

	kept      bytes.Buffer
	forgotten bool
}

func (k *keeping) Read(to []byte) (int, error) {
	n, err := k.Reader.Read(to)
	if !k.forgotten {
		k.kept.Write(to[:n])
	}
	return n, err
}

func (k *keeping) Close() error { return nil }
func (k *keeping) Forget()      { k.forgotten = true }

// What nobody needs of a body is kept by nobody.
func TestTheRestOfABodyIsReadForNobody(t *testing.T) {
	t.Parallel()
	sent := bytes.Repeat([]byte{'x'}, 100<<10)
	body := &keeping{Reader: bytes.NewReader(sent)}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
	r.ContentLength = int64(len(sent))
	var s state
	s.body.of(r)
	_, err := io.CopyN(io.Discard, r.Body, 10)
	require.NoError(t, err)
	s.takeRest(r)
	require.True(t, s.body.ended)
	require.Equal(t, 10, body.kept.Len())
}
