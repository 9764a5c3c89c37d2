package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/store/storetest"
)

// What a plan finds is in the run's folder, and so is what a move finds, however it
// ends: a report has all of it, of each record once.
func TestFindingsAreKeptWithTheRunThoughTheMoveIsKilled(t *testing.T) {
	t.Parallel()
	const n = 40
	m, _, _ := acrossVendors(t, n)
	_, stderr, code := m.run(t, "plan")
	require.Equal(t, exitLossy, code, stderr)
	planned := m.findings(t)
	require.Len(t, planned, n+n/10+1, "there is something to say of each server and account")

	m.killed(t, 20, "apply", "--accept-loss")
	states := m.states(t)
	require.Positive(t, states["done"])
	require.Positive(t, states["planned"], "it was killed on the way")
	require.Equal(t, planned, m.findings(t))
	_, stderr, code = m.run(t, "resume", "--accept-loss")
	require.Zero(t, code, stderr)
	require.Equal(t, n, m.states(t)["done"])
	require.Equal(t, planned, m.findings(t))
}

// A record that has another place than its own keeps that, and is no difference:
// as the vendor's own, and by way of a tenant.
func TestWhatWasRenamedOnTheWayIsVerifiedAndCaughtUpWithInItsPlace(t *testing.T) {
	t.Parallel()
	from, to, last := newStandIn(t, fastRate), newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.CometChat, 2)
	ctx, here := t.Context(), chatClient(t, from)
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t), envFromKey + "=" + from.keys["apikey"][1]}
	diglotJSON(t, env, "tenant", "create", "--name", "acme", "--refold-org", storyOrg, "--refold-env", "test",
		"--cometchat-app", storyApp, "--cometchat-region", "us")
	in := &mover{vendor: from, rate: fastRate, env: env, args: []string{"--from", "cometchat:" + from.url, "--to", "tenant:acme"}}
	movers := []*mover{in}
	for source, v := range map[string]*standIn{"cometchat:" + from.url: to, "tenant:acme": last} {
		_, err := refoldClient(t, v).CreateMCPServer(ctx, refoldclient.NewMCPServer{Name: "cometchat 0", Description: "Theirs."})
		require.NoError(t, err)
		movers = append(movers, &mover{
			vendor: v, rate: fastRate, env: append(slices.Clone(env), envToKey+"="+v.keys["key"][1]),
			args: []string{"--from", source, "--to", "refold:" + v.url, "--to-account", testAccount},
		})
	}
	flags := []string{"--accept-loss", "--on-conflict", "rename"}
	for _, m := range movers {
		m.dir = filepath.Join(t.TempDir(), "run")
		_, stderr, code := m.run(t, append([]string{"apply"}, flags...)...)
		require.Zero(t, code, stderr)
		stdout, stderr, code := m.run(t, "verify")
		require.Zero(t, code, stderr)
		require.NotContains(t, stdout, "differs,")
		require.Equal(t, m != in, strings.Contains(stdout, "2 records at the target that the run knows nothing of:\nmcp_server "), stdout) // and the account that asks
	}
	for s, err := range here.MCPServers(ctx) {
		require.NoError(t, err)
		require.NoError(t, chatWriter{here}.rename(ctx, s.Slug.Value, s.Name.Value+", changed"))
	}
	for _, m := range movers {
		require.Len(t, m.verify(t, 1).said(), 2)
		stdout, stderr, _ := m.run(t, "verify")
		require.Equal(t, 2, strings.Count(stdout, ": differs, changed at the source\n"), stdout)
		require.Contains(t, stderr, "diglot move catch-up --run "+m.dir)
		m.catchUp(t, flags...)
		require.Empty(t, m.verify(t, 0).Records)
	}
	for _, v := range []*standIn{to, last} {
		var names []string
		for s, err := range refoldClient(t, v).MCPServers(ctx) {
			require.NoError(t, err)
			names = append(names, s.Name.Value)
		}
		require.ElementsMatch(t, []string{"cometchat 0", "cometchat 0, changed (2)", "cometchat 1, changed"}, names)
	}
}

