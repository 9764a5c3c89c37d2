package dialecttest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
)

// echo answers with what came, as JSON.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("B", "2")
	w.Header().Add("A", "1")
	w.Header().Add("A", "0")
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = fmt.Fprintf(w, `{"target":%q,"host":%q,"key":%q,"body":%q,"list":[{"n":9007199254740993}]}`,
		r.RequestURI, r.Host, r.Header.Get("key"), body)
}

func newClient(t *testing.T) *Client {
	t.Helper()
	return Serve(t, NewWorld(t, core.Refold, memstore.New(), Setting{}), http.HandlerFunc(echo))
}

func TestRequestsAreSentAsWritten(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	r := c.Do(t, "POST /a%2Fb/?q=%zz\nkey: $KEY\nHost: example.com:1\n\n{\n\n\"x\"}")
	require.Equal(t, "/a%2Fb/?q=%zz", r.Member(t, "target"))
	require.Equal(t, "example.com:1", r.Member(t, "host"))
	require.Equal(t, c.world.Values["REFOLD_KEY"], r.Member(t, "key"))
	require.Equal(t, "{\n\n\"x\"}", r.Member(t, "body"))
}

func TestPlaceholdersAreFilledIn(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Do(t, "GET /first")
	r := c.Do(t, "POST /$1.list.0.n$1.target\nkey: $OTHER_KEY\n\n$NEST3 $X4 $BOM $nothing $")
	require.Equal(t, "/9007199254740993/first", r.Member(t, "target"))
	require.Equal(t, c.world.Values["OTHER_REFOLD_KEY"], r.Member(t, "key"))
	require.Equal(t, "[[[]]] xxxx \uFEFF $nothing $", r.Member(t, "body"))
}

func TestRepliesAreShownSortedAndWhole(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	require.Equal(t, "204\nA: 1\nA: 0\nB: 2", c.Do(t, "DELETE /").String())
	require.Equal(t, "200\nA: 1\nA: 0\nB: 2\nContent-Type: text/plain; charset=utf-8\n\n"+
		`{"target":"/","host":"h","key":"","body":"","list":[{"n":9007199254740993}]}`, c.Do(t, "GET /\nHost: h").String())
}

func TestAnEmptyBodyIsToldFromNone(t *testing.T) {
	t.Parallel()
	c := Serve(t, NewWorld(t, core.Refold, memstore.New(), Setting{}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	require.Equal(t, "200\nContent-Length: 0", c.Do(t, "GET /").String())
	require.Equal(t, "204", c.Do(t, "DELETE /").String())
}

func TestRequestsMoveTheClockUnlessItIsFrozen(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Do(t, "GET /")
	c.Do(t, "GET /")
	require.Equal(t, Epoch.Add(2*requestStep), c.world.Clock.Now())
	c.world.Clock.frozen = true
	c.Do(t, "GET /")
	require.Equal(t, Epoch.Add(2*requestStep), c.world.Clock.Now())
}

func TestWorldsAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	world := func() *World { return NewWorld(t, core.CometChat, memstore.New(), Setting{}) }
	for name := range fixtures {
		a, b := world(), world()
		a.Given(t, name)
		b.Given(t, name)
		require.Equal(t, a.Values, b.Values, name)
		require.Equal(t, Epoch, a.Clock.Now(), "fixtures leave the clock alone")
	}
	a := world()
	require.Equal(t, "89bd1675-a826-46cb-9210-6cb2ae169f67", a.NewRequestID())
	require.Equal(t, "89bd1675-a826-46cb-9210-6cb2ae169f68", a.NewRequestID())
}

const example = `Says what it pins.

source: inferred, contract 9.9
given: 3 servers
clock: frozen
known-gap: nobody needs it
-- request --
GET /

-- response --
200
X: y

{}
-- request --
POST /

{}

-- response --
204
`

func TestCasesAreReadAndWrittenBackAsTheyWere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "case.txtar")
	require.NoError(t, os.WriteFile(path, []byte(example), 0o600))
	g := readGolden(t, path)
	require.Equal(t, []string{"3 servers"}, g.given)
	require.Equal(t, "nobody needs it", g.knownGap)
	require.True(t, g.setting(t).Frozen)
	require.Equal(t, []step{{"GET /\n", "200\nX: y\n\n{}"}, {"POST /\n\n{}\n", "204"}}, g.steps)
	g.write(t, path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, example, string(text))
}

func TestTheOutcomeOfACase(t *testing.T) {
	t.Parallel()
	plain, gap, vendors := golden{}, golden{knownGap: "why"}, golden{verbatim: true}
	for _, c := range []struct {
		g            golden
		update, same bool
		want         outcome
	}{
		{plain, false, true, pass},
		{plain, false, false, differs},
		{plain, true, false, rewrite},
		{plain, true, true, rewrite},
		{gap, false, false, pass},
		{gap, true, false, pass},
		{gap, false, true, gapClosed},
		{gap, true, true, gapClosed},
		{vendors, false, true, pass},
		{vendors, true, true, pass},
		{vendors, true, false, differs},
	} {
		require.Equal(t, c.want, c.g.outcome(c.update, c.same), "%+v", c)
	}
}

func TestACaseSaysWhyItSendsWhatIsUndeclared(t *testing.T) {
	t.Parallel()
	names, err := parseUndeclared("a b: c: d")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names)
	for _, value := range []string{"a", "a:", "a: ", ": why", ""} {
		_, err := parseUndeclared(value)
		require.Error(t, err, "%q", value)
	}
}

func TestBodiesWithPlaceholdersAreReadAsJSON(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, `{"a":0,"b":[0, "$X3"],"c":"$1._id"}`, string(readable(`$BOM{"a":$NEST98,"b":[$2.docs.0._id, "$X3"],"c":"$1._id"}`)))
}
