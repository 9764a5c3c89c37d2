package dialecttest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// transcript is a dialect's contract.txt: which statuses the vendor documents,
// or was seen to answer with, as its pages have it. A line is
//
//	document operation status source
//
// and # begins a comment.
type transcript struct {
	rows map[string]string // "document operation status" to the source
}

func readTranscript(t *testing.T) *transcript {
	t.Helper()
	text, err := os.ReadFile("contract.txt")
	require.NoError(t, err)
	out := &transcript{map[string]string{}}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		require.Len(t, fields, 4, "contract.txt: %q", line)
		_, err := strconv.Atoi(fields[2])
		require.NoError(t, err, "contract.txt: %q", line)
		require.Contains(t, []string{"documented", "recorded"}, fields[3], "contract.txt: %q", line)
		key := strings.Join(fields[:3], " ")
		require.NotContains(t, out.rows, key, "contract.txt has it twice")
		out.rows[key] = fields[3]
	}
	return out
}

// compare takes a document's rows out and prints how many the goldens reproduce.
func (s *transcript) compare(t *testing.T, document *openapitest.Document, v *openapitest.Coverage) {
	t.Helper()
	known, reproduced := 0, 0
	for _, c := range document.Cases() {
		source, listed := s.rows[c.String()]
		delete(s.rows, c.String())
		switch {
		case !listed && c.Known():
			t.Errorf("%s is %s in the document and not in contract.txt", c, c.Source)
		case listed && source != c.Source:
			t.Errorf("%s is %s in contract.txt and %s in the document", c, source, c.Source)
		}
		if listed || c.Known() {
			known++
			if v.Seen(c) > 0 {
				reproduced++
			} else {
				_, _ = fmt.Fprintf(t.Output(), "gap: %s\n", c)
			}
		}
	}
	for row := range s.rows { // what is left of this document
		if strings.HasPrefix(row, document.Name+" ") {
			known++
			_, _ = fmt.Fprintf(t.Output(), "gap: %s\n", row)
		}
	}
	require.Positive(t, known)
	_, _ = fmt.Fprintf(t.Output(), "%s: %d documented or recorded cases, %d reproduced by a golden, %.1f %%\n",
		document.Name, known, reproduced, 100*float64(reproduced)/float64(known))
}
