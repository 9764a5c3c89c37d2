package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/store/storetest"
)

// Creations that nothing but their idempotency keys keeps from being made twice
// are asked for until they are answered, while backends are terminated as fast as
// they come: where the answer is lost, nobody knows whether the commit was.
func TestWhatHasAnIdempotencyKeyIsCreatedOnceThroughAStormOfTerminatedBackends(t *testing.T) {
	t.Parallel()
	f := startFaulty(t, storetest.New(t))
	acme := f.tenants[0]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		asked = map[string]bool{} // by name of what was created
		again int                 // how often one had to be asked for again
		errs  []error
	)
	for i := range 4 {
		wg.Go(func() {
			for n := range 25 {
				path, way := agentsPath, acme.credentials["apikey"]
				if i%2 == 0 {
					path, way = refoldServers, append([]string{refold.RevisionHeader, string(core.RefoldV3)}, acme.credentials["key"]...) // names may repeat
				}
				name := fmt.Sprintf("acme-once-%d-%d", i, n)
				err := f.askUntilCreated(ctx, path, name, way, func() {
					mu.Lock()
					defer mu.Unlock()
					again++
				})
				mu.Lock()
				asked[name] = true
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	f.storm(t, true, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return again >= 50 || len(asked) == 100
	})
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	t.Logf("asked again %d times", again)
	require.Positive(t, again)
	f.serves(t)
	f.end(t)
	operator := f.operator(t)
	there := created(t, operator, acme.id, core.AgentNoun, "name")
	for name, times := range created(t, operator, acme.id, core.MCPServerNoun, "name") {
		there[name] += times
	}
	for name := range asked {
		require.Equal(t, 1, there[name], name)
	}
}

// askUntilCreated tells of each time that it has to ask again.
func (f *faulty) askUntilCreated(ctx context.Context, path, name string, way []string, again func()) error {
	headers := append([]string{dialects.IdempotencyKeyHeader, name}, way...)
	for {
		r, err := try(ctx, http.MethodPost, f.g.url+path, `{"name":"`+name+`","description":"d"}`, headers...)
		switch {
		case err != nil:
			return err
		case r.status == http.StatusCreated:
			return nil
		case r.status != http.StatusServiceUnavailable:
			return fmt.Errorf("%s: %d %s", name, r.status, r.body)
		}
		again()
	}
}

// storm terminates the gateway's backends, all of them without a pause or one at a
// time, until enough.
func (f *faulty) storm(t *testing.T, oneByOne bool, enough func() bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.db)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	limit := 1000
	if oneByOne {
		limit = 1
	}
	for start := time.Now(); !enough(); {
		require.Less(t, time.Since(start), 30*time.Second)
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'diglot%' ORDER BY random() LIMIT $1) AS backend`, limit)
		require.NoError(t, err)
		if oneByOne {
			pause(t.Context())
		}
	}
}
