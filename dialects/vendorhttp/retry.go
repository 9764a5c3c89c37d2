package vendorhttp

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The backoff where a vendor doesn't say how long to wait: doubled with each
// attempt, up to the longest.
const (
	firstBackoff   = 500 * time.Millisecond
	longestBackoff = 30 * time.Second
)

// retry says whether to send a request again after a failure, and how long to
// wait before. A read may always be sent again. A write may where the failure
// says that nothing happened: it was refused for its pace or for now, with a
// Retry-After, or no connection was made to send it on.
func (c *Client) retry(r *Request, e *Error, attempt int) (wait time.Duration, again bool) {
	if attempt >= c.options.Attempts || errors.Is(e.Err, errTooLarge) || errors.Is(e.Err, errSegment) {
		return 0, false
	}
	read := r.Repeatable || r.Method == http.MethodGet || r.Method == http.MethodHead
	switch e.Status {
	case http.StatusTooManyRequests:
		again = true
	case http.StatusServiceUnavailable:
		again = read || e.RetryAfter > 0
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		again = read
	case 0:
		again = read || neverSent(e.Err)
	default:
		again = read && e.Status < http.StatusMultipleChoices && !errors.Is(e.Err, ErrAnswer) // it broke off
	}
	backoff := min(firstBackoff<<(attempt-1), longestBackoff)
	if e.RetryAfter > 0 {
		// Never earlier than the vendor asks, nor all of its clients at once.
		wait = e.RetryAfter + time.Duration(c.options.Jitter()*float64(firstBackoff))
	} else {
		wait = backoff/2 + time.Duration(c.options.Jitter()*float64(backoff/2))
	}
	return wait, again && wait <= c.options.MaxWait
}

// neverSent reports whether a request failed before there was a connection to
// send it on.
func neverSent(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

// retryAfter reads a Retry-After: seconds, or a date. What can't be read is none;
// a moment that has come is the least there is.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Nanosecond), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), time.Nanosecond), true
	}
	return 0, false
}
