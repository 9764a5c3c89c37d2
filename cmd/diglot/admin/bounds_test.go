package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// enlarge enters 25 changes of some 2 MB each.
func (w *world) enlarge(t *testing.T, tenant string) core.MCPServer {
	t.Helper()
	server := w.fill(t, tenant, 1)[0]
	found, err := w.operator.Tenant(t.Context(), tenant)
	require.NoError(t, err)
	for i := range 25 {
		_, err := w.directory.(core.Store).UpdateMCPServer(t.Context(), found.ID, core.ByID(server.ID), core.Modification{
			MCPServerUpdate: core.MCPServerUpdate{Suggestions: core.JSON(fmt.Sprintf(`["%d%s"]`, i, strings.Repeat("x", 1_000_000)))},
			UpdatedAt:       time.Now().UTC(),
		})
		require.NoError(t, err)
	}
	return server
}

func TestAPageOfHistoryEndsWhereItIsLarge(t *testing.T) {
	t.Parallel()
	w := newMemory(t)
	server := w.enlarge(t, "kept")
	for _, path := range []string{"/tenants/kept/audit", "/tenants/kept/servers/" + server.ID.String() + "/history"} {
		for _, limit := range []string{"200", "2", "1"} {
			var seqs []float64
			after := ""
			for pages := 1; ; pages++ {
				a := w.want(t, http.StatusOK, http.MethodGet, path+"?limit="+limit+after, "")
				require.Less(t, len(a.text), core.MaxImageBytes+4_000_000, "one more than fills it")
				var page struct {
					Data []admin.Change
					Next *string
				}
				require.NoError(t, json.Unmarshal([]byte(a.text), &page))
				for _, c := range page.Data {
					seqs = append(seqs, float64(c.Seq))
				}
				if page.Next == nil {
					break
				}
				require.NotEmpty(t, page.Data, "it goes on")
				require.LessOrEqual(t, pages, 30)
				after = "&after=" + url.QueryEscape(*page.Next)
			}
			require.Len(t, seqs, 26, path)
			for i, seq := range seqs {
				require.InDelta(t, 26-i, seq, 0)
			}
		}
	}
}

// Exports that nobody reads take no memory and no connection from the others.
func TestStalledExportsHoldUpNothingElse(t *testing.T) {
	t.Parallel()
	w := newPostgres(t)
	w.enlarge(t, "kept")
	address := serveOperations(t, w)
	first, _, _ := export(t, address, "kept")
	export(t, address, "kept")
	refused := w.want(t, http.StatusServiceUnavailable, http.MethodGet, "/tenants/kept/audit/export", "")
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	require.Contains(t, refused.text, "as many such operations are under way as may be")

	w.want(t, http.StatusOK, http.MethodPost, "/tenants/kept/suspend", "")
	w.want(t, http.StatusOK, http.MethodPost, "/tenants/kept/resume", "")
	require.Contains(t, w.want(t, http.StatusOK, http.MethodGet, "/tenants/kept/audit/verify", "").text, `"intact":true`)
	w.want(t, http.StatusOK, http.MethodGet, "/tenants/kept/audit", "")
	w.idle(t)

	require.NoError(t, first.Close())
	require.Eventually(t, func() bool {
		return w.ask(t, http.MethodGet, "/tenants/kept/audit/export?until=2000-01-01T00:00:00Z", "").status == http.StatusOK
	}, 20*time.Second, time.Millisecond, "one has ended")
}
