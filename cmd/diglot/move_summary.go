package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// summarize prints a run's figures and gives the error that they are.
func (m *moveConfig) summarize(cmd *cobra.Command, run *move.Run) error {
	s := run.Summary()
	if err := m.print(cmd.OutOrStdout(), s); err != nil {
		return err
	}
	return m.verdict(s)
}

// verdict gives the error that a run's figures are.
func (m *moveConfig) verdict(s *move.Summary) error {
	again := "diglot move resume --run " + m.dir
	switch {
	case s.Of(move.Failed) > 0:
		return withHint(fmt.Errorf("%d records failed", s.Of(move.Failed)), again+" tries them again; status -o json counts them")
	case s.Refused > 0:
		return withHint(fmt.Errorf("%d records would fail", s.Refused), "--on-conflict skip, update or rename says what becomes of taken places")
	case !m.acceptLoss && (s.Of(move.Held) > 0 || s.Of(move.Planned) > 0 && s.Lossy > 0):
		return &coded{withHint(fmt.Errorf("%d records would lose something", s.Lossy),
			"diglot move report --run "+m.dir+" says what; --accept-loss moves them"), exitLossy}
	}
	return nil
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
	_, err := fmt.Fprintf(w, "\nmembers: %d exact, %d approximate, %d manual, %d unsupported, in %d records that lose something\n",
		s.Classes[finding.Exact], s.Classes[finding.Approximate], s.Classes[finding.Manual], s.Classes[finding.Unsupported], s.Lossy)
	return err
}

func writeReport(w io.Writer, run *move.Run, format string) error {
	report := finding.NewReport("Move", run.From, run.To, time.Now(), run.Findings())
	s := run.Summary()
	report.Records = len(run.Entries())
	for i := range report.Counts {
		if report.Counts[i].Class == finding.Exact { // the journal counts them
			report.Counts[i].Fields, report.Counts[i].Records = s.Classes[finding.Exact], report.Records
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
