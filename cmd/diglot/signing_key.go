package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

var signingKeyHeader = []string{"ID", "STATE", "CREATED", "RETIRED"}

func signingKeyRow(o admin.SigningKey) []string {
	state := "verifies"
	switch {
	case o.Signs:
		state = "signs"
	case o.RetiredAt != nil:
		state = "retired"
	}
	return []string{o.ID, state, timeOrDash(o.CreatedAt), timeOrDash(o.RetiredAt)}
}

func newSigningKeyCommand(c *common) *cobra.Command {
	return newGroup("signing-key", "Rotate, list and retire what session tokens are signed with",
		newSigningKeyRotateCommand(c), newSigningKeyListCommand(c), newSigningKeyRetireCommand(c))
}

func newSigningKeyRotateCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "rotate", Short: "Have new session tokens signed with a new key; tokens of the others stay good", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				k, err := a.RotateSigningKey(ctx)
				if err != nil {
					return explain(err)
				}
				made := admin.FromSigningKey(k, true)
				return out.print(cmd.OutOrStdout(), made, signingKeyHeader, signingKeyRow(made))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newSigningKeyListCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "list", Short: "List signing keys, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				keys, err := a.SigningKeys(ctx)
				if err != nil {
					return explain(err)
				}
				list, rows := admin.FromSigningKeys(keys), make([][]string, len(keys))
				for i := range list {
					rows[i] = signingKeyRow(list[i])
				}
				return out.print(cmd.OutOrStdout(), list, signingKeyHeader, rows...)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newSigningKeyRetireCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "retire ID", Short: "End all sessions whose tokens a key has signed, at once and for good", Args: cobra.ExactArgs(1),
		Long: "End all sessions of all tenants whose tokens a key has signed, at once and for good: their clients need new tokens. " +
			"Not needed after a rotation, but when a key may be known to somebody. The key that signs can't be retired: rotate first.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				k, err := a.RetireSigningKey(ctx, admin.SigningKeyID(args[0]))
				if err != nil {
					return explainSigningKey(err)
				}
				retired := admin.FromSigningKey(k, false)
				return out.print(cmd.OutOrStdout(), retired, signingKeyHeader, signingKeyRow(retired))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func explainSigningKey(err error) error {
	switch {
	case core.KindOf(err) == core.NotFound:
		return withHint(err, "diglot signing-key list shows the keys there are")
	case core.IsConflictOn(err, "newest"):
		return withHint(err, "diglot signing-key rotate makes another one sign")
	}
	return explain(err)
}
