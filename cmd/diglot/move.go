package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/terminal"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// exitLossy is the exit code of a move that would lose something.
const exitLossy = 3

// coded is an error with an exit code of its own.
type coded struct {
	error

	code int
}

func (c *coded) Unwrap() error { return c.error }

// moveConfig is what the commands of a move take.
type moveConfig struct {
	*common

	from, to, dir, onConflict, template string
	fromAccount, toAccount              string
	acceptLoss, insecure, force         bool
	toAlone                             bool // the source isn't asked
	rate                                float64
	burst, workers                      int
	out                                 output
}

func newMoveCommand(c *common) *cobra.Command {
	return newGroup("move", "Move servers, accounts and agents between a vendor, a tenant and a file",
		newMovePlanCommand(c), newMoveApplyCommand(c, false), newMoveApplyCommand(c, true), newMoveCatchUpCommand(c), newMoveStatusCommand(c),
		newMoveVerifyCommand(c), newMoveUndoCommand(c), newMoveReportCommand(c))
}

const moveAddresses = "An address is refold:URL, cometchat:URL, tenant:NAME or file:PATH. The vendors' keys come from " +
	envFromKey + " or " + envFromKeyFile + " and " + envToKey + " or " + envToKeyFile + "."

func (m *moveConfig) command(use, short, long string, run func(cmd *cobra.Command) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&m.from, "from", "", "where the records are: refold:URL, cometchat:URL, tenant:NAME or file:PATH")
	f.StringVar(&m.to, "to", "", "where the records go: refold:URL, cometchat:URL, tenant:NAME or file:PATH")
	f.StringVar(&m.dir, "run", "", "folder of the run's journal (default: ./diglot-move- and the two addresses)")
	return cmd
}

// reaches adds the flags of commands that speak to both sides.
func (m *moveConfig) reaches(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.fromAccount, "from-account", "", "linked account that a Refold source is asked as")
	f.StringVar(&m.toAccount, "to-account", "", "linked account that a Refold target is asked as")
	f.StringVar(&m.template, "url-template", "", "url for servers that have none, which CometChat takes none of; {id} and {slug} are filled in")
	f.BoolVar(&m.insecure, "insecure-http", false, "send keys over http to a host that isn't this machine")
	f.Float64Var(&m.rate, "rate", vendorhttp.DefaultRate, "requests a second that a vendor is sent at most")
	f.IntVar(&m.burst, "burst", vendorhttp.DefaultBurst, "requests that a vendor is sent at once at most")
	f.IntVar(&m.workers, "parallel", 4, "records that are under way at once")
	m.out.flags(cmd)
}

// decides adds the flags of commands that write, or say what they would.
func (m *moveConfig) decides(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.onConflict, "on-conflict", string(move.FailOnConflict), "what becomes of a record whose place is taken: skip, update, rename or fail")
	cmd.Flags().BoolVar(&m.acceptLoss, "accept-loss", false, "move records that lose something, too")
}

func newMovePlanCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c}
	cmd := m.command("plan", "Say what a move would do, and change nothing",
		"Say what a move would do with each record. Into a tenant it is tried in a transaction that is rolled back. "+moveAddresses,
		func(cmd *cobra.Command) error {
			return m.with(cmd, func(ctx context.Context, e *move.Engine) error {
				if err := e.Plan(ctx); err != nil {
					return err
				}
				return m.summarize(cmd, e.Run)
			})
		})
	m.reaches(cmd)
	m.decides(cmd)
	return cmd
}

