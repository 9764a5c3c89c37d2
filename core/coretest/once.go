package coretest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// once gives a context in which a creation happens once, by a key, at a time.
func once(t *testing.T, key string, at time.Time) context.Context {
	t.Helper()
	return core.WithOnce(t.Context(), newOnce(key, at))
}

func newOnce(key string, at time.Time) *core.Once {
	return &core.Once{Scope: "scope", Key: key, Digest: [32]byte{1, 31: 2}, At: at, Answer: answerOf}
}

// answerOf names the record that was about to be stored.
func answerOf(record any) (core.KeptAnswer, error) {
	switch r := record.(type) {
	case *core.MCPServer:
		return core.KeptAnswer{Status: 201, Body: []byte("server " + r.Slug + "\x00\xff"), Version: r.Version(), View: "view"}, nil
	case *core.Agent:
		return core.KeptAnswer{Status: 201, Body: []byte("agent " + r.Name), Version: r.Version()}, nil
	case *core.Account:
		return core.KeptAnswer{Status: 200, Body: []byte("account " + r.ID)}, nil
	}
	return core.KeptAnswer{}, fmt.Errorf("a record of type %T", record)
}

// creators create a record of each kind that can be created once, another one
// each time, and say how many there are.
var creators = map[string]struct {
	create func(s *suite, ctx context.Context, i int) error
	count  func(s *suite, t *testing.T) int
	body   string
}{
	"server": {
		func(s *suite, ctx context.Context, i int) error {
			server := s.server("server")
			server.Slug = fmt.Sprint("server-", i)
			_, err := s.CreateMCPServer(ctx, s.tenant.ID, core.Creation{Server: server})
			return err
		},
		func(s *suite, t *testing.T) int { return len(s.all(t)) }, "server server-%d\x00\xff",
	},
	"agent": {
		func(s *suite, ctx context.Context, i int) error {
			_, err := s.CreateAgent(ctx, s.tenant.ID, newAgent(fmt.Sprint(i)))
			return err
		},
		func(s *suite, t *testing.T) int { return len(s.allAgents(t)) }, "agent %d",
	},
	"account": {
		func(s *suite, ctx context.Context, i int) error {
			return s.CreateAccount(ctx, core.Account{Tenant: s.tenant.ID, ID: fmt.Sprint(i), ObjectID: s.newID(epoch), CreatedAt: epoch, UpdatedAt: epoch})
		},
		func(s *suite, t *testing.T) int {
			_, total, err := s.AccountPage(t.Context(), s.tenant.ID, core.OldestFirst, 0, 1)
			require.NoError(t, err)
			return total
		}, "account %d",
	},
}

func (s *suite) kept(t *testing.T, key string, at time.Time) core.KeptAnswer {
	t.Helper()
	a, err := s.KeptAnswer(t.Context(), s.tenant.ID, "scope", key, at)
	require.NoError(t, err)
	return a
}

