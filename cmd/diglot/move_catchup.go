package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/terminal"
)

func newMoveCatchUpCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c}
	var remove, removeAll, overwrite bool
	cmd := m.command("catch-up", "Move what was made or changed at the source since",
		"Go on with a move, and have what was moved before be as the source has it now. What was removed at the source is said, "+
			"and removed with --delete; what was changed on both sides is said, and overwritten with --overwrite. Exit code 1: records "+
			"were left as they are. "+moveAddresses,
		func(cmd *cobra.Command) error {
			if err := m.settle(); err != nil {
				return err
			}
			if !move.HasRun(m.dir) {
				return withHint(fmt.Errorf("there is no run in %s", m.dir), "diglot move apply begins one")
			}
			return m.with(cmd, func(ctx context.Context, e *move.Engine) error {
				e.DeleteAll = removeAll
				caught, err := e.CatchUp(ctx, remove || removeAll, overwrite)
				if err != nil {
					return err
				}
				if err := m.printCaughtUp(cmd.OutOrStdout(), caught, e.Run); err != nil {
					return err
				}
				s := e.Run.Summary()
				m.name(cmd.ErrOrStderr(), s.Records)
				if err := m.verdict(s); err != nil {
					return err
				}
				if n := len(caught.Left); n > 0 {
					return withHint(fmt.Errorf("%d records were left as they are", n), "it is said of each why")
				}
				return nil
			})
		})
	m.reaches(cmd)
	m.decides(cmd)
	cmd.Flags().BoolVar(&remove, "delete", false, "remove what the run made of records that the source has not any more")
	cmd.Flags().BoolVar(&removeAll, "delete-all", false, "as --delete, also where the source has nothing or less than half of what was moved")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "have what was changed on both sides be as the source's, and make again what is missing at the target")
	return cmd
}

func (m *moveConfig) printCaughtUp(w io.Writer, c *move.CaughtUp, run *move.Run) error {
	if m.out.format != "table" {
		return m.out.print(w, struct {
			*move.CaughtUp
			*move.Summary
		}{c, run.Summary()}, nil)
	}
	if err := m.print(w, run.Summary()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\n%d records were changed, %d removed, %d left as they are\n", c.Changed, c.Removed, len(c.Left)); err != nil {
		return err
	}
	return printVerified(w, c.Left)
}

// printVerified prints a line for each record.
func printVerified(w io.Writer, records []move.Verified) error {
	for i := range records {
		r := &records[i]
		text := fmt.Sprintf("%s %q %q: %s", r.Record.Kind, r.Record.ID, r.Record.Name, r.Verdict)
		switch {
		case r.Why != "":
			text += ", " + r.Why
		case r.Changed == move.AtBoth:
			text += ", changed on both sides"
		case r.Changed != "":
			text += ", changed at the " + string(r.Changed)
		}
		if _, err := fmt.Fprintln(w, terminal.Line(text)); err != nil {
			return err
		}
	}
	return nil
}

// printOthers prints what the target has and the run knows nothing of, a line for
// each of the first ones.
func printOthers(w io.Writer, v *move.Verification) error {
	text, others := "", v.Others
	if v.Unlisted != "" {
		text = "what else is at the target could not be listed: " + terminal.Line(v.Unlisted) + "\n"
	}
	if len(others) > 0 {
		text += terminal.Count(len(others), "record", "records") + " at the target that the run knows nothing of:\n"
	}
	for i := range others[:min(len(others), maxStaying)] {
		r := &others[i]
		text += terminal.Line(fmt.Sprintf("%s %q %q", r.Kind, r.ID, r.Name)) + "\n"
	}
	if more := len(others) - maxStaying; more > 0 {
		text += fmt.Sprintf("and %d more: -o json names them\n", more)
	}
	_, err := io.WriteString(w, text)
	return err
}
