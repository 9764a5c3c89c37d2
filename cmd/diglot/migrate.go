package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/terminal"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

func newMigrateCommand(c *common) *cobra.Command {
	return newGroup("migrate", "Move the database's schema", newMigrateUpCommand(c), newMigrateDownCommand(c), newMigrateStatusCommand(c))
}

func newMigrateUpCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "up", Short: "Bring the schema to the newest version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withDatabase(cmd, orNew, func(ctx context.Context, url string) error {
				if err := store.Up(ctx, url); err != nil {
					return explain(err)
				}
				return printStatus(cmd, &out, ctx, url)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newMigrateDownCommand(c *common) *cobra.Command {
	var (
		out             output
		all, yes, force bool
	)
	cmd := &cobra.Command{
		Use: "down", Short: "Take back the newest migration, with its data, for good", Args: cobra.NoArgs,
		Long: "Take back the newest migration, before going back to a program of before it. The data goes with it, for good: what it is, " +
			"is said before the question. Migration 13 takes the whole history of changes, --all takes all that there is. " +
			"It is refused while gateways are running, which would answer 503 from then on, unless --force is given. " +
			"The next start of this program's serve, and with a private cluster its next command, brings the schema up again, without the data.",
		Example: "  diglot migrate down\n  diglot migrate down --all --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withDatabase(cmd, existing, func(ctx context.Context, url string) error {
				steps := 1
				if all {
					steps = store.All
				}
				if err := mayGoDown(ctx, cmd, url, steps, yes, force); err != nil {
					return err
				}
				if err := store.Down(ctx, url, steps); err != nil {
					return explain(err)
				}
				return printStatus(cmd, &out, ctx, url)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "take back every migration: nothing is left")
	cmd.Flags().BoolVar(&yes, "yes", false, "take back without asking on the terminal")
	cmd.Flags().BoolVar(&force, "force", false, "take back while gateways are running")
	out.flags(cmd)
	return cmd
}

// mayGoDown refuses to take the schema from under gateways that serve, and has
// whoever sits at the terminal say that the data may go.
func mayGoDown(ctx context.Context, cmd *cobra.Command, url string, steps int, yes, force bool) error {
	status, err := store.StatusOf(ctx, url)
	if err != nil {
		return explain(err)
	}
	losses, err := store.Losses(status.Version, steps)
	if err != nil || len(losses) == 0 {
		return err
	}
	running, err := store.Running(ctx, url)
	if err != nil {
		return explain(err)
	}
	if running > 0 && !force {
		return withHint(errors.New(terminal.Count(running, "gateway is", "gateways are")+" running on this database, and would answer 503"), "stop them first, or give --force")
	}
	if yes {
		return nil
	}
	question := "For good goes what was kept in\n"
	for _, l := range losses {
		question += "  " + l.String() + "\n"
	}
	before := strconv.FormatUint(uint64(losses[len(losses)-1].Version-1), 10)
	return confirm(cmd.InOrStdin(), cmd.ErrOrStderr(), &confirmation{
		question: question + "To go on, enter the version that the schema will have, " + before + ": ", word: before,
		nobody: "nobody is there to say that what migration " + strconv.FormatUint(uint64(losses[0].Version), 10) + " keeps may go", wrong: "nothing was taken back",
	})
}

func newMigrateStatusCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "status", Short: "Show the schema's version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withDatabase(cmd, existing, func(ctx context.Context, url string) error {
				return printStatus(cmd, &out, ctx, url)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

// statusOutput is the schema's state as `-o json` prints it.
type statusOutput struct {
	Version uint `json:"version"`
	Head    uint `json:"head"`
	Dirty   bool `json:"dirty"`
}

func printStatus(cmd *cobra.Command, out *output, ctx context.Context, url string) error { //nolint:revive // cobra's command carries the output, not the context
	s, err := store.StatusOf(ctx, url)
	if err != nil {
		return explain(err)
	}
	return out.print(cmd.OutOrStdout(), statusOutput{s.Version, s.Head, s.Dirty}, []string{"VERSION", "HEAD", "DIRTY"},
		[]string{fmt.Sprint(s.Version), fmt.Sprint(s.Head), strconv.FormatBool(s.Dirty)})
}

func (c *common) withDatabase(cmd *cobra.Command, m making, do func(context.Context, string) error) (err error) {
	db, err := c.openDatabase(cmd.Context(), localpg.Use, m, slog.New(slog.DiscardHandler), tell)
	if err != nil {
		return err
	}
	defer func() {
		if closing := db.Close(); err == nil {
			err = closing
		}
	}()
	return do(cmd.Context(), db.url)
}
