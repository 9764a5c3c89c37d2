package finding

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/diglot/diglot/cmd/diglot/terminal"
)

// Report is the findings of one run, with what a reader has to know of it.
type Report struct {
	Title string    `json:"title"`
	From  string    `json:"from"`
	To    string    `json:"to"`
	At    time.Time `json:"at"` // UTC

	Records  int       `json:"looked_at"`
	Counts   []Count   `json:"counts"`   // of fields, the worst class first
	Stay     []Outcome `json:"records"`  // those that aren't moved or won't be
	Skipped  []Outcome `json:"skipped"`  // those that were to be skipped, or will be
	Updated  []Outcome `json:"updated"`  // those that change what was there, or will
	Findings []Finding `json:"findings"` // sorted
}

// Count is how many fields have a class, and in how many records.
type Count struct {
	Class   Class `json:"class"`
	Fields  int   `json:"fields"`
	Records int   `json:"records"`
}

// NewReport makes a report of the findings, which it sorts.
func NewReport(title, from, to string, at time.Time, findings []Finding) *Report {
	Sort(findings)
	if findings == nil {
		findings = []Finding{} // JSON shows a list, not null
	}
	r := &Report{Title: title, From: from, To: to, At: at.UTC(), Stay: []Outcome{}, Skipped: []Outcome{}, Updated: []Outcome{}, Findings: findings}
	all := map[Record]bool{}
	for _, class := range Classes {
		c, of := Count{Class: class}, map[Record]bool{}
		for _, f := range findings {
			if f.Class == class {
				c.Fields++
				of[f.Record], all[f.Record] = true, true
			}
		}
		c.Records = len(of)
		r.Counts = append(r.Counts, c)
	}
	r.Records = len(all)
	return r
}

// WriteJSON writes the report as JSON: the same bytes for the same findings,
// whatever order they came in.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteText writes the report for a terminal: the counts, and every field that
// is not exact.
func (r *Report) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "%s\n%s → %s\n\n", terminal.Line(r.Title), terminal.Line(r.From), terminal.Line(r.To))
	for _, c := range r.Counts {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", c.Class, terminal.Count(c.Fields, "field", "fields"), terminal.Count(c.Records, "record", "records"))
	}
	for _, l := range r.outcomes() {
		if len(l.records) > 0 {
			_, _ = fmt.Fprintf(table, "\n%s\n", l.title)
		}
		for i := range l.records {
			o := &l.records[i]
			_, _ = fmt.Fprintf(table, "  %s %s %s\t%s\t%s\n", o.Kind, terminal.Line(o.ID), terminal.Line(strconv.Quote(o.Name)), o.State, terminal.Line(o.Why))
		}
	}
	last := Exact
	for _, f := range r.Findings {
		if f.Class == Exact {
			break // they come last
		}
		if f.Class != last {
			_, _ = fmt.Fprintf(table, "\n%s\n", f.Class)
			last = f.Class
		}
		_, _ = fmt.Fprintf(table, "  %s %s %s\t%s\t%s\n", f.Record.Source, f.Record.Kind, terminal.Line(f.Record.ID), terminal.Line(f.Path), terminal.Line(f.sentence()))
	}
	return table.Flush()
}

// outcomes are the lists of records, with their titles.
func (r *Report) outcomes() []outcomeList {
	return []outcomeList{{"Records that stay", r.Stay}, {"Records that are skipped", r.Skipped}, {"Records that change what is there", r.Updated}}
}

type outcomeList struct {
	title   string
	records []Outcome
}

func (f *Finding) sentence() string {
	if f.Suggestion == "" {
		return f.Reason
	}
	return f.Reason + " " + f.Suggestion
}
