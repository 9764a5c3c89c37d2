package shadow

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/redact"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// Why there is nothing to compare.
const (
	failedTimeout     = "timeout"
	failedConnect     = "connect"
	failedAddress     = "address"     // it is not one that a peer may have
	failedCanceled    = "canceled"    // the process ended
	failedTruncated   = "truncated"   // the answer broke off
	failedTooLarge    = "too_large"   // the answer, unpacked
	failedTooDeep     = "too_deep"    // the answer nests deeper than any that Diglot takes
	failedEncoding    = "encoding"    // the answer is packed otherwise than asked for
	failedLimited     = "limited"     // one side answered 429, the other did not
	failedUnavailable = "unavailable" // one side answered 502, 503 or 504, the other did not
	failedLoop        = "loop"        // the peer is this instance, by another name
	failedOther       = "other"
)

// ask asks the side that did not answer the client. It sends a request once,
// whatever becomes of it.
func (l *lane) ask(j *job) (a answer, failed string) {
	r, err := l.request(j)
	if err != nil {
		return answer{}, failedOther
	}
	if l.rule.Answers == Peer {
		return l.askDiglot(r)
	}
	ctx, cancel := context.WithTimeout(l.asking, l.rule.Timeout)
	defer cancel()
	l.address(r)
	a, err = l.askPeer(r.WithContext(ctx))
	if errors.Is(err, errLoop) {
		l.sayLooped()
	}
	return a, whyFailed(err)
}

// request makes the request as the client sent it, with the ids that the other
// side has for the same things.
func (l *lane) request(j *job) (*http.Request, error) {
	u, body := *j.request.URL, j.body
	if l.ids != nil {
		l.ids.translate(&u)
		body = l.ids.inBody(body)
	}
	if !isWrite(j.request.Method) {
		body = nil
	}
	r, err := http.NewRequestWithContext(l.asking, j.request.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL, r.Host, r.RemoteAddr, r.Header = &u, j.request.Host, j.request.RemoteAddr, j.request.Header.Clone()
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	if l.rule.credential != "" {
		l.authorize(r.Header, j.who)
	}
	return r, nil
}

// authorize puts the rule's credential in place of all that the client sent, those
// of the other dialect too.
func (l *lane) authorize(h http.Header, who *core.Principal) {
	for name := range h {
		if redact.IsHeader(name) {
			delete(h, name)
		}
	}
	if l.rule.Dialect == core.CometChat {
		h.Set("Apikey", l.rule.credential)
		return
	}
	h.Set("X-Api-Key", l.rule.credential)
	if who.Account != "" { // a session token's, which stands for it
		h.Set("Linked_account_id", who.Account)
	}
}

// private are headers that no peer gets: what is the site's that Diglot is at, and
// whom a request was passed on for.
var private = []string{
	"Cookie", "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Envoy-External-Address",
	"True-Client-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Fastly-Client-Ip", "Proxy-Authorization",
}

// unsent are headers that are about the connection, what the client has of Diglot's
// answers, or where the client's page is from. A peer that answers the client gets
// those that are not the connection's.
var unsent = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Expect", "Content-Length", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "Origin", "Referer",
}

// address has a request that is asked a second time go to the peer.
func (l *lane) address(r *http.Request) {
	for _, named := range r.Header.Values("Connection") {
		for name := range strings.SplitSeq(named, ",") {
			r.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range unsent {
		r.Header.Del(name)
	}
	r.Header.Set("Accept-Encoding", "gzip") // and what comes is unpacked no further than to the most there may be
	l.passOn(r.Header, l.shadow.via+viaSecond)
	vendorhttp.SendOnce(r)
	r.URL, r.Host = l.rule.at(r.URL), ""
}

// passOn readies a header for the peer: without what no peer gets, and with what
// tells this instance that a request has passed it.
func (l *lane) passOn(h http.Header, via string) {
	for name := range h {
		if slices.Contains(private, name) || strings.HasPrefix(name, "Diglot-") || strings.HasPrefix(name, "X-Forwarded-") {
			delete(h, name)
		}
	}
	h.Add("Via", "1.1 "+via)
}

// hasDots reports whether a path has a segment that means another folder.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// at gives the peer's address of what a client asked for.
func (r *Rule) at(asked *url.URL) *url.URL {
	u := *r.base
	u.Path = strings.TrimSuffix(u.Path, "/") + asked.Path
	u.RawPath = strings.TrimSuffix(r.base.EscapedPath(), "/") + asked.EscapedPath()
	u.RawQuery = asked.RawQuery
	return &u
}

// askPeer sends a request. It follows no redirect: that is an answer as any other.
func (l *lane) askPeer(r *http.Request) (answer, error) {
	res, err := l.transport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if l.shadow.isLoop(res.Header) {
		return answer{}, errLoop
	}
	in := &roomed{Reader: res.Body, room: &l.shadow.room}
	body, err := io.ReadAll(io.LimitReader(in, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		err = errTooLarge
	}
	return answer{status: res.StatusCode, header: res.Header, body: body, room: in.taken}, err
}

// roomed reads as long as there is room for what is read.
type roomed struct {
	io.Reader

	room  *room
	taken int64
}

// Read implements [io.Reader].
func (r *roomed) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if !r.room.take(int64(n)) {
		return 0, errTooLarge
	}
	r.taken += int64(n)
	return n, err
}

// askDiglot has the gateway answer, as it would the client.
func (l *lane) askDiglot(r *http.Request) (answer, string) {
	r.Header.Del("If-None-Match")
	r.Header.Del("If-Modified-Since")
	w := &recorder{answer: answer{header: http.Header{}}}
	l.shadow.next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.tooLong {
		return w.answer, failedTooLarge
	}
	return w.answer, ""
}

// recorder is where the gateway's answer goes when nobody waits for it.
type recorder struct {
	answer

	tooLong bool
}

// Header implements [http.ResponseWriter].
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	n := min(len(b), maxAnswerBytes-len(w.body))
	w.body = append(w.body, b[:n]...)
	w.tooLong = w.tooLong || n < len(b)
	return len(b), nil
}

// whyFailed names a failure, "" where there is none. What the error says is not
// kept: it may have an address in it.
func whyFailed(err error) string {
	var timeout net.Error
	var dial *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errUnsafe):
		return failedAddress
	case errors.Is(err, errLoop):
		return failedLoop
	case errors.Is(err, errTooLarge):
		return failedTooLarge
	case errors.Is(err, errEncoding):
		return failedEncoding
	case errors.Is(err, context.Canceled):
		return failedCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failedTimeout
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.EOF):
		return failedTruncated
	case errors.As(err, &dial) && dial.Op == "dial":
		return failedConnect
	}
	return failedOther
}
