package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

func newKeyCommand(c *common) *cobra.Command {
	return newGroup("key", "Create, import, list, show, rotate and revoke API keys",
		newKeyCreateCommand(c), newKeyImportCommand(c), newKeyListCommand(c), newKeyShowCommand(c), newKeyRotateCommand(c), newKeyRevokeCommand(c))
}

var madeKeyHeader = []string{"TENANT", "DIALECT", "SCOPE", "KEY", "ID", "EXPIRES"}

func madeKeyRow(o admin.NewKey) []string {
	return []string{o.Tenant, string(o.Dialect), cmp.Or(string(o.Scope), "-"), o.Value, o.ID, timeOrDash(o.ExpiresAt)}
}

var keyHeader = []string{"ID", "DIALECT", "SCOPE", "HINT", "STATUS", "CREATED", "EXPIRES", "LAST USED"}

func keyRow(o admin.Key) []string {
	return []string{
		o.ID, string(o.Dialect), cmp.Or(string(o.Scope), "-"), cmp.Or(o.Hint, "-"), string(o.Status),
		o.CreatedAt.String(), timeOrDash(o.ExpiresAt), timeOrDash(o.LastUsedAt),
	}
}

func timeOrDash(t *admin.Time) string {
	if t == nil {
		return "-"
	}
	return t.String()
}

// What the flags of several commands mean.
const (
	scopeUsage   = "of a CometChat key: fullAccess (the default), or authOnly, which may do nothing here"
	expiresUsage = "when the key is good no more: a time (RFC 3339) or how long from now (720h); never, if not given"
)

// parseExpiry reads a time, or how long from now; nil: it is empty.
func parseExpiry(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // which is what no expiry is
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return new(at.UTC()), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, fmt.Errorf("--expires is %q: %w", s, errNoTimeSpan)
	}
	return new(now.UTC().Add(d).Truncate(time.Millisecond)), nil
}

func newKeyCreateCommand(c *common) *cobra.Command {
	var (
		out                             output
		tenant, dialect, scope, expires string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Create an API key and print it, once", Args: cobra.NoArgs,
		Example: "  diglot key create --tenant acme --dialect refold\n" +
			"  diglot key create --tenant acme --dialect cometchat --expires 720h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			expiresAt, err := parseExpiry(expires, time.Now())
			if err != nil {
				return err
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				value := admin.NewAPIKey(t, core.DialectName(dialect))
				k, err := a.IssueKey(ctx, t, core.NewKey{
					Dialect: core.DialectName(dialect), Scope: core.KeyScope(scope), Value: value, ExpiresAt: expiresAt,
				})
				if err != nil {
					return explain(err)
				}
				made := admin.NewKey{Key: admin.FromKey(a.Operator, t.Name, k), Value: value}
				return out.print(cmd.OutOrStdout(), made, madeKeyHeader, madeKeyRow(made))
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	cmd.Flags().StringVar(&dialect, "dialect", "", "refold or cometchat (required)")
	cmd.Flags().StringVar(&scope, "scope", "", scopeUsage)
	cmd.Flags().StringVar(&expires, "expires", "", expiresUsage)
	_ = cmd.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	_ = cmd.MarkFlagRequired("dialect")
	out.flags(cmd)
	return cmd
}

func newKeyListCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a tenant's API keys, never their values", Args: cobra.NoArgs,
		Long: "List a tenant's API keys, also those that have expired or were revoked. HINT is the end of the value. " +
			"Gateways write when a key was last used about every half minute.",
		Example: "  diglot key list --tenant acme\n  diglot key list --tenant acme -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				keys, err := a.Keys(ctx, t)
				if err != nil {
					return explain(err)
				}
				list, rows := make([]admin.Key, len(keys)), make([][]string, len(keys))
				for i, k := range keys {
					list[i] = admin.FromKey(a.Operator, t.Name, k)
					rows[i] = keyRow(list[i])
				}
				return out.print(cmd.OutOrStdout(), list, keyHeader, rows...)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	_ = cmd.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	out.flags(cmd)
	return cmd
}

func newKeyShowCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show an API key and whose it is, never its value", Args: cobra.ExactArgs(1),
		Example: "  diglot key show 0d9a6c2e-6f0b-4c35-9d0e-5b5d4f6f7a10",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				t, k, err := a.Key(ctx, args[0])
				if err != nil {
					return explainKey(err)
				}
				shown := admin.FromKey(a.Operator, t.Name, k)
				return out.print(cmd.OutOrStdout(), shown, append([]string{"TENANT"}, keyHeader...), append([]string{shown.Tenant}, keyRow(shown)...))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newKeyRotateCommand(c *common) *cobra.Command {
	var (
		out     output
		overlap time.Duration
		expires string
	)
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Replace an API key by a new one and print that, once", Args: cobra.ExactArgs(1),
		Long: "Create a key of the same tenant, dialect and scope, and have the old one expire after the overlap, " +
			"unless it does so before; without an overlap it is revoked at once.",
		Example: "  diglot key rotate 0d9a6c2e-6f0b-4c35-9d0e-5b5d4f6f7a10 --overlap 24h",
		RunE: func(cmd *cobra.Command, args []string) error {
			expiresAt, err := parseExpiry(expires, time.Now())
			if err != nil {
				return err
			}
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				t, k, err := a.Key(ctx, args[0])
				if err != nil {
					return explainKey(err)
				}
				value := admin.NewAPIKey(t, k.Dialect)
				next, old, err := a.RotateKey(ctx, k.ID, value, overlap, expiresAt)
				if err != nil {
					return explainKey(err)
				}
				made := admin.NewKey{
					Key: admin.FromKey(a.Operator, t.Name, next), Value: value, Replaced: new(admin.FromKey(a.Operator, t.Name, old)),
				}
				return out.print(cmd.OutOrStdout(), made, madeKeyHeader, madeKeyRow(made))
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 0, "how long the old key is good yet, such as 24h; 0: it is revoked at once (required)")
	cmd.Flags().StringVar(&expires, "expires", "", expiresUsage)
	_ = cmd.MarkFlagRequired("overlap") // fails only for a flag that does not exist
	out.flags(cmd)
	return cmd
}

func newKeyRevokeCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End an API key at once and for good", Args: cobra.ExactArgs(1),
		Long: "End an API key for good: within a second no gateway takes it, and its value can't be a key again. " +
			"diglot key list shows the ids.",
		Example: "  diglot key revoke 0d9a6c2e-6f0b-4c35-9d0e-5b5d4f6f7a10",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				t, k, err := a.Key(ctx, args[0])
				if err == nil {
					k, err = a.RevokeKey(ctx, k.ID)
				}
				if err != nil {
					return explainKey(err)
				}
				revoked := admin.FromKey(a.Operator, t.Name, k)
				return out.print(cmd.OutOrStdout(), revoked, keyHeader, keyRow(revoked))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

// explainKey is explain for commands that take a key's id.
func explainKey(err error) error {
	switch {
	case core.KindOf(err) == core.NotFound:
		return withHint(err, "diglot key list --tenant NAME shows the ids of a tenant's keys")
	case core.IsConflictOn(err, "status"):
		return withHint(err, "diglot key create makes another one")
	}
	return explain(err)
}
