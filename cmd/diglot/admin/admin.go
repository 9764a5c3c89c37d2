// Package admin is the HTTP API of those who run Diglot: what the program's
// commands do, for programs. It is served on the operations listener, to those
// who have a token. openapi.yaml says what there is.
package admin

import (
	"context"
	"io"
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

// DocumentPath is where the OpenAPI document is, for whoever asks.
const DocumentPath = Prefix + "/openapi.yaml"

// longAtOnce is how many exports may be under way, and beside them how many
// verifications and prunings: they hold some MB each, and a connection at times,
// of those that the other operations need too.
const longAtOnce = 2

var errLong = &failure{kind: unavailable, detail: "as many such operations are under way as may be; ask again when one has ended"}

// patience is how long an operation may take until it is answered 503. It is
// the dialects' patience too.
const patience = 10 * time.Second

// Options are what a handler is made of.
type Options struct {
	Operator *core.Operator
	Tokens   *refold.Tokens // that sessions' tokens are made by
	Admins   *Admins        // who may do something
	Logger   *slog.Logger
	// KeepImagesFor is how long a deleted server can be undeleted, and what changes
	// were from and to is kept; 0: [core.KeepImagesFor].
	KeepImagesFor time.Duration
	// Proxies say in a header whose requests they pass on, for the log.
	Proxies dialects.Proxies
	// Observe is told of each request, as of the dialect "admin"; nil: nobody is.
	Observe func(dialects.Observation)
}

// Handler serves the API. Close it to end what goes on behind it.
type Handler struct {
	Options

	mux       *http.ServeMux
	refused   bucket // of requests without a good token
	deletions deletions
	exports   chan struct{} // has one for each that is under way
	checks    chan struct{} // likewise of what else lasts a while
}

// New makes a handler.
func New(o Options) *Handler {
	if o.KeepImagesFor == 0 {
		o.KeepImagesFor = core.KeepImagesFor
	}
	h := &Handler{
		Options: o, mux: http.NewServeMux(), refused: newBucket(),
		exports: make(chan struct{}, longAtOnce), checks: make(chan struct{}, longAtOnce),
	}
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
	takes        takes
	do           func(*request) (reply, error)
}

// takes is what an operation is asked beside its path, and how.
type takes uint

const (
	aPage    takes = 1 << iota // limit and after
	aBody                      // a JSON object
	filters                    // which changes
	aHead                      // head
	deleted                    // deleted
	aWhile                     // it may last as long as the client waits, and ends when that leaves
	anExport                   // aWhile, and as long as the client takes to read
)

// parameters are those of the query.
var parameters = map[takes][]string{
	aPage:   {"limit", "after"},
	filters: {"since", "until", "actor_kind", "actor", "dialect", "request_id", "action", "noun", "record"},
	aHead:   {"head"},
	deleted: {"deleted"},
	aBody:   nil,
	aWhile:  nil,
	// No operation has this one alone.
	anExport: nil,
}

// reply is an answer to a request that succeeded.
type reply struct {
	status int
	body   any // nil: none
	// location is where what was made is found, below Prefix; empty: nowhere.
	location string
	next     string // the cursor of the next page; empty: none
	// stream writes JSON lines in place of body; nil: there are none.
	stream func(io.Writer) error
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
		servers  = tenant + "/servers"
		server   = servers + "/{mcp_server}"
		signing  = "/signing-keys"
		audit    = "/audit"
	)
	return []route{
		{http.MethodGet, tenants, "list_tenants", aPage, h.listTenants},
		{http.MethodPost, tenants, "create_tenant", aBody, h.createTenant},
		{http.MethodGet, tenant, "get_tenant", 0, h.getTenant},
		{http.MethodPatch, tenant, "update_tenant", aBody, h.updateTenant},
		{http.MethodDelete, tenant, "delete_tenant", 0, h.deleteTenant},
		{http.MethodPost, tenant + "/suspend", "suspend_tenant", 0, h.suspendTenant},
		{http.MethodPost, tenant + "/resume", "resume_tenant", 0, h.resumeTenant},

		{http.MethodGet, keys, "list_keys", aPage, h.listKeys},
		{http.MethodPost, keys, "create_key", aBody, h.createKey},
		{http.MethodPost, keys + "/import", "import_keys", aBody, h.importKeys},
		{http.MethodGet, key, "get_key", 0, h.getKey},
		{http.MethodPost, key + "/rotate", "rotate_key", aBody, h.rotateKey},
		{http.MethodDelete, key, "revoke_key", 0, h.revokeKey},

		{http.MethodGet, accounts, "list_accounts", aPage, h.listAccounts},
		{http.MethodPost, accounts, "create_account", aBody, h.createAccount},
		{http.MethodGet, account, "get_account", 0, h.getAccount},
		{http.MethodDelete, account, "delete_account", 0, h.deleteAccount},

		{http.MethodGet, sessions, "list_sessions", aPage, h.listSessions},
		{http.MethodPost, sessions, "create_session", aBody, h.createSession},
		{http.MethodDelete, sessions, "revoke_sessions", 0, h.revokeSessions},
		{http.MethodDelete, session, "revoke_session", 0, h.revokeSession},

		{http.MethodGet, signing, "list_signing_keys", 0, h.listSigningKeys},
		{http.MethodPost, signing + "/rotate", "rotate_signing_key", 0, h.rotateSigningKey},
		{http.MethodPost, signing + "/{signing_key}/retire", "retire_signing_key", 0, h.retireSigningKey},
		{http.MethodGet, servers, "list_servers", aPage | deleted, h.listServers},
		{http.MethodGet, server + "/history", "list_server_history", aPage, h.listServerHistory},
		{http.MethodPost, server + "/revert", "revert_server", aBody, h.revertServer},
		{http.MethodPost, server + "/undelete", "undelete_server", 0, h.undeleteServer},
		{http.MethodGet, tenant + audit, "list_changes", aPage | filters, h.listChanges},
		{http.MethodGet, tenant + audit + "/verify", "verify_changes", aHead | aWhile, h.verifyChanges},
		{http.MethodGet, tenant + audit + "/export", "export_changes", filters | aWhile | anExport, h.exportChanges},
		{http.MethodGet, audit, "list_installation_changes", aPage | filters, h.listChanges},
		{http.MethodGet, audit + "/verify", "verify_installation_changes", aHead | aWhile, h.verifyChanges},
		{http.MethodGet, audit + "/export", "export_installation_changes", filters | aWhile | anExport, h.exportChanges},
		{http.MethodPost, audit + "/prune", "prune_changes", aBody | aWhile, h.pruneChanges},
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
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	if r.URL.Path == DocumentPath {
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
	if to.takes&aWhile != 0 {
		lane := h.checks
		if to.takes&anExport != 0 {
			lane = h.exports
		}
		select {
		case lane <- struct{}{}:
			defer func() { <-lane }()
		default:
			x.fail(errLong)
			return
		}
		x.unhurried()
	} else {
		// What was begun is ended, though the client leaves.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
		defer cancel()
		r = r.WithContext(ctx)
	}
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
	if answer.stream != nil {
		x.stream(answer.stream)
		return
	}
	if answer.body == nil {
		x.WriteHeader(answer.status)
		return
	}
	x.write(answer.status, "application/json", answer.body)
}
