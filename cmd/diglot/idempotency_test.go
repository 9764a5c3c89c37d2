package main

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestOfFiftyRequestsWithOneIdempotencyKeyOneCreatesAndAllAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		t.Run(string(revision), func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(t *testing.T, g *inProcess) { fiftyAtOnce(t, g, revision) })
		})
	}
}

func fiftyAtOnce(t *testing.T, g *inProcess, revision core.RefoldRevision) {
	t.Helper()
	at := gatewayOf(t, g, revision)
	ctx := ofTenant(t.Context(), revision)
	refold := []string{"x-api-key", at.refoldKey, "linked_account_id", "user"}
	cometChat := []string{"apikey", at.cometChatKey}
	// The names differ: legacy refuses one that the other dialect's server has.
	for _, c := range []struct {
		path       string
		credential []string
		body       string
		status     int
	}{
		{refoldServers, refold, `{"name":"One","description":"d"}`, http.StatusCreated},
		{refoldServers, refold, `{"name":"one!","description":"its made slug is taken"}`, http.StatusCreated},
		{linkedAccount, refold[:2], `{"linked_account_id":"once"}`, http.StatusOK},
		{cometChatServers, cometChat, `{"name":"n","slug":"once","url":"http://localhost:3001"}`, http.StatusCreated},
		{"/v3/ai-agents/agent-builder/agents", cometChat, `{"name":"n"}`, http.StatusCreated},
	} {
		const n = 50
		var (
			wg      sync.WaitGroup
			replies [n]reply
			errs    [n]error
		)
		headers := append([]string{"Idempotency-Key", "the key of " + c.body}, c.credential...)
		for i := range n {
			wg.Go(func() { replies[i], errs[i] = try(ctx, http.MethodPost, g.url+c.path, c.body, headers...) })
		}
		wg.Wait()
		created := 0
		for i, r := range replies {
			require.NoError(t, errs[i])
			require.Equal(t, c.status, r.status, r.body)
			require.Equal(t, replies[0].body, r.body, c.path)
			if r.header.Get("Idempotency-Replayed") == "" {
				created++
			}
		}
		require.Equal(t, 1, created, c.path)
		other, err := try(ctx, http.MethodPost, g.url+c.path, c.body+" ", headers...)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, other.status, other.body)
	}
}
