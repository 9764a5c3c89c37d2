package move_test

import (
	"context"
	"iter"
	"strings"
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
		if name == "branding" {
			require.Equal(t, []string{"agent_name", "base_prompt"}, []string{found.Findings[0].Path, found.Findings[1].Path})
		}
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

// A change that was brought and not entered is taken back at the source: the target has
// it still.
func TestWhatTheSourceTakesBackIsNotForgotten(t *testing.T) {
	t.Parallel()
	source := `{"slug":"s","name":"One","url":"https://x",` + times + `}`
	app := func(text string) chatApp { return chatApp{{Kind: finding.Server, ID: "s", Text: core.JSON(text)}} }
	to := newTenant(t)
	e := applied(t, app(source), move.TenantTarget{Tenant: to})
	e.From, e.To = app(strings.Replace(source, "One", "Two", 1)), perishing{move.TenantTarget{Tenant: to}}
	_, err := e.CatchUp(t.Context(), false, false)
	require.ErrorIs(t, err, errDied)
	e.From, e.To = app(source), move.TenantTarget{Tenant: to}
	c, err := e.CatchUp(t.Context(), false, false)
	require.NoError(t, err)
	require.Contains(t, said(c.Left)["One"].Why, "--overwrite")
	_, err = e.CatchUp(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, "One", nameOf(t, to, "s"))
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

// restless is a tenant whose list doesn't hold still.
type restless struct{ move.TenantTarget }

func (restless) List(context.Context, finding.Kind) iter.Seq2[move.Ref, error] {
	return func(yield func(move.Ref, error) bool) { yield(move.Ref{}, errDied) }
}

func TestATargetThatCannotBeListedIsVerifiedAllTheSame(t *testing.T) {
	t.Parallel()
	from, to := newTenant(t), newTenant(t)
	fill(t, from, 2)
	e := applied(t, from, move.TenantTarget{Tenant: to})
	e.To = restless{move.TenantTarget{Tenant: to}}
	v, err := e.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Equal(t, errDied.Error(), v.Unlisted)
}
