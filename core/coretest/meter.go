package coretest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var errNoMemory = errors.New("no memory")

// memory has room for some bytes, and for changes or not.
type memory struct {
	room, held int64 // bytes
	noChanges  bool
}

// Take implements [core.Memory].
func (m *memory) Take(_ core.TenantID, had, more int64, owed bool) error {
	if m.held != had {
		return fmt.Errorf("an answer that has %d bytes is said to have %d", m.held, had)
	}
	if !owed && m.held+more > m.room {
		return errNoMemory
	}
	m.held += more
	return nil
}

// Room implements [core.Memory].
func (m *memory) Room(core.TenantID) error {
	if m.noChanges {
		return errNoMemory
	}
	return nil
}

// Return implements [core.Memory].
func (m *memory) Return(_ core.TenantID, bytes int64) { m.held -= bytes }

func (m *memory) metered(ctx context.Context, changes bool) *core.Metered {
	return &core.Metered{Context: ctx, Meter: core.Meter{Memory: m, Changes: changes}}
}

// largeText is what records of these tests have, each.
const largeText = 100_000

var meters = []guarantee{
	{"what is read is counted as it comes, and no more is read than there is room for", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		text, server, agent := strings.Repeat("x", largeText), core.MCPServer{}, core.Agent{}
		const many = 5
		for i := range many {
			server = s.server(fmt.Sprint("server ", i))
			server.Description = &text
			server = s.create(t, server)
			agent = newAgent(fmt.Sprint("agent ", i))
			agent.Metadata = core.JSON(`"` + text + `"`)
			agent = s.createAgent(t, agent)
			account := s.fullAccount(fmt.Sprint("account ", i))
			account.Name = &text
			require.NoError(t, b.CreateAccount(t.Context(), account))
		}
		id := s.tenant.ID
		for name, c := range map[string]struct {
			records int
			read    func(ctx context.Context) error
		}{
			"server": {1, func(ctx context.Context) error {
				_, err := b.MCPServer(ctx, id, core.ByID(server.ID))
				return err
			}},
			"page of servers": {many, func(ctx context.Context) error {
				_, _, err := b.MCPServerPage(ctx, id, core.NewestFirst, 0, many)
				return err
			}},
			"servers from a place": {many, func(ctx context.Context) error {
				_, err := b.MCPServersFrom(ctx, id, -1, core.After, many)
				return err
			}},
			"agent": {1, func(ctx context.Context) error {
				_, err := b.Agent(ctx, id, agent.UID)
				return err
			}},
			"agents": {many, func(ctx context.Context) error {
				_, err := b.AgentsFrom(ctx, id, core.AgentQuery{From: -1, Dir: core.After, Limit: many})
				return err
			}},
			"account": {1, func(ctx context.Context) error {
				_, err := b.Account(ctx, id, "account 0")
				return err
			}},
			"page of accounts": {many, func(ctx context.Context) error {
				_, _, err := b.AccountPage(ctx, id, core.OldestFirst, 0, many)
				return err
			}},
		} {
			large := &memory{room: 1 << 40}
			ctx := large.metered(t.Context(), false)
			require.NoError(t, c.read(ctx), name)
			require.GreaterOrEqual(t, large.held, int64(c.records*largeText), name)
			require.Less(t, large.held, int64((c.records+1)*largeText), name)
			ctx.Meter.End()
			require.Zero(t, large.held, name)

			small := &memory{room: int64(c.records)*largeText - 1}
			ctx = small.metered(t.Context(), false)
			require.ErrorIs(t, c.read(ctx), errNoMemory, name)
			require.Zero(t, small.held, "%s: what was read is given back at once, for others", name)
			require.Zero(t, ctx.Meter.Bytes(), name)
			require.NoError(t, c.read(t.Context()), "%s: without a meter nothing is counted", name)
		}
	}},
	{"a change is answered whatever that takes, and is not made where there is no room", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.server("large")
		server.Description = new(strings.Repeat("x", largeText))
		server = s.create(t, server)
		rename := func(ctx context.Context, name string) error {
			_, err := b.UpdateMCPServer(ctx, s.tenant.ID, core.ByID(server.ID), core.Modification{
				MCPServerUpdate: core.MCPServerUpdate{Name: &name}, UpdatedAt: epoch,
			})
			return err
		}
		none := &memory{}
		require.NoError(t, rename(none.metered(t.Context(), true), "renamed"))
		require.GreaterOrEqual(t, none.held, int64(largeText))
		none.noChanges = true
		require.ErrorIs(t, rename(none.metered(t.Context(), true), "renamed again"), errNoMemory)
		require.Equal(t, "renamed", s.read(t, core.ByID(server.ID)).Name)
		require.NoError(t, rename(t.Context(), "renamed again"))
	}},
}
