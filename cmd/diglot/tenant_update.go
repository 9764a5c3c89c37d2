package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// tenantSettings is what `diglot tenant update` can be given.
type tenantSettings struct {
	org, env, revision, app, region, urlTemplate    string
	requireAccounts, protectServers, requireIfMatch bool
	tags                                            admin.ETags
	limits                                          tenantLimits
}

func newTenantUpdateCommand(c *common) *cobra.Command {
	var (
		out output
		s   tenantSettings
	)
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a tenant's settings; running gateways follow at once", Args: cobra.ExactArgs(1),
		Long: "Change a tenant's settings, or its addresses: what is not given stays. Whoever names the tenant by an old address " +
			"names nobody: session tokens that were made for it are refused, and so is a CometChat host or appid header with " +
			"the old app. The _id of what CometChat clients see begins with the app, so it changes with it.",
		Example: "  diglot tenant update acme --rate 6000 --concurrency default\n" +
			"  diglot tenant update acme --refold-revision v3\n" +
			"  diglot tenant update acme --cometchat-app my-app --cometchat-region eu",
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.update(core.Tenant{}, cmd.Flags().Changed) == (core.TenantUpdate{}) {
				return errNothingToChange
			}
			return c.runFor(cmd, args[0], func(ctx context.Context, a *administration, t core.Tenant) error {
				t, err := a.UpdateTenant(ctx, t, s.update(t, cmd.Flags().Changed))
				if err != nil {
					return explain(err)
				}
				changed := admin.FromTenant(t)
				return out.print(cmd.OutOrStdout(), changed, tenantHeader, tenantRow(changed))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.org, "refold-org", "", "Refold org id")
	f.StringVar(&s.env, "refold-env", "", "Refold environment: test or production")
	f.StringVar(&s.app, "cometchat-app", "", "CometChat app id")
	f.StringVar(&s.region, "cometchat-region", "", "CometChat region: us, eu or in")
	f.StringVar(&s.revision, "refold-revision", "", revisionUsage)
	f.StringVar(&s.urlTemplate, "url-template", "", urlTemplateUsage)
	f.BoolVar(&s.requireAccounts, "require-accounts", false, requireAccountsUsage)
	f.BoolVar(&s.protectServers, "protect-servers", false, protectServersUsage)
	f.Var(&s.tags, "etags", etagsUsage)
	f.BoolVar(&s.requireIfMatch, "require-if-match", false, requireIfMatchUsage)
	s.limits.flags(f)
	hideDefaults(f, limitsFlag) // what is not given stays
	out.flags(cmd)
	return cmd
}

// update gives the change to a tenant; half an address changes that half.
func (s *tenantSettings) update(t core.Tenant, given func(flag string) bool) (u core.TenantUpdate) {
	if given("refold-org") || given("refold-env") {
		u.Refold = new(core.RefoldAddress)
		if t.Refold != nil {
			*u.Refold = *t.Refold
		}
		if given("refold-org") {
			u.Refold.OrgID = s.org
		}
		if given("refold-env") {
			u.Refold.Environment = core.Environment(s.env)
		}
	}
	if given("cometchat-app") || given("cometchat-region") {
		u.CometChat = new(core.CometChatAddress)
		if t.CometChat != nil {
			*u.CometChat = *t.CometChat
		}
		if given("cometchat-app") {
			u.CometChat.AppID = s.app
		}
		if given("cometchat-region") {
			u.CometChat.Region = s.region
		}
	}
	if given("refold-revision") {
		u.RefoldRevision = (*core.RefoldRevision)(&s.revision)
	}
	if given("require-accounts") {
		u.RequireAccounts = &s.requireAccounts
	}
	if given("protect-servers") {
		u.ProtectServers = &s.protectServers
	}
	if given("etags") {
		u.StrongETags = new(s.tags == admin.StrongETags)
	}
	if given("require-if-match") {
		u.RequireIfMatch = &s.requireIfMatch
	}
	if slices.ContainsFunc(s.limits.names(), given) {
		u.Limits = new(s.limits.change(t.Limits, given))
	}
	if given("url-template") {
		u.URLTemplate = &s.urlTemplate
	}
	return u
}
