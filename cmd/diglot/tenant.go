package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

var tenantHeader = []string{"NAME", "STATUS", "REFOLD", "REVISION", "ACCOUNTS", "SERVERS", "COMETCHAT", "LIMITS", "ID", "CREATED"}

func tenantRow(o admin.Tenant) []string {
	refold, revision, accounts, servers, cometchat := "-", "-", "-", "-", "-"
	if o.Refold != nil {
		refold, revision, accounts, servers = o.Refold.Org+"/"+string(o.Refold.Env), string(o.Refold.Revision), "any", "open"
		if o.Refold.RequireAccounts {
			accounts = "required"
		}
		if o.Refold.ProtectServers {
			servers = "protected"
		}
	}
	if o.CometChat != nil {
		cometchat = o.CometChat.App + "/" + o.CometChat.Region
	}
	return []string{o.Name, o.Status, refold, revision, accounts, servers, cometchat, limitsCell(o.Limits), string(o.ID), o.CreatedAt.String()}
}

func newTenantCommand(c *common) *cobra.Command {
	return newGroup("tenant", "Create, change, list, show, suspend, resume and delete tenants",
		newTenantCreateCommand(c), newTenantUpdateCommand(c), newTenantListCommand(c), newTenantShowCommand(c),
		newTenantSuspendCommand(c), newTenantResumeCommand(c), newTenantDeleteCommand(c))
}

