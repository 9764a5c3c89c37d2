package dialecttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// Fuzz asks a dialect for what one of its documents has, by bytes that a
// fuzzer chooses: each input is a world of its own and some requests in it,
// over TCP.
type Fuzz struct {
	Dialect  Dialect
	Document *openapitest.Document
	Given    []string // fixtures
	// Sometimes are fixtures that an input may ask for, one of them.
	Sometimes []string
	// Known says which members of answers a parameter, or a member of a body, is
	// the name of, so that requests are about what is there.
	Known map[string][]string
	// Own are the header lines of acme's credentials, Others the other tenant's,
	// Bad those of nobody.
	Own, Others, Bad []string
	// Lenient are the operations that overlook what they do not use, so that a
	// body which the document does not have may be taken: why, by operation.
	Lenient map[string]string
	// Failures are the answers of 500 or more that the vendor itself documents
	// for what a client sends, by document and operation: what their whole
	// message is like.
	Failures map[string]*regexp.Regexp
}

// maxFuzzRequests bounds what one input asks for.
const maxFuzzRequests = 24

// What only one tenant may ever read.
const (
	ownMarker     = "Marked for acme alone"
	foreignMarker = "Marked for the other alone"
)

// Run is the target's body. Its seeds ask for each operation by each tenant's
// credentials, and for anything else at random.
func (z Fuzz) Run(f *testing.F) {
	for _, seed := range z.seeds() {
		f.Add(seed)
	}
	d := z.start(f)
	f.Fuzz(func(t *testing.T, input []byte) { d.play(t, input) })
}

// RequireReach fails where the seeds don't get a success of each operation and
// a failure of each: then the target looks at less than it says.
func (z Fuzz) RequireReach(t *testing.T) {
	t.Helper()
	d := z.start(t)
	for _, seed := range z.seeds() {
		d.play(t, seed)
	}
	for _, o := range z.Document.Operations {
		require.Positive(t, d.reached[o.ID+" taken"], "no seed has a success of %s", o.ID)
		require.Positive(t, d.reached[o.ID+" refused"], "no seed has a failure of %s", o.ID)
	}
}

// seeds are the same every time.
func (z Fuzz) seeds() (all [][]byte) {
	random := rand.New(rand.NewPCG(1, 2))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.UintN(256))
		}
		return b
	}
	for i := range z.Document.Operations {
		for range 4 {
			// Two of this operation among four of any.
			one, other := append([]byte{byte(i)}, bytesOf(40)...), append([]byte{byte(i)}, bytesOf(40)...)
			all = append(all, slices.Concat(bytesOf(160), one, other))
		}
		all = append(all, []byte{0, byte(i)}) // and the plainest one
	}
	for range 24 {
		all = append(all, bytesOf(600))
	}
	return all
}

// fuzzed is a target at work: a server whose world changes with each input.
type fuzzed struct {
	Fuzz

	server  *httptest.Server
	handler atomic.Pointer[http.Handler]
	conn    *fuzzConn
	reached map[string]int
}

func (z Fuzz) start(t testing.TB) *fuzzed {
	t.Helper()
	d := &fuzzed{Fuzz: z, reached: map[string]int{}}
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*d.handler.Load()).ServeHTTP(w, r) }))
	d.conn = &fuzzConn{address: d.server.Listener.Addr().String()}
	t.Cleanup(func() { d.conn.close(); d.server.Close() })
	return d
}

// play is one input.
func (d *fuzzed) play(t *testing.T, input []byte) {
	t.Helper()
	bytes, limit, given := &source{left: input}, defaultRateLimit, d.Given
	switch bytes.n(16) {
	case 13, 14:
		if len(d.Sometimes) > 0 {
			given = append(slices.Clone(given), pick(bytes, d.Sometimes))
		}
	case 15:
		limit = 3
	}
	w := NewWorld(t, d.Dialect.Name, d.Dialect.NewStore(), Setting{RateLimit: limit})
	for _, name := range given {
		w.Given(t, name)
	}
	handler := d.Dialect.Handler(w)
	d.handler.Store(&handler)
	s := &session{fuzzed: d, world: w, bytes: bytes, own: known{}, others: known{}, client: &Client{world: w}}
	s.plant(t, w.Acme, ownMarker, s.own)
	s.plant(t, w.Other, foreignMarker, s.others)
	for range maxFuzzRequests {
		s.step(t)
		if len(bytes.left) == 0 {
			break
		}
	}
	require.NotContains(t, w.Log.Text(), `"msg":"panic"`)
	for _, secret := range w.Secrets {
		require.NotContains(t, w.Log.Text(), secret)
	}
}

