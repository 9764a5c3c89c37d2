package testmode

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
)

// maxBody bounds what the controls are sent.
const maxBody = 16 << 20

// control serves one operation; a nil body is answered 204.
type control func(r *http.Request, body []byte) (any, error)

// table is the controls, by method and path below [Prefix].
func (m *Mode) table() map[string]control {
	return map[string]control{
		"GET tenants":                   bare(m.listTenants),
		"POST reset":                    m.postReset,
		"POST seed":                     m.postSeed,
		"GET snapshots":                 bare(m.listSnapshots),
		"PUT snapshots/{name}":          bare(m.putSnapshot),
		"DELETE snapshots/{name}":       bare(m.deleteSnapshot),
		"POST snapshots/{name}/restore": bare(m.postRestore),
		"GET clock":                     bare(m.getClock),
		"PUT clock":                     m.putClock,
		"POST clock/advance":            m.postAdvance,
		"GET ids":                       bare(m.getIDs),
		"PUT ids":                       m.putIDs,
		"GET faults":                    bare(m.getFaults),
		"PUT faults":                    m.putFaults,
		"POST faults":                   m.postFault,
		"DELETE faults":                 bare(m.deleteFaults),
		"GET requests":                  bare(m.listRequests),
		"DELETE requests":               bare(m.deleteRequests),
		"POST requests/verify":          m.postVerify,
	}
}

// Controls gives the controls, by method and path, sorted: "GET /_diglot/clock".
func Controls() []string {
	var all []string
	for pattern := range (&Mode{}).table() {
		method, path, _ := strings.Cut(pattern, " ")
		all = append(all, method+" "+Prefix+path)
	}
	slices.Sort(all)
	return all
}

func (m *Mode) routes() http.Handler {
	mux, paths := http.NewServeMux(), map[string][]string{}
	for pattern, serve := range m.table() {
		method, path, _ := strings.Cut(pattern, " ")
		paths[path] = append(paths[path], method)
		mux.HandleFunc(method+" "+Prefix+path, func(w http.ResponseWriter, r *http.Request) { m.control(w, r, serve) })
	}
	paths[documentName] = []string{http.MethodGet}
	mux.HandleFunc("GET "+Prefix+documentName, func(w http.ResponseWriter, r *http.Request) { gateway.ServeDocument(w, r, openAPI) })
	for path, methods := range paths {
		slices.Sort(methods)
		mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			fail(w, &problem{http.StatusMethodNotAllowed, "the path takes " + strings.Join(methods, ", "), nil})
		})
	}
	none := func(w http.ResponseWriter, _ *http.Request) {
		fail(w, &problem{http.StatusNotFound, "there is no such control; there are " + strings.Join(slices.Sorted(maps.Keys(paths)), ", "), nil})
	}
	mux.HandleFunc(Prefix, none)
	mux.HandleFunc(strings.TrimSuffix(Prefix, "/"), none)
	return mux
}

// sameOrigin lets no page of another site change anything, which a developer's
// browser may have open.
var sameOrigin = http.NewCrossOriginProtection()

