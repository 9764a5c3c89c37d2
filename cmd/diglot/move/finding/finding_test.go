package finding_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

var at = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// hostile is a name that would be a program wherever it isn't text.
const hostile = `<script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`\x1b[2J\x00{{.}}"

func some() []finding.Finding {
	server := finding.Record{Source: "refold", Kind: finding.Server, ID: "686e2393750d509493c6d87c", Name: hostile}
	agent := finding.Record{Source: "cometchat", Kind: finding.Agent, ID: hostile, Name: "Agent"}
	return []finding.Finding{
		{Record: server, Path: "name", Class: finding.Exact},
		{Record: agent, Path: "name", Class: finding.Exact},
		{Record: server, Path: hostile, Class: finding.Unsupported, Reason: hostile},
		{Record: server, Path: "associated_org_id", Class: finding.Manual, Reason: "Why.", Suggestion: "Do it. " + hostile},
		{Record: agent, Path: "ragVersion", Class: finding.Approximate, Reason: "Why."},
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.String()
}

func TestTheWorstComesFirstWhateverTheOrderTheyCameIn(t *testing.T) {
	t.Parallel()
	want := written(t, finding.NewReport("t", "a", "b", at, some()).WriteJSON)
	for range 20 {
		shuffled := some()
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		r := finding.NewReport("t", "a", "b", at, shuffled)
		require.Equal(t, want, written(t, r.WriteJSON))
		require.Equal(t, finding.Unsupported, r.Findings[0].Class)
		require.Equal(t, finding.Exact, r.Findings[4].Class)
	}
}

func TestTheCountsAreThoseOfTheFindings(t *testing.T) {
	t.Parallel()
	r := finding.NewReport("t", "a", "b", at, some())
	require.Equal(t, 2, r.Records)
	require.Equal(t, []finding.Count{
		{Class: finding.Unsupported, Fields: 1, Records: 1},
		{Class: finding.Manual, Fields: 1, Records: 1},
		{Class: finding.Approximate, Fields: 1, Records: 1},
		{Class: finding.Exact, Fields: 2, Records: 2},
	}, r.Counts)
}

func TestTheJSONComesBackAsItWas(t *testing.T) {
	t.Parallel()
	r := finding.NewReport("t", "a", "b", at, some())
	var back finding.Report
	require.NoError(t, json.Unmarshal([]byte(written(t, r.WriteJSON)), &back))
	require.Equal(t, r, &back)
	require.JSONEq(t, `{"title":"t","from":"a","to":"b","at":"2026-03-04T05:06:07Z","looked_at":0,"records":[],"skipped":[],"updated":[],"counts":[
		{"class":"Unsupported","fields":0,"records":0},{"class":"Manual","fields":0,"records":0},
		{"class":"Approximate","fields":0,"records":0},{"class":"Exact","fields":0,"records":0}],"findings":[]}`,
		written(t, finding.NewReport("t", "a", "b", at, nil).WriteJSON))
	require.Error(t, json.Unmarshal([]byte(`{"counts":[{"class":"Fine"}]}`), &back))
}

// The page is parsed as a browser does: whatever a vendor's record says is text
// in it, and nothing in it is fetched or run.
func TestThePageIsOnePageAndNothingInItRuns(t *testing.T) {
	t.Parallel()
	strange := finding.Finding{
		Record: finding.Record{Source: hostile, Kind: finding.Kind(hostile), ID: hostile, Name: hostile},
		Path:   hostile, Class: finding.Approximate, Reason: hostile, Suggestion: hostile,
	}
	report := finding.NewReport(hostile, hostile, hostile, at, append(some(), strange))
	report.Stay = []finding.Outcome{{Kind: finding.Kind(hostile), ID: hostile, Name: hostile, State: hostile, Why: hostile}}
	text := written(t, report.WriteHTML)
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	allowed := map[string]bool{}
	for _, name := range strings.Fields("html head meta title style body h1 h2 p strong table thead tbody tr th td a br code details summary ul li") {
		allowed[name] = true
	}
	var said strings.Builder
	for n := range root.Descendants() {
		require.NotEqual(t, html.CommentNode, n.Type, "%s", n.Data)
		if n.Type == html.TextNode {
			said.WriteString(n.Data)
		}
		if n.Type == html.ElementNode {
			require.True(t, allowed[n.Data], "an element %s", n.Data)
			for _, a := range n.Attr {
				require.NotContains(t, []string{"src", "style", "action", "srcset", "data", "background"}, a.Key)
				require.False(t, strings.HasPrefix(a.Key, "on"), a.Key)
				require.NotContains(t, a.Val, "alert", "no text of a record's is in an attribute")
				require.True(t, a.Key != "href" || strings.HasPrefix(a.Val, "#"), a.Val)
			}
		}
	}
	require.NotContains(t, text, "@import")
	require.NotContains(t, text, "url(")
	shown := strings.ReplaceAll(hostile, "\x00", "\uFFFD") // a page has no NUL
	require.Equal(t, 24, strings.Count(said.String(), shown), "all of it is shown, as text")
	require.NotContains(t, text, "{{title}}")
	require.Less(t, strings.Index(text, `href="#Unsupported"`), strings.Index(text, `id="Unsupported"`), "the summary is on top")
	require.Contains(t, text, "default-src 'none'")
}

func TestTheTextShowsWhatIsNotExactAndMovesNoCursor(t *testing.T) {
	t.Parallel()
	report := finding.NewReport("Plan", "a", "b", at, some())
	report.Stay = []finding.Outcome{{Kind: finding.Server, ID: hostile, Name: hostile, State: "failed", Why: "It had to. " + hostile}}
	text := written(t, report.WriteText)
	require.True(t, strings.HasPrefix(text, "Plan\na → b\n\nUnsupported  1 field   1 record\n"), "%q", text)
	require.Contains(t, text, "\nRecords that stay\n  mcp_server ")
	require.Regexp(t, ` failed +It had to\. `, text)
	require.NotRegexp(t, `(?m)^ *$\n *$`, text)
	require.NotRegexp(t, `(?m) +$`, strings.ReplaceAll(text, "�{{.}} ", ""))
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\x00")
	require.Less(t, strings.Index(text, "associated_org_id"), strings.Index(text, "ragVersion"))
	require.Contains(t, text, "Why. Do it.")
	require.Regexp(t, `Exact +2 fields +2 records`, text)
	require.Equal(t, 1, strings.Count(text, "Exact"))
}
