// Package admin is the HTTP API of those who run Diglot: what the program's
// commands do, for programs. It is served on the operations listener, to those
// who have a token. openapi.yaml says what there is.
package admin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
)

// Prefix begins the path of every operation.
const Prefix = "/admin/v1"

// documentPath is where the OpenAPI document is, for whoever asks.
const documentPath = Prefix + "/openapi.yaml"

// patience is how long an operation may take until it is answered 503. It is
// the dialects' patience too.
const patience = 10 * time.Second

// Options are what a handler is made of.
type Options struct {
	Operator *core.Operator
	Tokens   *refold.Tokens // that sessions' tokens are made by
	Admins   *Admins        // who may do something
	Logger   *slog.Logger
	// Observe is told of each request, as of the dialect "admin"; nil: nobody is.
	Observe func(dialects.Observation)
}

// Handler serves the API. Close it to end what goes on behind it.
type Handler struct {
	Options

	mux       *http.ServeMux
	refused   bucket // of requests without a good token
	deletions deletions
}

// New makes a handler.
func New(o Options) *Handler {
	h := &Handler{Options: o, mux: http.NewServeMux(), refused: newBucket()}
	h.deletions.begin(h.Operator, h.Logger)
	for _, r := range h.routes() {
		h.mux.HandleFunc(r.method+" "+Prefix+r.path, func(w http.ResponseWriter, req *http.Request) {
			x := exchangeOf(req.Context())
			x.operation, x.tenant = r.operation, req.PathValue("tenant")
			h.serve(w, req, &r)
		})
	}
	return h
}

// Close ends deletions of tenants that are under way and waits until they have.
func (h *Handler) Close() error {
	h.deletions.close()
	return nil
}

// route is an operation: its request and what answers it.
type route struct {
	method, path string
	operation    string // as the document names it
	pages        bool   // takes limit and after
	body         bool   // takes a JSON object
	do           func(*request) (reply, error)
}

// reply is an answer to a request that succeeded.
type reply struct {
	status int
	body   any // nil: none
	// location is where what was made is found, below Prefix; empty: nowhere.
	location string
	next     string // the cursor of the next page; empty: none
}

func (h *Handler) routes() []route {
	const (
		tenants  = "/tenants"
		tenant   = tenants + "/{tenant}"
		keys     = tenant + "/keys"
		key      = keys + "/{key}"
		accounts = tenant + "/accounts"
		account  = accounts + "/{account}"
		sessions = account + "/sessions"
		session  = sessions + "/{session}"
		signing  = "/signing-keys"
	)
	return []route{
		{http.MethodGet, tenants, "list_tenants", true, false, h.listTenants},
		{http.MethodPost, tenants, "create_tenant", false, true, h.createTenant},
		{http.MethodGet, tenant, "get_tenant", false, false, h.getTenant},
		{http.MethodPatch, tenant, "update_tenant", false, true, h.updateTenant},
		{http.MethodDelete, tenant, "delete_tenant", false, false, h.deleteTenant},
		{http.MethodPost, tenant + "/suspend", "suspend_tenant", false, false, h.suspendTenant},
		{http.MethodPost, tenant + "/resume", "resume_tenant", false, false, h.resumeTenant},

		{http.MethodGet, keys, "list_keys", true, false, h.listKeys},
		{http.MethodPost, keys, "create_key", false, true, h.createKey},
		{http.MethodPost, keys + "/import", "import_keys", false, true, h.importKeys},
		{http.MethodGet, key, "get_key", false, false, h.getKey},
		{http.MethodPost, key + "/rotate", "rotate_key", false, true, h.rotateKey},
		{http.MethodDelete, key, "revoke_key", false, false, h.revokeKey},

		{http.MethodGet, accounts, "list_accounts", true, false, h.listAccounts},
		{http.MethodPost, accounts, "create_account", false, true, h.createAccount},
		{http.MethodGet, account, "get_account", false, false, h.getAccount},
		{http.MethodDelete, account, "delete_account", false, false, h.deleteAccount},

		{http.MethodGet, sessions, "list_sessions", true, false, h.listSessions},
		{http.MethodPost, sessions, "create_session", false, true, h.createSession},
		{http.MethodDelete, sessions, "revoke_sessions", false, false, h.revokeSessions},
		{http.MethodDelete, session, "revoke_session", false, false, h.revokeSession},

		{http.MethodGet, signing, "list_signing_keys", false, false, h.listSigningKeys},
		{http.MethodPost, signing + "/rotate", "rotate_signing_key", false, false, h.rotateSigningKey},
		{http.MethodPost, signing + "/{signing_key}/retire", "retire_signing_key", false, false, h.retireSigningKey},
	}
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{id: core.NewUUID(), operation: "none", start: time.Now(), ResponseWriter: w}
	defer h.finish(r, x)
	header := x.Header()
	header.Set("X-Request-Id", x.id)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	// What was begun is ended, though the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if r.URL.Path == documentPath {
		serveDocument(x, r)
		return
	}
	operator, err := h.authenticate(r)
	if err != nil {
		x.fail(err)
		return
	}
	x.operator = operator
	actor := &core.Actor{Kind: core.OperatorActor, ID: operator, RequestID: x.id}
	h.route(x, r.WithContext(core.WithActor(r.Context(), actor)))
}