func (m *Mode) control(w http.ResponseWriter, r *http.Request, serve control) {
	if err := sameOrigin.Check(r); err != nil {
		fail(w, &problem{http.StatusForbidden, "a page of another origin asks: " + err.Error(), nil})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		fail(w, &problem{http.StatusBadRequest, "the body can't be read: " + err.Error(), nil})
		return
	}
	out, err := serve(r, body)
	m.options.Logger.DebugContext(r.Context(), "control", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Bool("done", err == nil))
	switch {
	case err != nil:
		fail(w, err)
		return
	case out == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if v, ok := out.(Verified); ok && !v.Verified {
		write(w, http.StatusConflict, "application/problem+json", struct {
			admin.Problem
			Verified
		}{problemOf(http.StatusConflict, "such requests came "+strconv.Itoa(v.Count)+" times, not "+v.Wanted, nil), v})
		return
	}
	write(w, http.StatusOK, "application/json", out)
}

// problem is a failure of a control.
type problem struct {
	status int
	detail string
	fields map[string]string // what is wrong with a member, by JSON pointer
}

// Error implements error.
func (p *problem) Error() string { return p.detail }

// titles and types are the admin API's.
var titles = map[int][2]string{
	http.StatusBadRequest:          {"malformed", "The request can't be read"},
	http.StatusForbidden:           {"forbidden", "It is not for this client"},
	http.StatusNotFound:            {"not-found", "There is no such thing"},
	http.StatusMethodNotAllowed:    {"method-not-allowed", "The path doesn't take this method"},
	http.StatusConflict:            {"conflict", "It is refused as things stand"},
	http.StatusUnprocessableEntity: {"invalid", "Values are not acceptable"},
	http.StatusInternalServerError: {"internal", "Something went wrong"},
}

func problemOf(status int, detail string, fields map[string]string) admin.Problem {
	p := admin.Problem{Type: "urn:diglot:problem:" + titles[status][0], Title: titles[status][1], Status: status, Detail: detail}
	for _, pointer := range slices.Sorted(maps.Keys(fields)) {
		p.Errors = append(p.Errors, admin.FieldError{Pointer: pointer, Detail: fields[pointer]})
	}
	return p
}

// fail answers with a problem. All of an error is told: whoever asks runs the tests.
func fail(w http.ResponseWriter, err error) {
	status, fields := http.StatusInternalServerError, map[string]string(nil)
	if p, ok := errors.AsType[*problem](err); ok {
		status, fields = p.status, p.fields
	}
	if e, ok := errors.AsType[*seedError](err); ok {
		status, fields = http.StatusUnprocessableEntity, map[string]string{e.pointer: e.detail}
	}
	switch core.KindOf(err) { //nolint:exhaustive // what controls do fails in these ways
	case core.NotFound:
		status = http.StatusNotFound
	case core.Conflict:
		status = http.StatusConflict
	}
	write(w, status, "application/problem+json", problemOf(status, err.Error(), fields))
}

func write(w http.ResponseWriter, status int, media string, body any) {
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"title":"Something went wrong"}`)
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}

// decode reads a body that must be there; what is unknown in it is refused.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if !jsontext.Value(body).IsValid() {
		return &problem{http.StatusBadRequest, "the body must be one JSON object", nil}
	}
	e, ok := errors.AsType[*seedError](unreadable(err))
	if !ok {
		return err
	}
	return &problem{http.StatusUnprocessableEntity, e.Error(), map[string]string{e.pointer: e.detail}}
}

// bare is a control that takes no body.
func bare(serve control) control {
	return func(r *http.Request, body []byte) (any, error) {
		if len(body) > 0 {
			return nil, &problem{http.StatusBadRequest, "the operation takes no body", nil}
		}
		return serve(r, nil)
	}
}

func (m *Mode) listTenants(r *http.Request, _ []byte) (any, error) {
	found, err := m.backend.Operator.Tenants(r.Context())
	if err != nil {
		return nil, err
	}
	out := []Credentials{}
	for _, t := range found {
		if c, known := m.Credentials(t.Name); known {
			c.Revision = string(t.RefoldRevision)
			out = append(out, c)
		}
	}
	return map[string]any{"tenants": out}, nil
}

func (m *Mode) postReset(r *http.Request, body []byte) (any, error) {
	var in struct {
		Tenant string `json:"tenant"`
	}
	if len(body) > 0 {
		if err := decode(body, &in); err != nil {
			return nil, err
		}
	}
	return nil, m.Reset(r.Context(), in.Tenant)
}

// Reset brings back the start: of everything, clock, ids, faults, journal and
// snapshots' ids too, or of one tenant. Snapshots stay. NotFound, Conflict.
func (m *Mode) Reset(ctx context.Context, tenant string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	if tenant != "" {
		if err := m.state.reset(ctx, tenant); err != nil {
			return err
		}
		m.faults.dropTenant(tenant)
		m.journal.clear(tenant)
		return nil
	}
	m.Clock.Reset()
	m.faults.reset()
	m.journal.clear("")
	return m.state.reset(ctx, "")
}

func (m *Mode) postSeed(r *http.Request, body []byte) (any, error) {
	out, err := m.Seed(r.Context(), body)
	return jsontext.Value(out), err
}

func (m *Mode) listSnapshots(*http.Request, []byte) (any, error) {
	return map[string]any{"snapshots": m.state.snapshots()}, nil
}

func (m *Mode) putSnapshot(r *http.Request, _ []byte) (any, error) {
	return nil, m.Snapshot(r.PathValue("name"))
}

// Snapshot keeps all data under a name, in place of what had it, with the place in
// the row of ids. The clock, faults and the journal are not in it. Conflict where
// things are not kept in memory.
func (m *Mode) Snapshot(name string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	return m.state.snapshot(name)
}

func (m *Mode) deleteSnapshot(r *http.Request, _ []byte) (any, error) {
	return nil, m.DeleteSnapshot(r.PathValue("name"))
}

// DeleteSnapshot forgets what [Mode.Snapshot] kept. NotFound, Conflict.
func (m *Mode) DeleteSnapshot(name string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	return m.state.drop(name)
}

func (m *Mode) postRestore(r *http.Request, _ []byte) (any, error) {
	return nil, m.Restore(r.PathValue("name"))
}

// Restore brings back what [Mode.Snapshot] kept. NotFound, Conflict.
func (m *Mode) Restore(name string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	return m.state.restore(name)
}

// query reads a query that has each of some names once at most.
func query(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, "the query can't be read", nil}
	}
	for name, values := range q {
		if !slices.Contains(known, name) || len(values) > 1 {
			return nil, &problem{http.StatusBadRequest, "the query takes " + strings.Join(known, ", ") + ", each once", nil}
		}
	}
	return q, nil
}
