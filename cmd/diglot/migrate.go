package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

func newMigrateCommand(c *common) *cobra.Command {
	return newGroup("migrate", "Move the database's schema",
		newMigrateStepCommand(c, "up", "Bring the schema to the newest version", store.Up),
		newMigrateDownCommand(c), newMigrateStatusCommand(c))
}

func newMigrateStepCommand(c *common, use, short string, move func(context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withDatabase(cmd, func(ctx context.Context, url string) error {
				if err := move(ctx, url); err != nil {
					return explain(err)
				}
				return printStatus(cmd, &output{format: "table"}, ctx, url)
			})
		},
	}
}

func newMigrateDownCommand(c *common) *cobra.Command {
	var all bool
	cmd := newMigrateStepCommand(c, "down", "Take back the newest migration, with its data", func(ctx context.Context, url string) error {
		if all {
			return store.Down(ctx, url, 0)
		}
		return store.Down(ctx, url, 1)
	})
	cmd.Flags().BoolVar(&all, "all", false, "take back every migration: nothing is left")
	return cmd
}

func newMigrateStatusCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "status", Short: "Show the schema's version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withDatabase(cmd, func(ctx context.Context, url string) error {
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

func (c *common) withDatabase(cmd *cobra.Command, do func(context.Context, string) error) (err error) {
	db, err := c.openDatabase(cmd.Context(), localpg.Use, slog.New(slog.DiscardHandler))
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
