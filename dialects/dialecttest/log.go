package dialecttest

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Log is a world's log.
type Log struct {
	Buffer

	values []string
}

// Lines gives the lines that were logged for requests.
func (l *Log) Lines(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []map[string]any
	for line := range bytes.Lines(l.text.Bytes()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal(line, &m))
		if m["msg"] == "request" {
			lines = append(lines, m)
		}
	}
	return lines
}

// Text gives all that was logged.
func (l *Log) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// minTelling is the least length of a value that is looked for in the log:
// shorter ones stand there by chance.
const minTelling = 6

// credentials are the headers that say who sends a request.
var credentials = regexp.MustCompile(`(?im)^(?:apikey|x-api-key|authorization|linked.account.id):(?:.* )?(\S+)$`)

// sent remembers the credentials of a request and the values in its body.
func (l *Log) sent(request string) {
	head, body, _ := strings.Cut(request, "\n\n")
	for _, m := range credentials.FindAllStringSubmatch(head, -1) {
		if len(m[1]) >= minTelling {
			l.remember(m[1])
		}
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return
	}
	l.remember(appendStrings(nil, v)...)
}

func (l *Log) remember(values ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values = append(l.values, values...)
}

func appendStrings(to []string, v any) []string {
	switch v := v.(type) {
	case string:
		if len(v) >= minTelling {
			to = append(to, v)
		}
	case []any:
		for _, e := range v {
			to = appendStrings(to, e)
		}
	case map[string]any:
		for _, e := range v {
			to = appendStrings(to, e)
		}
	}
	return to
}

var lineMembers = []string{"client", "dialect", "duration_us", "level", "method", "msg", "operation", "request_id", "status", "tenant", "time"}

// check wants one line for each reply, in any order, and no secret anywhere.
func (l *Log) check(t *testing.T, w *World, replies []Reply) {
	t.Helper()
	lines := map[any]map[string]any{}
	for _, line := range l.Lines(t) {
		lines[line["request_id"]] = line
	}
	require.Len(t, lines, len(replies), "one line a request")
	for _, r := range replies {
		id := r.Header.Get("X-Request-Id")
		line, ok := lines[id]
		require.True(t, ok, "no line with the request id %s of the reply", id)
		require.InDelta(t, r.Status, line["status"], 0)
		delete(line, "error")
		require.Equal(t, lineMembers, slices.Sorted(maps.Keys(line)))
		if strings.Contains(string(r.Body), `"request_id"`) {
			require.Equal(t, id, r.Member(t, "request_id"), "the id in the body is the one in the header")
		}
	}
	for _, secret := range slices.Concat(w.Secrets, l.values) {
		require.NotContains(t, l.Text(), secret, "the log shows a credential or a value of a body")
	}
}
