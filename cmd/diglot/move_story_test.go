package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/memstore"
	"github.com/diglot/diglot/store/storetest"
)

const (
	storyOrg = "6698b77a733c5ebd8908189e"
	storyApp = "my-app-id"

	// storyRate is what a vendor's stand-in takes in a second, and what the program
	// is told to send: a hundred times what Refold documents, with its burst.
	storyRate  = 2000
	storyBurst = 5

	// storySeed has the kills come at the same moments each time.
	storySeed = 20261121
)

// standIn is a gateway that stands for a vendor and holds its clients to a rate.
type standIn struct {
	*inProcess

	tenant core.Tenant
	keys   credentials
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := memstore.New()
	v := &standIn{inProcess: newInProcess(t, s, s)}
	v.tenant, v.keys = v.inProcess.tenant(t, "vendor", storyOrg, storyApp)
	_, err := v.operator.UpdateTenant(t.Context(), v.tenant, core.TenantUpdate{Limits: &core.Limits{Rate: new(storyRate * 60), Burst: new(storyBurst)}})
	require.NoError(t, err)
	return v
}

func (v *standIn) counts(t *testing.T) core.TenantCounts {
	t.Helper()
	n, err := v.operator.TenantCounts(t.Context(), v.tenant)
	require.NoError(t, err)
	return n
}

// fill gives a stand-in servers of one vendor's making, with some accounts or agents.
func (v *standIn) fill(t *testing.T, dialect core.DialectName, n int) {
	t.Helper()
	ctx := t.Context()
	at := time.Date(2024, time.May, 6, 7, 8, 9, 10*int(time.Millisecond), time.UTC)
	ids := core.NewIDSource()
	for i := range n {
		at = at.Add(time.Duration(i%3) * time.Millisecond) // some share one
		name := fmt.Sprintf("%s %d", dialect, i)
		s := core.MCPServer{ID: ids(at), Name: name, CreatedAt: at, UpdatedAt: at.Add(time.Hour), Revision: 1, Description: new("Said of " + name)}
		if dialect == core.Refold {
			s.Suggestions = core.JSON(`[{"name":"Hello","prompt":"Größe","n":9007199254740993}]`)
			s.AssociatedApps = core.JSON(`[{"slug":"pipedrive","workflows":[],"actions":[{"id":"delete_lead"}]}]`)
			s.Chains = []core.Chain{{ID: ids(at), Fields: core.JSON(`{"name":"One","goals":"g"}`)}}
		} else {
			s.URL, s.Icon = "https://mcp.example.com/"+strconv.Itoa(i), "https://example.com/icon.png"
		}
		made, err := v.operator.ImportMCPServer(ctx, v.tenant, s)
		require.NoError(t, err)
		switch {
		case i%10 != 0:
		case dialect == core.Refold:
			_, err = v.operator.ImportAccount(ctx, v.tenant, core.Account{
				ID: "user-" + strconv.Itoa(i), Name: new("Ñ"), ObjectID: ids(at), CreatedAt: at, UpdatedAt: at, Version: 3,
				Fields: []core.AccountField{{ID: ids(at), Name: "tier", Value: core.JSON("12345678901234567890"), CreatedAt: at}},
			})
			require.NoError(t, err)
		default:
			_, err = v.operator.ImportAgent(ctx, v.tenant, core.Agent{
				UID: core.AgentUID(core.NewUUID()), Name: "Agent " + strconv.Itoa(i), Active: true, Instruction: new("Be kind."),
				MCPServers: []string{made.Slug}, Metadata: core.JSON(`{"a":1.50}`), CreatedAt: at, UpdatedAt: at, Revision: 1,
			})
			require.NoError(t, err)
		}
	}
}

// mover runs the commands of one move.
type mover struct {
	env  []string
	args []string
	dir  string
}

func newMover(t *testing.T, env []string, args ...string) *mover {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	rate := []string{"--run", dir, "--rate", strconv.Itoa(storyRate), "--burst", strconv.Itoa(storyBurst)}
	return &mover{env, append(args, rate...), dir}
}

