package dialects_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

var noon = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

func TestATenantHasSoManyRequestsAMinuteAndAllOfThemAgainInTheNext(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter(3)
	reset := noon.Add(time.Minute).Unix()
	for i, want := range []int{2, 1, 0} {
		q, ok := l.Take("one", noon.Add(time.Duration(i)*time.Second))
		require.True(t, ok)
		require.Equal(t, dialects.Quota{Remaining: want, Reset: reset}, q)
	}
	for _, at := range []time.Duration{3 * time.Second, time.Minute - 1} {
		q, ok := l.Take("one", noon.Add(at))
		require.False(t, ok)
		require.Equal(t, dialects.Quota{Reset: reset}, q)
	}
	q, ok := l.Take("other", noon.Add(time.Minute-1))
	require.True(t, ok, "another tenant has its own")
	require.Equal(t, 2, q.Remaining)
	q, ok = l.Take("one", noon.Add(time.Minute))
	require.True(t, ok)
	require.Equal(t, dialects.Quota{Remaining: 2, Reset: reset + 60}, q)
}

func TestAClockThatGoesBackGivesNobodyANewMinute(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter(3)
	passed := 0
	for i := range 50 {
		for _, at := range []time.Time{noon.Add(time.Minute), noon.Add(time.Minute - 1)} {
			q, ok := l.Take("one", at)
			if ok {
				passed++
			}
			require.Equal(t, noon.Add(2*time.Minute).Unix(), q.Reset, i)
		}
	}
	require.Equal(t, 3, passed)
}

func TestALookAtTheQuotaCountsNothing(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter(1)
	for range 3 {
		require.Equal(t, dialects.Quota{Remaining: 1, Reset: noon.Unix() + 60}, l.Peek("one", noon))
	}
	_, ok := l.Take("one", noon)
	require.True(t, ok)
	require.Equal(t, dialects.Quota{Reset: noon.Unix() + 60}, l.Peek("one", noon))
}

func TestWithoutALimitThereIsNoLimiter(t *testing.T) {
	t.Parallel()
	require.Nil(t, dialects.NewLimiter(0))
	q, ok := dialects.NewLimiter(dialects.MaxRateLimit+1).Take("one", noon)
	require.True(t, ok)
	require.Equal(t, dialects.MaxRateLimit-1, q.Remaining)
}

func TestOfManyRequestsAtOnceSoManyPassAsMay(t *testing.T) {
	t.Parallel()
	const limit, each, tenants = 1000, 300, 5
	l := dialects.NewLimiter(limit)
	var passed [tenants]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range each * tenants {
				n := i % tenants
				if _, ok := l.Take(core.TenantID(rune('a'+n)), noon); ok {
					passed[n].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for n := range passed {
		require.EqualValues(t, limit, passed[n].Load())
	}
}

func TestCountingARequestAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations of others would count
	l := dialects.NewLimiter(dialects.MaxRateLimit)
	l.Take("one", noon)
	require.Zero(t, testing.AllocsPerRun(1000, func() { l.Take("one", noon) }))
}
