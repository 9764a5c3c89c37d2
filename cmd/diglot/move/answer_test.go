package move_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// answering is a vendor that answers a change with other members than a read: fewer,
// one more, and an older time of change.
type answering struct {
	http.Handler

	only  map[string]bool // what is answered; nil: all
	drops []string        // what is not taken of a change
	reads atomic.Int32
}

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		a.reads.Add(1)
		a.Handler.ServeHTTP(w, r)
		return
	}
	if len(a.drops) > 0 {
		said := map[string]json.RawMessage{}
		_ = json.NewDecoder(r.Body).Decode(&said)
		for _, name := range a.drops {
			delete(said, name)
		}
		body, _ := json.Marshal(said)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	answer := httptest.NewRecorder()
	a.Handler.ServeHTTP(answer, r)
	members := map[string]json.RawMessage{}
	body := answer.Body.Bytes()
	if r.Method != http.MethodPost && json.Unmarshal(body, &members) == nil && a.only != nil {
		for name := range members {
			if !a.only[name] {
				delete(members, name)
			}
		}
		members["updatedAt"], members["requestId"] = json.RawMessage(`"2020-01-01T00:00:00.000Z"`), json.RawMessage(`1`)
		body, _ = json.Marshal(members)
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// A vendor's answers may show other members than its reads. A record is not changed
// by that; and where they are the same, records are not read one by one.
func TestWhatAVendorAnswersIsHeldToWhatItReads(t *testing.T) {
	t.Parallel()
	const n = 20
	for name, open := range vendors {
		for _, odd := range []bool{false, true} {
			var a *answering
			from := newTenant(t)
			fill(t, from, n)
			v := open(t, func(h http.Handler) http.Handler {
				a = &answering{Handler: h}
				if odd {
					a.only = map[string]bool{"_id": true, "slug": true, "uid": true, "account_id": true, "createdAt": true, "name": true}
				}
				return a
			})
			e := newEngine(t, t.TempDir(), from, v.to)
			e.AcceptLoss, e.Workers = true, 1
			require.NoError(t, e.Apply(t.Context()))
			if !odd && name != "Refold v3" { // whose answers have no times, so that each record is read anyway
				require.Less(t, int(a.reads.Load()), n/2, name)
			}
			found, err := e.Verify(t.Context())
			require.NoError(t, err)
			require.True(t, found.Good(), "%s, odd %t: %v", name, odd, found.Records)
			change(t, clientsOf(v), core.Modification{MCPServerUpdate: core.MCPServerUpdate{Description: new("Theirs")}})
			found, err = e.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, n, found.Counts[finding.Server][move.Differs], "%s, odd %t", name, odd)
		}
	}
}

func TestWhatAVendorDropsIsTold(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, everyMember(t))
	require.NoError(t, err)
	drops := []string{"agent_name", "safe_mode", "base_prompt", "chains"}
	v := vendors["Refold v3"](t, func(h http.Handler) http.Handler { return &answering{Handler: h, drops: drops} })
	e := applied(t, from, v.to)
	told := map[string]finding.Class{}
	for _, f := range e.Run.Findings() {
		told[f.Path] = f.Class
		require.NotContains(t, f.Reason, "The source leaves it out", f.Path)
	}
	for _, name := range []string{"agent_name", "safe_mode", "base_prompt", "chains[0]", "notebooks"} {
		require.Equal(t, finding.Unsupported, told[name], name)
	}
}
