package shadow

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Options are what a [Shadow] is made with.
type Options struct {
	Config *Config
	// Log gets a line of JSON for each request that was asked twice; nil: nothing
	// does.
	Log    io.Writer
	Logger *slog.Logger // required
	Now    core.Clock   // required
	// Random gives a number from 0 to below 1, which sampling goes by; nil: a random
	// one.
	Random func() float64
}

// Shadow asks a second time what clients ask. It is the handler around a gateway,
// and the relay that the gateway's dialects are made with. It is safe for
// concurrent use.
type Shadow struct {
	options Options
	next    http.Handler
	set     atomic.Pointer[laneSet]
	via     string // what requests to peers have passed
	found   *findings
	metrics *metrics
	known   known
	room    room

	comparing sync.Mutex // held by what looks at answers
	changing  sync.Mutex // held by what replaces set
	ended     bool
}

// laneKey is what a request is known to be a rule's by.
type laneKey struct {
	tenant  string
	dialect core.DialectName
}

// laneSet is the lanes of one configuration.
type laneSet struct {
	config    *Config
	lanes     map[laneKey]*lane
	strangers map[core.DialectName]*lane
	dialects  map[core.DialectName]bool // that have a lane
	peers     map[core.DialectName]bool // that have one in which the peer answers
}

// New makes a shadow. It asks nothing before [Shadow.Serve].
func New(o Options) *Shadow {
	if o.Random == nil {
		o.Random = mathrand.Float64
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	s := &Shadow{options: o, via: "diglot-" + hex.EncodeToString(b[:]), metrics: newMetrics()}
	s.found = newFindings(o, s.metrics)
	return s
}

// Serve gives the handler around the gateway's, which the shadow is the relay of.
func (s *Shadow) Serve(next http.Handler) http.Handler {
	s.next = next
	s.Reload(s.options.Config)
	return http.HandlerFunc(s.serve)
}

// Reload goes on with another configuration. What waits for a rule that is as before
// goes on waiting; what waits for another is dropped, and what is asked already is
// asked to its end. Ids of the other side are kept where that is the same.
func (s *Shadow) Reload(c *Config) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.ended {
		return
	}
	before := s.set.Load()
	set := &laneSet{
		config: c, lanes: map[laneKey]*lane{}, strangers: map[core.DialectName]*lane{},
		dialects: map[core.DialectName]bool{}, peers: map[core.DialectName]bool{},
	}
	s.room.most.Store(int64(c.QueueMB) << 20)
	for i := range c.Shadows {
		r := &c.Shadows[i]
		l := before.same(c, r)
		if l == nil {
			l = newLane(s, c, r)
			l.inherit(before)
			l.start()
		}
		set.lanes[r.key()] = l
		set.dialects[r.Dialect] = true
		set.peers[r.Dialect] = set.peers[r.Dialect] || r.Answers == Peer
		if r.UnknownCredentials {
			set.strangers[r.Dialect] = l
		}
		s.options.Logger.Info("shadow", slog.String("tenant", r.Tenant), slog.String("dialect", string(r.Dialect)), slog.String("answers", r.Answers),
			slog.String("peer", r.base.Host), slog.String("writes", r.Writes), slog.Bool("own_credential", r.credential != ""))
	}
	s.found.limit(int64(c.LogMB) << 20)
	s.set.Store(set)
	s.metrics.lengthOf(set.waiting)
	before.each(func(l *lane) {
		if set.lanes[l.rule.key()] != l {
			l.stop()
		}
	})
}

// Close gives what waits a grace to be asked, drops the rest, and gives how many
// requests were still asked when it gave up on them.
func (s *Shadow) Close(grace time.Duration) (abandoned int) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.ended = true
	set := s.set.Load()
	until := time.Now().Add(grace)
	settled := func() bool { return set.pending() == 0 }
	waitFor(settled, until)
	set.each(func(l *lane) { l.stop(); l.abandon() })
	waitFor(settled, time.Now().Add(grace))
	return set.pending()
}

// waitFor waits until something is so, or it is too late.
func waitFor(so func() bool, until time.Time) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() && time.Now().Before(until) {
		<-tick.C
	}
}

// Recent writes what was found last, a line of JSON each, without values and
// bodies.
func (s *Shadow) Recent(w io.Writer) error { return s.found.recent(w) }

// same gives the lane of a rule that another configuration has too, nil where it
// would work otherwise.
func (set *laneSet) same(c *Config, r *Rule) *lane {
	if set == nil || c.Queue != set.config.Queue || c.Workers != set.config.Workers || !slices.Equal(c.allowed, set.config.allowed) {
		return nil
	}
	if l := set.lanes[r.key()]; l != nil && reflect.DeepEqual(l.rule, r) {
		return l
	}
	return nil
}

func (set *laneSet) each(do func(*lane)) {
	if set == nil {
		return
	}
	for _, l := range set.lanes {
		do(l)
	}
}

// waiting is how many requests wait to be asked.
func (set *laneSet) waiting() (n int) {
	set.each(func(l *lane) { n += len(l.queue) })
	return n
}

// pending is how many wait or are asked.
func (set *laneSet) pending() (n int) {
	set.each(func(l *lane) { n += int(l.pending.Load()) })
	return n
}

// of gives the lane of a request; nil: it has none.
func (set *laneSet) of(dialect string, who *core.Principal) *lane {
	if who == nil {
		return set.strangers[core.DialectName(dialect)]
	}
	return set.lanes[laneKey{who.Tenant.Name, core.DialectName(dialect)}]
}

type exchangeKey struct{}

func (s *Shadow) serve(w http.ResponseWriter, r *http.Request) {
	set := s.set.Load()
	if s.isLoop(r.Header) {
		s.answerLoop(w, r)
		return
	}
	if !set.dialects[gateway.DialectAt(r.URL.Path)] {
		s.next.ServeHTTP(w, r)
		return
	}
	x := &exchange{ResponseWriter: w, set: set, at: s.options.Now(), original: r, body: tee{ReadCloser: r.Body}}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	r.Body = &x.body
	s.next.ServeHTTP(x, r)
	x.end()
}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// Unrouted implements [dialects.Relay].
func (s *Shadow) Unrouted(r *http.Request) bool {
	x := exchangeOf(r)
	return x != nil && x.set.peers[gateway.DialectAt(r.URL.Path)]
}

// Relay implements [dialects.Relay].
func (s *Shadow) Relay(w http.ResponseWriter, c *dialects.Call, refused error) (answered bool, failed error) {
	x := exchangeOf(c.Request)
	if hasDots(c.Request.URL.Path) { // a peer could take it for another path than was judged here
		return false, nil
	}
	if x == nil { // it is a shadow's own, or nobody's
		return false, nil
	}
	l := x.set.of(c.Dialect, c.Who)
	if c.Who == nil && isAway(refused) {
		l = x.set.lanes[s.known.of(c)] // never the strangers': any tenant's key would go there
		if l == nil && x.set.peers[core.DialectName(c.Dialect)] {
			return false, errNobodyKnown
		}
	}
	if l == nil || c.Who == nil && l.rule.Answers != Peer {
		return false, nil
	}
	x.call, x.requestID = c, x.Header().Get(dialects.RequestIDHeader)
	l.watch(x)
	if l.rule.Answers != Peer {
		return false, nil
	}
	if c.Who != nil {
		s.known.note(c, l.rule.key())
	}
	return l.relay(w, x)
}
