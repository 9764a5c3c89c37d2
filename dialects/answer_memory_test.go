package dialects

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func meterOf(a *Answers, tenant core.TenantID) *core.Meter {
	return &core.Meter{Memory: a, Tenant: tenant}
}

func requireNothingHeld(t *testing.T, a *Answers, tenants ...core.TenantID) {
	t.Helper()
	require.Zero(t, a.held.Load())
	for _, tenant := range tenants {
		require.Zero(t, a.of.get(tenant).Load())
	}
}

func TestATenantsOnlyAnswerMayTakeMoreThanItsShare(t *testing.T) {
	t.Parallel()
	a := NewAnswers(MinAnswerMemory)
	only := meterOf(a, someTenant)
	for range 13 { // of the 14 MiB that one may have
		require.NoError(t, only.Count(1<<20))
	}
	second := meterOf(a, someTenant)
	require.NoError(t, second.Count(core.FreeBytes), "small ones are not counted")
	require.ErrorIs(t, second.Count(1), errAnswerShare)
	require.ErrorIs(t, only.Count(2<<20), errAnswerShare)
	another := meterOf(a, "another")
	require.NoError(t, another.Count(2<<20), "nobody takes all of it")
	require.ErrorIs(t, another.Count(2<<20), errAnswerMemory)
	only.End()
	require.NoError(t, another.Count(2<<20))
	another.End()
	second.End()
	requireNothingHeld(t, a, someTenant, "another")
}

func TestAnswersOfATenantShareAQuarter(t *testing.T) {
	t.Parallel()
	a := NewAnswers(MinAnswerMemory)
	var all []*core.Meter
	for range 100 {
		m := meterOf(a, someTenant)
		if err := m.Count(1 << 20); err != nil {
			require.ErrorIs(t, err, errAnswerShare)
			require.Equal(t, "answer_memory", refusalOf(err))
			continue
		}
		all = append(all, m)
	}
	require.Len(t, all, 4)
	require.ErrorIs(t, all[0].Count(1<<20), errAnswerShare, "it isn't alone")
	require.NoError(t, a.Room(someTenant))
	for _, m := range all {
		m.End()
	}
	requireNothingHeld(t, a, someTenant)
}

func TestAChangesAnswerIsOwed(t *testing.T) {
	t.Parallel()
	a := NewAnswers(MinAnswerMemory)
	m := meterOf(a, someTenant)
	m.Changes = true
	require.NoError(t, m.Count(2*MinAnswerMemory))
	require.ErrorIs(t, meterOf(a, "another").Count(1<<20), errAnswerMemory)
	require.ErrorIs(t, m.Room(), errAnswerShare, "no more is changed")
	require.NoError(t, a.Room("another"))
	m.End()
	require.NoError(t, m.Room())
	requireNothingHeld(t, a, someTenant, "another")
}

func TestALargeAnswerIsByteForByteTheSame(t *testing.T) {
	t.Parallel()
	body := map[string]any{"data": strings.Repeat("text \xff \u2028 <&> \" \n 日本 ", 100_000)}
	for name, c := range map[string]struct{ tag, ifNoneMatch string }{
		"Express's tag": {}, "a strong tag": {tag: `"v1"`}, "the client has it": {`"v1"`, `"v1"`},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if c.ifNoneMatch != "" {
			r.Header.Set("If-None-Match", c.ifNoneMatch)
		}
		whole, parts := httptest.NewRecorder(), httptest.NewRecorder()
		require.NoError(t, writeJSON(whole, r, nil, http.StatusOK, c.tag, body))
		m := meterOf(NewAnswers(DefaultAnswerMemory), someTenant)
		require.NoError(t, m.Count(maxWholeBytes+1))
		require.NoError(t, writeJSON(parts, r, m, http.StatusOK, c.tag, body))
		require.Equal(t, whole.Code, parts.Code, name)
		require.Equal(t, whole.Header(), parts.Header(), name)
		require.True(t, whole.Body.String() == parts.Body.String(), name) //nolint:testifylint // or it prints megabytes
		if c.ifNoneMatch == "" {
			require.Greater(t, parts.Body.Len(), maxWholeBytes)
		}
	}
}

func TestABodyIsCountedBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	a := NewAnswers(MinAnswerMemory)
	others := meterOf(a, someTenant)
	require.NoError(t, others.Count(MinAnswerMemory/shares))
	w := httptest.NewRecorder()
	err := writeJSON(w, httptest.NewRequest(http.MethodGet, "/", nil), meterOf(a, someTenant), http.StatusOK, "", strings.Repeat("x", core.FreeBytes))
	require.ErrorIs(t, err, errAnswerShare)
	require.Empty(t, w.Header())
	require.Zero(t, w.Body.Len())
}

func TestCountingASmallAnswerAllocatesNothing(t *testing.T) {
	a := NewAnswers(MinAnswerMemory)
	m := meterOf(a, someTenant)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for range 20 {
			if err := m.Record(500); err != nil {
				panic(err)
			}
		}
		m.End()
	}))
}

func TestWhatIsRefusedIsInNobodysWay(t *testing.T) {
	t.Parallel()
	bodies, answers := NewBodies(MinBodyMemory), NewAnswers(MinAnswerMemory)
	answer := func(tenant core.TenantID, n int64) error { return answers.Take(tenant, 0, n, false) }
	for name, c := range map[string]struct {
		budget  *budget
		take    func(tenant core.TenantID, n int64) error
		taken   int64         // by a third tenant
		refused core.TenantID // asks for too much, all the time
		wants   int64
		fits    int64 // is always there
	}{
		"a body beyond all":              {&bodies.budget, bodies.Take, core.MaxBodyBytes, "refused", bodies.share, core.MaxBodyBytes},
		"a body beyond a tenant's share": {&bodies.budget, bodies.Take, 0, someTenant, bodies.share + 1, bodies.share},
		"an answer beyond all":           {&answers.budget, answer, answers.share, "refused", answers.alone, answers.share},
		"an answer beyond what one gets": {&answers.budget, answer, 0, someTenant, answers.alone + 1, answers.share},
	} {
		require.NoError(t, c.take("taken", c.taken))
		var ended atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for !ended.Load() {
				if err := c.take(c.refused, c.wants); err == nil {
					t.Errorf("%s: it is not refused", name)
					return
				}
			}
		})
		for range 200_000 {
			if err := c.take(someTenant, c.fits); err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			c.budget.Return(someTenant, c.fits)
		}
		ended.Store(true)
		wg.Wait()
		c.budget.Return("taken", c.taken)
		require.Zero(t, c.budget.held.Load())
	}
}
