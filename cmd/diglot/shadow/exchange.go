package shadow

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/diglot/diglot/dialects"
)

const (
	// maxRequestBytes is how much of a request's body is kept to be sent again: the
	// most that a tenant may be allowed.
	maxRequestBytes = 8 << 20
	// maxAnswerBytes is how long an answer may be to be compared, unpacked.
	maxAnswerBytes = 4 << 20
)

// exchange is a request on its way through the gateway, and where its answer goes.
// Before it is known to be one that is asked a second time, nothing of it is kept.
type exchange struct {
	http.ResponseWriter

	set       *laneSet
	lane      *lane // nil: it is not asked a second time
	at        time.Time
	original  *http.Request // as it came
	call      *dialects.Call
	requestID string
	body      tee

	status  int         // of the answer, 0: none yet
	sent    bool        // the status and header are with the server
	header  http.Header // of the answer, when it was sent
	answer  bytes.Buffer
	tooLong bool // there was more of the answer than is kept
}

// WriteHeader implements [http.ResponseWriter]. Of what is asked a second time the
// header is held until there is a body, or is none: see [exchange.end].
func (x *exchange) WriteHeader(status int) {
	if x.lane == nil {
		x.ResponseWriter.WriteHeader(status)
		return
	}
	if x.status == 0 {
		x.status = status
	}
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(b []byte) (int, error) {
	if x.lane == nil {
		return x.ResponseWriter.Write(b)
	}
	x.sendHeader()
	n := min(len(b), maxAnswerBytes-x.answer.Len())
	x.answer.Write(b[:n])
	x.tooLong = x.tooLong || n < len(b)
	return x.ResponseWriter.Write(b)
}

// FlushError is for [http.ResponseController].
func (x *exchange) FlushError() error {
	if x.lane != nil {
		x.sendHeader()
	}
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap lets [http.ResponseController] reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) sendHeader() {
	if x.sent {
		return
	}
	x.sent = true
	if x.status == 0 {
		x.status = http.StatusOK
	}
	x.header = x.Header().Clone()
	x.ResponseWriter.WriteHeader(x.status)
}

// end has the client have its answer, and then has it asked a second time. Its
// place among those that wait is taken before the client can know the answer, so
// that who sends a request upon another's answer comes behind it.
func (x *exchange) end() {
	l := x.lane
	if l == nil {
		return
	}
	var j *job
	reason := x.unfit()
	if reason == "" {
		if j = x.job(); !l.push(j) {
			reason = droppedQueue
		}
	}
	x.finish()
	if reason != "" {
		l.drop(reason)
		return
	}
	close(j.answered)
}

// finish sends the rest of the answer. The server would say itself, at the
// handler's end, that there is no body; what is flushed before has to say so.
func (x *exchange) finish() {
	if !x.sent && x.answer.Len() == 0 && x.hasBody() && x.Header().Get("Content-Length") == "" && x.Header().Get("Transfer-Encoding") == "" {
		x.Header().Set("Content-Length", "0")
	}
	_ = x.FlushError() // the client may be gone
}

// hasBody reports whether an answer of its status has a body, however short.
func (x *exchange) hasBody() bool {
	return x.original.Method != http.MethodHead && x.status != http.StatusNoContent && x.status != http.StatusNotModified
}

// unfit says why the request is not asked a second time after all, "" for
// nothing.
func (x *exchange) unfit() string {
	whole := x.body.whole(x.original.ContentLength)
	switch status := x.status; {
	case status == http.StatusNotModified: // the other side knows nothing of what the client has
		return droppedUnmodified
	case isWrite(x.original.Method) && (status < http.StatusOK || status >= http.StatusMultipleChoices):
		return droppedRefused
	case x.Header().Get(dialects.ReplayedHeader) != "":
		return droppedReplayed
	case x.tooLong, isWrite(x.original.Method) && !whole:
		return droppedBody
	}
	return ""
}

func isWrite(method string) bool { return method != http.MethodGet && method != http.MethodHead }

func (x *exchange) job() *job {
	body := x.body.kept()
	header := x.header
	if header == nil {
		header = x.Header().Clone()
	}
	status := x.status
	if status == 0 {
		status = http.StatusOK
	}
	return &job{
		at: x.at, request: x.original, body: body, who: x.call.Who, operation: x.call.Operation, requestID: x.requestID,
		answer: answer{status: status, header: header, body: x.answer.Bytes()},
		size:   int64(len(body) + x.answer.Len() + jobBytes), answered: make(chan struct{}),
	}
}

// tee is a request's body of which is kept what was read. Whoever relays it may
// read it when the answer is there already.
type tee struct {
	io.ReadCloser

	mu   sync.Mutex
	keep bool
	seen bytes.Buffer
	more bool // than is kept
	end  bool // it was read to its end
}

// Read implements [io.Reader].
func (t *tee) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keep {
		room := min(n, maxRequestBytes-t.seen.Len())
		t.seen.Write(b[:room])
		t.more = t.more || room < n
	}
	t.end = t.end || err == io.EOF
	return n, err
}

// start keeps what is read from now on.
func (t *tee) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep = true
}

// Forget keeps nothing of it: what is left is read for nobody.
func (t *tee) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep, t.more, t.seen = false, true, bytes.Buffer{}
}

// whole reports whether all of it was read and kept: length bytes, where that is
// known and not -1.
func (t *tee) whole(length int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.more && (t.end || int64(t.seen.Len()) == length)
}

// kept gives what was read.
func (t *tee) kept() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.seen.Bytes())
}
