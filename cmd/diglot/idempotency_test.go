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
	eachStore(t, func(t *testing.T, g *inProcess) {
		at := gatewayOf(t, g, core.RefoldV3)
		ctx := ofTenant(t.Context(), core.RefoldV3)
		refold := []string{"x-api-key", at.refoldKey, "linked_account_id", "user"}
		cometChat := []string{"apikey", at.cometChatKey}
		for path, c := range map[string]struct {
			credential []string
			body       string
			status     int
		}{
			"/api/v2/public/mcp-servers":              {refold, `{"name":"n","description":"d"}`, http.StatusCreated},
			"/api/v2/public/linked-account":           {refold[:2], `{"linked_account_id":"once"}`, http.StatusOK},
			"/v3/ai-agents/agent-builder/mcp-servers": {cometChat, `{"name":"n","slug":"once","url":"http://localhost:3001"}`, http.StatusCreated},
			"/v3/ai-agents/agent-builder/agents":      {cometChat, `{"name":"n"}`, http.StatusCreated},
		} {
			const n = 50
			var (
				wg      sync.WaitGroup
				replies [n]reply
				errs    [n]error
			)
			headers := append([]string{"Idempotency-Key", "the key"}, c.credential...)
			for i := range n {
				wg.Go(func() { replies[i], errs[i] = try(ctx, http.MethodPost, g.url+path, c.body, headers...) })
			}
			wg.Wait()
			created := 0
			for i, r := range replies {
				require.NoError(t, errs[i])
				require.Equal(t, c.status, r.status, r.body)
				require.Equal(t, replies[0].body, r.body, path)
				if r.header.Get("Idempotency-Replayed") == "" {
					created++
				}
			}
			require.Equal(t, 1, created, path)
			other, err := try(ctx, http.MethodPost, g.url+path, c.body+" ", headers...)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnprocessableEntity, other.status, other.body)
		}
	})
}