// Where the list says when a record was changed last, those that weren't are not read
// again: a catch-up just before clients are switched is short.
func TestACatchUpReadsWhatWasChanged(t *testing.T) {
	t.Parallel()
	const n = 40
	for revision, most := range map[core.RefoldRevision]int{core.RefoldLegacy: n / 2, core.RefoldV3: 2 * n} {
		from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
		_, err := from.operator.UpdateTenant(t.Context(), from.tenant, core.TenantUpdate{RefoldRevision: &revision})
		require.NoError(t, err)
		from.fill(t, core.Refold, n)
		m := &mover{
			vendor: to, rate: fastRate, dir: filepath.Join(t.TempDir(), "run"),
			env: []string{envFromKey + "=" + from.keys["key"][1], envToKey + "=" + to.keys["key"][1]},
			args: []string{
				"--from", "refold:" + from.url, "--to", "refold:" + to.url, "--from-account", testAccount, "--to-account", testAccount,
			},
		}
		flags := []string{"--accept-loss", "--on-conflict", "update"}
		_, stderr, code := m.run(t, append([]string{"apply"}, flags...)...)
		require.Zero(t, code, stderr)
		here, changed := refoldWriter{refoldClient(t, from)}, ""
		for s, err := range here.MCPServers(t.Context()) {
			require.NoError(t, err)
			changed = s.ID.Value
		}
		require.NoError(t, here.rename(t.Context(), changed, "Changed"))
		before := from.requests()
		m.catchUp(t, flags...)
		require.Less(t, from.requests()-before, most, revision)
		require.Empty(t, m.verify(t, 0).Records)
	}
}

// findings gives what the run's report says of each record, by its members.
func (m *mover) findings(t *testing.T) map[string]map[string]finding.Finding {
	t.Helper()
	text, stderr, err := diglot(t, nil, "move", "report", "--run", m.dir, "--format", "json")
	require.NoError(t, err, stderr)
	var r finding.Report
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	out := map[string]map[string]finding.Finding{}
	for _, f := range r.Findings {
		id := string(f.Record.Kind) + "/" + f.Record.ID
		if out[id] == nil {
			out[id] = map[string]finding.Finding{}
		}
		require.NotContains(t, out[id], f.Path, strconv.Quote(id)+" is told of once")
		out[id][f.Path] = f
	}
	return out
}

// dying is a Refold whose mover ends when it has made the first server.
type dying struct{ move.RefoldTarget }

var errDied = errors.New("died")

func (d dying) Create(ctx context.Context, item *move.Item) (move.Made, error) {
	if _, err := d.RefoldTarget.Create(ctx, item); err != nil {
		return move.Made{}, err
	}
	return move.Made{}, errDied
}

// A vendor's records are found by their names, and clients change those.
func TestWhatWasRenamedAtTheSourceWhileItWasBegunIsMadeOnce(t *testing.T) {
	t.Parallel()
	from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.Refold, 2)
	source := &move.Tenant{Operator: from.operator, Store: from.store.(core.Backend), Tenant: from.tenant}
	target := move.RefoldTarget{Refold: move.NewRefold(refoldClient(t, to))}
	dir := t.TempDir()
	apply := func(to move.Target) error {
		run, err := move.OpenRun(dir, "tenant:acme", "refold:there", time.Now())
		require.NoError(t, err)
		defer run.Close() //nolint:errcheck // what it tells is on the disk
		e := &move.Engine{From: source, To: to, Run: run, Now: time.Now, Policy: move.UpdateOnConflict, AcceptLoss: true}
		return e.Apply(t.Context())
	}
	require.ErrorIs(t, apply(dying{target}), errDied)
	for s, err := range refoldClient(t, from).MCPServers(t.Context()) {
		require.NoError(t, err)
		require.NoError(t, refoldWriter{refoldClient(t, from)}.rename(t.Context(), s.ID.Value, s.Name.Value+", changed"))
	}
	require.NoError(t, apply(target))
	var names []string
	for s, err := range refoldClient(t, to).MCPServers(t.Context()) {
		require.NoError(t, err)
		names = append(names, s.Name.Value)
	}
	require.ElementsMatch(t, []string{"refold 0, changed", "refold 1, changed"}, names)
}
