package dialecttest

import (
	"flag"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the responses of the golden cases anew")

// requestStep is how far a request moves the clock.
const requestStep = time.Second

// Run replays the dialect's cases.
func Run(t *testing.T, d Dialect) {
	t.Helper()
	for _, name := range Cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.replay(t, filepath.Join("testdata", filepath.FromSlash(name)+".txtar"))
		})
	}
}

func (d Dialect) replay(t *testing.T, path string) {
	t.Helper()
	g := readGolden(t, path)
	w := NewWorld(t, d.Name, d.NewStore(), g.setting(t))
	for _, name := range g.given {
		w.Given(t, name)
	}
	c := d.client(t, w)
	want, got := make([]string, len(g.steps)), make([]string, len(g.steps))
	for i, s := range g.steps {
		want[i], got[i] = s.response, c.Do(t, s.request).String()
	}
	c.server.Close() // when it returns every request has been logged
	result := g.outcome(*update, slices.Equal(want, got))
	if result != differs {
		w.Log.check(t, w, c.replies)
	}
	switch result {
	case pass:
	case gapClosed:
		require.Fail(t, "the known gap is closed: take the mark off", g.knownGap)
	case differs:
		for i := range want {
			require.Equal(t, want[i], got[i], "step %d", i+1)
		}
	case rewrite:
		for i := range got {
			g.steps[i].response = got[i]
		}
		g.write(t, path)
	}
}

// outcome is what comes of a case.
type outcome int

const (
	pass outcome = iota
	differs
	gapClosed
	rewrite
)

func (g *golden) outcome(update, same bool) outcome {
	switch {
	case g.knownGap != "" && same:
		return gapClosed
	case g.knownGap != "":
		return pass
	case update && !g.verbatim:
		return rewrite
	case same:
		return pass
	}
	return differs
}

func (g *golden) setting(t *testing.T) Setting {
	t.Helper()
	s := Setting{URLTemplate: g.urlTemplate, Frozen: g.clock == "frozen", RateLimit: defaultRateLimit}
	if g.clock != "" && !s.Frozen {
		start, err := time.Parse(time.RFC3339Nano, g.clock)
		require.NoError(t, err)
		s.Start = start
	}
	if g.rateLimit != "" {
		var err error
		s.RateLimit, err = strconv.Atoi(g.rateLimit)
		require.NoError(t, err)
	}
	return s
}
