package shadow

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Why a request was not asked a second time.
const (
	droppedQueue      = "queue"      // too many wait, or take too much memory
	droppedBody       = "body"       // its body or its answer is too long, or was not read to its end
	droppedStop       = "stop"       // it waited as the process ended, or was configured anew
	droppedSession    = "session"    // its session token is Diglot's and means nothing to the peer
	droppedRefused    = "refused"    // a write that was refused, which could be accepted by the other side
	droppedReplayed   = "replayed"   // a creation that was asked for before, and answered as then
	droppedUnmodified = "unmodified" // a 304, which is about what the client has
	droppedBrokenOff  = "broken_off" // the answer of the peer that answers, or the client's connection
	droppedUnread     = "unread"     // the client does not read its answer
)

// job is a request that was answered and is to be asked a second time.
type job struct {
	at        time.Time
	request   *http.Request // its body is body
	body      []byte
	who       *core.Principal
	operation string
	requestID string
	answer    answer
	size      int64         // the bytes of memory that it takes
	answered  chan struct{} // closed when the client has its answer
}

// answer is what a request was answered.
type answer struct {
	status int
	header http.Header
	body   []byte
	room   int64 // that was taken for the body
}

// jobBytes is about what a job takes beside its bodies.
const jobBytes = 4 << 10

// room is the memory that jobs, and the answers to them, may take.
type room struct {
	most, used atomic.Int64
}

func (r *room) take(n int64) bool {
	if r.used.Add(n) <= r.most.Load() {
		return true
	}
	r.used.Add(-n)
	return false
}

func (r *room) give(n int64) { r.used.Add(-n) }

// lane is a rule at work: its requests wait in a queue of its own and are asked by
// workers of its own, so that a peer that is slow holds nobody else up.
type lane struct {
	shadow *Shadow
	rule   *Rule
	queue  chan *job
	ids    *idMap // nil: nothing is mirrored
	looped sync.Once

	transport *http.Transport
	proxy     *httputil.ReverseProxy
	relaying  atomic.Int64

	workers int
	pending atomic.Int64
	coming  sync.Mutex      // of what is put into the queue and of the stop, or it would wait there for nobody
	stopped context.Context // nothing more is asked
	end     context.CancelFunc
	asking  context.Context // of what is asked: nobody's request
	abandon context.CancelFunc
}

func newLane(s *Shadow, c *Config, r *Rule) *lane {
	l := &lane{shadow: s, rule: r, queue: make(chan *job, c.Queue), workers: c.Workers}
	if r.Writes == Mirror {
		l.workers, l.ids = 1, newIDMap()
	}
	idle := l.workers
	if r.Answers == Peer {
		idle = maxRelayed // each has a connection of its own
	}
	l.transport = newTransport(c.allowed, idle)
	l.proxy = l.newProxy()
	l.stopped, l.end = context.WithCancel(context.Background())
	l.asking, l.abandon = context.WithCancel(context.Background())
	return l
}

func (l *lane) start() {
	for range l.workers {
		go l.run()
	}
}

// watch decides whether a request is asked a second time, and keeps what it needs
// for that.
func (l *lane) watch(x *exchange) {
	c := x.call
	if c.Who == nil || c.Operation == "none" || c.Operation == "unserved" {
		return // Diglot has no answer to compare
	}
	write := isWrite(x.original.Method)
	switch {
	case write && l.rule.Writes != Mirror:
		return
	case !write && l.shadow.options.Random() >= *l.rule.Sample:
		return
	case l.rule.Answers == Diglot && c.Who.Session != nil && l.rule.credential == "":
		l.drop(droppedSession)
		return
	}
	x.lane = l
	x.body.start()
}

func (l *lane) drop(reason string) {
	l.shadow.metrics.dropped.WithLabelValues(reason).Inc()
	l.shadow.found.dropped.Add(1)
}

// stop has nothing more be asked, and what waits be dropped.
func (l *lane) stop() {
	l.coming.Lock()
	defer l.coming.Unlock()
	l.end()
}

// push has a job wait its turn, if there is room. It never waits itself.
func (l *lane) push(j *job) bool {
	l.coming.Lock()
	defer l.coming.Unlock()
	if l.stopped.Err() != nil || !l.shadow.room.take(j.size) {
		return false
	}
	l.pending.Add(1)
	select {
	case l.queue <- j:
		return true
	default:
		l.done(j)
		return false
	}
}

