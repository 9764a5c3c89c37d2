// Package vendorhttptest is what tests of the vendors' clients share: a clock
// that nobody has to wait for, and a vendor that gives written answers.
package vendorhttptest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/vendorhttp"
)

// Clock is a time that passes while somebody waits and not otherwise.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

// NewClock makes a clock.
func NewClock() *Clock { return &Clock{now: time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)} }

// Now is a [core.Clock].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep lets the time pass at once.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.waits = append(c.waits, d)
		c.now = c.now.Add(d)
	}
	return ctx.Err()
}

// Waits gives how long was waited, each time that it was.
func (c *Clock) Waits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{}, c.waits...)
}

// Options gives a client's options that go by the clock, and jitter by half.
func (c *Clock) Options(base string) vendorhttp.Options {
	return vendorhttp.Options{Base: base, Now: c.Now, Sleep: c.Sleep, Jitter: func() float64 { return 0.5 }}
}

// Serve serves a handler until the test ends and gives its address.
func Serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// Answer is one answer of a [Vendor].
type Answer struct {
	Status int // 0: 200
	Header map[string]string
	Body   string
}

// Asked is one request that a [Vendor] got.
type Asked struct {
	Line   string // method and target
	Header http.Header
	Body   string
}

// Vendor gives the answers that were written for it, one after the other; a
// request beyond them fails the test.
type Vendor struct {
	Base string

	t       testing.TB
	mu      sync.Mutex
	answers []Answer
	asked   []Asked
}

// NewVendor makes a vendor, and fails the test where not all answers were asked for.
func NewVendor(t testing.TB, answers ...Answer) *Vendor {
	t.Helper()
	v := &Vendor{t: t, answers: answers}
	v.Base = Serve(t, v)
	t.Cleanup(func() { require.Empty(t, v.answers, "answers that nobody asked for") })
	return v
}

// ServeHTTP implements [http.Handler].
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, Asked{r.Method + " " + r.URL.RequestURI(), r.Header, string(body)})
	if len(v.answers) == 0 {
		v.t.Errorf("nobody wrote an answer to %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	a := v.answers[0]
	v.answers = v.answers[1:]
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body)
}

// Asked gives the requests that came.
func (v *Vendor) Asked() []Asked {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Asked{}, v.asked...)
}

// Lines gives the requests that came, their methods and targets alone.
func (v *Vendor) Lines() []string {
	asked := v.Asked()
	lines := make([]string, len(asked))
	for i := range asked {
		lines[i] = asked[i].Line
	}
	return lines
}
