package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/terminal"
)

// maxStaying is how many of the records that stay are named where nobody asked.
const maxStaying = 20

// summarize prints a run's figures, names the records that stay, and gives the
// error that they are.
func (m *moveConfig) summarize(cmd *cobra.Command, run *move.Run) error {
	s := run.Summary()
	if err := m.print(cmd.OutOrStdout(), s); err != nil {
		return err
	}
	m.name(cmd.ErrOrStderr(), s.Records)
	return m.verdict(s)
}

// name names records that stay, and says why.
func (m *moveConfig) name(w io.Writer, stay []finding.Outcome) {
	for i := range stay[:min(len(stay), maxStaying)] {
		o := &stay[i]
		_, _ = fmt.Fprintf(w, "%s %s \"%s\": %s\n", o.Kind, terminal.Line(o.ID), terminal.Line(o.Name), terminal.Line(o.Why)) // stderr is beside what is printed
	}
	if more := len(stay) - maxStaying; more > 0 {
		_, _ = fmt.Fprintf(w, "and %d more: %s\n", more, m.names())
	}
}

// names says what names all records that stay.
func (m *moveConfig) names() string {
	return "diglot move status --run " + m.dir + " -o json names them"
}

// verdict gives the error that a run's figures are.
func (m *moveConfig) verdict(s *move.Summary) error {
	switch {
	case s.Of(move.Failed) > 0:
		return withHint(errors.New(terminal.Count(s.Of(move.Failed), "record failed", "records failed")), m.goesOn(s)+" tries them again; "+m.names())
	case s.Refused > 0:
		hint := m.names()
		if slices.ContainsFunc(s.Records, func(o finding.Outcome) bool { return strings.Contains(o.Why, " is taken") }) {
			hint = whenTaken + "; " + hint
		}
		return withHint(errors.New(terminal.Count(s.Refused, "record would fail", "records would fail")), hint)
	case !m.acceptLoss && s.Held > 0:
		return &coded{withHint(errors.New(terminal.Count(s.Held, "record would lose something", "records would lose something")),
			"diglot move report --run "+m.dir+" says what; "+m.goesOn(s)+" --accept-loss moves them"), exitLossy}
	}
	return nil
}

// whenTaken says what to do about records whose place is taken.
const whenTaken = "--on-conflict skip, update or rename says what becomes of taken places"

// goesOn is the command that moves what a run has not moved.
func (m *moveConfig) goesOn(s *move.Summary) string {
	if s.Begun() {
		return "diglot move resume --run " + m.dir
	}
	return "diglot move apply --run " + m.dir
}

// differs gives the error that a verification is, nil: none.
func (m *moveConfig) differs(v *move.Verification, s *move.Summary) error {
	if v.Good() {
		return nil
	}
	notMoved, missing, others := 0, 0, 0
	for _, of := range v.Counts {
		notMoved, missing, others = notMoved+of[move.NotMoved], missing+of[move.Missing], others+of[move.Differs]+of[move.Missing]
	}
	if others > 0 {
		hint := "-o json names the members, too; diglot move catch-up --run " + m.dir + " brings what was changed at the source"
		if missing > 0 {
			hint += ", with --overwrite also what is missing at the target"
		}
		return withHint(errors.New("the two sides are not as the run left them"), hint)
	}
	hint := m.goesOn(s)
	if s.Held > 0 {
		hint += " --accept-loss"
	}
	return withHint(errors.New(terminal.Count(notMoved, "record was not moved", "records were not moved")), hint+" moves them")
}

// print prints a summary.
func (m *moveConfig) print(w io.Writer, s *move.Summary) error {
	header := []string{"KIND"}
	for _, state := range move.States {
		header = append(header, strings.ToUpper(string(state)))
	}
	var rows [][]string
	for _, kind := range move.Kinds {
		row := []string{string(kind)}
		for _, state := range move.States {
			row = append(row, strconv.Itoa(s.States[kind][state]))
		}
		rows = append(rows, row)
	}
	if err := m.out.print(w, s, header, rows...); err != nil || m.out.format != "table" {
		return err
	}
	_, err := fmt.Fprintf(w, "\nmembers: %d exact, %d approximate, %d manual, %d unsupported, in %s\n",
		s.Classes[finding.Exact], s.Classes[finding.Approximate], s.Classes[finding.Manual], s.Classes[finding.Unsupported],
		terminal.Count(s.Lossy, "record that loses something", "records that lose something"))
	return err
}

func writeReport(w io.Writer, run *move.Run, format string) error {
	report := finding.NewReport("Move", run.From, run.To, time.Now(), run.Findings())
	s := run.Summary()
	report.Records, report.Stay, report.Skipped, report.Updated = len(run.Entries()), s.Records, s.Skipped, s.Updated
	for i := range report.Counts {
		if report.Counts[i].Class == finding.Exact { // the journal counts them
			report.Counts[i].Fields, report.Counts[i].Records = s.Classes[finding.Exact], s.Exact
		}
	}
	switch format {
	case "text":
		return report.WriteText(w)
	case "json":
		return report.WriteJSON(w)
	case "html":
		return report.WriteHTML(w)
	case "ids":
		for _, e := range run.Entries() {
			if e.There != "" {
				if err := encodeJSON(w, map[string]string{"kind": string(e.Record.Kind), "from": e.Record.ID, "to": e.There, "state": string(e.State)}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return fmt.Errorf("--format is %q: it must be text, json, html or ids", format)
}
