package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// Every route that the routers serve is asked with every kind of credential.
// What is nobody's is refused in one way, byte for byte; what is another
// tenant's finds what is not there; neither changes or shows anything.
func TestEveryRouteIsClosedToEveryCredentialButItsTenants(t *testing.T) {
	t.Parallel()
	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		t.Run(string(revision), func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(t *testing.T, g *inProcess) {
				w := newFenced(t, g, revision)
				for _, r := range g.routes(t, revision) {
					if revision == core.RefoldLegacy || r.dialect == core.Refold { // the other dialect has one
						w.ask(t, &r)
					}
				}
				w.askForNothing(t)
				a, err := try(ofTenant(t.Context(), revision), http.MethodGet, g.url+refoldServers, "", bearer(w.token)...)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, a.status, "the session lives all the while")
			})
		})
	}
}

// ask sends the route a request by each credential, those that change
// something last.
func (w *fenced) ask(t *testing.T, r *route) {
	t.Helper()
	everybody := append([]core.Tenant{w.acme}, w.neighbors...)
	before := w.snapshots(t, everybody...)
	refused := map[string]string{}
	for _, c := range w.of(r, func(s standing) bool { return s != own && s != foreign }) {
		w.refuses(t, r, &c, refused)
	}
	require.Equal(t, before, w.snapshots(t, everybody...), "%s changes nothing for who is refused", r)
	for _, c := range w.of(r, func(s standing) bool { return s == foreign }) {
		w.isBlind(t, r, &c)
	}
	require.Equal(t, before[:1], w.snapshots(t, w.acme), "%s changes nothing of another tenant's", r)
	before = w.snapshots(t, w.neighbors...)
	for _, c := range w.of(r, func(s standing) bool { return s == own }) {
		w.serves(t, r, &c)
	}
	require.Equal(t, before, w.snapshots(t, w.neighbors...), "%s changes nothing of another tenant's", r)
}

// of gives the dialect's credentials of some standings at a route.
func (w *fenced) of(r *route, wanted func(standing) bool) (some []credential) {
	for _, c := range w.credentials {
		if s, _ := c.standingAt(r); c.dialect == r.dialect && wanted(s) {
			some = append(some, c)
		}
	}
	return some
}

// refusal is how who is refused is told so: documented for the most part, see
// the dialects' READMEs.
var refusals = map[core.DialectName]map[standing]struct {
	status int
	words  string
}{
	core.Refold: {
		bad: {http.StatusUnauthorized, `"http_error_type":"UNAUTHORIZED"`}, absent: {http.StatusNotFound, "Missing API Key"},
		noAccount: {http.StatusNotFound, "Linked account id is required with API Key"},
	},
	core.CometChat: {
		bad: {http.StatusUnauthorized, `"AUTH_ERR_APIKEY_NOT_FOUND"`}, absent: {http.StatusUnauthorized, `"AUTH_ERR_EMPTY_APIKEY"`},
		authOnly: {http.StatusForbidden, `"AUTH_ERR_NO_ACCESS"`}, otherApp: {http.StatusUnauthorized, `"AUTH_ERR_INVALID_APPID"`},
	},
}

// refuses requires that the credential is refused, as others of its standing.
func (w *fenced) refuses(t *testing.T, r *route, c *credential, before map[string]string) {
	t.Helper()
	s, byToken := c.standingAt(r)
	revision := core.RefoldLegacy // of who is not known
	if s == noAccount {
		revision = w.revision
	}
	a := w.send(t, r, c, w.kept, revision)
	want := refusals[r.dialect][s]
	if s == absent && byToken {
		want.status, want.words = http.StatusUnauthorized, "Authorization Token Missing"
	}
	require.Equal(t, want.status, a.status, "%s with %s: %s", r, c.name, a.body)
	require.Contains(t, a.body, want.words, "%s with %s", r, c.name)
	group := fmt.Sprint(s, byToken)
	if _, ok := before[group]; !ok {
		before[group] = a.plain()
	}
	require.Equal(t, before[group], a.plain(), "%s with %s is told from others that are %s", r, c.name, s)
}

// isBlind requires that another tenant's credential finds of acme's records what
// it finds of none.
func (w *fenced) isBlind(t *testing.T, r *route, c *credential) {
	t.Helper()
	a := w.send(t, r, c, w.kept, w.revision)
	if !r.isAbout() {
		require.Less(t, a.status, 300, "%s with %s: %s", r, c.name, a.body)
		return
	}
	require.GreaterOrEqual(t, a.status, 400, "%s with %s: %s", r, c.name, a.body)
	none := w.send(t, r, c, w.nothing, w.revision)
	require.Equal(t, none.plain(), a.plain(), "%s with %s tells what is there", r, c.name)
}

