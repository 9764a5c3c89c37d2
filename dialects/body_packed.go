package dialects

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/diglot/diglot/core"
)

// Bodies may be packed as gzip or, with zlib's header, deflate. What is said of
// other encodings, of damage and of what stands behind the end was seen by
// running Express's body-parser.

// unpack gives what a body that says how it is packed is read from; nil: it is
// read as it comes. UnsupportedEncoding, Malformed, TooLarge.
func (r *Request) unpack() (*unpacker, error) {
	encoding := encodingOf(r.http)
	if encoding == "identity" || r.http.ContentLength == 0 || !isJSON(r.http.Header.Get("Content-Type")) {
		return nil, nil //nolint:nilnil // there is nothing to do, and nothing is wrong
	}
	if encoding != "gzip" && encoding != "deflate" {
		return nil, errEncoding(encoding)
	}
	most := packedShare * r.maxBody
	if r.waitsWithMore(most) {
		return nil, errTooLarge
	}
	u := unpackers.Get().(*unpacker)
	u.packed = packed{r.http.Body, most}
	u.in.Reset(&u.packed)
	if err := u.open(encoding); err != nil {
		u.release()
		return nil, err
	}
	return u, nil
}

// packedShare is how many times as large as it may be unpacked a body may come:
// what is packed well is smaller, and what isn't a little larger.
const packedShare = 2

// encodingOf gives how a request says that its body is packed, in lower case;
// several ways are one that nobody knows.
func encodingOf(r *http.Request) string {
	if e := strings.ToLower(strings.Join(r.Header["Content-Encoding"], ", ")); e != "" {
		return e
	}
	return "identity"
}

// errEncoding has body-parser's words.
func errEncoding(encoding string) error {
	return &core.Error{
		Kind: core.UnsupportedEncoding, Noun: "body", Message: `unsupported content encoding "` + encoding + `"`,
	}
}

// packed is what comes of a body, so many bytes at most.
type packed struct {
	io.Reader

	left int64
}

// Read implements [io.Reader].
func (p *packed) Read(to []byte) (int, error) {
	n, err := p.Reader.Read(to)
	if p.left -= int64(n); p.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// unpacker unpacks one body after another.
type unpacker struct {
	packed packed
	in     *bufio.Reader // of packed
	gzip   gzip.Reader
	zlib   io.ReadCloser // nil: there was none yet
	from   io.Reader     // one of both
}

var unpackers = sync.Pool{New: func() any { return &unpacker{in: bufio.NewReader(nil)} }}

func (u *unpacker) release() {
	u.packed, u.from = packed{}, nil
	unpackers.Put(u)
}

func (u *unpacker) open(encoding string) (err error) {
	switch {
	case encoding == "gzip":
		u.from, err = &u.gzip, u.member()
	case u.zlib == nil:
		u.zlib, err = zlib.NewReader(u.in)
		u.from = u.zlib
	default:
		u.from, err = u.zlib, u.zlib.(zlib.Resetter).Reset(u.in, nil)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// member begins to read a member of what gzip made.
func (u *unpacker) member() error {
	err := u.gzip.Reset(u.in)
	u.gzip.Multistream(false)
	return err
}

// Read implements [io.Reader]. gzip's members are one body, zeros behind them
// padding; what stands behind the end of deflate's is overlooked.
func (u *unpacker) Read(to []byte) (int, error) {
	for {
		n, err := u.from.Read(to)
		if n > 0 && errors.Is(err, io.EOF) {
			return n, nil
		}
		if !errors.Is(err, io.EOF) || u.from != &u.gzip {
			return n, err
		}
		next, err := u.in.Peek(1)
		switch {
		case err != nil:
			return 0, err
		case next[0] == 0:
			return 0, io.EOF
		}
		if err := u.member(); err != nil {
			return 0, err
		}
	}
}
