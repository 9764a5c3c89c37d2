package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/core"
)

// firstSigningKey is how commands name the key whose id is empty.
const firstSigningKey = "first"

// signingKeyOutput is a signing key as `-o json` prints it.
type signingKeyOutput struct {
	ID        string     `json:"id"`
	Signs     bool       `json:"signs"`
	CreatedAt *time.Time `json:"created_at,omitempty"` // the first key has none
	RetiredAt *time.Time `json:"retired_at,omitempty"`
}

func fromSigningKey(k core.SigningKey, signs bool) signingKeyOutput {
	out := signingKeyOutput{ID: k.ID, Signs: signs, RetiredAt: k.RetiredAt}
	if k.ID == "" {
		out.ID = firstSigningKey
	} else {
		out.CreatedAt = &k.CreatedAt
	}
	return out
}

var signingKeyHeader = []string{"ID", "STATE", "CREATED", "RETIRED"}

func (o signingKeyOutput) row() []string {
	state := "verifies"
	switch {
	case o.Signs:
		state = "signs"
	case o.RetiredAt != nil:
		state = "retired"
	}
	return []string{o.ID, state, orDash(o.CreatedAt), orDash(o.RetiredAt)}
}

func orDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
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
				made := fromSigningKey(k, true)
				return out.print(cmd.OutOrStdout(), made, signingKeyHeader, made.row())
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
				list, rows, signs := make([]signingKeyOutput, len(keys)), make([][]string, len(keys)), true
				for i, k := range keys {
					list[i] = fromSigningKey(k, signs && k.RetiredAt == nil)
					rows[i] = list[i].row()
					signs = signs && k.RetiredAt != nil
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
			id := args[0]
			if id == firstSigningKey {
				id = ""
			}
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				k, err := a.RetireSigningKey(ctx, id)
				if err != nil {
					return explainSigningKey(err)
				}
				retired := fromSigningKey(k, false)
				return out.print(cmd.OutOrStdout(), retired, signingKeyHeader, retired.row())
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
