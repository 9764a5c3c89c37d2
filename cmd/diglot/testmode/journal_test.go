package testmode

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// However long requests are, the journal takes so much memory and no more, and the
// newest are the ones that it has.
func TestTheJournalIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	const long = 64 << 10
	var j journal
	count := 2 * journalBytes / long
	for i := range count {
		j.add(Request{Tenant: fmt.Sprint(i % 5), Headers: map[string]string{"X": strings.Repeat("x", long)}})
	}
	require.LessOrEqual(t, j.bytes, journalBytes)
	all := j.all(func(*Request) bool { return true })
	require.Greater(t, len(all), count/3)
	require.EqualValues(t, count, all[len(all)-1].number)
	require.EqualValues(t, count-len(all)+1, all[0].number, "the oldest were forgotten, whose they ever were")
	sum := 0
	for i := range all {
		sum += all[i].bytes()
	}
	require.Equal(t, sum, j.bytes)
	j.clear("0")
	j.clear("")
	require.Zero(t, j.bytes)

	for range journalSize + 5 {
		j.add(Request{})
	}
	require.Len(t, j.all(func(*Request) bool { return true }), journalSize)
	j.clear("nobody")
	require.NotZero(t, j.bytes)
}

// What is compared of a path is bounded, whatever a client sends.
func TestALongPathIsComparedAsFarAsAnyDocumentedOne(t *testing.T) {
	t.Parallel()
	isJSON := func() (bool, bool) { return false, false }
	one := nearest(documents(), asked{method: http.MethodGet, path: "/api/v2/public/mcp-servers" + strings.Repeat("s", 60_000), isJSON: isJSON})
	require.Less(t, len(one.Reasons[0]), 500)
	require.Contains(t, one.Reasons[0], "…")
	many := nearest(documents(), asked{method: http.MethodGet, path: "/api/v2/public/mcp-servers" + strings.Repeat("/s", 30_000), isJSON: isJSON})
	require.Contains(t, many.Reasons[0], "the path has 30004 segments")
}
