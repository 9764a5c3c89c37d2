package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/storetest"
)

const (
	// quickServers and quickRate are the story's where nobody asks for another one.
	quickServers = 24
	quickRate    = 120

	// atVendor numbers the server that is made at a vendor on the way.
	atVendor = 1_000_000

	// fastRate holds nobody up.
	fastRate = 2000
)

// story is two vendors that are pulled into a tenant, which is pushed to two new
// ones.
type story struct {
	n, others int // how many servers each vendor has, and how many accounts or agents
	rate      int // that each takes, in requests a second
	env       []string

	refold, chat, newRefold, newChat *standIn
	clients                          *clients
}

// newStory reads DIGLOT_STORY, how many servers each vendor has, and
// DIGLOT_STORY_RATE, how many requests a second each takes.
func newStory(t *testing.T) *story {
	t.Helper()
	s := &story{n: storyNumber(t, "DIGLOT_STORY", quickServers), rate: storyNumber(t, "DIGLOT_STORY_RATE", quickRate)}
	s.others = (s.n + 9) / 10
	s.refold, s.chat, s.newRefold, s.newChat = newStandIn(t, s.rate), newStandIn(t, s.rate), newStandIn(t, s.rate), newStandIn(t, s.rate)
	s.refold.fill(t, core.Refold, s.n)
	s.chat.fill(t, core.CometChat, s.n)
	s.env = []string{envDatabaseURL + "=" + storetest.NewEmpty(t)}
	diglotJSON(t, s.env, "tenant", "create", "--name", "acme", "--refold-org", storyOrg, "--refold-env", "test",
		"--cometchat-app", storyApp, "--cometchat-region", "us", "--url-template", "https://mcp.example.com/{slug}")
	return s
}

func storyNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// requirePace requires that the vendors' pace was honoured and, of a story that is
// long enough for that on any machine, that it was met.
func (s *story) requirePace(t *testing.T, vendors ...*standIn) {
	t.Helper()
	if refused := requireHonoured(t, vendors...); s.n > quickServers {
		require.Positive(t, refused, "nobody was refused for the pace")
	}
}

// have counts what the tenant has.
func (s *story) have(t *testing.T) map[string]any {
	t.Helper()
	return diglotJSON(t, s.env, "tenant", "show", "acme")["counts"].(map[string]any)
}