// session is what is known while an input is played.
type session struct {
	*fuzzed

	world       *World
	client      *Client // which fills in placeholders
	bytes       *source
	own, others known
}

// plant makes one of everything in a tenant, and marks it.
func (s *session) plant(t *testing.T, tenant core.Tenant, marker string, into known) {
	t.Helper()
	ctx := t.Context()
	server, err := s.world.Core.CreateMCPServer(ctx, tenant.ID, core.NewMCPServer{
		Name: marker, Slug: "server-of-" + tenant.Name, Description: &marker, URL: "http://localhost/" + strings.ReplaceAll(marker, " ", "-"),
	})
	require.NoError(t, err)
	agent, err := s.world.Core.CreateAgent(ctx, tenant.ID, core.NewAgent{Name: marker, Instruction: &marker, MCPServers: []string{server.Slug}})
	require.NoError(t, err)
	account, err := s.world.Core.CreateLinkedAccount(ctx, tenant.ID, core.NewAccount{ID: "account-of-" + tenant.Name, Name: &marker})
	require.NoError(t, err)
	into.add("_id", server.ID.String())
	into.add("slug", server.Slug)
	into.add("uid", string(agent.UID))
	into.add("account_id", account.ID)
}

// step sends one request and looks at what comes.
func (s *session) step(t *testing.T) {
	t.Helper()
	r := s.request(t)
	if r.text == nil { // no server would come to see it
		return
	}
	reply, err := s.conn.send(r.method, r.text)
	require.NoError(t, err, "%s", r)
	s.world.Clock.tick(requestStep)
	header := http.Header{}
	for _, h := range r.headers {
		header.Add(h[0], h[1])
	}
	x := openapitest.Exchange{Method: r.method, URL: r.url, RequestBody: r.json(), Status: reply.Status, Header: reply.Header, Body: reply.Body}
	if s.Lenient[r.operation] != "" {
		x.RequestBody = nil
	}
	c, err := s.check(x, Asked{header, reply.Status, s.world.Acme.RefoldRevision})
	require.NoError(t, err, "%s\n\n%s", r, reply)
	if c != nil && reply.Status >= http.StatusInternalServerError {
		requireDocumentedFailure(t, s.Failures[c.Document.Name+" "+c.Operation.ID], r, reply)
	}
	if c != nil {
		s.reached[c.Operation.ID+map[bool]string{true: " taken", false: " refused"}[reply.Status < http.StatusBadRequest]]++
	}
	for marker, theirs := range map[string]bool{ownMarker: r.by == byAcme, foreignMarker: r.by == byOther} {
		require.True(t, theirs || !strings.Contains(string(reply.Body), marker), "another tenant's data\n%s\n\n%s", r, reply)
	}
	if r.by == byOther {
		s.others.learn(reply)
	} else {
		s.own.learn(reply)
	}
}

func requireDocumentedFailure(t *testing.T, like *regexp.Regexp, r fuzzRequest, reply Reply) {
	t.Helper()
	var body struct{ Message string }
	_ = json.Unmarshal(reply.Body, &body) // it was held to the document
	require.True(t, like != nil && like.MatchString(body.Message), "a failure of the server's\n%s\n\n%s", r, reply)
}

// check holds an exchange to the document by which it has to be answered. Who
// isn't known, as the answer itself says, may be answered by another revision's.
func (s *session) check(x openapitest.Exchange, asked Asked) (*openapitest.Case, error) {
	document := s.Dialect.document(asked)
	c, err := document.Check(x)
	if err == nil || asked.Status != http.StatusUnauthorized && asked.Status != http.StatusNotFound {
		return c, err
	}
	for _, other := range s.Dialect.Documents {
		if c, err := other.Check(x); other != document && err == nil {
			return c, nil
		}
	}
	return c, fmt.Errorf("by any document: %w", err)
}

// known is what answers had, by the member's name.
type known map[string][]string

func (k known) add(name, value string) {
	if value != "" && !slices.Contains(k[name], value) {
		k[name] = append(k[name], value)
	}
}

// learn remembers the texts of a reply.
func (k known) learn(r Reply) {
	var v any
	if r.Status < http.StatusMultipleChoices && json.Unmarshal(r.Body, &v) == nil {
		k.walk(v)
	}
}

func (k known) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			k.walk(e)
		}
	case map[string]any:
		for name, e := range v {
			switch e := e.(type) {
			case string:
				k.add(name, e)
			case float64:
				k.add(name, fmt.Sprintf("%.0f", e)) // a cursor
			default:
				k.walk(e)
			}
		}
	}
}