func newTenantCreateCommand(c *common) *cobra.Command {
	var (
		out                                           output
		name, org, env, revision, app, region, urlTpl string
		requireAccounts, protectServers, ifMatch      bool
		tags                                          = admin.VendorETags
		limits                                        tenantLimits
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Create a tenant with a Refold address, a CometChat address, or both", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := core.Tenant{
				Name: name, URLTemplate: urlTpl, RefoldRevision: core.RefoldRevision(revision), RequireAccounts: requireAccounts,
				ProtectServers: protectServers, StrongETags: tags == admin.StrongETags, RequireIfMatch: ifMatch,
				Limits: limits.change(core.Limits{}, cmd.Flags().Changed),
			}
			if org != "" || env != "" {
				t.Refold = &core.RefoldAddress{OrgID: org, Environment: core.Environment(env)}
			}
			if app != "" || region != "" {
				t.CometChat = &core.CometChatAddress{AppID: app, Region: region}
			}
			return c.runIn(cmd, orNew, func(ctx context.Context, a *administration) error {
				t, err := a.CreateTenant(ctx, t)
				if err != nil {
					return explain(err)
				}
				made := admin.FromTenant(t)
				return out.print(cmd.OutOrStdout(), made, tenantHeader, tenantRow(made))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "how operators name the tenant (required)")
	f.StringVar(&org, "refold-org", "", "Refold org id, 24 hex digits at the vendor")
	f.StringVar(&env, "refold-env", "", "Refold environment: test or production")
	f.StringVar(&revision, "refold-revision", string(core.RefoldLegacy), revisionUsage)
	f.BoolVar(&requireAccounts, "require-accounts", false, requireAccountsUsage)
	f.BoolVar(&protectServers, "protect-servers", false, protectServersUsage)
	f.Var(&tags, "etags", etagsUsage)
	f.BoolVar(&ifMatch, "require-if-match", false, requireIfMatchUsage)
	f.StringVar(&app, "cometchat-app", "", "CometChat app id")
	f.StringVar(&region, "cometchat-region", "", "CometChat region: us, eu or in")
	f.StringVar(&urlTpl, "url-template", "", urlTemplateUsage)
	limits.flags(f)
	_ = cmd.MarkFlagRequired("name") // fails only for a flag that does not exist
	out.flags(cmd)
	return cmd
}

// What a tenant's settings mean, wherever a flag sets them.
const (
	revisionUsage        = "generation of Refold's API that Refold clients are answered in: legacy or v3"
	requireAccountsUsage = "whether the linked account that a Refold client names beside its key has to exist"
	protectServersUsage  = "whether Refold's session tokens are kept from deleting servers, which keys still may"
	etagsUsage           = "entity tags of single servers and agents: vendor (weak, as the vendors') or strong, for If-Match"
	requireIfMatchUsage  = "whether a change or deletion of a server or agent has to have If-Match, and is 428 without it"
	urlTemplateUsage     = "url that CometChat clients see of a server created without one; {id} and {slug} are filled in"
)

func newTenantListCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "list", Short: "List all tenants", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				tenants, err := a.Tenants(ctx)
				if err != nil {
					return explain(err)
				}
				list, rows := make([]admin.Tenant, len(tenants)), make([][]string, len(tenants))
				for i, t := range tenants {
					list[i] = admin.FromTenant(t)
					rows[i] = tenantRow(list[i])
				}
				return out.print(cmd.OutOrStdout(), list, tenantHeader, rows...)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newTenantShowCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show one tenant and how much it has", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFor(cmd, args[0], func(ctx context.Context, a *administration, t core.Tenant) error {
				n, err := a.TenantCounts(ctx, t)
				if err != nil {
					return explain(err)
				}
				shown := admin.FromTenant(t)
				shown.Counts = admin.FromCounts(n)
				return out.print(cmd.OutOrStdout(), shown,
					append(slices.Clone(tenantHeader), "SERVERS", "AGENTS", "LINKED ACCOUNTS", "KEYS"),
					append(tenantRow(shown), fmt.Sprint(n.Servers), fmt.Sprint(n.Agents), fmt.Sprint(n.Accounts), fmt.Sprint(n.Keys)))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

// run opens the database for a command and closes it after.
func (c *common) run(cmd *cobra.Command, do func(context.Context, *administration) error) error {
	return c.runIn(cmd, existing, do)
}

// runIn is run, in a new private cluster where a command may make one.
func (c *common) runIn(cmd *cobra.Command, m making, do func(context.Context, *administration) error) (err error) {
	a, err := c.administer(cmd.Context(), m)
	if err != nil {
		return explain(err)
	}
	defer func() {
		if closing := a.Close(); err == nil {
			err = closing
		}
	}()
	return do(core.WithActor(cmd.Context(), operator()), a)
}

// runFor is run for a command about one tenant.
func (c *common) runFor(cmd *cobra.Command, tenant string, do func(context.Context, *administration, core.Tenant) error) error {
	return c.run(cmd, func(ctx context.Context, a *administration) error {
		t, err := a.Tenant(ctx, tenant)
		if err != nil {
			return explainTenant(err)
		}
		return do(ctx, a, t)
	})
}

// explainTenant is explain for commands that take a tenant's name.
func explainTenant(err error) error {
	if core.KindOf(err) == core.NotFound {
		return withHint(err, "diglot tenant list shows the tenants there are; diglot tenant create makes one")
	}
	return explain(err)
}

// hints say what to do about a conflict, by the field that it is on.
var hints = map[string]string{
	"name":      "diglot tenant list shows the names that are taken",
	"refold":    "diglot tenant list shows which",
	"cometchat": "diglot tenant list shows which",
	"status":    "a deletion is not taken back; diglot tenant delete goes on with one that was interrupted",
	"id":        "if it is the same one, nothing needs to be done",
}

// flagError says what is wrong with each flag, by the flag's name.
func flagError(e *core.Error) error {
	problems := make([]string, 0, len(e.Fields))
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		name := "--" + strings.ReplaceAll(field, "_", "-")
		if field == "address" { // which is several flags
			name = "the tenant"
		}
		problems = append(problems, name+" "+e.Fields[field])
	}
	return errors.New(strings.Join(problems, "; "))
}

// explain adds what to do about an error where it is known.
func explain(err error) error {
	for field, hint := range hints {
		if core.IsConflictOn(err, field) {
			return withHint(err, hint)
		}
	}
	if core.KindOf(err) == core.Unavailable {
		if os.Getenv(envDatabaseURL) == "" {
			return withHint(err, "the private PostgreSQL of --"+dataDirFlag+" ended meanwhile, as it does with the serve that started it: give the command again; "+
				"postgres.log there says more")
		}
		return withHint(err, "check that the database of "+envDatabaseURL+" is up, or unset it to use a private one")
	}
	if e, ok := errors.AsType[*core.Error](err); ok && e.Kind == core.Invalid {
		return withHint(flagError(e), "see --help for what each flag takes")
	}
	return err
}
