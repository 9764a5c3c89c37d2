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
	l := dialects.NewLimiter()
	reset := noon.Add(time.Minute).Unix()
	for i, want := range []int{2, 1, 0} {
		q, ok := l.Take("one", 3, noon.Add(time.Duration(i)*time.Second))
		require.True(t, ok)
		require.Equal(t, dialects.Quota{Limit: 3, Remaining: want, Reset: reset}, q)
	}
	for _, at := range []time.Duration{3 * time.Second, time.Minute - 1} {
		q, ok := l.Take("one", 3, noon.Add(at))
		require.False(t, ok)
		require.Equal(t, dialects.Quota{Limit: 3, Reset: reset}, q)
	}
	q, ok := l.Take("other", 3, noon.Add(time.Minute-1))
	require.True(t, ok, "another tenant has its own")
	require.Equal(t, 2, q.Remaining)
	q, ok = l.Take("one", 3, noon.Add(time.Minute))
	require.True(t, ok)
	require.Equal(t, dialects.Quota{Limit: 3, Remaining: 2, Reset: reset + 60}, q)
}

func TestAClockThatGoesBackGivesNobodyANewMinute(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	passed := 0
	for i := range 50 {
		for _, at := range []time.Time{noon.Add(time.Minute), noon.Add(time.Minute - 1)} {
			q, ok := l.Take("one", 3, at)
			if ok {
				passed++
			}
			require.Equal(t, noon.Add(2*time.Minute).Unix(), q.Reset, i)
		}
	}
	require.Equal(t, 3, passed)
}

func TestAClockThatWasAheadHoldsNobodyUpForLongerThanTheMinute(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{2 * time.Minute, 24 * time.Hour, 1000 * 24 * time.Hour} {
		l := dialects.NewLimiter()
		for range 3 {
			_, ok := l.Take("one", 3, noon.Add(ahead))
			require.True(t, ok)
		}
		full := dialects.Quota{Limit: 3, Reset: noon.Add(time.Minute).Unix()}
		require.Equal(t, full, l.Peek("one", 3, noon))
		q, ok := l.Take("one", 3, noon)
		require.False(t, ok, "it is not given a new minute")
		require.Equal(t, full, q)
		q, ok = l.Take("one", 4, noon)
		require.True(t, ok)
		require.Equal(t, dialects.Quota{Limit: 4, Reset: full.Reset}, q)
		q, ok = l.Take("one", 4, noon.Add(time.Minute))
		require.True(t, ok)
		require.Equal(t, dialects.Quota{Limit: 4, Remaining: 3, Reset: full.Reset + 60}, q)
	}
}

func TestALookAtTheQuotaCountsNothing(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	for range 3 {
		require.Equal(t, dialects.Quota{Limit: 1, Remaining: 1, Reset: noon.Unix() + 60}, l.Peek("one", 1, noon))
	}
	_, ok := l.Take("one", 1, noon)
	require.True(t, ok)
	require.Equal(t, dialects.Quota{Limit: 1, Reset: noon.Unix() + 60}, l.Peek("one", 1, noon))
}

func TestOfManyRequestsAtOnceSoManyPassAsMay(t *testing.T) {
	t.Parallel()
	const limit, each, tenants = 1000, 300, 5
	l := dialects.NewLimiter()
	var passed [tenants]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range each * tenants {
				n := i % tenants
				if _, ok := l.Take(core.TenantID(rune('a'+n)), limit, noon); ok {
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

// A limit that changes holds from the next request on, with what was counted under
// the other one.
func TestAWindowsLimitChangesFromOneRequestToTheNext(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	for range 5 {
		_, ok := l.Take("one", 10, noon)
		require.True(t, ok)
	}
	_, ok := l.Take("one", 5, noon)
	require.False(t, ok)
	require.Zero(t, l.Peek("one", 3, noon).Remaining)
	q, ok := l.Take("one", core.MaxLimit, noon)
	require.True(t, ok)
	require.Equal(t, core.MaxLimit-6, q.Remaining)
}

func TestABurstPassesAndThenAsManyAsTheRate(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	pass := func(tenant core.TenantID, at time.Duration) time.Duration {
		wait, ok := l.Pace(tenant, 1200, 5, noon.Add(at)) // one each 50 ms
		require.Equal(t, wait == 0, ok)
		return wait
	}
	for range 5 {
		require.Zero(t, pass("one", 0))
	}
	require.Equal(t, 50*time.Millisecond, pass("one", 0))
	require.Equal(t, 50*time.Millisecond, pass("one", 0), "what is refused isn't counted")
	require.Equal(t, time.Millisecond, pass("one", 49*time.Millisecond))
	require.Zero(t, pass("other", 0), "another tenant has its own")
	for i := range 100 {
		require.Zero(t, pass("one", time.Duration(i+1)*50*time.Millisecond))
		require.NotZero(t, pass("one", time.Duration(i+1)*50*time.Millisecond+1))
	}
	for range 5 {
		require.Zero(t, pass("one", time.Minute), "who waited may come in a burst again")
	}
	require.NotZero(t, pass("one", time.Minute))
}

func TestAPaceThatChangesHoldsFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	for range 1000 { // due in 1000 minutes
		_, ok := l.Pace("one", 1, 1000, noon)
		require.True(t, ok)
	}
	wait, ok := l.Pace("one", 60, 2, noon)
	require.False(t, ok)
	require.Equal(t, time.Second, wait, "no more than after a burst")
	_, ok = l.Pace("one", 60, 2, noon.Add(time.Second))
	require.True(t, ok)
	wait, ok = l.Pace("one", core.MaxLimit, 1, noon)
	require.False(t, ok)
	require.Equal(t, time.Minute/core.MaxLimit, wait)
}

func TestAClockThatGoesBackHoldsAPaceUpForNoLongerThanABurst(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	_, ok := l.Pace("one", 60, 1, noon)
	require.True(t, ok)
	wait, ok := l.Pace("one", 60, 1, noon.Add(-time.Hour))
	require.False(t, ok)
	require.Equal(t, time.Second, wait)
	_, ok = l.Pace("one", 60, 1, noon.Add(time.Second-time.Hour))
	require.True(t, ok)
}

func TestOfManyRequestsAtOnceABurstPasses(t *testing.T) {
	t.Parallel()
	l := dialects.NewLimiter()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if _, ok := l.Pace("one", 60, 500, noon); ok {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 500, passed.Load())
}

func TestATenantHasSoManyRequestsUnderWay(t *testing.T) {
	t.Parallel()
	s := dialects.NewSlots()
	first, ok := s.Take("one", 2)
	require.True(t, ok)
	_, ok = s.Take("one", 2)
	require.True(t, ok)
	for range 3 {
		_, ok = s.Take("one", 2)
		require.False(t, ok)
	}
	_, ok = s.Take("other", 2)
	require.True(t, ok)
	first.Add(-1)
	_, ok = s.Take("one", 2)
	require.True(t, ok)
	_, ok = s.Take("one", 3)
	require.True(t, ok, "the limit is now another")
}

func TestCountingARequestAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations of others would count
	l, s := dialects.NewLimiter(), dialects.NewSlots()
	count := func() {
		slot, _ := s.Take("one", 1)
		l.Take("one", core.MaxLimit, noon)
		l.Pace("one", core.MaxLimit, core.MaxBurst, noon)
		slot.Add(-1)
	}
	count()
	require.Zero(t, testing.AllocsPerRun(1000, count))
}
