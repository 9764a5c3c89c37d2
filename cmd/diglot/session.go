package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

func newSessionCommand(c *common) *cobra.Command {
	return newGroup("session", "List and revoke sessions, which session tokens are issued for",
		newSessionListCommand(c), newSessionRevokeCommand(c))
}

// accountFlags have a command be about one linked account.
func accountFlags(cmd *cobra.Command, tenant, account *string) {
	tenantFlag(cmd, tenant)
	cmd.Flags().StringVar(account, "account", "", "id of the linked account (required)")
	_ = cmd.MarkFlagRequired("account") // fails only for a flag that does not exist
}

func newSessionListCommand(c *common) *cobra.Command {
	var (
		out             output
		tenant, account string
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a linked account's sessions that live, never their tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				sessions, err := walk(func(last *core.Session) ([]core.Session, error) {
					var after core.SessionID
					if last != nil {
						after = last.SessionID
					}
					return a.SessionsAfter(ctx, t, account, after, pageOf)
				})
				if err != nil {
					return explainAccount(err, t)
				}
				list, rows := make([]admin.Session, len(sessions)), make([][]string, len(sessions))
				for i, s := range sessions {
					list[i] = admin.FromSession(t.Name, s)
					rows[i] = []string{list[i].ID, list[i].SigningKey, list[i].IssuedAt.String(), list[i].ExpiresAt.String()}
				}
				return out.print(cmd.OutOrStdout(), list, []string{"ID", "SIGNING KEY", "ISSUED", "EXPIRES"}, rows...)
			})
		},
	}
	accountFlags(cmd, &tenant, &account)
	out.flags(cmd)
	return cmd
}

func newSessionRevokeCommand(c *common) *cobra.Command {
	var (
		out             output
		tenant, account string
		all             bool
	)
	cmd := &cobra.Command{
		Use: "revoke [ID]", Short: "End a session, or all of a linked account, for good", Args: cobra.MaximumNArgs(1),
		Example: "  diglot session revoke 1795265090.1795351490 --tenant acme --account customer@example.com\n" +
			"  diglot session revoke --all --tenant acme --account customer@example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return withHint(errors.New("name a session or give --all"), "diglot session list shows the ids")
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				n, err := a.revokeSessions(ctx, t, account, args)
				if err != nil {
					return explainSession(err, t)
				}
				return out.print(cmd.OutOrStdout(), admin.Revoked{Revoked: n}, []string{"REVOKED"}, []string{fmt.Sprint(n)})
			})
		},
	}
	accountFlags(cmd, &tenant, &account)
	cmd.Flags().BoolVar(&all, "all", false, "end all sessions of the account")
	out.flags(cmd)
	return cmd
}

// revokeSessions ends the session that is named, all of the account where none is.
func (a *administration) revokeSessions(ctx context.Context, t core.Tenant, account string, named []string) (int, error) {
	if len(named) == 0 {
		return a.RevokeSessions(ctx, t, account)
	}
	id, ok := admin.ParseSession(account, named[0])
	if !ok {
		return 0, admin.ErrNoSession
	}
	return 1, a.RevokeSession(ctx, t, id)
}

func explainSession(err error, t core.Tenant) error {
	if core.KindOf(err) == core.NotFound {
		return withHint(err, "diglot account list --tenant "+t.Name+" shows the accounts there are, diglot session list an account's sessions")
	}
	return explain(err)
}
