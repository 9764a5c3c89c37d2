package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
)

// acrossVendors is a move of n servers from one vendor's stand-in to the other's.
func acrossVendors(t *testing.T, n int) (m *mover, fromKey, toKey string) {
	t.Helper()
	from, to := newStandIn(t, fastRate), newStandIn(t, fastRate)
	from.fill(t, core.Refold, n)
	fromKey, toKey = envFromKey+"="+from.keys["key"][1], envToKey+"="+to.keys["apikey"][1]
	return &mover{
		vendor: to, rate: fastRate, dir: filepath.Join(t.TempDir(), "run"), env: []string{fromKey, toKey},
		args: []string{
			"--from", "refold:" + from.url, "--to", "cometchat:" + to.url,
			"--from-account", testAccount, "--url-template", "https://mcp.example.com/{slug}",
		},
	}, fromKey, toKey
}

// What a move was begun with needn't be said again, nor has the source to be asked
// where it is taken back.
func TestAMoveGoesOnWithWhatItWasBegunWith(t *testing.T) {
	t.Parallel()
	const n = 30
	m, _, toKey := acrossVendors(t, n)
	m.killed(t, 10, "apply", "--accept-loss", "--on-conflict", "skip")
	m.args = nil
	_, stderr, code := m.run(t, "resume")
	require.Zero(t, code, stderr)
	require.Equal(t, n, m.states(t)["done"])
	m.verify(t, 0)
	settings := func() move.Settings {
		run, err := move.ReadRun(m.dir, "", "")
		require.NoError(t, err)
		return run.Settings()
	}
	begun := move.Settings{FromAccount: testAccount, URLTemplate: "https://mcp.example.com/{slug}", Policy: move.SkipOnConflict, AcceptLoss: true}
	require.Equal(t, begun, settings())

	_, stderr, code = m.run(t, "resume", "--accept-loss=false", "--on-conflict", "rename")
	require.Zero(t, code, stderr)
	begun.AcceptLoss, begun.Policy = false, move.RenameOnConflict
	require.Equal(t, begun, settings(), "what is said anew counts from then on")

	m.env = []string{toKey}
	_, stderr, code = m.run(t, "undo")
	require.Zero(t, code, stderr)
	require.Zero(t, m.vendor.counts(t).Servers)
}

func TestAMoveIsLookedAtWhileItRuns(t *testing.T) {
	t.Parallel()
	m, _, _ := acrossVendors(t, 3)
	_, stderr, code := m.run(t, "plan")
	require.Equal(t, exitLossy, code, stderr)
	run, err := move.OpenRun(m.dir, "", "", time.Now())
	require.NoError(t, err)
	defer run.Close() //nolint:errcheck // nothing was written
	for _, args := range [][]string{{"status"}, {"status", "-o", "json"}, {"report"}, {"report", "--format", "ids"}} {
		_, stderr, err := diglot(t, nil, slices.Concat([]string{"move"}, args, []string{"--run", m.dir})...)
		require.NoError(t, err, stderr)
	}
	_, stderr, code = m.run(t, "resume")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "another diglot move has it: wait, or stop it")
}