// serves requires that the request would have been served, and that an
// account's token is blind to another account.
func (w *fenced) serves(t *testing.T, r *route, c *credential) {
	t.Helper()
	if _, byToken := c.standingAt(r); byToken && r.isAbout() && strings.Contains(r.Path, "linked_account_id") {
		w.isBlind(t, r, c)
	}
	w.n++
	o := w.records(t, w.acme, fmt.Sprint("fresh-", w.n), secretText)
	if _, byToken := c.standingAt(r); byToken {
		if o.account = c.account; o.account == "" {
			o.account = testAccount
		}
	}
	a := w.send(t, r, c, o, w.revision)
	require.Less(t, a.status, 300, "%s with %s: %s", r, c.name, a.body)
}

// fencedAnswer is what a request was answered, and about what it was.
type fencedAnswer struct {
	reply

	key   string
	about target
}

// plain is all of it but what differs from request to request, the record's
// names and, as keys do, its length.
func (a *fencedAnswer) plain() string {
	r := a.reply
	r.header = r.header.Clone()
	r.header.Del("Content-Length")
	r.header.Del("Etag")
	text := plain(r, a.key)
	for _, name := range a.about.names() {
		text = strings.ReplaceAll(text, name, "…")
	}
	return text
}

// send sends the route's request, GET as HEAD too, and requires that the answer
// shows nothing that the sender may not see.
func (w *fenced) send(t *testing.T, r *route, c *credential, o target, revision core.RefoldRevision) fencedAnswer {
	t.Helper()
	w.n++
	o.n = w.n
	path, body := o.fill(r.Path), o.fill(r.body)
	ctx := ofTenant(t.Context(), revision)
	a := w.exchange(ctx, t, r.Method, path, body, c)
	a.about = o
	s, _ := c.standingAt(r)
	hidden := []string{thiefsText}
	if s != own {
		hidden = append(w.kept.names(), secretText, w.token)
	}
	if s != own && s != foreign {
		hidden = append(hidden, thiefsText)
	}
	var shown strings.Builder
	_ = a.header.Write(&shown) // a builder takes all
	shown.WriteString(a.body)
	for _, text := range hidden {
		if !strings.Contains(path+body, text) && !slices.ContainsFunc(c.lines(), func(line string) bool { return strings.Contains(line, text) }) {
			require.NotContains(t, shown.String(), text, "%s with %s", r, c.name)
		}
	}
	if r.Method == http.MethodGet {
		head := w.exchange(ctx, t, http.MethodHead, path, "", c)
		require.Equal(t, a.status, head.status, "HEAD of %s with %s", r, c.name)
		require.Empty(t, head.body)
	}
	return a
}

// exchange sends a request with the credential's lines as they are written.
func (w *fenced) exchange(ctx context.Context, t *testing.T, method, path, body string, c *credential) fencedAnswer {
	t.Helper()
	header, host, key := http.Header{}, "", ""
	for _, line := range c.lines() {
		if query, ok := strings.CutPrefix(line, "?"); ok {
			path += "?" + query
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Host":
			host = value
		case key == "" && strings.EqualFold(name, "apikey"):
			key = value
			fallthrough
		default:
			header[name] = append(header[name], value)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	req.Header, req.Host = header, host
	r, err := exchange(req)
	require.NoError(t, err, "%s %s with %s", method, path, c.name)
	return fencedAnswer{reply: r, key: key}
}

// askForNothing asks with each credential for what no route serves: nothing of a
// tenant is in the answer.
func (w *fenced) askForNothing(t *testing.T) {
	t.Helper()
	for path, status := range map[string]int{
		"/api/v2/public/application": http.StatusNotImplemented, "/api/v2/public/nothing": http.StatusNotFound,
		"/v3/ai-agents/agent-builder/nothing": http.StatusNotFound,
	} {
		for _, c := range w.credentials {
			a := w.exchange(ofTenant(t.Context(), w.revision), t, http.MethodGet, path, "", &c)
			require.Equal(t, status, a.status, "%s with %s", path, c.name)
			require.NotContains(t, a.body, secretText)
			require.NotContains(t, a.body, w.acme.Refold.OrgID)
		}
	}
}
