// Package dialects is the HTTP kit that every dialect's adapter is built on:
// routing, credentials, request ids, bodies, panics, the access log. It knows
// no vendor's wire format; a dialect gives it the words.
//
// The web framework is used in this file alone.
package dialects

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/diglot/diglot/core"
)

// Options is what a dialect takes from the process that runs it.
type Options struct {
	// Logger gets one line a request. Required.
	Logger *slog.Logger
	// Observe is told of each finished request; nil: nobody is.
	Observe func(Observation)
	// Patience is how long a request waits for what it asks of core, before it is
	// answered that the service is unavailable; 0: 10 seconds.
	Patience time.Duration
	// NewRequestID makes a UUID for each request; nil: random ones.
	NewRequestID func() string
	// Limits hold for tenants that have none of their own; nil members: any number,
	// and bodies of [core.DefaultMaxBytes].
	Limits core.Limits
	// Proxies say in a header whose requests they pass on, for the log.
	Proxies Proxies
	// Slots are shared by dialects whose requests count together; nil: by none.
	Slots *Slots
	// Bodies is memory for bodies, shared by dialects; nil: as much as they take.
	Bodies *Bodies
	// Answers is memory for answers, shared by dialects; nil: as much as they take.
	Answers *Answers
	// Interceptor is asked of each request; nil, as in production: nobody is.
	Interceptor Interceptor
	// Relay may have requests be answered elsewhere; nil: nobody is asked.
	Relay Relay
}

// Observation is what is measured of a request.
type Observation struct {
	Dialect   string
	Operation string // the route's name, "none" when no route matched, "unserved" when the vendor has one
	Status    int
	Duration  time.Duration
	Refused   string // the limit that it was refused for: rate, burst, concurrency, body, body_memory, answer_memory, servers; else empty
}

// Adapter is what makes a kit a dialect.
type Adapter struct {
	// Name is how logs and metrics name the dialect.
	Name string
	// Authenticate finds who sends the request. Beside a failure it gives whose
	// credential it is, where it came to know that.
	Authenticate func(context.Context, *http.Request) (*core.Principal, error)
	// Check says why a client that is known and was let in may not go on after all,
	// where the store has to be asked for that; nil: it always may.
	Check func(context.Context, *http.Request, *core.Principal) error
	// Vendor is what the dialect's vendor documents of limits.
	Vendor core.Limits
	// Tell sets the headers that say what is left of a tenant's minute, or that a
	// request was refused; nil: there are none. Where no rate is limited it isn't
	// called.
	Tell func(h http.Header, q Quota, refused bool)
	// Confirm says why the session that a principal acts by lives no more. It is
	// asked where the store was not, so that who acts by one that has ended is told
	// that and nothing else. A dialect without sessions has none.
	Confirm func(context.Context, *core.Principal) error
	// Kept gives the answer that was kept for a creation; a dialect in which
	// nothing is created once has none.
	Kept func(context.Context, core.TenantID, *core.Once) (core.KeptAnswer, error)
	// Now is what the age of kept answers is judged by.
	Now core.Clock
	// Word gives the status and body of a failure.
	Word func(Failure) (status int, body any)
	// Failure gives the failure that an operation is answered with a status for,
	// where its kind alone does not say all; else nil. See [Call.Failure].
	Failure func(c *Call, status int) error
}

// Failure is a request that failed.
type Failure struct {
	Request   *http.Request
	RequestID string
	Principal *core.Principal // nil: it failed before that was known
	// Err is why. Whatever is not a [core.Error] is here too, and must not be shown.
	Err error
}

// Answer is what a route gives where its status or the type of its body is
// decided from request to request, or where it is about one record.
type Answer struct {
	Status int // 0: the route's
	Body   any // nil: none
	// Version is that of the record which the answer is about; "": of none.
	Version core.Version
	// View tells forms apart in which one version of the record may be read by
	// the same request, in characters that stand in an entity tag but "/".
	View string
}

// Kit serves a dialect's routes.
type Kit struct {
	Adapter

	options   Options
	log       *slog.Logger
	echo      *echo.Echo
	spellings *[]spelling // of each route; see respelled
	refusals  []*refusal  // see Refuse

	admission *admission
}

// RequestIDHeader carries the request's id in every response; it is also in
// the log, and in the body where the dialect puts it there.
const RequestIDHeader = "X-Request-Id"

const defaultPatience = 10 * time.Second

// noOperation names requests that matched no route.
const noOperation = "none"

