package main

import (
	"fmt"
	"os"
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
	quickRate    = 60

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

// have counts what the tenant has.
func (s *story) have(t *testing.T) map[string]any {
	t.Helper()
	return diglotJSON(t, s.env, "tenant", "show", "acme")["counts"].(map[string]any)
}

// The whole story: two vendors are pulled into a tenant, clients of both could
// work on it, and it is pushed to two new vendors. The vendors take requests at a
// rate, which the moves are over now and then.
func TestAPlatformMovesInFromBothVendorsAndOutToBoth(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	fromRefold := s.newMover(t, s.refold, envFromKey+"="+s.refold.keys["key"][1],
		"--from", "refold:"+s.refold.url, "--to", "tenant:acme", "--from-account", testAccount)
	fromChat := s.newMover(t, s.chat, envFromKey+"="+s.chat.keys["apikey"][1], "--from", "cometchat:"+s.chat.url, "--to", "tenant:acme")

	nothing := s.have(t)
	sideBySide(t, "plan", func(t *testing.T) { s.plan(t, fromRefold) }, func(t *testing.T) { s.plan(t, fromChat) })
	require.Equal(t, nothing, s.have(t), "a plan changes nothing")
	sideBySide(t, "in", func(t *testing.T) {
		fromRefold.moveAll(t, s.n+s.others+1) // the account that the key is used beside comes too
		require.Equal(t, map[string]map[string]int{"mcp_server": {"equal": s.n}, "linked_account": {"equal": s.others + 1}}, fromRefold.verify(t).Counts)
	}, func(t *testing.T) {
		fromChat.moveAll(t, s.n+s.others)
		require.Equal(t, map[string]map[string]int{"mcp_server": {"equal": s.n}, "agent": {"equal": s.others}}, fromChat.verify(t).Counts)
	})
	requireHonoured(t, s.refold, s.chat)
	sideBySide(t, "out", s.outToRefold, s.outToCometChat)
	requireHonoured(t, s.newRefold, s.newChat)
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
	planned, stderr, code := m.run(t, "plan", "-o", "json")
	require.Zero(t, code, "%s %s", planned, stderr)
	require.Contains(t, planned, fmt.Sprintf(`"mcp_server":{"planned":%d}`, s.n))
}

func (s *story) outToRefold(t *testing.T) {
	v := s.newRefold
	address := []string{"--from", "tenant:acme", "--to", "refold:" + v.url, "--to-account", "mover"}
	held := s.newMover(t, v, envToKey+"="+v.keys["key"][1], address...)
	_, stderr, code := held.run(t, "apply")
	require.Equal(t, exitLossy, code, stderr)
	require.Contains(t, stderr, "--accept-loss")
	require.Zero(t, v.counts(t).Servers, "what would lose something is held back")

	out := s.newMover(t, v, envToKey+"="+v.keys["key"][1], address...)
	out.moveAll(t, 2*s.n+s.others+1, "--accept-loss", "--on-conflict", "update")
	require.Equal(t, 2*s.n, out.verify(t).Counts["mcp_server"]["as moved"])
	require.Equal(t, 2*s.n, v.counts(t).Servers)
	require.Equal(t, s.others+1, v.counts(t).Accounts)
}

func (s *story) outToCometChat(t *testing.T) {
	v := s.newChat
	out := s.newMover(t, v, envToKey+"="+v.keys["apikey"][1], "--from", "tenant:acme", "--to", "cometchat:"+v.url,
		"--url-template", "https://mcp.example.com/{slug}")
	out.moveAll(t, 2*s.n+s.others, "--accept-loss")
	require.Equal(t, 2*s.n, out.verify(t).Counts["mcp_server"]["as moved"])
	require.Equal(t, 2*s.n, v.counts(t).Servers)
	require.Equal(t, s.others, v.counts(t).Agents)

	ids, stderr, err := diglot(t, s.env, "move", "report", "--run", out.dir, "--format", "ids")
	require.NoError(t, err, stderr)
	require.Equal(t, 2*s.n+s.others, strings.Count(ids, "\n"))
	page, _, err := diglot(t, s.env, "move", "report", "--run", out.dir, "--format", "html")
	require.NoError(t, err)
	require.Contains(t, page, "<!doctype html>")

	v.holdTo(t, core.Limits{Rate: new(chatRate)}) // as the vendor documents: there is twice as much to ask for
	out.rate = chatRate / 60
	_, stderr, code := out.run(t, "undo")
	require.Zero(t, code, stderr)
	require.Zero(t, v.counts(t).Servers)
	require.Zero(t, v.counts(t).Agents)
}
