package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
)

// keptAll requires that each tenant sees all that was acknowledged, and whatever
// else is there, once, nothing that it hadn't asked for, and that its history is
// whole and has the creation of each that is there, once.
func (f *faulty) keptAll(t *testing.T) {
	t.Helper()
	directory, err := store.Open(t.Context(), store.Config{URL: f.db, Role: store.Operator})
	require.NoError(t, err)
	defer directory.Close()
	secret, err := core.NewSecret([]byte("the secret of all tests"))
	require.NoError(t, err)
	operator := core.NewOperator(directory, secret, time.Now)
	for _, tenant := range f.tenants {
		key := tenant.credentials["apikey"]
		there := walked(t, f.url+cometChatServers, "name", key)
		require.Equal(t, there, created(t, operator, tenant.id, core.MCPServerNoun), tenant.name)
		agents := walked(t, f.url+agentsPath, "name", key)
		require.Equal(t, agents, created(t, operator, tenant.id, core.AgentNoun), tenant.name)
		for name, times := range agents {
			there[name] += times
		}
		for name, times := range there {
			require.Equal(t, 1, times, name)
			require.True(t, tenant.book.asked[name], "%s shows %s", tenant.name, name)
		}
		require.NotEmpty(t, tenant.book.acked)
		for name := range tenant.book.acked {
			require.Equal(t, 1, there[name], "%s was acknowledged", name)
		}
	}
}

// created verifies a tenant's chain and counts the creations of a noun in it by
// the name of what was created.
func created(t *testing.T, o *core.Operator, tenant core.TenantID, noun string) map[string]int {
	t.Helper()
	_, err := o.VerifyChanges(t.Context(), tenant, core.ChainHead{})
	require.NoError(t, err)
	counts := map[string]int{}
	require.NoError(t, o.EachChange(t.Context(), tenant, core.ChangeQuery{Noun: noun, Action: core.CreateAction}, func(c *core.Change) error {
		var after struct{ Name string }
		if err := json.Unmarshal(c.After, &after); err != nil {
			return err
		}
		counts[after.Name]++
		return nil
	}))
	return counts
}

// listed gives the slugs of all servers.
func listed(t *testing.T, gateway string, headers []string) map[string]int {
	t.Helper()
	return walked(t, gateway+cometChatServers, "slug", headers)
}

// walked gives how often a list has each value of a member, walking it as a
// client of CometChat's does.
func walked(t *testing.T, url, member string, headers []string) map[string]int {
	t.Helper()
	found := map[string]int{}
	query := "?limit=100"
	for {
		r := send(t, http.MethodGet, url+query, "", headers...)
		require.Equal(t, http.StatusOK, r.status, r.body)
		page := r.json(t)
		for _, s := range page["data"].([]any) {
			found[s.(map[string]any)[member].(string)]++
		}
		next, more := page["meta"].(map[string]any)["next"].(map[string]any)
		if !more || len(page["data"].([]any)) == 0 {
			return found
		}
		query = fmt.Sprintf("?limit=100&affix=%s&createdAt=%s", next["affix"], strconv.FormatFloat(next["createdAt"].(float64), 'f', -1, 64))
	}
}

func requireAll(t *testing.T, acked []string, slugs map[string]int) {
	t.Helper()
	require.NotEmpty(t, acked)
	for _, slug := range acked {
		require.Equal(t, 1, slugs[slug], "%s was acknowledged", slug)
	}
}
