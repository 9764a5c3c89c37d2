package finding

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
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

	Records  int       `json:"records"`
	Counts   []Count   `json:"counts"`   // of fields, the worst class first
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
	r := &Report{Title: title, From: from, To: to, At: at.UTC(), Findings: findings}
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
	_, _ = fmt.Fprintf(table, "%s\t\n%s\t→ %s\n\n", terminal.Line(r.Title), terminal.Line(r.From), terminal.Line(r.To))
	for _, c := range r.Counts {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", c.Class, terminal.Count(c.Fields, "field", "fields"), terminal.Count(c.Records, "record", "records"))
	}
	last := Exact
	for _, f := range r.Findings {
		if f.Class == Exact {
			break // they come last
		}
		if f.Class != last {
			_, _ = fmt.Fprintf(table, "\n%s\t\n", f.Class)
			last = f.Class
		}
		_, _ = fmt.Fprintf(table, "  %s %s %s\t%s\t%s\n", f.Record.Source, f.Record.Kind, terminal.Line(f.Record.ID), terminal.Line(f.Path), terminal.Line(f.sentence()))
	}
	return table.Flush()
}

func (f *Finding) sentence() string {
	if f.Suggestion == "" {
		return f.Reason
	}
	return f.Reason + " " + f.Suggestion
}

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// section is a class with what of it the page shows.
type section struct {
	Count

	Meaning string
	Groups  []group
}

// group is the records of which the same field has the same fate.
type group struct {
	Source     string
	Kind       Kind
	Path       string
	Reason     string
	Suggestion string
	Records    []Record
}

// fate is what a group's findings have in common.
type fate struct {
	source                   string
	kind                     Kind
	path, reason, suggestion string
}

var meanings = map[Class]string{
	Unsupported: "These fields do not go along. There is no place for them.",
	Manual:      "These fields need somebody to do something.",
	Approximate: "These fields go along as something that means nearly the same.",
	Exact:       "These fields go along to the last digit.",
}

func (r *Report) sections() []section {
	out := make([]section, len(r.Counts))
	for i, c := range r.Counts {
		out[i] = section{Count: c, Meaning: meanings[c.Class]}
		at := map[fate]int{}
		for _, f := range r.Findings {
			if f.Class != c.Class {
				continue
			}
			key := fate{f.Record.Source, f.Record.Kind, f.Path, f.Reason, f.Suggestion}
			n, known := at[key]
			if !known {
				n = len(out[i].Groups)
				at[key] = n
				out[i].Groups = append(out[i].Groups, group{
					Source: f.Record.Source, Kind: f.Record.Kind, Path: f.Path, Reason: f.Reason, Suggestion: f.Suggestion,
				})
			}
			out[i].Groups[n].Records = append(out[i].Groups[n].Records, f.Record)
		}
	}
	return out
}

// WriteHTML writes the report as one page that asks for nothing else: no
// script, no image, no font. Whatever a vendor sent is text in it.
func (r *Report) WriteHTML(w io.Writer) error {
	return page.Execute(w, struct {
		*Report

		Sections []section
	}{r, r.sections()})
}