func newMoveApplyCommand(c *common, resumes bool) *cobra.Command {
	m := &moveConfig{common: c}
	use, short := "apply", "Move records, keeping a journal"
	if resumes {
		use, short = "resume", "Go on with a move that was interrupted, or with records that failed or were held back"
	}
	cmd := m.command(use, short,
		short+". However a move ends, it can be gone on with, and nothing is moved twice. Exit code 3: records were held back "+
			"because they would lose something. "+moveAddresses,
		func(cmd *cobra.Command) error {
			if err := m.settle(); err != nil {
				return err
			}
			switch has := move.HasRun(m.dir); {
			case resumes && !has:
				return withHint(fmt.Errorf("there is no run in %s", m.dir), "diglot move apply begins one")
			case !resumes && has:
				begun, err := m.begun()
				if err != nil {
					return err
				}
				if begun {
					return withHint(fmt.Errorf("the run in %s was begun already", m.dir), "diglot move resume --run "+m.dir+" goes on with it")
				}
			}
			return m.with(cmd, func(ctx context.Context, e *move.Engine) error {
				err := e.Apply(ctx)
				if told := m.summarize(cmd, e.Run); err == nil {
					err = told
				}
				return err
			})
		})
	m.reaches(cmd)
	m.decides(cmd)
	return cmd
}

func newMoveStatusCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c}
	cmd := m.command("status", "Say how far a move is", "Say how far a move is, from its journal alone, and which records stay and why.", func(cmd *cobra.Command) error {
		return m.read(func(run *move.Run) error {
			s := run.Summary()
			m.name(cmd.ErrOrStderr(), s.Records)
			return m.print(cmd.OutOrStdout(), s)
		})
	})
	m.out.flags(cmd)
	return cmd
}

func newMoveVerifyCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c}
	cmd := m.command("verify", "Read both sides again and compare each record",
		"Read both sides again and compare each record with what was made of it. Exit code 1: something differs, or is missing, "+
			"that the run doesn't tell of. What the target has and the run knows nothing of is named, and is no difference.",
		func(cmd *cobra.Command) error {
			return m.with(cmd, func(ctx context.Context, e *move.Engine) error {
				v, err := e.Verify(ctx)
				if err != nil {
					return err
				}
				header := []string{"KIND"}
				for _, verdict := range move.Verdicts {
					header = append(header, strings.ToUpper(string(verdict)))
				}
				var rows [][]string
				for _, kind := range move.Kinds {
					row := []string{string(kind)}
					for _, verdict := range move.Verdicts {
						row = append(row, strconv.Itoa(v.Counts[kind][verdict]))
					}
					rows = append(rows, row)
				}
				if err := m.out.print(cmd.OutOrStdout(), v, header, rows...); err != nil {
					return err
				}
				if m.out.format == "table" {
					if err := printVerified(cmd.OutOrStdout(), v.Records); err != nil {
						return err
					}
					if err := printOthers(cmd.OutOrStdout(), v); err != nil {
						return err
					}
				}
				return m.differs(v, e.Run.Summary())
			})
		})
	m.reaches(cmd)
	return cmd
}

func newMoveUndoCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c, toAlone: true}
	cmd := m.command("undo", "Remove what a move made, and restore what it changed",
		"Remove what a move made, and restore what it changed, unless it has been changed since. The source isn't asked.",
		func(cmd *cobra.Command) error {
			return m.with(cmd, func(ctx context.Context, e *move.Engine) error {
				kept, err := e.Undo(ctx, m.force)
				s := e.Run.Summary()
				if told := m.print(cmd.OutOrStdout(), s); err == nil {
					err = told
				}
				m.name(cmd.ErrOrStderr(), s.Records)
				if err == nil && kept > 0 {
					return withHint(errors.New(terminal.Count(kept, "record stays", "records stay")), "it is said of each why; --force takes back what has been changed since; "+m.names())
				}
				return err
			})
		})
	m.reaches(cmd)
	cmd.Flags().BoolVar(&m.force, "force", false, "take back also what has been changed since; leave what can't be told, and enter what is not there as undone")
	return cmd
}

func newMoveReportCommand(c *common) *cobra.Command {
	m := &moveConfig{common: c}
	var format string
	cmd := m.command("report", "Print what became of each member, or the map of ids",
		"Print what becomes of each member, the worst first: text, json, or html, one page that needs nothing else. ids prints "+
			"each record's id at the source and at the target.",
		func(cmd *cobra.Command) error {
			return m.read(func(run *move.Run) error { return writeReport(cmd.OutOrStdout(), run, format) })
		})
	cmd.Flags().StringVar(&format, "format", "text", "text, json, html or ids")
	return cmd
}
