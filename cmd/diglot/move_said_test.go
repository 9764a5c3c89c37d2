package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// Whoever sees that records stay sees which they are, why, and what moves them.
func TestAMoveNamesTheRecordsThatStayAndWhatMovesThem(t *testing.T) {
	t.Parallel()
	const n, held = 20, 20 + 2 + 1 // servers, accounts, and the key's own
	m, _, _ := acrossVendors(t, n)
	said := func(code int, args ...string) string {
		t.Helper()
		_, stderr, got := m.run(t, args...)
		require.Equal(t, code, got, stderr)
		return stderr
	}
	const lost = ": it would lose suggestions, associated_apps, createdAt and 5 more\n"
	next := func(command string) string {
		return "diglot: 23 records would lose something\nhint: diglot move report --run " + m.dir + " says what; diglot move " + command +
			" --run " + m.dir + " --accept-loss moves them\n"
	}
	plan := said(exitLossy, "plan")
	require.Equal(t, 20, strings.Count(plan, ": it would lose "))
	require.Regexp(t, `(?m)^mcp_server [0-9a-f]{24} "refold 7"`+lost, plan)
	require.True(t, strings.HasSuffix(plan, "\nand 3 more: diglot move status --run "+m.dir+" -o json names them\n"+next("apply")), plan)
	require.True(t, strings.HasSuffix(said(exitLossy, "apply"), next("resume")))
	require.Contains(t, said(1, "verify"), "diglot: 23 records were not moved\nhint: diglot move resume --run "+m.dir+" --accept-loss moves them\n")

	for _, format := range []string{"json", "yaml"} {
		text, stderr, err := diglot(t, nil, "move", "status", "--run", m.dir, "-o", format)
		require.NoError(t, err, stderr)
		require.Equal(t, held, strings.Count(text, "it would lose "))
		if format == "json" {
			var s move.Summary
			require.NoError(t, json.Unmarshal([]byte(text), &s))
			require.Len(t, s.Records, held)
			require.Contains(t, s.Records, finding.Outcome{
				Kind: finding.Account, ID: "user-0", Name: "Ñ", State: "held", Why: "it would lose _id, associated_org, account_id and 6 more",
			})
		}
	}
	for _, format := range []string{"json", "text", "html"} {
		text, stderr, err := diglot(t, nil, "move", "report", "--run", m.dir, "--format", format)
		require.NoError(t, err, stderr)
		require.Equal(t, held, strings.Count(text, "it would lose "), format)
	}

	// With the loss accepted there is one whose place is taken.
	_, err := m.vendor.operator.ImportMCPServer(t.Context(), m.vendor.tenant, core.MCPServer{
		Slug: "refold-7", Name: "Theirs", URL: "https://x", CreatedAt: m.vendor.tenant.CreatedAt, UpdatedAt: m.vendor.tenant.CreatedAt,
	})
	require.NoError(t, err)
	const taken = "\"refold 7\": its slug is taken by \"refold-7\"\n"
	plan = said(1, "plan", "--accept-loss")
	require.Contains(t, plan, taken)
	require.Contains(t, plan, "diglot: 1 record would fail\nhint: --on-conflict skip, update or rename says what becomes of taken places")
	again := said(1, "apply")
	require.Contains(t, again, taken)
	require.Contains(t, again, "hint: --on-conflict skip, update or rename says what becomes of taken places: diglot move resume --run "+m.dir)
	said(0, "resume", "--on-conflict", "skip")
}

// What a vendor calls its records moves no cursor, and is one line.
func TestARecordThatStaysIsNamedInOneLine(t *testing.T) {
	t.Parallel()
	const hostile = "no\x1b[2J\ndiglot: all is well\u202e"
	var shown strings.Builder
	(&moveConfig{dir: "run"}).name(&shown, []finding.Outcome{{Kind: finding.Server, ID: hostile, Name: hostile, Why: hostile}})
	require.Equal(t, 1, strings.Count(shown.String(), "\n"))
	require.NotContains(t, shown.String(), "\x1b")
	require.NotContains(t, shown.String(), "\u202e")
	require.Equal(t, 3, strings.Count(shown.String(), "all is well"))
}

func TestAMoveSaysWhatToDoAboutWhatStopsIt(t *testing.T) {
	t.Parallel()
	v := newStandIn(t, fastRate)
	v.fill(t, core.Refold, 3)
	key, dir := envFromKey+"="+v.keys["key"][1], t.TempDir()
	file := filepath.Join(dir, "records.jsonl")
	args := []string{"move", "apply", "--from", "refold:" + v.url, "--to", "file:" + file, "--from-account", testAccount}
	_, stderr, err := diglot(t, []string{key}, append(args, "--run", filepath.Join(dir, "one"))...)
	require.NoError(t, err, stderr)
	keyFile := filepath.Join(dir, "wrong.key")
	require.NoError(t, os.WriteFile(keyFile, []byte("tk0a0a0a0a-0000-4fea-a926-cf52b271489d\n"), 0o600))
	for name, c := range map[string]struct {
		env, args []string
		says      string
	}{
		"the file is another run's": {
			[]string{key},
			append(args, "--run", filepath.Join(dir, "two")),
			file + " is there already\nhint: name another file, or --on-conflict update, which writes it anew\n",
		},
		"the run is another move's": {
			[]string{key},
			[]string{"move", "resume", "--run", filepath.Join(dir, "one"), "--to", "file:other"},
			"it is of a move from refold:" + v.url + " to file:" + file + ": name another --run\n",
		},
		"the key is wrong": {
			[]string{envFromKey + "=tk0a0a0a0a-0000-4fea-a926-cf52b271489d"},
			append(args, "--run", filepath.Join(dir, "three"), "--to", "file:"+filepath.Join(dir, "new")),
			"hint: the key is that of DIGLOT_FROM_KEY\n",
		},
		"the key in a file is wrong": {
			[]string{key, envFromKeyFile + "=" + keyFile},
			append(args, "--run", filepath.Join(dir, "four"), "--to", "file:"+filepath.Join(dir, "new")),
			"hint: the key is that of DIGLOT_FROM_KEY_FILE\n",
		},
		"the address has the API's path": {
			[]string{key},
			[]string{"move", "plan", "--from", "refold:" + v.url + "/api/v2/public/", "--to", "file:x"},
			"diglot: --from: give the address without /api/v2/public\n",
		},
	} {
		_, stderr, err := diglot(t, c.env, c.args...)
		require.Error(t, err, name)
		require.True(t, strings.HasSuffix(stderr, c.says), "%s: %s", name, stderr)
	}
}

func TestAMoveThatIsInterruptedSaysWhatGoesOnWithIt(t *testing.T) {
	t.Parallel()
	m, _, _ := acrossVendors(t, 40)
	m.vendor.holdTo(t, core.Limits{Rate: new(quickRate * 60), Burst: new(storyBurst)})
	m.rate = quickRate
	var out, errOut bytes.Buffer
	cmd := m.command(t, &out, &errOut, "apply", "--accept-loss")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return m.lines() > 10 }, startLimit, tellEvery/1000)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	require.True(t, strings.HasSuffix(errOut.String(), "diglot: stopped\nhint: diglot move resume --run "+m.dir+" goes on\n"), errOut.String())
	_, stderr, code := m.run(t, "resume")
	require.Zero(t, code, stderr)
	require.Equal(t, 40, m.states(t)["done"])
}
