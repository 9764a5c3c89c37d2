package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// panicking panics where changes are read, but for the first ones of all.
type panicking struct {
	core.Directory

	saying string
}

// Changes panics, where it is not asked for the first ones.
func (p *panicking) Changes(ctx context.Context, tenant core.TenantID, q core.ChangeQuery) ([]core.Change, error) {
	if q.Newest || q.After > 0 {
		panic(p.saying)
	}
	return p.Directory.Changes(ctx, tenant, q)
}

// A panic may say anything, of what a client sent too.
func TestAPanicIsAnswered500AndToldToTheLogWithoutWhatItSays(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	w := newWorld(t, &panicking{pg.store, "with " + token})
	server := serveOperations(t, w)
	reused := false
	for range 3 {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+server+admin.Prefix+"/audit", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		w.hold(t, req, nil, res, text)
		require.Equal(t, http.StatusInternalServerError, res.StatusCode)
		require.JSONEq(t, `{"type":"urn:diglot:problem:internal","title":"Something went wrong","status":500,"detail":"the log says more"}`, string(text))
		requirePanicLogged(t, w.log.String(), res.Header.Get("X-Request-Id"), "list_installation_changes")
	}
	require.True(t, reused, "the connection is kept")
	require.NotContains(t, w.log.String(), token)
}

// requirePanicLogged requires that the log has a line on the panic of a request,
// with where it was, and the request's own.
func requirePanicLogged(t *testing.T, log, id, operation string) {
	t.Helper()
	lines := map[string]map[string]any{}
	for line := range strings.Lines(log) {
		var l map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		if l["request_id"] == id {
			require.Equal(t, operation, l["operation"])
			require.Equal(t, "ERROR", l["level"])
			lines[l["msg"].(string)] = l
		}
	}
	require.Len(t, lines, 2)
	require.Equal(t, "string", lines["panic"]["panic"])
	require.Contains(t, lines["panic"]["stack"], "panic_test.go")
	require.InDelta(t, http.StatusInternalServerError, lines["admin request"]["status"], 0)
}

// What panics behind the first lines breaks off, and leaves nothing open.
func TestAnExportThatPanicsBreaksOff(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	pg.write(t, "kept")
	w := newWorld(t, &panicking{pg.store, "with " + token})
	_, body, _ := export(t, serveOperations(t, w), "kept")
	_, err := io.Copy(io.Discard, body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	w.logged(t, exported)
	require.Contains(t, w.log.String(), `"msg":"panic"`)
	require.NotContains(t, w.log.String(), token)
	pg.idle(t)
}
