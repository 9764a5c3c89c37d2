package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/core"
)

// accountOutput is a linked account as `-o json` prints it.
type accountOutput struct {
	ID        string    `json:"id"`
	Tenant    string    `json:"tenant"`
	CreatedAt time.Time `json:"created_at"`
}

func newAccountCommand(c *common) *cobra.Command {
	var (
		out        output
		tenant, id string
	)
	create := &cobra.Command{
		Use: "create", Short: "Create a linked account, which session tokens act for", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				acc, err := a.CreateAccount(ctx, t, id)
				if err != nil {
					return explain(err)
				}
				made := accountOutput{acc.ID, t.Name, acc.CreatedAt}
				return out.print(cmd.OutOrStdout(), made, []string{"ID", "TENANT", "CREATED"},
					[]string{made.ID, made.Tenant, made.CreatedAt.Format(time.RFC3339)})
			})
		},
	}
	create.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	create.Flags().StringVar(&id, "id", "", "the account's id, as its clients send it (required)")
	_ = create.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	_ = create.MarkFlagRequired("id")
	out.flags(create)
	return newGroup("account", "Create linked accounts", create)
}
