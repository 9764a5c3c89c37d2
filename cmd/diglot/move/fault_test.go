package move_test

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
)

const (
	goneLegacy = `{"status_code":404,"http_error_type":"NOT_FOUND","error_code":"SERVER_ERROR","message":"MCP Server not found"}`
	proxyPage  = "<html><body>404 page not found</body></html>"
)

// oddRefold is a Refold of some servers, that says of single ones whatever it is told to.
type oddRefold struct {
	mu       sync.Mutex
	org      string
	ids      []string
	names    map[string]string
	accounts string                           // as the list has them
	says     map[string]vendorhttptest.Answer // of a server, instead
	deleted  []string
}

func newOddRefold(servers int) *oddRefold {
	v := &oddRefold{org: "6698b77a733c5ebd8908189e", names: map[string]string{}, says: map[string]vendorhttptest.Answer{}}
	for i := range servers {
		id := fmt.Sprintf("686e23c7397a76e7644900%02x", i)
		v.ids = append(v.ids, id)
		v.names[id] = fmt.Sprintf("Server %d", i)
	}
	return v
}

func (v *oddRefold) text(id string) string {
	return fmt.Sprintf(`{"_id":%q,"name":%q,"description":"d","associated_org_id":%q,"environment":"test","suggestions":[],`+
		`"associated_apps":[],"resources":[],"createdAt":"2025-07-09T06:56:08.507Z","updatedAt":"2025-07-09T06:56:08.507Z"}`, id, v.names[id], v.org)
}

func (v *oddRefold) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	answer := func(a vendorhttptest.Answer) {
		w.WriteHeader(cmp.Or(a.Status, http.StatusOK))
		_, _ = w.Write([]byte(a.Body))
	}
	_, at, _ := strings.Cut(r.URL.Path, "/api/v2/public/")
	id := path.Base(at)
	switch said, odd := v.says[id]; {
	case at == "linked-account":
		answer(vendorhttptest.Answer{Body: `{"docs":[` + v.accounts + `],"limit":100,"hasNextPage":false}`})
	case at == "mcp-servers":
		var docs []string
		for _, id := range v.ids {
			docs = append(docs, fmt.Sprintf(`{"_id":%q,"name":%q,"description":"d"}`, id, v.names[id]))
		}
		answer(vendorhttptest.Answer{Body: `{"docs":[` + strings.Join(docs, ",") + `],"limit":100,"hasNextPage":false}`})
	case odd:
		answer(said)
	case !slices.Contains(v.ids, id):
		answer(vendorhttptest.Answer{Status: http.StatusNotFound, Body: goneLegacy})
	case r.Method == http.MethodDelete:
		v.ids = slices.DeleteFunc(v.ids, func(of string) bool { return of == id })
		v.deleted = append(v.deleted, id)
		answer(vendorhttptest.Answer{Status: http.StatusNoContent})
	default:
		answer(vendorhttptest.Answer{Body: v.text(id)})
	}
}

// change changes what the vendor has.
func (v *oddRefold) change(do func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do()
}

func (v *oddRefold) client(t *testing.T) *move.Refold {
	t.Helper()
	c, err := refoldclient.New(vendorhttptest.NewClock().Options(vendorhttptest.Serve(t, v)),
		refoldclient.Credentials{APIKey: "tkb5b9f358-4160-4fea-a926-cf52b271489d", LinkedAccount: "user"})
	require.NoError(t, err)
	return move.NewRefold(c)
}

