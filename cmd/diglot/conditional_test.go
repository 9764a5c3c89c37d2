package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// counter is a server whose name counts, as clients of both dialects reach it.
type counter struct {
	at           aGateway
	refoldURL    string
	cometChatURL string
}

func newCounter(t *testing.T, at aGateway) *counter {
	t.Helper()
	c := &counter{at: at, cometChatURL: at.url + "/v3/ai-agents/agent-builder/mcp-servers/n-0"}
	r := send(t, http.MethodPost, at.url+"/api/v2/public/mcp-servers", `{"name":"n 0","description":"counts"}`,
		"x-api-key", at.refoldKey, "linked_account_id", "user")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	c.refoldURL = at.url + "/api/v2/public/mcp-servers/" + r.json(t)["_id"].(string)
	return c
}

// as gives how the i-th client reaches the server: every other one speaks the
// other dialect.
func (c *counter) as(i int) (method, url string, credential []string) {
	if i%2 == 0 {
		return http.MethodPut, c.refoldURL, []string{"x-api-key", c.at.refoldKey, "linked_account_id", "user"}
	}
	return http.MethodPatch, c.cometChatURL, []string{"apikey", c.at.cometChatKey}
}

func (c *counter) read(ctx context.Context, i int) (tag string, count int, err error) {
	_, url, credential := c.as(i)
	r, err := try(ctx, http.MethodGet, url, "", append(credential, "Diglot-ETag", "strong")...)
	if err != nil || r.status != http.StatusOK {
		return "", 0, errors.Join(err, fmt.Errorf("read: %d %s", r.status, r.body))
	}
	var server struct{ Name string }
	if err := json.Unmarshal([]byte(r.body), &server); err != nil {
		return "", 0, err
	}
	_, err = fmt.Sscanf(server.Name, "n %d", &count)
	return r.header.Get("ETag"), count, err
}

func (c *counter) write(ctx context.Context, i int, tag string, count int) (status int, err error) {
	method, url, credential := c.as(i)
	r, err := try(ctx, method, url, `{"name":"n `+strconv.Itoa(count)+`"}`, append(credential, "If-Match", tag)...)
	return r.status, err
}

func TestOfFiftyClientsThatReadOneVersionOneChangesIt(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		c := newCounter(t, gatewayOf(t, g, core.RefoldLegacy))
		tag, _, err := c.read(t.Context(), 0)
		require.NoError(t, err)
		const n = 50
		var (
			wg       sync.WaitGroup
			statuses [n]int
			errs     [n]error
		)
		for i := range n {
			wg.Go(func() { statuses[i], errs[i] = c.write(t.Context(), i, tag, i+1) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs[:]...))
		seen := map[int]int{}
		for _, s := range statuses {
			seen[s]++
		}
		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusPreconditionFailed: n - 1}, seen)
		_, count, err := c.read(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, statuses[count-1], "the one that was told so")
	})
}

func TestTwentyClientsOfBothDialectsThatAddOneLoseNone(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		c := newCounter(t, gatewayOf(t, g, core.RefoldLegacy))
		const n = 20
		var (
			wg   sync.WaitGroup
			errs [n]error
		)
		for i := range n {
			wg.Go(func() { errs[i] = c.add(t.Context(), i) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs[:]...))
		_, count, err := c.read(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, n, count)
	})
}

// add reads, adds one and writes until nobody else wrote between.
func (c *counter) add(ctx context.Context, i int) error {
	for {
		tag, count, err := c.read(ctx, i)
		if err != nil {
			return err
		}
		switch status, err := c.write(ctx, i, tag, count+1); {
		case err != nil || status == http.StatusOK:
			return err
		case status != http.StatusPreconditionFailed:
			return fmt.Errorf("write: %d", status)
		}
	}
}