// New makes a kit without routes.
func New(a Adapter, o Options) *Kit {
	if o.NewRequestID == nil {
		o.NewRequestID = core.NewUUID
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	k := &Kit{Adapter: a, options: o, log: o.Logger.With(slog.String("dialect", a.Name)), echo: echo.New(), spellings: new([]spelling), admission: newAdmission(o, a.Vendor)}
	k.echo.IPExtractor = o.Proxies.Client // without one, it believes headers of anybody
	k.echo.HTTPErrorHandler = func(err error, c echo.Context) {
		if he, ok := errors.AsType[*echo.HTTPError](err); ok && (he.Code == http.StatusNotFound || he.Code == http.StatusMethodNotAllowed) {
			c.Response().Header().Del(echo.HeaderAllow) // of a path's other methods: neither vendor's stack sends it
			if other := k.respelled(c.Request()); other != nil {
				k.echo.ServeHTTP(c.Response().Writer, other)
				return
			}
			if err = k.noRoute(c.Response(), c.Request()); err == nil {
				return
			}
		}
		k.fail(c.Response(), c.Request(), err)
	}
	return k
}

// With gives the kit with another way to find who sends a request: for routes
// that take other credentials than the rest, and are checked no further.
func (k *Kit) With(authenticate func(context.Context, *http.Request) (*core.Principal, error)) *Kit {
	other := *k
	other.Authenticate, other.Check = authenticate, nil
	return &other
}

// binder is a request struct that fills itself from a request.
type binder[In any] interface {
	*In
	Bind(*Request) error
}

// Create is Route for an operation that creates: with the header Idempotency-Key
// it does so once. Its call says how it will answer ([Keep]).
func Create[In, Out any, B binder[In]](
	k *Kit, path, operation string, status int, call func(context.Context, *core.Principal, In) (*Out, error),
) {
	route[In, Out, B](k, http.MethodPost, path, operation, status, true, call)
}

// Route serves an operation: who is it, read the request, one call, answer
// with the status and what the call gave. A nil answer has no body, an
// [Answer] may have a status of its own. A GET route answers HEAD too.
func Route[In, Out any, B binder[In]](
	k *Kit, method, path, operation string, status int,
	call func(context.Context, *core.Principal, In) (*Out, error),
) {
	route[In, Out, B](k, method, path, operation, status, false, call)
}

func route[In, Out any, B binder[In]](
	k *Kit, method, path, operation string, status int, creates bool,
	call func(context.Context, *core.Principal, In) (*Out, error),
) {
	h := func(c echo.Context) error {
		r := c.Request()
		if !wholeSegments(c.ParamValues()) {
			return echo.ErrNotFound
		}
		state := callOf(r)
		state.operation = operation
		ctx, cancel := k.within()
		defer func() { cancel() }()
		who, err := k.Authenticate(ctx, r)
		state.who = who
		if k.options.Interceptor != nil {
			k.options.Interceptor.Note(k.call(r, state, c.Param))
		}
		if k.options.Relay != nil {
			if answered, failed := k.options.Relay.Relay(c.Response(), k.call(r, state, c.Param), err); answered || failed != nil {
				return failed
			}
		}
		var (
			allowed allowance
			tenant  core.TenantID
		)
		if who != nil {
			allowed, tenant = k.admission.of(who.Tenant), who.Tenant.ID
			var refused error
			if state.slot, refused = k.admit(c.Response().Header(), who, allowed); refused != nil {
				return refused
			}
			defer state.leave()
		}
		if k.options.Interceptor != nil {
			if err := k.intercept(c.Response().Header(), r, state, c.Param, allowed); err != nil {
				return err
			}
			cancel() // it may have taken its time
			ctx, cancel = k.within()
		}
		if err == nil && k.Check != nil {
			err = k.Check(ctx, r, who)
		}
		if err != nil {
			return err
		}
		use := useOf(who)
		var once *core.Once
		if creates {
			if once, err = onceOf(r, operation, who, k.Now); err != nil {
				return k.confirmed(who, use, err)
			}
		}
		var in In
		req := Request{
			http: r, param: c.Param, writer: c.Response(), once: once,
			maxBody: int64(allowed.bodyBytes), bodies: k.options.Bodies, tenant: tenant,
		}
		defer req.letGo()
		if err := B(&in).Bind(&req); err != nil {
			return k.confirmed(who, use, err)
		}
		if r.ContentLength != 0 { // its body may have taken all the time there was
			cancel()
			ctx, cancel = k.within()
		}
		ctx = core.WithOnce(core.WithSession(req.metered(ctx, k.options.Answers, method != http.MethodGet), use), once)
		if method != http.MethodGet {
			ctx = core.WithActor(ctx, k.actor(who, state.id))
		}
		out, err := call(ctx, who, in)
		if err != nil && once != nil {
			kept, refused := k.replay(ctx, who, once, err)
			if refused == nil {
				writeKept(c.Response(), r, kept)
				return nil
			}
			err = refused
		}
		if err := k.confirmed(who, use, err); err != nil {
			return err
		}
		if state.body.isLeft(r, maxRestBytes) { // a request that needs none
			state.leave()
			state.body.takeRest(maxRestBytes)
		}
		return answer(c.Response(), r, &req.meter.Meter, status, out)
	}
	methods := []string{method}
	if method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, method := range methods {
		k.echo.Add(method, path, h).Name = operation
		*k.spellings = append(*k.spellings, spelling{method, segmentsOf(path)})
	}
}

// wholeSegments reports whether each parameter is one segment of the path: the
// router gives the last one all that is left, and takes an empty segment for a
// parameter; Express does neither.
func wholeSegments(params []string) bool {
	for _, p := range params {
		if p == "" || strings.Contains(p, "/") {
			return false
		}
	}
	return true
}

// within gives the time that a request has, from now. A client that leaves, or
// closes its half of the connection behind its request, changes nothing: what
// was begun is ended, and answered for whoever still listens.
func (k *Kit) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), k.options.Patience)
}