// What can't be read is not gone: it is not removed at the target.
func TestAProxysPageRemovesNothing(t *testing.T) {
	t.Parallel()
	v, to := newOddRefold(3), newTenant(t)
	e := newEngine(t, t.TempDir(), v.client(t), move.TenantTarget{Tenant: to})
	e.AcceptLoss = true
	require.NoError(t, e.Apply(t.Context()))
	a, b := v.ids[0], v.ids[1]
	for _, says := range []vendorhttptest.Answer{
		{Status: http.StatusNotFound, Body: proxyPage},
		{Status: http.StatusNotFound, Body: `{"status_code":404,"http_error_type":"NOT_FOUND","error_code":"MISSING_REQUIRED_FIELD","message":"Missing API Key"}`},
		{Status: http.StatusNotFound, Body: `{"message":"Linked Account with account id user for org o in environment test not found"}`},
		{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`},
		{Status: http.StatusNotFound, Body: goneLegacy}, // the list has it all the same
	} {
		v.change(func() { v.says[a] = says })
		c, err := e.CatchUp(t.Context(), true, true)
		require.NoError(t, err)
		require.Zero(t, c.Removed)
		require.Len(t, c.Left, 1, says.Body)
		require.NotEmpty(t, c.Left[0].Why)
		require.Equal(t, 3, count(t, to).Servers, says.Body)
		_, err = e.Verify(t.Context())
		require.NoError(t, err)
	}
	v.change(func() { // it answers so of what it doesn't list any more
		v.says[a] = vendorhttptest.Answer{Status: http.StatusNotFound, Body: proxyPage}
		v.ids = v.ids[1:]
	})
	c, err := e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Len(t, c.Left, 1)
	require.Equal(t, 3, count(t, to).Servers)

	v.change(func() {
		v.says[a] = vendorhttptest.Answer{Status: http.StatusNotFound, Body: strings.Replace(goneLegacy, "MCP Server", "MCPEntry", 1)}
	})
	c, err = e.CatchUp(t.Context(), true, true)
	require.NoError(t, err)
	require.Equal(t, 1, c.Removed, "in its own words")
	require.Equal(t, 2, count(t, to).Servers)
	require.NotContains(t, v.deleted, b)
}

// A record that can't be read fails with the reason, the others go on, and it comes
// when it can be read.
func TestOneRecordThatCannotBeReadFailsAlone(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]vendorhttptest.Answer{
		"a proxy's page":    {Status: http.StatusNotFound, Body: proxyPage},
		"listed and denied": {Status: http.StatusNotFound, Body: goneLegacy},
		"a failure":         {Status: http.StatusInternalServerError, Body: `{"message":"boom"}`},
		"no JSON":           {Body: `{"_id":"a","n":Infinity}`},
		"no record":         {Body: `[]`},
	} {
		v, to := newOddRefold(4), newTenant(t)
		bad := v.ids[1]
		v.says[bad] = says
		e := newEngine(t, t.TempDir(), v.client(t), move.TenantTarget{Tenant: to})
		e.AcceptLoss = true
		require.NoError(t, e.Plan(t.Context()), name)
		s := e.Run.Summary()
		require.Equal(t, 1, s.Refused, name)
		require.Equal(t, bad, s.Records[0].ID)
		require.NotEmpty(t, s.Records[0].Why)
		for range 2 {
			require.NoError(t, e.Apply(t.Context()), name)
			s = e.Run.Summary()
			require.Equal(t, 3, s.Of(move.Done), name)
			require.Equal(t, 1, s.Of(move.Failed), name)
		}
		ver, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.False(t, ver.Good())
		require.NotEmpty(t, ver.Records[0].Why)
		v.change(func() { delete(v.says, bad) })
		require.NoError(t, e.Apply(t.Context()))
		require.Equal(t, 4, e.Run.Summary().Of(move.Done))

		v.change(func() { v.says[bad] = says })
		ver, err = e.Verify(t.Context())
		require.NoError(t, err, name)
		require.Len(t, ver.Records, 1)
		c, err := e.CatchUp(t.Context(), true, false)
		require.NoError(t, err, name)
		require.Len(t, c.Left, 1)
		require.Equal(t, 4, count(t, to).Servers)
	}
}

// Where one after the other can't be read, it isn't the records.
func TestManyThatCannotBeReadEndTheMove(t *testing.T) {
	t.Parallel()
	v, to := newOddRefold(30), newTenant(t)
	for _, id := range v.ids[5:] {
		v.says[id] = vendorhttptest.Answer{Status: http.StatusBadGateway, Body: proxyPage}
	}
	e := newEngine(t, t.TempDir(), v.client(t), move.TenantTarget{Tenant: to})
	e.AcceptLoss = true
	e.Workers = 1
	require.ErrorContains(t, e.Apply(t.Context()), "502 Bad Gateway")
	require.Equal(t, 9, e.Run.Summary().Of(move.Failed))
	v.change(func() { clear(v.says) })
	require.NoError(t, e.Apply(t.Context()))
	require.Equal(t, 30, e.Run.Summary().Of(move.Done))
}

// An account's id is any text: of some no vendor can be asked.
func TestAnIDThatNoPathCanHaveStopsNothing(t *testing.T) {
	t.Parallel()
	v, to := newOddRefold(2), newTenant(t)
	v.accounts = `{"_id":"6a3134fdc71d10070e78923e","account_id":"..","environment":"test","createdAt":"2025-07-09T06:56:08.507Z","updatedAt":"2025-07-09T06:56:08.507Z"}`
	run := func(from move.Source, to move.Target, dir string) *move.Engine {
		e := newEngine(t, dir, from, to)
		e.AcceptLoss = true
		return e
	}
	require.NoError(t, run(v.client(t), move.TenantTarget{Tenant: to}, t.TempDir()).Apply(t.Context()))
	dir := t.TempDir()
	there := v.client(t)
	e := run(to, move.RefoldTarget{Refold: there}, dir)
	for i, id := range v.ids { // as if the run had made them
		require.NoError(t, e.Run.Put(move.Entry{
			Record: finding.Record{Source: move.Diglot, Kind: finding.Server, ID: id}, State: move.Done, Action: move.Create, There: id, Slug: fmt.Sprint(i),
		}))
	}
	require.NoError(t, e.Run.Put(move.Entry{
		Record: finding.Record{Source: move.Diglot, Kind: finding.Account, ID: ".."}, State: move.Done, Action: move.Create, There: "..",
	}))
	ver, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.Contains(t, ver.Records[len(ver.Records)-1].Why, "path")
	kept, err := e.Undo(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	require.Len(t, v.deleted, 2, "the others are taken back")
}

// CometChat's own word of a server that isn't there is not documented.
func TestCometChatSaysThatARecordIsGoneByItsCode(t *testing.T) {
	t.Parallel()
	for code, gone := range map[string]bool{
		"ERR_MCP_SERVER_NOT_FOUND": true, "ERR_AGENT_NOT_FOUND": true, "ERR_API_NOT_FOUND": false, "ERR_APP_NOT_FOUND": false, "NF": false,
	} {
		base := vendorhttptest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":"none"}}`, code)
		}))
		c, err := cometclient.New(vendorhttptest.NewClock().Options(base), cometclient.Credentials{APIKey: "k"})
		require.NoError(t, err)
		_, err = move.NewCometChat(c, "").Read(t.Context(), move.Ref{Form: string(core.CometChat), Kind: finding.Server, ID: "a"})
		require.Error(t, err)
		if gone {
			require.ErrorIs(t, err, move.ErrGone)
		} else {
			require.NotErrorIs(t, err, move.ErrGone)
		}
	}
}
