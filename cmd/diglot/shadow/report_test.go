package shadow_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func line(t *testing.T, r shadow.Record) string {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	return string(text) + "\n"
}

func TestAReportCountsEachPairOfStatuses(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i, theirs := range []string{"500", "302", "500", "404", "500"} {
		log.WriteString(line(t, shadow.Record{
			At: noon.Add(time.Duration(i) * time.Hour), Tenant: "acme", Dialect: "refold", Operation: "get_mcp_server",
			Differences: []shadow.Difference{{Kind: shadow.Status, Ours: "200", Theirs: theirs}},
		}))
	}
	r := shadow.NewReport(time.Time{}, "")
	require.NoError(t, r.Read(strings.NewReader(log.String())))
	counts := map[string]int{}
	for _, m := range r.Operations[0].Members {
		counts[m.Example.Ours+"/"+m.Example.Theirs] = m.Count
	}
	require.Equal(t, map[string]int{"200/500": 3, "200/302": 1, "200/404": 1}, counts)
}

func TestAReportGroupsByOperationAndMember(t *testing.T) {
	t.Parallel()
	name := shadow.Difference{Kind: shadow.Value, Path: "/name", Ours: "a", Theirs: "b"}
	extra := shadow.Difference{Kind: shadow.Extra, Path: "/icon", Ours: "c"}
	var log strings.Builder
	for i, r := range []shadow.Record{
		{Tenant: "acme", Dialect: "refold", Operation: "get_mcp_server", Equal: true},
		{Tenant: "acme", Dialect: "refold", Operation: "get_mcp_server", Differences: []shadow.Difference{name}, RequestID: "first", Dropped: 3},
		{Tenant: "acme", Dialect: "refold", Operation: "get_mcp_server", Differences: []shadow.Difference{extra, name}, RequestID: "last"},
		{Tenant: "acme", Dialect: "refold", Operation: "get_mcp_server", Failed: "timeout"},
		{Tenant: "other", Dialect: "cometchat", Operation: "list_mcp_servers", Equal: true, Dropped: 4},
	} {
		r.At = noon.Add(time.Duration(i) * time.Hour)
		log.WriteString(line(t, r))
	}
	log.WriteString(`{"at":"2026-11-21T`)
	r := shadow.NewReport(time.Time{}, "")
	require.NoError(t, r.Read(strings.NewReader(log.String())))
	require.Equal(t, []int{4, 2, 2, 1}, []int{r.Compared, r.Equal, r.Different, r.Unreadable})
	require.InDelta(t, 50.0, r.Percent, 0)
	require.Equal(t, map[string]int{"timeout": 1}, r.Failed)
	require.EqualValues(t, 7, r.Dropped)
	require.Equal(t, noon, *r.First)
	require.Equal(t, noon.Add(4*time.Hour), *r.Last)
	require.Len(t, r.Operations, 2)
	get := r.Operations[0]
	require.Equal(t, []int{3, 1, 2}, []int{get.Compared, get.Equal, get.Different})
	require.Len(t, get.Members, 2)
	require.Equal(t, shadow.MemberReport{
		Kind: shadow.Value, Path: "/name", Count: 2, First: noon.Add(time.Hour), Last: noon.Add(2 * time.Hour),
		Example: shadow.Example{Tenant: "acme", RequestID: "last", Ours: "a", Theirs: "b"},
	}, *get.Members[0])
	require.Equal(t, 1, get.Members[1].Count)

	late := shadow.NewReport(noon.Add(2*time.Hour), "acme")
	require.NoError(t, late.Read(strings.NewReader(log.String())))
	require.Equal(t, []int{1, 0, 1}, []int{late.Compared, late.Equal, late.Different})
	require.Zero(t, late.Dropped)
}

func TestALogIsBoundedAndReadInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shadow.jsonl")
	log, err := shadow.OpenLog(path)
	require.NoError(t, err)
	one := func(i int) shadow.Record {
		return shadow.Record{
			At: noon.Add(time.Duration(i) * time.Second), Dialect: "refold", Operation: fmt.Sprintf("n%02d", i), Equal: true,
			Path: strings.Repeat("x", 100_000),
		}
	}
	shadow.LimitLog(log, 350_000)
	for i := range 20 {
		_, err := log.Write([]byte(line(t, one(i))))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	r := shadow.NewReport(time.Time{}, "")
	require.NoError(t, shadow.ReadLog(path, r))
	require.Zero(t, r.Unreadable)
	require.Equal(t, 11, r.Compared, "three logs of three, and what came behind")
	require.Equal(t, noon.Add(9*time.Second), *r.First)
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(350_000))
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

// What a kill cut off costs one line.
func TestALogThatWasCutOffIsGoneOnWith(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shadow.jsonl")
	whole := line(t, shadow.Record{At: noon, Dialect: "refold", Operation: "one", Equal: true})
	require.NoError(t, os.WriteFile(path, []byte(whole+whole[:20]), 0o600))
	log, err := shadow.OpenLog(path)
	require.NoError(t, err)
	_, err = log.Write([]byte(whole))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	r := shadow.NewReport(time.Time{}, "")
	require.NoError(t, shadow.ReadLog(path, r))
	require.Equal(t, []int{2, 1}, []int{r.Compared, r.Unreadable})
	require.Error(t, shadow.ReadLog(path+".nothing", r))
}

// A log that others could read is theirs no more.
func TestALogIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shadow.jsonl")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	log, err := shadow.OpenLog(path)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestNothingInJSONMovesATerminalsCursor(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"a":"é 漢 \n"}`:                   `{"a":"é 漢 \n"}`,
		"\"\u009b2J\u202e\x7f\U000E0001\"": `"\u009b2J\u202e\u007f\udb40\udc01"`,
	} {
		got := shadow.Escaped([]byte(given))
		require.Equal(t, want, string(got))
		var one, two string
		if given[0] == '"' {
			require.NoError(t, json.Unmarshal([]byte(given), &one))
			require.NoError(t, json.Unmarshal(got, &two))
			require.Equal(t, one, two)
		}
	}
}
