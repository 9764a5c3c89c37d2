package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// The benchmarks come in pairs: what the store does, and the floor under it,
// one plain statement of pgx's on the same table without tenancy.

const benchConns = 16

type bench struct {
	*store.Store

	floor   *pgxpool.Pool // as the login, past row security
	tenant  core.TenantID
	servers []core.MCPServer
	newID   core.IDSource
	n       atomic.Int64
}

func newBench(b *testing.B, servers int) *bench {
	b.Helper()
	return newBenchOf(b, servers, store.Config{URL: storetest.New(b)})
}

func newBenchOf(b *testing.B, servers int, cfg store.Config) *bench {
	b.Helper()
	url := cfg.URL
	cfg.MaxConns = benchConns
	s, err := store.Open(b.Context(), cfg)
	require.NoError(b, err)
	b.Cleanup(s.Close)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(b, err)
	config.MaxConns = benchConns
	floor, err := pgxpool.NewWithConfig(b.Context(), config)
	require.NoError(b, err)
	b.Cleanup(floor.Close)

	f := &bench{Store: s, floor: floor, newID: core.NewIDSource()}
	f.tenant = newTenant(b, open(b, url, store.Operator), "bench").ID
	for range servers {
		created, err := s.CreateMCPServer(b.Context(), f.tenant, core.Creation{Server: f.server()})
		require.NoError(b, err)
		f.servers = append(f.servers, created)
	}
	_, err = floor.Exec(b.Context(), "VACUUM ANALYZE mcp_server")
	require.NoError(b, err)
	return f
}

func (f *bench) server() core.MCPServer {
	id, n := f.newID(epoch), f.n.Add(1)
	return core.MCPServer{
		ID: id, Slug: "s-" + id.String(), Name: fmt.Sprint("server ", n), URL: "https://example.com/mcp",
		Place: core.PlaceAt(epoch) + core.Place(n), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
	}
}

// each runs f on as many goroutines as there are connections.
func (f *bench) each(b *testing.B, run func(ctx context.Context, i int) error) {
	b.Helper()
	b.SetParallelism(benchConns)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ctx, cancel := context.WithCancel(b.Context()) // as a request's
			if err := run(ctx, int(next.Add(1))); err != nil {
				b.Error(err)
			}
			cancel()
		}
	})
}

const benchColumns = `id, slug, name, description, url, icon,
	suggestions, associated_apps, resources, notebooks, chains,
	agent_name, primary_color, secondary_color, base_prompt, safe_mode,
	place, created_at, updated_at, revision`

// serverScan is where the floors put a row.
func serverScan() []any {
	return []any{
		new([]byte), new(string), new(string), new(*string), new(string), new(string),
		new([]byte), new([]byte), new([]byte), new([]byte), new([]byte),
		new(*string), new(*string), new(*string), new(*string), new(*bool),
		new(int64), new(time.Time), new(time.Time), new(int64),
	}
}

func BenchmarkRead(b *testing.B) {
	f := newBench(b, 1000)
	require.NoError(b, f.CreateAccount(b.Context(), core.Account{Tenant: f.tenant, ID: "user", CreatedAt: epoch}))
	session, err := f.IssueSession(b.Context(), f.tenant, sessionRequest("user"))
	require.NoError(b, err)
	b.Run("floor", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			id := f.servers[i%len(f.servers)].ID
			return f.floor.QueryRow(ctx, `SELECT `+benchColumns+` FROM mcp_server WHERE tenant_id = $1 AND id = $2`,
				f.tenant, id[:]).Scan(serverScan()...)
		})
	})
	b.Run("store", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			_, err := f.MCPServer(ctx, f.tenant, core.ByID(f.servers[i%len(f.servers)].ID))
			return err
		})
	})
	b.Run("store, by a session", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			ctx = core.WithSession(ctx, &core.SessionUse{ID: session.SessionID})
			_, err := f.MCPServer(ctx, f.tenant, core.ByID(f.servers[i%len(f.servers)].ID))
			return err
		})
	})
}

func BenchmarkListOf10(b *testing.B) {
	f := newBench(b, 1000)
	b.Run("floor", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			rows, err := f.floor.Query(ctx, `SELECT `+benchColumns+` FROM mcp_server WHERE tenant_id = $1 AND place > $2
				ORDER BY place LIMIT 10`, f.tenant, int64(f.servers[i%900].Place))
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := rows.Scan(serverScan()...); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	})
	b.Run("store from a place", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			_, err := f.MCPServersFrom(ctx, f.tenant, f.servers[i%900].Place, core.After, 10)
			return err
		})
	})
	b.Run("store page with total", func(b *testing.B) {
		f.each(b, func(ctx context.Context, i int) error {
			_, _, err := f.MCPServerPage(ctx, f.tenant, core.OldestFirst, i%100, 10)
			return err
		})
	})
}

func BenchmarkCreate(b *testing.B) {
	f := newBench(b, 0)
	b.Run("floor", func(b *testing.B) {
		f.each(b, func(ctx context.Context, _ int) error {
			s := f.server()
			digest := sha256.Sum256([]byte(s.Name))
			_, err := f.floor.Exec(ctx, `
				INSERT INTO mcp_server (tenant_id, id, slug, name, name_digest, url, place, created_at, updated_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				f.tenant, s.ID[:], s.Slug, s.Name, digest[:], s.URL, s.Place, s.CreatedAt, s.UpdatedAt)
			return err
		})
	})
	for name, refuse := range map[string]bool{"store": false, "store refusing same name": true} {
		b.Run(name, func(b *testing.B) {
			f.each(b, func(ctx context.Context, _ int) error {
				_, err := f.CreateMCPServer(ctx, f.tenant, core.Creation{Server: f.server(), RefuseSameName: refuse})
				return err
			})
		})
	}
}

// By way of a PgBouncer, and past it as that does it: parsed anew each time.
func BenchmarkPooledRead(b *testing.B) {
	bouncer := storetest.NewBouncer(b, storetest.NewEmpty(b))
	for name, pooled := range map[string]func(string) string{
		"parsed": func(url string) string { return url }, "pgbouncer": func(url string) string { return bouncer.URL(b, url) },
	} {
		b.Run(name, func(b *testing.B) {
			url := storetest.New(b)
			f := newBenchOf(b, 1000, store.Config{URL: url, PooledURL: pooled(url)})
			f.each(b, func(ctx context.Context, i int) error {
				_, err := f.MCPServer(ctx, f.tenant, core.ByID(f.servers[i%len(f.servers)].ID))
				return err
			})
		})
	}
}
