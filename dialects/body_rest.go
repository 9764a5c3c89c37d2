package dialects

import (
	"io"
	"net/http"

	"github.com/diglot/diglot/core"
)

// A client may read only after it wrote. net/http takes up to 256 KiB of what
// nobody read of a body, and resets the connection where there is more: the
// answer is lost then. So what is left of a body is taken before its request is
// answered, whoever sends it, in the time that the server has for requests. None
// of it is kept.
const (
	// maxRestBytes is up to where a body that nothing depends on is taken. Who sends
	// more gets its answer where it reads while it writes.
	maxRestBytes = core.DefaultMaxBytes
	// maxRefusedBytes is the same of the body of a known client that is refused for
	// how large it is.
	maxRefusedBytes = 16 << 20
)

// incoming is a request's body, and how far it was read. The zero value is none.
type incoming struct {
	io.ReadCloser

	left  int64 // bytes; negative: nobody knows
	begun bool  // so a client that waits to be told so is sending
	ended bool  // nothing more comes
}

// of takes the place of the request's body, if it has one.
func (b *incoming) of(r *http.Request) {
	if r.ContentLength != 0 {
		b.ReadCloser, b.left = r.Body, r.ContentLength
		r.Body = b
	}
}

// Read implements [io.Reader].
func (b *incoming) Read(to []byte) (int, error) {
	b.begun = true
	n, err := b.ReadCloser.Read(to)
	if b.left > 0 {
		b.left -= int64(n)
	}
	b.ended = b.ended || err != nil || b.left == 0
	return n, err
}

// isLeft reports whether something of it is still to come, so many bytes at most.
func (b *incoming) isLeft(r *http.Request, most int64) bool {
	return b.ReadCloser != nil && !b.ended && b.left <= most && (b.begun || r.Header.Get("Expect") == "")
}

// Forgetter is a body that keeps what is read of it, until it is told that nobody
// needs the rest.
type Forgetter interface{ Forget() }

// takeRest takes what is still to come, so many bytes at most.
func (b *incoming) takeRest(most int64) {
	if keeps, is := b.ReadCloser.(Forgetter); is {
		keeps.Forget()
	}
	_, _ = io.CopyN(io.Discard, b, most) // one that breaks off is as good
}

// takeRest takes what is left of the body of a request that needs none of it.
func (s *state) takeRest(r *http.Request) {
	most := int64(maxRestBytes)
	if reason := refusalOf(s.err); reason == "body" || reason == "body_memory" {
		most = maxRefusedBytes
	}
	if s.body.isLeft(r, most) {
		s.body.takeRest(most)
	}
}
