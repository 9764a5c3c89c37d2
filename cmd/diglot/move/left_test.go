package move_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// clientsOf is a vendor's tenant, as its clients change it.
func clientsOf(v *vendor) *move.Tenant {
	return &move.Tenant{Operator: v.Operator, Store: v.Store, Tenant: v.Acme}
}

// change has all servers of a tenant be changed; what only has no member changes
// nothing but their times.
func change(t *testing.T, of *move.Tenant, update core.Modification) {
	t.Helper()
	all, err := of.Store.MCPServersFrom(t.Context(), of.Tenant.ID, 0, core.After, 99)
	require.NoError(t, err)
	for i := range all {
		update.UpdatedAt = all[i].UpdatedAt.Add(time.Millisecond)
		_, err = of.Store.UpdateMCPServer(t.Context(), of.Tenant.ID, core.ByID(all[i].ID), update)
		require.NoError(t, err)
	}
}

func goalsOf(t *testing.T, of *move.Tenant) (goals []string) {
	t.Helper()
	all, err := of.Store.MCPServersFrom(t.Context(), of.Tenant.ID, 0, core.After, 99)
	require.NoError(t, err)
	for i := range all {
		s, err := of.Store.MCPServer(t.Context(), of.Tenant.ID, core.ByID(all[i].ID))
		require.NoError(t, err)
		for _, c := range s.Chains {
			goals = append(goals, string(c.Fields))
		}
	}
	return goals
}

func chains(goals string) *[]core.Chain {
	return &[]core.Chain{{ID: core.NewIDSource()(now), Fields: core.JSON(`{"goals":"` + goals + `"}`)}}
}

// applied is a run that has moved all.
func applied(t *testing.T, from move.Source, to move.Target) *move.Engine {
	t.Helper()
	e := newEngine(t, t.TempDir(), from, to)
	e.AcceptLoss = true
	require.NoError(t, e.Apply(t.Context()))
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Empty(t, v.Records)
	return e
}

// What the target's clients have changed is named whatever it is, though the member
// was not the same anyway, or is one that the source doesn't know; and no change at
// the source is lost by it.
func TestWhatTheTargetsClientsChangedIsNamedAndKept(t *testing.T) {
	t.Parallel()
	for name, update := range map[string]core.Modification{
		"chains":   {Chains: chains("BY TARGET")},
		"branding": {MCPServerUpdate: core.MCPServerUpdate{Branding: core.Branding{AgentName: new("AN"), BasePrompt: new("BP")}}},
		"nothing":  {},
	} {
		for vendorName, open := range vendors {
			from, v := newTenant(t), open(t, asIs)
			_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, everyMember(t))
			require.NoError(t, err)
			requireKept(t, applied(t, from, v.to), from, v, update, name+" at "+vendorName)
		}
		app, v := chatApp{{Kind: finding.Server, ID: "s", Text: core.JSON(`{"slug":"s","name":"S","url":"https://x",` + times + `}`)}}, vendors["Refold v3"](t, asIs)
		e := applied(t, app, v.to)
		change(t, clientsOf(v), update)
		found, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.False(t, found.Good(), name)
		require.Equal(t, move.AtTarget, said(found.Records)["S"].Changed, name)
	}
}

func requireKept(t *testing.T, e *move.Engine, from *move.Tenant, v *vendor, update core.Modification, name string) {
	t.Helper()
	change(t, clientsOf(v), update)
	before := goalsOf(t, clientsOf(v))
	found, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.False(t, found.Good(), name)
	require.Equal(t, move.AtTarget, said(found.Records)["S"].Changed, name)

	change(t, from, core.Modification{Chains: chains("BY SOURCE")})
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Zero(t, c.Changed, name)
	require.Contains(t, said(c.Left)["S"].Why, "--overwrite", name)
	require.Equal(t, before, goalsOf(t, clientsOf(v)), name)
	c, err = e.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, 1, c.Changed, name)
	require.Empty(t, c.Left)
	found, err = e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, found.Good(), name)
}

// perishing is a target whose process ends behind a change.
type perishing struct{ move.Target }

func (p perishing) Update(ctx context.Context, item *move.Item, id string) (move.Made, error) {
	if _, err := p.Target.Update(ctx, item, id); err != nil {
		return move.Made{}, err
	}
	return move.Made{}, errDied
}

// What was caught up with and not entered, as the process ended there, is known to be
// the run's own doing, by what it entered before. A target that is like the source
// without that is not.
func TestACatchUpThatDiesBeforeItEntersAChangeGoesOn(t *testing.T) {
	t.Parallel()
	opens := map[string]func() (move.Target, *move.Tenant){
		"a tenant": func() (move.Target, *move.Tenant) {
			to := newTenant(t)
			return move.TenantTarget{Tenant: to}, to
		},
	}
	for name, open := range vendors {
		opens[name] = func() (move.Target, *move.Tenant) {
			v := open(t, asIs)
			return v.to, clientsOf(v)
		}
	}
	for name, open := range opens {
		for _, by := range []string{"nobody", "the target's client", "the source's client"} {
			from := newTenant(t)
			_, err := from.Operator.ImportMCPServer(t.Context(), from.Tenant, core.MCPServer{
				Name: "S", Slug: "s", URL: "https://x", Chains: *chains("one"), CreatedAt: now, UpdatedAt: now,
			})
			require.NoError(t, err)
			to, clients := open()
			e := applied(t, from, to)
			change(t, from, core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: new("S2")}, Chains: chains("two")})
			e.To = perishing{to}
			_, err = e.CatchUp(t.Context(), false, false)
			require.ErrorIs(t, err, errDied)
			switch by {
			case "the target's client":
				change(t, clients, core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: new("S3")}, Chains: chains("three")})
			case "the source's client":
				change(t, from, core.Modification{MCPServerUpdate: core.MCPServerUpdate{Name: new("S4")}, Chains: chains("four")})
			}
			e.To = to
			c, err := e.CatchUp(t.Context(), false, false)
			require.NoError(t, err)
			v, err := e.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, by == "nobody", len(c.Left) == 0, "%s, %s: %v", name, by, c.Left)
			require.Equal(t, by == "nobody", v.Good(), "%s, %s", name, by)
			require.Zero(t, c.Changed)
		}
	}
}

func TestTheSameOnBothSidesIsNotTakenForTheRunsDoing(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	e := applied(t, from, move.TenantTarget{Tenant: to})
	rename(t, from, "s1", "Changed")
	rename(t, to, "s1", "Changed")
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Len(t, c.Left, 1)
}

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

func TestWhatTheRunKnowsNothingOfIsNamedAndIsNoDifference(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	e := applied(t, from, move.TenantTarget{Tenant: to})
	theirs, err := to.Operator.ImportMCPServer(t.Context(), to.Tenant, core.MCPServer{Slug: "t", Name: "Theirs", CreatedAt: now, UpdatedAt: now})
	require.NoError(t, err)
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Equal(t, []finding.Record{{Source: move.Diglot, Kind: finding.Server, ID: theirs.ID.String(), Name: "Theirs"}}, v.Others)
}
