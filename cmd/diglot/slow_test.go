package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowBody is a request body that stops half-way until finish.
type slowBody struct {
	started chan struct{}
	rest    chan struct{}
	parts   []io.Reader
}

func newSlowBody(body string) *slowBody {
	half := len(body) / 2
	return &slowBody{
		started: make(chan struct{}), rest: make(chan struct{}),
		parts: []io.Reader{strings.NewReader(body[:half]), strings.NewReader(body[half:])},
	}
}

// Read gives the first half, then waits before it gives the second.
func (b *slowBody) Read(p []byte) (int, error) {
	for len(b.parts) > 0 {
		n, err := b.parts[0].Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		b.parts = b.parts[1:]
		if len(b.parts) == 1 {
			close(b.started)
			<-b.rest
		}
	}
	return 0, io.EOF
}

func (b *slowBody) finish() { close(b.rest) }

type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// freeAddress gives an address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
