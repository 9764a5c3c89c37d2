package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// pageOf is how many things a command that lists all of them asks for at a time.
const pageOf = 500

// walk gives all of a list that is read in pages.
func walk[E any](page func(last *E) ([]E, error)) ([]E, error) {
	var (
		all  []E
		last *E
	)
	for {
		found, err := page(last)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < pageOf {
			return all, nil
		}
		last = &all[len(all)-1]
	}
}

var accountHeader = []string{"ID", "TENANT", "CREATED"}

func accountRow(a admin.Account) []string { return []string{a.ID, a.Tenant, a.CreatedAt.String()} }

func newAccountCommand(c *common) *cobra.Command {
	return newGroup("account", "Create, list, show and delete linked accounts",
		newAccountCreateCommand(c), newAccountListCommand(c), newAccountShowCommand(c), newAccountDeleteCommand(c))
}

func newAccountCreateCommand(c *common) *cobra.Command {
	var (
		out        output
		tenant, id string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Create a linked account, which session tokens act for", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				acc, err := a.CreateAccount(ctx, t, id)
				if err != nil {
					return explain(err)
				}
				made := admin.FromAccount(t.Name, acc)
				return out.print(cmd.OutOrStdout(), made, accountHeader, accountRow(made))
			})
		},
	}
	tenantFlag(cmd, &tenant)
	cmd.Flags().StringVar(&id, "id", "", "the account's id, as clients send it (required)")
	_ = cmd.MarkFlagRequired("id") // fails only for a flag that does not exist
	out.flags(cmd)
	return cmd
}

// tenantFlag has a command be about one tenant.
func tenantFlag(cmd *cobra.Command, tenant *string) {
	cmd.Flags().StringVar(tenant, "tenant", "", "name of the tenant (required)")
	_ = cmd.MarkFlagRequired("tenant") // fails only for a flag that does not exist
}

func newAccountListCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a tenant's linked accounts, the oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				accounts, err := walk(func(last *core.Account) ([]core.Account, error) {
					var after core.AccountPosition
					if last != nil {
						after = core.AccountPosition{CreatedAt: last.CreatedAt, ObjectID: last.ObjectID}
					}
					return a.AccountsAfter(ctx, t, after, pageOf)
				})
				if err != nil {
					return explain(err)
				}
				list, rows := make([]admin.Account, len(accounts)), make([][]string, len(accounts))
				for i, acc := range accounts {
					list[i] = admin.FromAccount(t.Name, acc)
					rows[i] = accountRow(list[i])
				}
				return out.print(cmd.OutOrStdout(), list, accountHeader, rows...)
			})
		},
	}
	tenantFlag(cmd, &tenant)
	out.flags(cmd)
	return cmd
}

func newAccountShowCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
	)
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a linked account", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				acc, err := a.Account(ctx, t, args[0])
				if err != nil {
					return explainAccount(err, t)
				}
				shown := admin.FromAccount(t.Name, acc)
				return out.print(cmd.OutOrStdout(), shown, accountHeader, accountRow(shown))
			})
		},
	}
	tenantFlag(cmd, &tenant)
	out.flags(cmd)
	return cmd
}

func newAccountDeleteCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
	)
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a linked account; its sessions end with it, for good", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				if err := a.DeleteAccount(ctx, t, args[0]); err != nil {
					return explainAccount(err, t)
				}
				gone := struct {
					ID      string `json:"id"`
					Deleted bool   `json:"deleted"`
				}{args[0], true}
				return out.print(cmd.OutOrStdout(), gone, []string{"ID", "DELETED"}, []string{gone.ID, "yes"})
			})
		},
	}
	tenantFlag(cmd, &tenant)
	out.flags(cmd)
	return cmd
}

// explainAccount is explain for commands that take a linked account's id.
func explainAccount(err error, t core.Tenant) error {
	if core.KindOf(err) == core.NotFound {
		return withHint(err, "diglot account list --tenant "+t.Name+" shows the accounts there are")
	}
	return explain(err)
}
