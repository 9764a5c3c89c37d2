package store_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
)

// queue is who asked for turns, and who got one.
type queue struct {
	*store.Turns

	served []string
	ends   map[string][]func()
}

// ask asks for a tenant, n times; who has to wait, waits.
func (q *queue) ask(who string, n int) {
	for range n {
		go func() {
			l, err := q.Take(context.Background(), core.TenantID(who))
			if err != nil {
				return
			}
			q.served = append(q.served, who) // one at a time: the test waits for each
			release := make(chan struct{})
			q.ends[who] = append(q.ends[who], func() { close(release); synctest.Wait() })
			<-release
			q.End(l)
		}()
		synctest.Wait()
	}
}

// end ends the first turn that a tenant has, and gives who was served then.
func (q *queue) end(who string) string {
	before := len(q.served)
	end := q.ends[who][0]
	q.ends[who] = q.ends[who][1:]
	end()
	return strings.Join(q.served[before:], " ")
}

func inTurns(t *testing.T, conns int, check func(t *testing.T, q *queue)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{Turns: store.NewTurns(conns), ends: map[string][]func(){}}
		check(t, q)
		for left := true; left; {
			left = false
			for who, ends := range q.ends {
				if len(ends) > 0 {
					left = true
					q.end(who)
				}
			}
		}
		require.Zero(t, q.Lanes(), "nothing is kept of tenants that want nothing")
	})
}

func TestOneTenantHasHalfOfTheConnectionsAtMost(t *testing.T) {
	inTurns(t, 8, func(t *testing.T, q *queue) { //nolint:thelper // it is the test
		q.ask("noisy", 20)
		require.Len(t, q.served, 4)
		q.ask("a", 1)
		q.ask("b", 1)
		q.ask("c", 2)
		require.Len(t, q.served, 8)
		q.ask("d", 1)
		require.Len(t, q.served, 8)
		require.Equal(t, "d", q.end("a"))
	})
}

func TestConnectionsAreLeftForLookUpsAndForNobody(t *testing.T) {
	t.Parallel()
	for conns, want := range map[int][2]int{1: {1, 1}, 2: {2, 1}, 3: {3, 1}, 4: {2, 1}, 8: {6, 1}, 16: {13, 2}, 64: {55, 8}} {
		tenants, lookUps := store.SharedConns(conns)
		require.Equal(t, want, [2]int{tenants, lookUps}, conns)
	}
}

func TestTenantsThatWaitAreServedInTurns(t *testing.T) {
	inTurns(t, 3, func(t *testing.T, q *queue) { //nolint:thelper // it is the test
		for _, who := range []string{"noisy", "b", "c"} {
			q.ask(who, 1)
		}
		require.Equal(t, []string{"noisy", "b", "c"}, q.served)
		q.ask("noisy", 10)
		q.ask("a", 2)
		q.ask("b", 1)
		require.Len(t, q.served, 3)
		require.Equal(t, "a", q.end("c"), "noisy has what it may have: others are served, though they came later")
		require.Equal(t, "b", q.end("b"))
		require.Equal(t, "a", q.end("a"))
		require.Equal(t, "noisy", q.end("noisy"))
	})
}

func TestWhoLeavesTakesNoTurn(t *testing.T) {
	t.Parallel()
	turns := store.NewTurns(2)
	l, err := turns.Take(t.Context(), "one")
	require.NoError(t, err)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = turns.Take(ctx, "one")
		require.ErrorIs(t, err, context.Canceled)
	}
	turns.End(l)
	require.Zero(t, turns.Lanes())
	for range 5 {
		l, err = turns.Take(t.Context(), "one")
		require.NoError(t, err)
		turns.End(l)
	}
}

func TestATurnAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations of others would count
	turns := store.NewTurns(4)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		l, err := turns.Take(context.Background(), "one")
		require.NoError(t, err)
		turns.End(l)
	}))
}
