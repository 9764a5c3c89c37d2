package vendorhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Request is one request to a vendor.
type Request struct {
	Method string
	// Path is the path's segments, unescaped: each is sent as one segment.
	Path  []string
	Query url.Values
	// Header goes beside the client's.
	Header http.Header
	Body   any // sent as JSON; nil: none
	// Repeatable: to send it twice is to send it once, for a reason that the
	// sender has. Reads are so anyway.
	Repeatable bool
	// Private: the answer has a credential in it, so that no failure shows any of it.
	Private bool
}

// Response is an answer with a status of success.
type Response struct {
	Status int
	Header http.Header
	Body   core.JSON // without a byte order mark; empty: none

	c       *Client
	request *Request
	tries   int
}

// Unreadable is the failure that the answer is not what it should be.
func (r *Response) Unreadable(why error) error {
	e := r.c.failed(r.request, r.tries, why)
	e.Status = r.Status
	if !r.request.Private {
		e.Excerpt = r.c.excerpt(r.Body)
	}
	return e
}

// Do sends a request, again where that is safe and may help, and gives its
// answer. Any other status than 200 to 299 is an [*Error]; a body is JSON or
// empty, else it is [ErrAnswer]. A ctx that ends gives its own error, in an
// [*Error].
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	var body core.JSON
	if r.Body != nil {
		var err error
		if body, err = dialects.Encode(r.Body); err != nil {
			return nil, c.failed(&r, 0, err)
		}
	}
	for attempt := 1; ; attempt++ {
		if err := c.pace(ctx); err != nil {
			return nil, c.failed(&r, attempt-1, err)
		}
		res, err := c.send(ctx, &r, body)
		if err == nil {
			res.c, res.request, res.tries = c, &r, attempt
			return res, nil
		}
		err.Attempts = attempt
		wait, again := c.retry(&r, err, attempt)
		if !again {
			return nil, err
		}
		if stopped := c.options.Sleep(ctx, wait); stopped != nil {
			err.Err = c.worded(stopped)
			return nil, err
		}
	}
}

// pace waits until the rate lets one more request pass.
func (c *Client) pace(ctx context.Context) error {
	now := c.options.Now()
	turn := c.limiter.ReserveN(now, 1)
	if err := c.options.Sleep(ctx, turn.DelayFrom(now)); err != nil {
		turn.CancelAt(now)
		return err
	}
	return nil
}

func (c *Client) path(r *Request) string {
	return c.line(strings.TrimSuffix(c.base.Path, "/")+"/"+strings.Join(r.Path, "/"), excerptBytes)
}

func (c *Client) failed(r *Request, attempts int, err error) *Error {
	return &Error{Vendor: c.vendor, Method: r.Method, Path: c.path(r), Attempts: attempts, Err: c.worded(err)}
}

// errUnshown stands for what net/http says of an answer, which it may quote.
var errUnshown = fmt.Errorf("%w, nor shown", ErrAnswer)

// shown gives what net/http says, and errUnshown where that may quote an answer that
// is private.
func shown(ctx context.Context, r *Request, err error) error {
	_, network := errors.AsType[net.Error](err)
	if err == nil || !r.Private || network || ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errUnshown
}

// send sends the request once.
func (c *Client) send(ctx context.Context, r *Request, text core.JSON) (*Response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	req, err := c.request(ctx, r, text)
	if err != nil {
		return nil, c.failed(r, 0, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(r, 0, shown(ctx, r, withoutURL(err)))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.options.MaxBody+1))
	err = shown(ctx, r, err)
	if err == nil && int64(len(body)) > c.options.MaxBody {
		err = errTooLarge
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if err == nil && res.StatusCode >= http.StatusOK && res.StatusCode < http.StatusMultipleChoices {
		if len(body) == 0 || isJSON(body) {
			return &Response{Status: res.StatusCode, Header: res.Header, Body: body}, nil
		}
		err = ErrAnswer
	}
	return nil, c.refused(r, res, body, err)
}

// errSegment keeps an id that is missing from addressing the whole list.
var errSegment = errors.New("a segment of the path is empty or dots")

func (c *Client) request(ctx context.Context, r *Request, text core.JSON) (*http.Request, error) {
	segments := make([]string, len(r.Path))
	for i, s := range r.Path {
		if s == "" || s == "." || s == ".." {
			return nil, errSegment
		}
		segments[i] = url.PathEscape(s)
	}
	u := *c.base
	u.RawPath = strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + strings.Join(segments, "/")
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = r.Query.Encode()
	var body io.Reader // not a nil *bytes.Reader
	if text != nil {
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, withoutURL(err)
	}
	for _, h := range []http.Header{c.options.Header, r.Header} {
		for name, values := range h {
			req.Header[name] = values
		}
	}
	req.Header.Set("Accept", "application/json")
	if text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, credential := range c.credentials() {
		req.Header[credential.Header] = []string{credential.Prefix + string(credential.Secret)}
	}
	SendOnce(req)
	return req, nil
}

// lenient takes members that are there twice, and what is no UTF-8.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// isJSON reports whether text is one JSON value.
func isJSON(text []byte) bool { return jsontext.Value(text).IsValid(lenient...) }

// refused words an answer that is not one of success, or can't be read.
func (c *Client) refused(r *Request, res *http.Response, body []byte, err error) *Error {
	e := c.failed(r, 0, err)
	e.Status = res.StatusCode
	if after, ok := retryAfter(res.Header, c.options.Now()); ok {
		e.RetryAfter = after
	}
	if res.StatusCode >= http.StatusMultipleChoices && res.StatusCode < http.StatusBadRequest {
		e.Err = ErrRedirect
		return e
	}
	if len(body) > 0 && isJSON(body) {
		code, message := c.code(body)
		e.Code, e.Message = c.line(code, excerptBytes), c.line(message, messageBytes)
	}
	if e.Code == "" && e.Message == "" && !r.Private {
		e.Excerpt = c.excerpt(body)
	}
	return e
}

// Segments gives the segments of a path such as /api/v2/public.
func Segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }
