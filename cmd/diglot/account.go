package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
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

// tokenOutput is a new session token as `-o json` prints it.
type tokenOutput struct {
	Token     string    `json:"token"`
	Tenant    string    `json:"tenant"`
	Account   string    `json:"account"`
	ExpiresAt time.Time `json:"expires_at"`
}

func newTokenCommand(c *common) *cobra.Command {
	var (
		out             output
		tenant, account string
		lifetime        time.Duration
	)
	create := &cobra.Command{
		Use: "create", Short: "Create a Refold session token for a linked account and print it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				made, err := a.mintToken(ctx, t, account, lifetime)
				if err != nil {
					return err
				}
				return out.print(cmd.OutOrStdout(), made, []string{"TENANT", "ACCOUNT", "EXPIRES", "TOKEN"},
					[]string{made.Tenant, made.Account, made.ExpiresAt.Format(time.RFC3339), made.Token})
			})
		},
	}
	create.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	create.Flags().StringVar(&account, "account", "", "id of the linked account (required)")
	create.Flags().DurationVar(&lifetime, "ttl", refold.DefaultTokenLifetime, "how long the token is good for")
	_ = create.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	_ = create.MarkFlagRequired("account")
	out.flags(create)
	return newGroup("token", "Create session tokens", create)
}

func (a *administration) mintToken(ctx context.Context, t core.Tenant, account string, lifetime time.Duration) (tokenOutput, error) {
	switch {
	case t.Refold == nil:
		return tokenOutput{}, withHint(errors.New("tenant "+t.Name+" has no Refold address"), "session tokens belong to the Refold dialect")
	case lifetime < time.Second:
		return tokenOutput{}, errors.New("--ttl must be at least a second")
	}
	if _, err := a.Account(ctx, t, account); err != nil {
		if core.KindOf(err) == core.NotFound {
			return tokenOutput{}, withHint(err, "diglot account create --tenant "+t.Name+" --id "+account+" makes it")
		}
		return tokenOutput{}, explain(err)
	}
	now := time.Now()
	token, err := refold.NewTokens(a.secret).Mint(*t.Refold, account, now, lifetime)
	if err != nil {
		return tokenOutput{}, err
	}
	return tokenOutput{token, t.Name, account, now.Add(lifetime).UTC().Truncate(time.Second)}, nil
}
