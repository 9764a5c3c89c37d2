package main

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
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
