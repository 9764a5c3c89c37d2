package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
)

const otherOrg = "6500a1b2c3d4e5f6a7b8c9d0"

// A key of another org of the same host removes and undoes nothing.
func TestAMoveIsRefusedWithAnotherOrgsKey(t *testing.T) {
	t.Parallel()
	from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.Refold, 5)
	fromOther, fromKeys := from.inProcess.tenant(t, "other", otherOrg, "unused")
	toOther, toKeys := to.inProcess.tenant(t, "other", otherOrg, "unused")
	right := []string{envFromKey + "=" + from.keys["key"][1], envToKey + "=" + to.keys["key"][1]}
	m := &mover{
		vendor: to, rate: fastRate, dir: filepath.Join(t.TempDir(), "run"), env: right,
		args: []string{"--from", "refold:" + from.url, "--to", "refold:" + to.url, "--from-account", testAccount, "--to-account", testAccount},
	}
	_, stderr, code := m.run(t, "apply", "--accept-loss", "--on-conflict", "update")
	require.Zero(t, code, stderr)
	require.Equal(t, 5, to.counts(t).Servers)
	done := m.states(t)["done"]

	// An org that has nothing doesn't say whose it is.
	for of, tenant := range map[*standIn]core.Tenant{from: fromOther, to: toOther} {
		require.NoError(t, of.store.(core.Backend).DeleteAccount(t.Context(), tenant.ID, testAccount))
	}
	m.env = []string{envFromKey + "=" + fromKeys["key"][1], right[1]}
	stdout, stderr, code := m.run(t, "catch-up", "--delete")
	require.Equal(t, 1, code, stderr)
	require.Contains(t, stdout, "--delete-all", stderr)
	m.env = []string{right[0], envToKey + "=" + toKeys["key"][1]}
	_, stderr, code = m.run(t, "undo")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "none of the run's records")
	require.Contains(t, stderr, "hint: give the key of the run's")

	for of, tenant := range map[*standIn]core.Tenant{from: fromOther, to: toOther} {
		_, err := of.operator.ImportMCPServer(t.Context(), tenant, core.MCPServer{Name: "Theirs", CreatedAt: tenant.CreatedAt, UpdatedAt: tenant.CreatedAt})
		require.NoError(t, err)
	}
	const says = `environment "test", and the run is of org "` + storyOrg + `"`
	for _, args := range [][]string{{"undo"}, {"undo", "--force"}, {"verify"}, {"catch-up", "--delete"}} {
		_, stderr, code = m.run(t, args...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, `the target is of org "`+otherOrg+`", `+says)
	}
	m.env = []string{envFromKey + "=" + fromKeys["key"][1], right[1]}
	for _, args := range [][]string{{"catch-up", "--delete"}, {"catch-up", "--delete-all", "--overwrite"}, {"resume"}, {"plan"}} {
		_, stderr, code = m.run(t, args...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, `the source is of org "`+otherOrg+`", `+says)
		require.Contains(t, stderr, "hint: give the run's own, or name another --run")
	}
	require.Equal(t, done, m.states(t)["done"])
	require.Equal(t, 5, to.counts(t).Servers)

	m.env = right
	_, stderr, code = m.run(t, "undo")
	require.Zero(t, code, stderr)
	require.Zero(t, to.counts(t).Servers)
}

// What a process ended in the middle of is found at the vendor, and taken back though
// the source's key is no longer taken.
func TestAMoveToAVendorThatDiedIsTakenBackWithoutItsSource(t *testing.T) {
	t.Parallel()
	from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.Refold, 2)
	source := &move.Tenant{Operator: from.operator, Store: from.store.(core.Backend), Tenant: from.tenant}
	target := move.RefoldTarget{Refold: move.NewRefold(refoldClient(t, to))}
	_, err := refoldClient(t, to).CreateMCPServer(t.Context(), refoldclient.NewMCPServer{Name: "Theirs", Description: "d"})
	require.NoError(t, err)
	run, err := move.OpenRun(t.TempDir(), "tenant:acme", "refold:there", time.Now())
	require.NoError(t, err)
	defer run.Close() //nolint:errcheck // what it tells is on the disk
	e := &move.Engine{From: source, To: dying{target}, Run: run, Now: time.Now, AcceptLoss: true}
	require.ErrorIs(t, e.Apply(t.Context()), errDied)
	require.Equal(t, 2, to.counts(t).Servers)

	e = &move.Engine{To: target, Run: run, Now: time.Now}
	kept, err := e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Zero(t, kept)
	require.Equal(t, 1, to.counts(t).Servers, "theirs")
}

// Two that were begun and have one name are two.
func TestTwoOfOneNameThatWereBegunAreBothTakenBack(t *testing.T) {
	t.Parallel()
	to := newStandIn(t, fastRate)
	run, err := move.OpenRun(t.TempDir(), "tenant:acme", "refold:there", time.Now())
	require.NoError(t, err)
	defer run.Close() //nolint:errcheck // what it tells is on the disk
	for _, id := range []string{"686e23c7397a76e76449bc14", "686e23c7397a76e76449bc15"} {
		_, err := to.operator.ImportMCPServer(t.Context(), to.tenant, core.MCPServer{Name: "Same", CreatedAt: to.tenant.CreatedAt, UpdatedAt: to.tenant.CreatedAt})
		require.NoError(t, err)
		require.NoError(t, run.Put(move.Entry{
			Record: finding.Record{Source: move.Diglot, Kind: finding.Server, ID: id, Name: "Same"}, State: move.Begun, Action: move.Create,
		}))
	}
	e := &move.Engine{To: move.RefoldTarget{Refold: move.NewRefold(refoldClient(t, to))}, Run: run, Now: time.Now}
	_, err = e.Undo(t.Context(), false)
	require.NoError(t, err)
	require.Zero(t, to.counts(t).Servers)
}

func TestAMoveSaysThatThereIsNoRunAndWhichKeyIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	for _, command := range []string{"verify", "undo", "plan", "apply"} {
		_, stderr, err := diglot(t, nil, "move", command, "--run", dir)
		require.Error(t, err)
		require.Contains(t, stderr, "diglot: there is no run in "+dir+"\n", command)
	}
	from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.Refold, 1)
	const wrong = "=tk0a0a0a0a-0000-4fea-a926-cf52b271489d"
	right := []string{envFromKey + "=" + from.keys["key"][1], envToKey + "=" + to.keys["key"][1]}
	for name, env := range map[string][]string{envFromKey: {envFromKey + wrong, right[1]}, envToKey: {right[0], envToKey + wrong}} {
		_, stderr, err := diglot(t, env, "move", "apply", "--from", "refold:"+from.url, "--to", "refold:"+to.url, "--from-account", testAccount,
			"--to-account", testAccount, "--run", filepath.Join(t.TempDir(), "run"))
		require.Error(t, err)
		require.Contains(t, stderr, "hint: the key is that of "+name+"\n")
	}
}