var creationsOnce = []guarantee{
	{"keeps its answer with the record and happens no second time", func(t *testing.T, b Backend) {
		for kind, c := range creators {
			s := newSuite(t, b, kind)
			require.NoError(t, c.create(s, once(t, "key", epoch), 0))
			a := s.kept(t, "key", epoch)
			require.Equal(t, fmt.Sprintf(c.body, 0), string(a.Body))
			require.Equal(t, [32]byte{1, 31: 2}, a.Digest)
			require.True(t, core.IsConflictOn(c.create(s, once(t, "key", epoch), 1), "idempotency_key"), kind)
			require.Equal(t, a, s.kept(t, "key", epoch))
			require.Equal(t, 1, c.count(s, t))
			require.NoError(t, c.create(s, once(t, "other", epoch), 1))
			require.NoError(t, c.create(s, t.Context(), 2))
			require.Equal(t, 3, c.count(s, t))
		}
	}},
	{"keeps status, version and view", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		server := s.server("server")
		server.Slug = "slug"
		_, err := s.CreateMCPServer(once(t, "key", epoch), s.tenant.ID, core.Creation{Server: server})
		require.NoError(t, err)
		a := s.kept(t, "key", epoch)
		require.Equal(t, core.KeptAnswer{
			Digest: [32]byte{1, 31: 2}, Status: 201, Body: []byte("server slug\x00\xff"), Version: server.Version(), View: "view",
		}, a)
	}},
	{"keeps the answer of the slug that it got", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		taken, server := s.server("taken"), s.server("server")
		server.Slug = taken.Slug
		s.create(t, taken)
		_, err := s.CreateMCPServer(once(t, "key", epoch), s.tenant.ID, core.Creation{Server: server, FallbackSlug: "fallback"})
		require.NoError(t, err)
		require.Equal(t, "server fallback\x00\xff", string(s.kept(t, "key", epoch).Body))
	}},
	{"that fails keeps nothing", func(t *testing.T, b Backend) {
		for kind, c := range creators {
			s := newSuite(t, b, kind)
			require.NoError(t, c.create(s, t.Context(), 0))
			if kind != "agent" { // whose names may repeat
				require.Equal(t, core.Conflict, core.KindOf(c.create(s, once(t, "key", epoch), 0)))
			}
			a := newAgent("listing")
			a.MCPServers = []string{"gone"}
			_, err := s.CreateAgent(once(t, "key", epoch), s.tenant.ID, a)
			requireMissing(t, err, "gone")
			_, err = s.KeptAnswer(t.Context(), s.tenant.ID, "scope", "key", epoch)
			requireNotFound(t, err)
			require.NoError(t, c.create(s, once(t, "key", epoch), 1))
		}
	}},
	{"is another one in another scope and tenant", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "one"), newSuite(t, b, "other")
		c := creators["server"]
		require.NoError(t, c.create(s, once(t, "key", epoch), 0))
		require.NoError(t, c.create(other, once(t, "key", epoch), 0))
		elsewhere := newOnce("key", epoch)
		elsewhere.Scope = "elsewhere"
		require.NoError(t, c.create(s, core.WithOnce(t.Context(), elsewhere), 1))
		for _, key := range []string{"Key", "", "key ", "k%", "\x00", "\xff"} {
			_, err := s.KeptAnswer(t.Context(), s.tenant.ID, "scope", key, epoch)
			requireNotFound(t, err)
		}
		_, err := s.KeptAnswer(t.Context(), core.NewTenantID(), "scope", "key", epoch)
		requireNotFound(t, err)
	}},
	{"may happen again after 24 hours", func(t *testing.T, b Backend) {
		for kind, c := range creators {
			s := newSuite(t, b, kind)
			for i := range 15 { // more than one creation removes
				require.NoError(t, c.create(s, once(t, fmt.Sprint("early ", i), epoch.Add(-time.Hour)), i))
			}
			require.NoError(t, c.create(s, once(t, "key", epoch), 100))
			almost, then := epoch.Add(core.KeepAnswersFor-time.Millisecond), epoch.Add(core.KeepAnswersFor)
			_ = s.kept(t, "key", almost)
			require.Equal(t, core.Conflict, core.KindOf(c.create(s, once(t, "key", almost), 101)))
			_, err := s.KeptAnswer(t.Context(), s.tenant.ID, "scope", "key", then)
			requireNotFound(t, err)
			require.NoError(t, c.create(s, once(t, "key", then), 102))
			require.Equal(t, fmt.Sprintf(c.body, 102), string(s.kept(t, "key", then).Body))
		}
	}},
	{"keeps its answer before others are refused its name", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for round := range 20 {
			key := fmt.Sprint("key ", round)
			create := func(int) error {
				server := s.server(fmt.Sprint("name ", round))
				server.Slug = "name"
				_, err := s.CreateMCPServer(once(t, key, epoch), s.tenant.ID, core.Creation{
					Server: server, FallbackSlug: "name-" + server.ID.String(), RefuseSameName: true,
				})
				if err != nil {
					if _, lost := s.KeptAnswer(t.Context(), s.tenant.ID, "scope", key, epoch); lost != nil {
						return lost
					}
				}
				return err
			}
			created := 0
			for _, err := range together(10, create) {
				if err == nil {
					created++
					continue
				}
				require.Equal(t, core.Conflict, core.KindOf(err), "%v", err)
			}
			require.Equal(t, 1, created)
		}
	}},
	{"happens once of 50 at the same time", func(t *testing.T, b Backend) {
		for kind, c := range creators {
			s := newSuite(t, b, kind)
			const n = 50
			winner := -1
			for i, err := range together(n, func(i int) error { return c.create(s, once(t, "key", epoch), i) }) {
				if err == nil {
					require.Negative(t, winner, "two were created")
					winner = i
					continue
				}
				require.True(t, core.IsConflictOn(err, "idempotency_key"), "%v", err)
			}
			require.Equal(t, 1, c.count(s, t))
			require.Equal(t, fmt.Sprintf(c.body, winner), string(s.kept(t, "key", epoch).Body))
		}
	}},
}