// The whole story: two vendors are pulled into a tenant, and that is pushed to two
// new ones. All the while clients of both kinds write to the tenant. The vendors
// take requests at a rate, which the moves are over now and then.
func TestAPlatformMovesInFromBothVendorsAndOutToBoth(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	fromRefold := s.newMover(t, s.refold, envFromKey+"="+s.refold.keys["key"][1],
		"--from", "refold:"+s.refold.url, "--to", "tenant:acme", "--from-account", testAccount)
	fromChat := s.newMover(t, s.chat, envFromKey+"="+s.chat.keys["apikey"][1], "--from", "cometchat:"+s.chat.url, "--to", "tenant:acme")
	nothing := s.have(t)
	sideBySide(t, "plan", func(t *testing.T) { s.plan(t, fromRefold) }, func(t *testing.T) { s.plan(t, fromChat) })
	require.Equal(t, nothing, s.have(t), "a plan changes nothing")

	s.clients = startClients(t, s)
	s.clients.writeTo(fromRefold, fromChat)
	sideBySide(t, "in", func(t *testing.T) {
		// The account that the key is used beside comes too.
		s.in(t, fromRefold, refoldWriter{refoldClient(t, s.refold)}, s.n+s.others+1)
	}, func(t *testing.T) {
		s.in(t, fromChat, chatWriter{chatClient(t, s.chat)}, s.n+s.others)
	})
	s.requirePace(t, s.refold, s.chat)

	toRefold := s.newMover(t, s.newRefold, envToKey+"="+s.newRefold.keys["key"][1],
		"--from", "tenant:acme", "--to", "refold:"+s.newRefold.url, "--to-account", "mover")
	toChat := s.newMover(t, s.newChat, envToKey+"="+s.newChat.keys["apikey"][1],
		"--from", "tenant:acme", "--to", "cometchat:"+s.newChat.url, "--url-template", "https://mcp.example.com/{slug}")
	toRefold.out, toChat.out = true, true
	s.heldBack(t, toRefold)
	s.clients.writeTo(toRefold, toChat)
	update := []string{"--accept-loss", "--on-conflict", "update"}
	sideBySide(t, "out",
		func(t *testing.T) { toRefold.moveAll(t, 2*s.n, update...); s.clients.wait(t, toRefold) },
		func(t *testing.T) { toChat.moveAll(t, 2*s.n, "--accept-loss"); s.clients.wait(t, toChat) })
	s.clients.end(t)
	acme := s.have(t)
	require.EqualValues(t, s.refold.counts(t).Servers+s.chat.counts(t).Servers+s.clients.made-s.clients.removedOf(fromRefold)-
		s.clients.removedOf(fromChat)-s.clients.removedOf(toRefold)-s.clients.removedOf(toChat), acme["servers"], "the counts add up")

	sideBySide(t, "caught up", func(t *testing.T) {
		s.caughtUp(t, toRefold, update...)
		have := s.newRefold.counts(t)
		require.EqualValues(t, acme["servers"], have.Servers)
		require.EqualValues(t, acme["accounts"], have.Accounts)
	}, func(t *testing.T) {
		s.caughtUp(t, toChat, "--accept-loss")
		have := s.newChat.counts(t)
		require.EqualValues(t, acme["servers"], have.Servers)
		require.EqualValues(t, acme["agents"], have.Agents)
		s.reportAndUndo(t, toChat)
	})
	s.requirePace(t, s.newRefold, s.newChat)
}

// sideBySide tells two parts of a story at once.
func sideBySide(t *testing.T, name string, refold, chat func(t *testing.T)) {
	t.Helper()
	require.True(t, t.Run(name, func(t *testing.T) {
		t.Run("refold", func(t *testing.T) { t.Parallel(); refold(t) })
		t.Run("cometchat", func(t *testing.T) { t.Parallel(); chat(t) })
	}))
}

func (s *story) plan(t *testing.T, m *mover) {
	t.Helper()
	planned, stderr, code := m.run(t, "plan", "-o", "json")
	require.Zero(t, code, "%s %s", planned, stderr)
	require.Contains(t, planned, fmt.Sprintf(`"mcp_server":{"planned":%d}`, s.n))
}

// in moves a vendor's records in. Some of them are written to by the tenant's
// clients on the way, others by the vendor's.
func (s *story) in(t *testing.T, m *mover, vendors serverClient, records int) {
	t.Helper()
	m.moveAll(t, records)
	require.Equal(t, map[string]int{"done": records}, m.states(t), "nothing is missing")
	stays := map[string]string{}
	for id, removed := range s.clients.wait(t, m) {
		stays[id] = "differs target"
		if removed {
			stays[id] = "missing"
		}
	}

	comes, ctx := maps.Clone(stays), t.Context()
	id, _, err := vendors.create(ctx, atVendor)
	require.NoError(t, err)
	comes[id] = "not moved"
	for _, e := range m.settled() {
		if id := e.Record.ID; comes[id] != "" || strings.HasSuffix(e.Record.Name, "0") {
			continue
		} else if len(comes) == len(stays)+1 {
			require.NoError(t, vendors.rename(ctx, id, clientsName+"at the vendor: "+id))
			comes[id] = "differs source"
		} else {
			require.NoError(t, vendors.remove(ctx, id))
			comes[id] = "no source"
			break
		}
	}
	require.Len(t, comes, len(stays)+3)
	require.Equal(t, comes, m.verify(t, 1).said(), "each record that is not as it was moved is named")
	m.catchUp(t)
	v := m.verify(t, 1)
	require.Equal(t, stays, v.said(), "what the tenant's clients wrote is theirs")
	require.Equal(t, map[string]int{"done": records, "removed": 1}, m.states(t))
	require.Equal(t, records, v.count()) // one is gone, one has come
	require.Equal(t, m.vendor.counts(t).Servers, v.Counts["mcp_server"]["equal"]+len(stays))
}

