package dialecttest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// Asked is what decides by which of a dialect's documents a request is answered.
type Asked struct {
	Header   http.Header
	Status   int                 // of the answer
	Revision core.RefoldRevision // of the case's tenants
}

// document gives the one that an answer is held to; nil: the dialect has none.
func (d Dialect) document(a Asked) *openapitest.Document {
	switch {
	case len(d.Documents) == 0:
		return nil
	case d.Document == nil:
		return d.Documents[0]
	}
	return d.Document(a)
}

// check holds an answer to its document.
func (c *Client) check(t testing.TB, r *http.Request, reply Reply) {
	t.Helper()
	header := http.Header{}
	for name, values := range r.Header { // which were sent as they were written
		header[http.CanonicalHeaderKey(name)] = values
	}
	d := c.dialect.document(Asked{header, reply.Status, c.world.Acme.RefoldRevision})
	if d == nil {
		return
	}
	x := openapitest.Exchange{Method: r.Method, URL: r.URL, Status: reply.Status, Header: reply.Header, Body: reply.Body}
	if r.GetBody != nil {
		body, err := r.GetBody()
		require.NoError(t, err)
		x.RequestBody = readAll(t, body)
	}
	_, err := d.Check(x)
	require.NoError(t, err)
}

// recorded is an exchange as a case's file has it.
type recorded struct {
	name     string // of the case
	golden   string // and which step
	exchange openapitest.Exchange
	request  openapitest.Request
	asked    Asked
}

// recordings gives every exchange of the goldens, but of those whose answers
// are marked as a known gap: those are not what comes. Requests keep their
// placeholders, so that their bodies are not those of the exchange.
func recordings(t *testing.T) []recorded {
	t.Helper()
	var all []recorded
	for _, name := range Cases(t) {
		g := readGolden(t, filepath.Join("testdata", filepath.FromSlash(name)+".txtar"))
		if g.knownGap != "" {
			continue
		}
		revision := core.RefoldLegacy
		if slices.Contains(g.given, v3Tenants) {
			revision = core.RefoldV3
		}
		for i, s := range g.steps {
			r := recorded{name: name, golden: fmt.Sprintf("%s, step %d", name, i+1)}
			head, sent, _ := strings.Cut(s.request, "\n\n")
			line, lines, _ := strings.Cut(head, "\n")
			method, target, _ := strings.Cut(line, " ")
			u, err := url.ParseRequestURI(target)
			require.NoError(t, err, r.golden)
			head, body, _ := strings.Cut(s.response, "\n\n")
			status, answered, _ := strings.Cut(head, "\n")
			n, err := strconv.Atoi(status)
			require.NoError(t, err, r.golden)
			r.exchange = openapitest.Exchange{Method: method, URL: u, Status: n, Header: headerOf(answered), Body: []byte(body)}
			r.asked = Asked{headerOf(lines), n, revision}
			r.request = openapitest.Request{Query: u.Query(), Header: r.asked.Header, Body: readable(sent)}
			all = append(all, r)
		}
	}
	return all
}

var (
	unreadable = regexp.MustCompile(`\$(BOM|FF)\b`)
	unquoted   = regexp.MustCompile(`([\[:,]\s*)\$(?:NEST\d+|\d+(?:\.\w+)+)`)
)

// readable is a body with placeholders as JSON: those within a string stay.
func readable(body string) []byte {
	return []byte(unquoted.ReplaceAllString(unreadable.ReplaceAllString(body, ""), "${1}0"))
}

func headerOf(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		h.Add(name, value)
	}
	return h
}

// Contract holds the dialect's documents, its routes, its goldens and
// contract.txt to each other:
//
//   - the documents have the routes that are served, and no others;
//   - every golden exchange is one of its document;
//   - a golden reproduces each documented status, but the exempt ones: by
//     name, with the reason why no golden can;
//   - a golden has each member that an answer is documented to have;
//   - a golden's request that succeeds has each parameter of a query and each
//     member of a body that is documented, and each header;
//   - and it has no others, but those that its case says are undeclared;
//   - contract.txt, which was written from the vendor's pages and not from the
//     documents, lists the statuses that are documented or recorded, and no
//     others.
//
// It prints how many of those the goldens reproduce.
func Contract(t *testing.T, d Dialect, exempt map[string]string) {
	t.Helper()
	coverage := map[*openapitest.Document]*openapitest.Coverage{}
	for _, document := range d.Documents {
		coverage[document] = openapitest.NewCoverage(document)
		d.requireRoutes(t, document)
	}
	checked, others, undeclared := 0, 0, undeclaredOf(t)
	for _, r := range recordings(t) {
		document := d.document(r.asked)
		c, err := document.Check(r.exchange)
		require.NoError(t, err, r.golden)
		if c == nil {
			others++
			continue
		}
		checked++
		coverage[document].See(c, r.exchange)
		if c.Status < http.StatusBadRequest {
			coverage[document].SeeRequest(c.Operation, r.request)
		}
		if c.Status < http.StatusMultipleChoices {
			undeclared.see(t, c.Operation, r)
		}
	}
	undeclared.requireAllSeen(t)
	require.Greater(t, checked, 100, "the goldens were found")
	_, _ = fmt.Fprintf(t.Output(), "%d golden exchanges are as documented, %d are of no operation\n", checked, others)
	transcript, exempt := readTranscript(t), maps.Clone(exempt)
	for _, document := range d.Documents {
		requireCovered(t, coverage[document], document, exempt)
		transcript.compare(t, document, coverage[document])
	}
	require.Empty(t, transcript.rows, "in contract.txt, and in no document")
	require.Empty(t, exempt, "exempt, and in no document")
}

// requireRoutes compares what is served with what is documented.
func (d Dialect) requireRoutes(t *testing.T, document *openapitest.Document) {
	t.Helper()
	kit, ok := d.Handler(NewWorld(t, d.Name, d.NewStore(), Setting{})).(*dialects.Kit)
	require.True(t, ok, "the dialect is a kit")
	var served, documented []string
	for _, s := range kit.Served() {
		served = append(served, s.String()+" "+s.Name)
	}
	for _, o := range document.Operations {
		documented = append(documented, o.Method+" "+o.Path+" "+o.ID)
	}
	require.ElementsMatch(t, served, documented, "the routes and %s", document.Name)
}

func requireCovered(t *testing.T, v *openapitest.Coverage, document *openapitest.Document, exempt map[string]string) {
	t.Helper()
	for _, c := range document.Cases() {
		reason, isExempt := exempt[c.String()]
		delete(exempt, c.String())
		if isExempt {
			require.NotEmpty(t, reason, c)
			require.Zero(t, v.Seen(c), "%s is exempt and has a golden: %s", c, reason)
			require.False(t, c.Known(), "%s is known and has to be reproduced", c)
		} else if v.Seen(c) == 0 {
			t.Errorf("%s is documented and no golden reproduces it", c)
		}
	}
	for _, m := range v.MissingMembers() {
		t.Errorf("%s is documented and no golden has it", m)
	}
	for _, m := range v.MissingInputs() {
		t.Errorf("%s is documented and no golden that succeeds sends it", m)
	}
}
