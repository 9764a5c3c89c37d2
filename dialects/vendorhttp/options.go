package vendorhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/diglot/diglot/core"
)

// The defaults of [Options]. The pace is the one that Refold documents, 20 a
// second with 5 in an instant (contract 2.10); CometChat's, 20,000 a minute, is
// far above it (contract 1.6).
const (
	DefaultRate     = 20.0
	DefaultBurst    = 5
	DefaultAttempts = 6
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBody  = 32 << 20
	DefaultMaxWait  = 2 * time.Minute
)

// The time-outs of a connection to the host, within an attempt's.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 60 * time.Second
)

// Options is how a client behaves. Zero values are the defaults, but for Base
// and Now, which are required.
type Options struct {
	// Base is the vendor's address, http or https, without a query, a fragment
	// or a user in it. A path in it comes before each request's.
	Base string
	// Header goes with each request, beside what the request has of its own.
	Header http.Header
	// Rate is how many requests are sent a second, Burst how many at once.
	Rate  float64
	Burst int
	// Attempts is how often a request is sent at most.
	Attempts int
	// Timeout is for one attempt, its answer's body included.
	Timeout time.Duration
	// MaxWait is how long is waited before an attempt at most: a vendor that
	// asks for more time has its failure given to the caller.
	MaxWait time.Duration
	// MaxBody is the size of an answer, in bytes, beyond which it is a failure.
	MaxBody int64
	// Transport sends the requests; nil: one of the client's own. It speaks [HTTP1]
	// alone, or it may send a deletion twice.
	Transport http.RoundTripper

	// Now is the time, by which the pace is kept and dates in Retry-After are read.
	Now core.Clock
	// Sleep waits, or gives ctx's error as soon as that ends; nil: it really waits.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter gives a number from 0 to below 1; nil: a random one.
	Jitter func() float64
}

// Credential is a header that says who asks. Its value is Prefix and Secret.
type Credential struct {
	Header string // sent in this spelling
	Prefix string
	Secret Secret
}

// Client sends requests to one vendor's host. It is safe for concurrent use.
type Client struct {
	vendor      string
	base        *url.URL
	http        *http.Client
	options     Options
	credentials func() []Credential // a function, so that no way of printing the struct shows them
	redact      func(string) string // likewise
	code        func(body []byte) (code, message string)
	limiter     *rate.Limiter
}

// New makes a client of a vendor. code reads the vendor's code and message out
// of the body of a failure that is JSON; what it doesn't find is "".
func New(vendor string, o Options, code func(body []byte) (code, message string), credentials ...Credential) (*Client, error) {
	base, err := url.Parse(o.Base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: the base is no URL", vendor) // what url.Parse says has the text in it
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, fmt.Errorf("%s: the base is no http or https URL with a host", vendor)
	case base.User != nil, base.RawQuery != "", base.Fragment != "":
		return nil, fmt.Errorf("%s: the base has a user, a query or a fragment", vendor)
	case o.Now == nil:
		return nil, errors.New(vendor + ": no clock")
	}
	o = o.withDefaults()
	c := &Client{
		vendor: vendor, base: base, options: o, code: code,
		credentials: func() []Credential { return credentials }, redact: redactor(credentials),
		limiter: rate.NewLimiter(rate.Limit(o.Rate), o.Burst),
	}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: checkRedirect}
	return c, nil
}

// Format implements [fmt.Formatter]: a client has secrets within.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "client of %s at %s", c.vendor, c.base.Host)
}

func (o Options) withDefaults() Options {
	orDefault(&o.Rate, DefaultRate)
	orDefault(&o.Burst, DefaultBurst)
	orDefault(&o.Attempts, DefaultAttempts)
	orDefault(&o.Timeout, DefaultTimeout)
	orDefault(&o.MaxWait, DefaultMaxWait)
	orDefault(&o.MaxBody, DefaultMaxBody)
	if o.Transport == nil {
		o.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: handshakeTimeout,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			Protocols:           HTTP1(),
			IdleConnTimeout:     idleTimeout,
			MaxIdleConnsPerHost: DefaultBurst,
		}
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return o
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// maxRedirects is how many redirects a read follows.
const maxRedirects = 5

// ErrRedirect is why a redirect was not followed: it leaves the host or its
// scheme, answers a write, or is one too many. Credentials go nowhere else.
var ErrRedirect = errors.New("a redirect that is not followed")

func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme || first.Method != http.MethodGet || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}
