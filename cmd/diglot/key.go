package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// keyOutput is a new key as `-o json` prints it: the only time that its value
// is shown.
type keyOutput struct {
	ID      string           `json:"id"`
	Tenant  string           `json:"tenant"`
	Dialect core.DialectName `json:"dialect"`
	Scope   core.KeyScope    `json:"scope,omitempty"` // none in a dialect whose keys have none
	Key     string           `json:"key"`
}

func newKeyCommand(c *common) *cobra.Command {
	var (
		out                    output
		tenant, dialect, scope string
	)
	create := &cobra.Command{
		Use: "create", Short: "Create an API key and print it, once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				value := newAPIKey(t, core.DialectName(dialect))
				k, err := a.CreateScopedKey(ctx, t, core.DialectName(dialect), core.KeyScope(scope), value)
				if err != nil {
					return explain(err)
				}
				made := keyOutput{k.ID, t.Name, k.Dialect, k.Scope, value}
				shown := string(k.Scope)
				if k.Dialect == core.Refold {
					made.Scope, shown = "", "-"
				}
				return out.print(cmd.OutOrStdout(), made, []string{"TENANT", "DIALECT", "SCOPE", "KEY", "ID"},
					[]string{made.Tenant, string(made.Dialect), shown, made.Key, made.ID})
			})
		},
	}
	create.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	create.Flags().StringVar(&dialect, "dialect", "", "refold or cometchat (required)")
	create.Flags().StringVar(&scope, "scope", "", "of a CometChat key: fullAccess (the default), or authOnly, which may do nothing here")
	_ = create.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	_ = create.MarkFlagRequired("dialect")
	out.flags(create)
	return newGroup("key", "Create API keys", create)
}

// newAPIKey makes a key in the vendor's shape. Whether the tenant may have one
// there is the operator's to say.
func newAPIKey(t core.Tenant, dialect core.DialectName) string {
	if dialect == core.Refold && t.Refold != nil {
		return refold.NewAPIKey(t.Refold.Environment)
	}
	return cometchat.NewAPIKey()
}
