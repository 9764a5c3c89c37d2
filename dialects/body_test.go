package dialects

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// trickle gives a body some bytes at a time and is told before each.
type trickle struct {
	rest  []byte
	step  int
	given int
	tell  func(given int)
}

// Read implements [io.Reader].
func (b *trickle) Read(to []byte) (int, error) {
	b.tell(b.given)
	n := copy(to[:min(len(to), b.step)], b.rest)
	b.rest, b.given = b.rest[n:], b.given+n
	if len(b.rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

const someTenant core.TenantID = "some"

func requestWith(bodies *Bodies, body io.Reader, length int64) *Request {
	r := httptest.NewRequest("POST", "/", io.NopCloser(body))
	r.ContentLength = length
	return &Request{http: r, writer: httptest.NewRecorder(), maxBody: core.DefaultMaxBytes, bodies: bodies, tenant: someTenant}
}

func TestABodyTakesMemoryAsItComes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 511, 512, 513, freeBytes - 1, freeBytes, freeBytes + 1, 100_000, core.DefaultMaxBytes} {
		for _, step := range []int{1 << 30, 1000} {
			for _, announced := range []bool{true, false} {
				for _, pooled := range []int{0, maxPooledBytes} {
					bodies, b := NewBodies(DefaultBodyMemory), bytes.NewBuffer(make([]byte, 0, pooled))
					text := bytes.Repeat([]byte("x"), size)
					length := int64(-1)
					if announced {
						length = int64(size)
					}
					r := requestWith(bodies, &trickle{rest: text, step: step, tell: func(given int) {
						held, most := bodies.held.Load(), max(2*int64(given), freeBytes)
						require.LessOrEqual(t, held, most, "of %d bytes %d have come", size, given)
						require.LessOrEqual(t, int64(b.Cap()), max(most, maxPooledBytes))
						if size <= freeBytes {
							require.Zero(t, held)
						}
					}}, length)
					require.NoError(t, r.readBody(b))
					require.Equal(t, text, b.Bytes())
					if size > freeBytes {
						require.GreaterOrEqual(t, bodies.held.Load(), int64(size))
					}
					if announced && pooled == 0 {
						require.LessOrEqual(t, b.Cap(), max(size, bytes.MinRead)*9/8, "it was known how much comes") // the allocator rounds up
					}
					r.letGo()
					require.Zero(t, bodies.held.Load())
					require.Zero(t, bodies.of.get(someTenant).Load())
				}
			}
		}
	}
}

func TestABodyBeyondTheMemoryIsRefused(t *testing.T) {
	t.Parallel()
	const size = 600_000
	for name, c := range map[string]struct {
		taken      []core.TenantID
		kind       core.Kind
		retryAfter string
	}{
		"its tenant's share": {[]core.TenantID{someTenant}, core.TooMany, "1"},
		"all":                {[]core.TenantID{"one", "another"}, core.Unavailable, ""}, // the kit says it of all that is unavailable
	} {
		bodies := NewBodies(MinBodyMemory)
		for _, tenant := range c.taken {
			require.NoError(t, bodies.Take(tenant, core.MaxBodyBytes))
		}
		before := bodies.held.Load()
		body, b := strings.NewReader(strings.Repeat("x", size)), new(bytes.Buffer)
		r := requestWith(bodies, body, size)
		err := r.readBody(b)
		require.Equal(t, c.kind, core.KindOf(err), name)
		require.Equal(t, "body_memory", refusalOf(err))
		require.Equal(t, c.retryAfter, r.writer.Header().Get("Retry-After"))
		require.Zero(t, b.Cap())
		r.letGo()
		require.Equal(t, before, bodies.held.Load())

		small := requestWith(bodies, strings.NewReader(strings.Repeat("x", freeBytes)), freeBytes)
		require.NoError(t, small.readBody(new(bytes.Buffer)), name)
		for _, tenant := range c.taken {
			bodies.Return(tenant, core.MaxBodyBytes)
		}
		again := requestWith(bodies, strings.NewReader(strings.Repeat("x", size)), size)
		require.NoError(t, again.readBody(new(bytes.Buffer)), name)
	}
}

func TestOneBodyOfAnySizeFits(t *testing.T) {
	t.Parallel()
	r := requestWith(NewBodies(MinBodyMemory), strings.NewReader(strings.Repeat("x", core.MaxBodyBytes)), -1)
	r.maxBody = core.MaxBodyBytes
	require.NoError(t, r.readBody(new(bytes.Buffer)))
}

func TestReadingASmallBodyAllocatesNothing(t *testing.T) {
	text := bytes.Repeat([]byte("x"), 300)
	body := bytes.NewReader(text)
	r, b := requestWith(NewBodies(DefaultBodyMemory), body, 300), bytes.NewBuffer(make([]byte, 0, 512))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		body.Reset(text)
		b.Reset()
		if err := r.readBody(b); err != nil {
			panic(err)
		}
		r.letGo()
	}))
}
