package shadow

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What the client takes to send its body is not the peer's time.
func TestAPeersTimeIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var late atomic.Bool
		c := newClock(10*time.Second, func() { late.Store(true) })
		in, out := io.Pipe()
		body := &clocked{ReadCloser: in, clock: c}
		go func() {
			time.Sleep(time.Hour)
			_, _ = out.Write([]byte("x"))
			time.Sleep(time.Hour)
			_ = out.Close()
		}()
		time.Sleep(4 * time.Second)
		_, err := io.Copy(io.Discard, body)
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		require.False(t, late.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, late.Load())
		c.pause()
	})
}

// However much differs, what is kept in memory is bounded.
func TestWhatIsInMemoryIsBounded(t *testing.T) {
	t.Parallel()
	f := newFindings(Options{}, newMetrics())
	many := make([]Difference, maxDifferences)
	for i := range many {
		many[i] = Difference{Kind: Header, Path: string(make([]byte, shownPathBytes)), Theirs: string(make([]byte, shownBytes))}
	}
	for range recentRecords {
		f.add(&Record{Differences: many})
	}
	sum := 0
	for _, r := range f.last {
		sum += r.size()
	}
	require.Equal(t, sum, f.bytes)
	require.LessOrEqual(t, sum, recentBytes)
	require.Greater(t, len(f.last), 50)
	for range 2 * recentRecords {
		f.add(&Record{Differences: many[:1]})
	}
	require.Len(t, f.last, recentRecords)
}
