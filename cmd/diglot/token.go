package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// tokenOutput is a new session token as `-o json` prints it.
type tokenOutput struct {
	Token     string     `json:"token"`
	Tenant    string     `json:"tenant"`
	Account   string     `json:"account"`
	ExpiresAt admin.Time `json:"expires_at"`
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
					[]string{made.Tenant, made.Account, made.ExpiresAt.String(), made.Token})
			})
		},
	}
	create.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	create.Flags().StringVar(&account, "account", "", "id of the linked account (required)")
	create.Flags().DurationVar(&lifetime, "ttl", refold.DefaultLifetimes.Token, "how long the token is good for")
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
	made, err := admin.IssueSession(ctx, a.Operator, refold.NewTokens(a.secret, refold.DefaultLifetimes), t, account, lifetime)
	if core.KindOf(err) == core.NotFound {
		return tokenOutput{}, withHint(err, "diglot account create --tenant "+t.Name+" --id "+account+" makes it")
	}
	if err != nil {
		return tokenOutput{}, explain(err)
	}
	return tokenOutput{made.Token, t.Name, account, made.ExpiresAt}, nil
}