func (l *lane) done(j *job) {
	l.shadow.room.give(j.size)
	l.pending.Add(-1)
}

// run works until the lane is stopped, and drops what waits then.
func (l *lane) run() {
	defer l.transport.CloseIdleConnections()
	for {
		select {
		case j := <-l.queue:
			if l.stopped.Err() != nil {
				l.drop(droppedStop)
			} else {
				l.guard(j)
			}
			l.done(j)
		case <-l.stopped.Done():
			for {
				select {
				case j := <-l.queue:
					l.drop(droppedStop)
					l.done(j)
				default:
					return
				}
			}
		}
	}
}

// guard serves a job. Whatever a peer's answer does to the comparison, it does
// nothing to the gateway.
func (l *lane) guard(j *job) {
	defer func() {
		if p := recover(); p != nil {
			l.shadow.options.Logger.LogAttrs(l.asking, slog.LevelError, "panic",
				append(dialects.PanicAttrs(p), slog.String("request_id", j.requestID), slog.String("operation", j.operation))...)
			l.shadow.metrics.failed.WithLabelValues(failedOther).Inc()
		}
	}()
	l.serve(j)
}

// answeredWithin is how long a client may take to read its answer before another's
// request is served.
const answeredWithin = time.Second

// await waits until the client has its answer, and reports whether the request is
// still to be asked. A write is, that was done: else the sides would differ.
func (l *lane) await(j *job) bool {
	late := time.NewTimer(answeredWithin)
	defer late.Stop()
	select {
	case <-j.answered:
		return true
	case <-l.stopped.Done():
		l.drop(droppedStop)
		return false
	case <-late.C:
		if !isWrite(j.request.Method) {
			l.drop(droppedUnread)
			return false
		}
		return true
	}
}

// serve asks the other side and keeps what differs. Answers are looked at one pair
// at a time, whatever rules there are: they take many times their length of memory.
func (l *lane) serve(j *job) {
	if !l.await(j) {
		return
	}
	other, failed := l.ask(j)
	defer func() { l.shadow.room.give(other.room) }()
	l.shadow.comparing.Lock()
	defer l.shadow.comparing.Unlock()
	l.settle(j, other, failed)
}

func (l *lane) settle(j *job, other answer, failed string) {
	if j.request.Method == http.MethodHead { // a handler may write what the server leaves out
		j.answer.body, other.body = nil, nil
	}
	r := l.record(j)
	if failed == "" {
		failed = unsettled(j.answer.status, other.status)
	}
	ours, theirs := j.answer, other
	if l.rule.Answers == Peer {
		ours, theirs = other, j.answer
	}
	var differences []Difference
	if failed == "" {
		differences, failed = l.compare(j, ours, theirs)
	}
	if failed != "" {
		r.Failed = failed
		l.shadow.found.add(r)
		return
	}
	if l.ids != nil && isWrite(j.request.Method) {
		l.ids.learn(j.answer, other)
	}
	r.Equal, r.Differences = len(differences) == 0, differences
	if l.rule.Bodies && !r.Equal {
		hide := l.secrets(j)
		r.Ours, r.Theirs = kept(hide, ours), kept(hide, theirs)
	}
	l.shadow.found.add(r)
}

func (l *lane) record(j *job) *Record {
	r := &Record{
		At: j.at.UTC(), Tenant: l.rule.Tenant, Dialect: string(l.rule.Dialect), Operation: j.operation, Method: j.request.Method,
		Answers: l.rule.Answers, RequestID: j.requestID, Status: j.answer.status,
	}
	if l.rule.Values {
		r.Path = shorten(l.secrets(j).In(j.request.URL.EscapedPath()), shownPathBytes)
	}
	return r
}

// unsettled says why a status is of the moment and not of the operation, where the
// two sides differ in that.
func unsettled(one, other int) string {
	if one == other {
		return ""
	}
	for _, status := range []int{one, other} {
		switch status {
		case http.StatusTooManyRequests:
			return failedLimited
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return failedUnavailable
		case http.StatusLoopDetected: // of this instance's request, by another one's
			return failedLoop
		}
	}
	return ""
}
