package coretest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var keyActor = &core.Actor{Kind: core.KeyActor, ID: "11111111-2222-4333-8444-555555555555", Dialect: "refold", RequestID: "request-1"}

// history gives all entries of a chain, which must be whole.
func history(t *testing.T, b Backend, tenant core.TenantID) []core.Change {
	t.Helper()
	list, err := b.Changes(t.Context(), tenant, core.ChangeQuery{Limit: 10_000})
	require.NoError(t, err)
	var v core.ChainVerifier
	for i := range list {
		require.NoError(t, v.Next(&list[i]))
		require.Equal(t, "UTC", list[i].At.Location().String())
		require.Zero(t, list[i].At.Nanosecond()%1000, "whole microseconds")
	}
	return list
}

// said gives what entries are about, in short.
func said(list []core.Change) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.Action + " " + c.Noun
	}
	return out
}

var changes = []guarantee{
	{"each change of a server is entered with who, through what, from and to", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		ctx := core.WithActor(t.Context(), keyActor)
		server, err := s.CreateMCPServer(ctx, s.tenant.ID, core.Creation{Server: s.full()})
		require.NoError(t, err)
		_, err = s.UpdateMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Modification{
			MCPServerUpdate: core.MCPServerUpdate{Name: new("other \" name"), Suggestions: core.JSON(`[{"n":1.50}]`)},
			UpdatedAt:       epoch.Add(time.Second),
		})
		require.NoError(t, err)
		require.NoError(t, s.DeleteMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Precondition{}))
		list := history(t, b, s.tenant.ID)
		require.Equal(t, []string{"create mcp_server", "update mcp_server", "delete mcp_server"}, said(list))
		for _, c := range list {
			require.Equal(t, *keyActor, c.Actor)
			require.Equal(t, server.ID.String(), c.Record)
			require.Equal(t, s.tenant.ID, c.Tenant)
			require.WithinDuration(t, time.Now(), c.At, time.Hour)
		}
		require.Equal(t, []int64{1, 2, 2}, []int64{list[0].Revision, list[1].Revision, list[2].Revision})
		require.Nil(t, list[0].Before)
		require.Equal(t, core.JSON(`{"name":"Full “Server” ñ 日本 🚀","suggestions":[{"z":1,"a":"two"}],"updated_at":"2026-03-04T05:06:07.089000Z","revision":1}`), list[1].Before)
		require.Equal(t, core.JSON(`{"name":"other \" name","suggestions":[{"n":1.50}],"updated_at":"2026-03-04T05:06:08.089000Z","revision":2}`), list[1].After)
		require.Nil(t, list[2].After)
		require.Contains(t, string(list[0].After), `{"id":"`+server.ID.String()+`","slug":"`+server.Slug+`","name":"Full “Server” ñ 日本 🚀","description":"what it does\n\twith \\ and \"`)
		require.Contains(t, string(list[2].Before), `"agent_name":"Agent","primary_color":"#ffffff","secondary_color":"#000000","base_prompt":"Be kind.","safe_mode":true,"place":`)
	}},
	{"agents, accounts, keys and sessions have entries, and a deleted server's agents too", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		ctx := core.WithActor(t.Context(), keyActor)
		server := s.create(t, s.server("one"))
		agent, err := s.CreateAgent(ctx, s.tenant.ID, core.Agent{
			UID: core.AgentUID(core.NewUUID()), Name: "agent", MCPServers: []string{server.Slug},
			Place: core.PlaceAt(epoch), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
		})
		require.NoError(t, err)
		require.NoError(t, s.DeleteMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Precondition{}))
		require.NoError(t, s.DeleteAgent(ctx, s.tenant.ID, agent.UID, core.Precondition{}))
		account := core.Account{Tenant: s.tenant.ID, ID: "user\nof two lines", CreatedAt: epoch, UpdatedAt: epoch, Version: 1}
		require.NoError(t, s.CreateAccount(ctx, account))
		account.Name = new("name")
		_, err = s.UpsertAccount(ctx, account)
		require.NoError(t, err)
		session, err := s.IssueSession(ctx, s.tenant.ID, core.SessionRequest{
			Session: core.Session{SessionID: core.SessionID{Account: account.ID, IssuedAt: 1, ExpiresAt: 2}, RefreshExpiresAt: 3}, Fresh: true,
		})
		require.NoError(t, err)
		acting := core.WithActor(t.Context(), &core.Actor{Kind: core.SessionActor, ID: account.ID, Dialect: "refold", RequestID: "r"})
		require.NoError(t, s.RevokeSession(acting, s.tenant.ID, session.SessionID, epoch))
		require.NoError(t, s.DeleteAccount(ctx, s.tenant.ID, account.ID))
		key := newKey(s.tenant, core.Refold)
		require.NoError(t, b.CreateKey(ctx, key))
		require.NoError(t, b.NoteKeyUses(ctx, []core.KeyUse{{Tenant: s.tenant.ID, KeyID: key.ID, At: epoch}}))
		next := newKey(s.tenant, core.Refold)
		_, err = b.RotateKey(ctx, key.ID, new(epoch.Add(time.Hour)), next)
		require.NoError(t, err)
		_, err = b.RevokeKey(ctx, next.ID, epoch)
		require.NoError(t, err)
		_, err = b.RevokeKey(ctx, next.ID, epoch.Add(time.Hour))
		require.NoError(t, err)
		list := history(t, b, s.tenant.ID)
		require.Equal(t, []string{
			"create mcp_server", "create agent", "delete mcp_server", "update agent", "delete agent",
			"create linked_account", "update linked_account", "issue session_token", "revoke session_token", "delete linked_account",
			"create api_key", "update api_key", "create api_key", "revoke api_key",
		}, said(list))
		require.Equal(t, core.JSON(`{"mcp_servers":["`+server.Slug+`"]}`), list[3].Before)
		require.Equal(t, core.JSON(`{"mcp_servers":[]}`), list[3].After)
		require.Equal(t, core.Actor{Kind: core.SessionActor, ID: account.ID, Dialect: "refold", RequestID: "r"}, list[8].Actor)
		require.Equal(t, core.DatabaseActor, list[0].Kind, "nobody said who")
	}},
	{"a chain with an account that an upsert made, whose version is 0, is whole", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		account := core.Account{Tenant: s.tenant.ID, ID: "upserted", CreatedAt: epoch, UpdatedAt: epoch}
		_, err := s.UpsertAccount(t.Context(), account)
		require.NoError(t, err)
		require.NoError(t, s.DeleteAccount(t.Context(), s.tenant.ID, account.ID))
		require.Equal(t, []string{"create linked_account", "delete linked_account"}, said(history(t, b, s.tenant.ID)))
	}},
	{"tenants that come and go and signing keys are entered in the installation's chain", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		ctx := core.WithActor(t.Context(), &core.Actor{Kind: core.OperatorActor, ID: "alice"})
		s.create(t, s.server("one"))
		_, err := b.UpdateTenant(ctx, "a", core.TenantUpdate{ProtectServers: new(true)})
		require.NoError(t, err)
		_, err = b.CreateSigningKey(ctx, core.SigningKey{ID: "k1", CreatedAt: epoch})
		require.NoError(t, err)
		_, err = b.RetireSigningKey(ctx, "", epoch)
		require.NoError(t, err)
		own := history(t, b, s.tenant.ID)
		require.Equal(t, []string{"create mcp_server", "update tenant"}, said(own))
		require.Equal(t, core.JSON(`{"protect_servers":false}`), own[1].Before)
		require.Equal(t, "alice", own[1].ID)
		_, err = b.SetTenantStatus(ctx, "a", core.TenantDeleting)
		require.NoError(t, err)
		for done := false; !done; {
			_, done, err = b.DeleteTenantPart(ctx, s.tenant.ID, 100)
			require.NoError(t, err)
		}
		require.Empty(t, history(t, b, s.tenant.ID))
		list := history(t, b, core.Installation)
		require.Equal(t, []string{"create tenant", "create signing_key", "retire signing_key", "update tenant", "delete tenant"}, said(list)[len(list)-5:])
		require.Equal(t, string(s.tenant.ID), list[len(list)-1].Record)
		require.Equal(t, "alice", list[len(list)-1].ID)
	}},
	{"what fails has no entry", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		server := s.create(t, s.server("one"))
		again := s.server("one")
		again.Slug = server.Slug
		_, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: again})
		requireConflict(t, err, "mcp_server", "slug")
		requireNotFound(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(s.newID(epoch)), core.Precondition{}))
		gone := core.Precondition{OneOf: []core.Version{}}
		require.Error(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), gone))
		once := core.WithOnce(t.Context(), &core.Once{Scope: "s", Key: "k", At: epoch, Answer: func(any) (core.KeptAnswer, error) {
			return core.KeptAnswer{Status: 201, Body: []byte("{}")}, nil
		}})
		_, err = s.CreateMCPServer(once, s.tenant.ID, core.Creation{Server: s.server("once")})
		require.NoError(t, err)
		_, err = s.CreateMCPServer(once, s.tenant.ID, core.Creation{Server: s.server("twice")})
		require.Error(t, err)
		require.Equal(t, []string{"create mcp_server", "create mcp_server"}, said(history(t, b, s.tenant.ID)))
	}},
	{"fifty writers at once leave one entry for each change", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "a"), newSuite(t, b, "b")
		server := s.create(t, s.server("shared"))
		requireNoErrors(t, together(50, func(i int) error {
			ctx := core.WithActor(context.Background(), keyActor)
			to := s
			if i%5 == 0 {
				to = other
			}
			created, err := to.CreateMCPServer(ctx, to.tenant.ID, core.Creation{Server: to.server("one")})
			if err != nil {
				return err
			}
			_, err = s.UpdateMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
			if i%2 == 0 {
				err = errors.Join(err, to.DeleteMCPServer(ctx, to.tenant.ID, core.ByID(created.ID), core.Precondition{}))
			}
			return err
		}))
		require.Len(t, history(t, b, s.tenant.ID), 1+40+50+20)
		require.Len(t, history(t, b, other.tenant.ID), 10+5)
	}},
	{"entries are found by all that is said of them", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		server := s.create(t, s.server("one"))
		ctx := core.WithActor(t.Context(), keyActor)
		_, err := s.UpdateMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
		require.NoError(t, err)
		all := history(t, b, s.tenant.ID)
		for name, c := range map[string]struct {
			q    core.ChangeQuery
			want []int64
		}{
			"kind":       {core.ChangeQuery{Kind: core.KeyActor}, []int64{2}},
			"actor":      {core.ChangeQuery{Actor: keyActor.ID}, []int64{2}},
			"dialect":    {core.ChangeQuery{Dialect: "refold"}, []int64{2}},
			"request id": {core.ChangeQuery{RequestID: "request-1"}, []int64{2}},
			"action":     {core.ChangeQuery{Action: core.CreateAction}, []int64{1}},
			"noun":       {core.ChangeQuery{Noun: core.AgentNoun}, []int64{}},
			"record":     {core.ChangeQuery{Record: server.ID.String()}, []int64{1, 2}},
			"no text":    {core.ChangeQuery{Record: "\x00"}, []int64{}},
			"since":      {core.ChangeQuery{Since: all[1].At}, []int64{2}},
			"until":      {core.ChangeQuery{Until: all[1].At}, []int64{1}},
			"after":      {core.ChangeQuery{After: 1}, []int64{2}},
			"before":     {core.ChangeQuery{Before: 2}, []int64{1}},
			"newest":     {core.ChangeQuery{Newest: true}, []int64{2, 1}},
		} {
			c.q.Limit = 10
			found, err := b.Changes(t.Context(), s.tenant.ID, c.q)
			require.NoError(t, err, name)
			seqs := []int64{}
			for _, f := range found {
				seqs = append(seqs, f.Seq)
			}
			require.Equal(t, c.want, seqs, name)
		}
		one, err := b.Changes(t.Context(), s.tenant.ID, core.ChangeQuery{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, all[:1], one)
		none, err := b.Changes(t.Context(), s.tenant.ID, core.ChangeQuery{})
		require.NoError(t, err)
		require.Empty(t, none)
	}},
	{"a page ends where what entries were from and to is large", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		server := s.create(t, s.server("large"))
		const changes, each = 9, 1_000_000 // each is from and to as much
		for i := range changes {
			text := strings.Repeat(strconv.Itoa(i), each)
			_, err := s.UpdateMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Modification{
				MCPServerUpdate: core.MCPServerUpdate{Suggestions: core.JSON(`["` + text + `"]`)}, UpdatedAt: epoch,
			})
			require.NoError(t, err)
		}
		for _, q := range []core.ChangeQuery{
			{Limit: 100},
			{Limit: 100, Newest: true},
			{Limit: 100, Noun: core.MCPServerNoun, Record: server.ID.String()},
			{Limit: 2},
		} {
			var seqs []int64
			for {
				found, err := b.Changes(t.Context(), s.tenant.ID, q)
				require.NoError(t, err)
				held := 0
				for i := range found {
					require.Less(t, held, core.MaxImageBytes, "it should have ended before")
					held += found[i].ImageBytes()
					seqs = append(seqs, found[i].Seq)
				}
				require.LessOrEqual(t, len(found), q.Limit)
				if !q.More(found) {
					break
				}
				q.After, q.Before = found[len(found)-1].Seq, 0
				if q.Newest {
					q.After, q.Before = 0, q.After
				}
				require.True(t, len(found) == q.Limit || core.ImagesFill(found))
			}
			if q.Newest {
				slices.Reverse(seqs)
			}
			require.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seqs, "%+v", q)
		}
		o := operate(t, b, time.Now)
		head, err := o.VerifyChanges(t.Context(), s.tenant.ID, core.ChainHead{})
		require.NoError(t, err)
		require.Equal(t, int64(changes+1), head.Seq)
		was, err := b.MCPServerAt(t.Context(), s.tenant.ID, server.ID, 2)
		require.NoError(t, err)
		require.Equal(t, core.JSON(`["`+strings.Repeat("0", each)+`"]`), was.Suggestions)
	}},
}