// heldBack is a move that would lose something.
func (s *story) heldBack(t *testing.T, of *mover) {
	t.Helper()
	held := &mover{vendor: of.vendor, rate: of.rate, env: of.env, args: of.args, dir: filepath.Join(t.TempDir(), "run")}
	_, stderr, code := held.run(t, "apply")
	require.Equal(t, exitLossy, code, stderr)
	require.Contains(t, stderr, "--accept-loss")
	require.Zero(t, of.vendor.counts(t).Servers, "what would lose something is held back")
}

// caughtUp brings what clients wrote while a move out ran: it is found first.
func (s *story) caughtUp(t *testing.T, m *mover, flags ...string) {
	t.Helper()
	v := m.verify(t, 1)
	said := v.said()
	for id, removed := range s.clients.wait(t, m) {
		want := "differs source"
		if removed {
			want = "no source"
		}
		require.Equal(t, want, said[id], id)
	}
	for _, r := range v.Records {
		require.True(t, s.clients.wrote(&r), "%+v", r)
	}
	m.catchUp(t, flags...)
	v = m.verify(t, 0)
	require.Empty(t, v.Records)
	states := m.states(t)
	require.Equal(t, states["done"]+states["skipped"], v.count(), "what was moved is all there, and what was not is counted")
	acme := s.have(t)
	all := 0
	for _, kind := range []string{"servers", "accounts", "agents"} {
		all += int(acme[kind].(float64))
	}
	require.Equal(t, all, states["done"]+states["skipped"], "and the others are what the vendor has nothing like")
	require.Len(t, states, 3, "%v", states)
}

func (s *story) reportAndUndo(t *testing.T, m *mover) {
	t.Helper()
	ids, stderr, err := diglot(t, s.env, "move", "report", "--run", m.dir, "--format", "ids")
	require.NoError(t, err, stderr)
	states := m.states(t)
	require.Equal(t, states["done"]+states["removed"], strings.Count(ids, "\n"))
	page, _, err := diglot(t, s.env, "move", "report", "--run", m.dir, "--format", "html")
	require.NoError(t, err)
	require.Contains(t, page, "<!doctype html>")

	m.vendor.holdTo(t, core.Limits{Rate: new(chatRate)}) // as the vendor documents: there is twice as much to ask for
	m.rate = chatRate / 60
	_, stderr, code := m.run(t, "undo")
	require.Zero(t, code, stderr)
	require.Zero(t, m.vendor.counts(t).Servers)
	require.Zero(t, m.vendor.counts(t).Agents)
}

// A vendor that takes one request a second refuses a move on any machine.
func TestAMoveThatIsRefusedForItsPaceComesAgainWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	const n = 2 * storyBurst
	s := &story{rate: 1}
	vendor := newStandIn(t, s.rate)
	vendor.fill(t, core.Refold, n)
	file := filepath.Join(t.TempDir(), "vendor.jsonl")
	m := s.newMover(t, vendor, envFromKey+"="+vendor.keys["key"][1], "--from", "refold:"+vendor.url, "--to", "file:"+file, "--from-account", testAccount)
	stdout, stderr, code := m.run(t, "apply")
	require.Zero(t, code, "%s %s", stdout, stderr)
	require.Positive(t, requireHonoured(t, vendor))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, n, strings.Count(string(text), `"kind":"mcp_server"`), "nothing is missing: %s", text)
}
