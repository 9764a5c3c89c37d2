package dialecttest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// This file makes what stands behind the vendors' examples, ids and times and all.

// cometChatExamples is the moment of CometChat's: 1700000000000.
var cometChatExamples = time.Date(2023, time.November, 14, 22, 13, 20, 0, time.UTC)

func documentedServer(t testing.TB, w *World) {
	w.at(cometChatExamples, func() {
		w.create(t, w.Acme, core.NewMCPServer{
			Name: "My MCP Server", Slug: "my-mcp-server", Description: new("A Model Context Protocol server"),
			URL: "https://mcp.example.com/sse", Icon: "https://example.com/icon.png",
		})
	})
}

func documentedAgent(t testing.TB, w *World) {
	w.at(cometChatExamples, func() {
		for _, slug := range []string{"filesystem", "git", "postgres"} {
			w.create(t, w.Acme, core.NewMCPServer{Name: "Server", Slug: slug, URL: "http://localhost:3001"})
		}
		w.createAgent(t, w.Acme, "AGENT", core.NewAgent{
			Name: "Support Agent", Icon: "https://example.com/icon.png", Description: new("A helpful support agent"),
			Tools: core.JSON(`["gmail","slack"]`), Instruction: new("You are a helpful assistant"), Model: new("gpt-4o-mini"),
		})
	})
}

func documentedAccount(t testing.TB, w *World) {
	w.nextIDs = ids(t, "6a3134fdc71d10070e78923e")
	w.at(time.Date(2026, time.June, 16, 11, 35, 25, 951_000_000, time.UTC), func() {
		_, _, err := w.Core.UpsertLinkedAccount(t.Context(), w.Other.ID, core.NewAccount{ID: "user_12345", Name: new("Acme Inc.")})
		require.NoError(t, err)
	})
}

// documentedAccounts are the 32 of the documented list, of which it shows the
// newest. That one was changed four times.
func documentedAccounts(t testing.TB, w *World) {
	for i := range 30 {
		w.account(t, core.Account{ID: fmt.Sprintf("user_%02d", i+1), ObjectID: w.newID(w.Clock.Now()), CreatedAt: w.Clock.Now(), UpdatedAt: w.Clock.Now()})
		w.Clock.Set(w.Clock.Now().Add(time.Millisecond))
	}
	w.account(t, core.Account{
		ID: "user_12345", ObjectID: ids(t, "6a19616ac7f8b1c6beaa22b7")[0], Name: new("Acme Inc."), Version: 4,
		CreatedAt: time.Date(2026, time.May, 29, 9, 50, 34, 27_000_000, time.UTC),
		UpdatedAt: time.Date(2026, time.June, 12, 5, 56, 36, 383_000_000, time.UTC),
	})
}

// documentedSession is of an account that the documented tokens name, which
// lived for 5053 of their 7 and 30 days' seconds as they were given once more.
func documentedSession(t testing.TB, w *World) {
	now := w.Clock.Now()
	w.account(t, core.Account{ID: "user_12345", ObjectID: w.newID(now), CreatedAt: now, UpdatedAt: now})
	const day = 24 * time.Hour
	w.Issue(w.Other, "user_12345", Epoch.Add(-5053*time.Second), 7*day, 30*day)
}

// account puts an account of the other tenant into the store as it is.
func (w *World) account(t testing.TB, a core.Account) {
	t.Helper()
	a.Tenant = w.Other.ID
	require.NoError(t, w.Store.CreateAccount(t.Context(), a))
}