// route answers what no operation takes as the API answers failures: the mux
// would do so in plain text, and send a path that is not clean elsewhere.
func (h *Handler) route(x *exchange, r *http.Request) {
	escaped := r.URL.EscapedPath()
	if _, pattern := h.mux.Handler(r); pattern != "" && path.Clean(escaped) == escaped {
		h.mux.ServeHTTP(x, r)
		return
	}
	refusal := &refusal{header: http.Header{}}
	if path.Clean(escaped) == escaped {
		handler, _ := h.mux.Handler(r)
		handler.ServeHTTP(refusal, r)
	}
	if allow := refusal.header.Get("Allow"); refusal.status == http.StatusMethodNotAllowed && allow != "" {
		x.Header().Set("Allow", allow)
		x.fail(&failure{kind: methodNotAllowed, detail: "the path takes " + allow})
		return
	}
	x.fail(&failure{kind: notFound, detail: "no operation has this path"})
}

// refusal hears what the mux says of a request that it has no pattern for.
type refusal struct {
	header http.Header
	status int
}

func (w *refusal) Header() http.Header            { return w.header }
func (w *refusal) Write(text []byte) (int, error) { return len(text), nil }
func (w *refusal) WriteHeader(status int)         { w.status = status }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, to *route) {
	x := exchangeOf(r.Context())
	req, err := readRequest(w, r, to)
	if err != nil {
		x.fail(err)
		return
	}
	answer, err := to.do(req)
	if err != nil {
		x.fail(err)
		return
	}
	if answer.location != "" {
		x.Header().Set("Location", Prefix+answer.location)
	}
	if answer.next != "" {
		next := *r.URL
		q := next.Query()
		q.Set("after", answer.next)
		next.RawQuery = q.Encode()
		x.Header().Set("Link", "<"+next.RequestURI()+`>; rel="next"`)
	}
	if answer.body == nil {
		x.WriteHeader(answer.status)
		return
	}
	x.write(answer.status, "application/json", answer.body)
}

// exchange is a request on its way to its answer.
type exchange struct {
	http.ResponseWriter

	id, operation, operator, tenant string
	start                           time.Time
	status                          int
	err                             error // why it failed, for the log
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(status int) {
	x.status = status
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) write(status int, contentType string, body any) {
	x.Header().Set("Content-Type", contentType)
	x.WriteHeader(status)
	e := json.NewEncoder(x)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client may be gone
}

// finish logs and measures a request. Nothing of a token, a query or a body is
// logged. Who only tries tokens fills no log.
func (h *Handler) finish(r *http.Request, x *exchange) {
	took := time.Since(x.start)
	if h.Observe != nil {
		h.Observe(dialects.Observation{Dialect: "admin", Operation: x.operation, Status: x.status, Duration: took})
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", x.id), slog.String("operation", x.operation), slog.String("operator", x.operator),
		slog.String("tenant", x.tenant), slog.String("method", r.Method), slog.Int("status", x.status),
		slog.Int64("duration_us", took.Microseconds()),
	}
	switch {
	case x.status >= http.StatusInternalServerError:
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", x.err.Error()))
	case x.status == http.StatusTooManyRequests:
		level = slog.LevelDebug
	}
	h.Logger.LogAttrs(r.Context(), level, "admin request", attrs...)
}