// run runs a command to its end, and gives what it printed and its exit code.
func (m *mover) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := diglotCommand(t.Context(), m.env, append(append([]string{"move"}, args...), m.args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run() // its code says how it ended
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// killed runs a command and kills it when the journal has so many lines more.
func (m *mover) killed(t *testing.T, lines int, args ...string) {
	t.Helper()
	before := m.lines()
	cmd := diglotCommand(context.Background(), m.env, append(append([]string{"move"}, args...), m.args...)...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.Eventually(t, func() bool { return m.lines() >= before+lines || len(ended) > 0 }, startLimit, time.Millisecond, "%v", args)
	_ = cmd.Process.Kill() // it may have ended, which is seen below
	err := <-ended
	require.ErrorContains(t, err, "killed", "it ended before it was: %s", errOut.String())
}

func (m *mover) lines() int {
	text, _ := os.ReadFile(filepath.Join(m.dir, "journal.jsonl")) // there may be none yet
	return bytes.Count(text, []byte("\n"))
}

// moveAll moves everything, killed twice on the way, and verifies it. It gives
// what the verification counts.
func (m *mover) moveAll(t *testing.T, records int, flags ...string) map[string]map[string]int {
	t.Helper()
	chance := rand.New(rand.NewPCG(storySeed, uint64(records)))
	m.killed(t, 5+chance.IntN(records/2), append([]string{"apply"}, flags...)...)
	m.killed(t, 5+chance.IntN(records/2), append([]string{"resume"}, flags...)...)
	_, stderr, code := m.run(t, append([]string{"resume"}, flags...)...)
	require.Zero(t, code, stderr)

	run, err := move.OpenRun(m.dir, "", "", time.Now())
	require.NoError(t, err)
	there := map[string]bool{}
	done := 0
	for _, e := range run.Entries() {
		if e.State == move.Done {
			done++
			there[string(e.Record.Kind)+e.There] = true
		}
	}
	require.NoError(t, run.Close())
	require.Equal(t, records, done, "nothing is missing")
	require.Len(t, there, records, "each record has one of its own")

	stdout, stderr, code := m.run(t, "verify", "-o", "json")
	require.Zero(t, code, "%s %s", stderr, stdout)
	var v struct{ Counts map[string]map[string]int }
	require.NoError(t, json.Unmarshal([]byte(stdout), &v))
	return v.Counts
}

// The whole story: two vendors are pulled into a tenant, clients of both could
// work on it, and it is pushed to two new vendors. DIGLOT_STORY is how many servers
// each vendor has.
func TestAPlatformMovesInFromBothVendorsAndOutToBoth(t *testing.T) {
	t.Parallel()
	n := 120
	if text := os.Getenv("DIGLOT_STORY"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	others := (n + 9) / 10
	refold, chat := newStandIn(t), newStandIn(t)
	refold.fill(t, core.Refold, n)
	chat.fill(t, core.CometChat, n)
	env := []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	diglotJSON(t, env, "tenant", "create", "--name", "acme", "--refold-org", storyOrg, "--refold-env", "test",
		"--cometchat-app", storyApp, "--cometchat-region", "us", "--url-template", "https://mcp.example.com/{slug}")
	have := func() map[string]any {
		return diglotJSON(t, env, "tenant", "show", "acme")["counts"].(map[string]any)
	}
	nothing := have()

	in := newMover(t, append(env, envFromKey+"="+refold.keys["key"][1]),
		"--from", "refold:"+refold.url, "--to", "tenant:acme", "--from-account", testAccount)
	planned, stderr, code := in.run(t, "plan", "-o", "json")
	require.Zero(t, code, "%s %s", planned, stderr)
	require.Contains(t, planned, fmt.Sprintf(`"mcp_server":{"planned":%d}`, n))
	require.Equal(t, nothing, have(), "a plan changes nothing")
	counts := in.moveAll(t, n+others+1) // the account that the key is used beside comes too
	require.Equal(t, map[string]map[string]int{"mcp_server": {"equal": n}, "linked_account": {"equal": others + 1}}, counts)

	in = newMover(t, append(env, envFromKey+"="+chat.keys["apikey"][1]), "--from", "cometchat:"+chat.url, "--to", "tenant:acme")
	counts = in.moveAll(t, n+others)
	require.Equal(t, map[string]map[string]int{"mcp_server": {"equal": n}, "agent": {"equal": others}}, counts)

	newRefold, newChat := newStandIn(t), newStandIn(t)
	out := newMover(t, append(env, envToKey+"="+newRefold.keys["key"][1]),
		"--from", "tenant:acme", "--to", "refold:"+newRefold.url, "--to-account", "mover")
	_, stderr, code = out.run(t, "apply")
	require.Equal(t, exitLossy, code, stderr)
	require.Contains(t, stderr, "--accept-loss")
	require.Zero(t, newRefold.counts(t).Servers, "what would lose something is held back")
	out = newMover(t, out.env, out.args[:6]...)
	counts = out.moveAll(t, 2*n+others+1, "--accept-loss", "--on-conflict", "update")
	require.Equal(t, 2*n, counts["mcp_server"]["as moved"], counts)
	require.Equal(t, 2*n, newRefold.counts(t).Servers)
	require.Equal(t, others+1, newRefold.counts(t).Accounts)

	out = newMover(t, append(env, envToKey+"="+newChat.keys["apikey"][1]), "--from", "tenant:acme", "--to", "cometchat:"+newChat.url,
		"--url-template", "https://mcp.example.com/{slug}")
	counts = out.moveAll(t, 2*n+others, "--accept-loss")
	require.Equal(t, 2*n, counts["mcp_server"]["as moved"], counts)
	require.Equal(t, 2*n, newChat.counts(t).Servers)
	require.Equal(t, others, newChat.counts(t).Agents)

	ids, stderr, err := diglot(t, env, "move", "report", "--run", out.dir, "--format", "ids")
	require.NoError(t, err, stderr)
	require.Equal(t, 2*n+others, strings.Count(ids, "\n"))
	page, _, err := diglot(t, env, "move", "report", "--run", out.dir, "--format", "html")
	require.NoError(t, err)
	require.Contains(t, page, "<!doctype html>")

	_, stderr, code = out.run(t, "undo")
	require.Zero(t, code, stderr)
	require.Zero(t, newChat.counts(t).Servers)
	require.Zero(t, newChat.counts(t).Agents)
}