// answer writes what a call gave.
func answer[Out any](w http.ResponseWriter, r *http.Request, m *core.Meter, status int, out *Out) error {
	if out == nil {
		w.WriteHeader(status)
		return nil
	}
	a, ok := any(out).(*Answer)
	if !ok {
		return writeJSON(w, r, m, status, "", out)
	}
	if a.Status != 0 {
		status = a.Status
	}
	if a.Body == nil {
		w.WriteHeader(status)
		return nil
	}
	return writeJSON(w, r, m, status, tagOf(w, r, a.Version, a.View), a.Body)
}

// ServeHTTP implements [http.Handler].
func (k *Kit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now() //nolint:forbidigo // a duration is measured, not a time stored
	s := &state{id: k.options.NewRequestID(), sent: r.URL, operation: noOperation}
	w.Header()[RequestIDHeader] = []string{s.id}
	rec := &recorder{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), stateKey{}, s))
	s.body.of(r)
	trimTrailingSlash(r)
	defer func() {
		p := recover()
		s.brokenOff = p == http.ErrAbortHandler //nolint:errorlint // the very value is the signal
		if p != nil && !s.brokenOff {
			k.panicked(rec, r, p)
		}
		k.finish(r, rec.status, s, time.Since(start))
		if s.brokenOff {
			panic(p)
		}
	}()
	allowOrigins(w.Header())
	if isPreflight(r) {
		s.operation = "preflight"
		s.takeRest(r)
		answerPreflight(rec, r)
		return
	}
	k.echo.ServeHTTP(rec, r)
}

// trimTrailingSlash makes "/x/" mean "/x", as both vendors' stacks do. The
// request is the kit's own copy, its URL is not.
func trimTrailingSlash(r *http.Request) {
	if len(r.URL.Path) > 1 && strings.HasSuffix(r.URL.EscapedPath(), "/") {
		u := *r.URL
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
		r.URL = &u
	}
}

func (k *Kit) panicked(rec *recorder, r *http.Request, p any) {
	s := callOf(r)
	k.log.LogAttrs(r.Context(), slog.LevelError, "panic",
		append(PanicAttrs(p), slog.String("request_id", s.id), slog.String("operation", s.operation))...)
	if rec.status == 0 {
		k.fail(rec, r, &core.Error{Kind: core.Internal, Message: "panic"})
	}
}

// fail answers with a failure, in the dialect's words, when nothing more of the
// request comes.
func (k *Kit) fail(w http.ResponseWriter, r *http.Request, err error) {
	s := callOf(r)
	s.err = err
	s.takeRest(r)
	if errors.Is(err, context.DeadlineExceeded) && core.KindOf(err) == core.Internal {
		err = &core.Error{Kind: core.Unavailable, Noun: "service", Message: "it took too long", Err: err}
	}
	if core.KindOf(err) == core.Unavailable || errors.Is(err, errAnswerShare) {
		w.Header().Set("Retry-After", "1") // seconds
	}
	status, body := k.Word(Failure{Request: r, RequestID: s.id, Principal: s.who, Err: err})
	if err := writeJSON(w, r, nil, status, "", body); err != nil {
		s.err = errors.Join(s.err, err)
		w.WriteHeader(http.StatusInternalServerError) // without words, but no success
	}
}
