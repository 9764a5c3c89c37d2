package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/terminal"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

// completionPatience is how long somebody who pressed a key waits for names.
const completionPatience = time.Second

// maxCompletions bounds what a shell is given to choose from.
const maxCompletions = 500

// choices gives what an argument or a flag of a command can be, each with what it
// is behind a tab.
type choices func(ctx context.Context, o *administration, cmd *cobra.Command) ([]string, error)

// words are the values of flags that are some words, by the flag's name.
var words = map[string][]string{
	"dialect":          {string(core.Refold), string(core.CometChat)},
	"scope":            {string(core.FullAccess), string(core.AuthOnly)},
	"refold-env":       {string(core.Test), string(core.Production)},
	"refold-revision":  {string(core.RefoldLegacy), string(core.RefoldV3)},
	"cometchat-region": {"us", "eu", "in"},
	"etags":            {string(admin.VendorETags), string(admin.StrongETags)},
	limitsFlag:         {string(admin.DefaultLimits), string(admin.VendorLimits)},
	"log-level":        {"debug", "info", "warn", "error"},
	"kind":             core.ActorKinds,
	"action":           core.ChangeActions,
	"noun":             core.ChangeNouns,
	"format":           {"text", "json", "html", "ids"},
	"on-conflict":      policies(),
}

// namedFlags are those that name something in the database.
var namedFlags = map[string]choices{"tenant": tenantChoices, "account": accountChoices, "from": sideChoices, "to": sideChoices}

// arguments are what the first argument of a command names, by the group that the
// command is in, where the command's use says that it takes one.
var arguments = map[string]choices{
	"tenant": tenantChoices, "key": keyChoices, "account": accountChoices, "server": serverChoices, "session": sessionChoices,
	"signing-key": signingKeyChoices, "secret": secretChoices,
}

// complete has shells complete the arguments and flags of a command and of those
// below it.
func (c *common) complete(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		c.complete(below)
	}
	for flag, list := range words {
		if cmd.Flags().Lookup(flag) != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)) // it is there
		}
	}
	for flag, of := range namedFlags {
		if cmd.Flags().Lookup(flag) != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag, c.completing(of)) // it is there
		}
	}
	if cmd.HasParent() && strings.Contains(cmd.Use, " ") && cmd.ValidArgsFunction == nil {
		if of := arguments[cmd.Parent().Name()]; of != nil {
			c.completeArgument(cmd, of)
		}
	}
}

func (c *common) completeArgument(cmd *cobra.Command, of choices) {
	if cmd.Name() == "undelete" {
		of = deletedServerChoices
	}
	complete := c.completing(of)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, begun)
	}
}

// completing asks the database, where it answers soon; else there is nothing to
// choose from, and no word about it on a line that somebody is typing.
func (c *common) completing(of choices) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completionPatience)
		defer cancel()
		var found []string
		if o, end, err := c.glance(ctx, cmd); err == nil {
			found, _ = of(ctx, o, cmd) // some may have been found before it failed
			end()
		}
		found = slices.DeleteFunc(found, func(s string) bool { return s == "" || !strings.HasPrefix(s, begun) })
		return found[:min(len(found), maxCompletions)], cobra.ShellCompDirectiveNoFileComp
	}
}

// choice gives a word to choose, with what it is; "" where the word, which a client
// may have made, would be something else on the line or on the screen: some other
// words, a flag, an escape.
func choice(word string, what ...string) string {
	if !terminal.IsPlain(word) || strings.TrimSpace(word) != word || strings.HasPrefix(word, "-") {
		return ""
	}
	return word + "\t" + terminal.Line(strings.Join(what, " "))
}

// glance opens the database for reading what is there: it starts no cluster,
// changes no schema and settles no secret.
func (c *common) glance(ctx context.Context, cmd *cobra.Command) (*administration, func(), error) {
	if err := fromEnvironment(cmd); err != nil {
		return nil, nil, err
	}
	url := os.Getenv(envDatabaseURL)
	if url == "" {
		cluster := localpg.Running(c.dataDir)
		if cluster == nil {
			return nil, nil, errors.New("no cluster is running")
		}
		url = cluster.URL("diglot")
	}
	s, err := store.Open(ctx, store.Config{URL: url, Role: store.Operator})
	if err != nil {
		return nil, nil, err
	}
	return &administration{Operator: core.NewOperator(s, nil, time.Now), store: s}, s.Close, nil
}

// tenantOf gives the tenant that the command line names.
func tenantOf(ctx context.Context, o *administration, cmd *cobra.Command) (core.Tenant, error) {
	name, err := cmd.Flags().GetString("tenant")
	if err != nil {
		return core.Tenant{}, err
	}
	return o.Tenant(ctx, name)
}

func tenantChoices(ctx context.Context, o *administration, _ *cobra.Command) ([]string, error) {
	tenants, err := o.Tenants(ctx)
	list := make([]string, len(tenants))
	for i, t := range tenants {
		list[i] = choice(t.Name, t.Status.String())
	}
	return list, err
}

// sideChoices gives the tenants as the sides of a move.
func sideChoices(ctx context.Context, o *administration, _ *cobra.Command) ([]string, error) {
	tenants, err := o.Tenants(ctx)
	list := make([]string, len(tenants))
	for i, t := range tenants {
		list[i] = choice("tenant:"+t.Name, t.Status.String())
	}
	return list, err
}

func policies() []string {
	list := make([]string, len(move.Policies))
	for i, p := range move.Policies {
		list[i] = string(p)
	}
	return list
}

// keyChoices gives the keys of all tenants: a key is named without its tenant.
func keyChoices(ctx context.Context, o *administration, _ *cobra.Command) ([]string, error) {
	tenants, err := o.Tenants(ctx)
	var list []string
	for _, t := range tenants {
		keys, err := o.Keys(ctx, t)
		if err != nil {
			return list, err
		}
		for _, k := range keys {
			list = append(list, choice(k.ID, t.Name, string(k.Dialect), string(o.KeyStatus(k))))
		}
	}
	return list, err
}

func accountChoices(ctx context.Context, o *administration, cmd *cobra.Command) ([]string, error) {
	t, err := tenantOf(ctx, o, cmd)
	if err != nil {
		return nil, err
	}
	accounts, err := o.AccountsAfter(ctx, t, core.AccountPosition{}, pageOf)
	list := make([]string, len(accounts))
	for i, a := range accounts {
		list[i] = choice(a.ID)
	}
	return list, err
}

func sessionChoices(ctx context.Context, o *administration, cmd *cobra.Command) ([]string, error) {
	t, err := tenantOf(ctx, o, cmd)
	if err != nil {
		return nil, err
	}
	account, err := cmd.Flags().GetString("account")
	if err != nil {
		return nil, err
	}
	sessions, err := o.SessionsAfter(ctx, t, account, core.SessionID{}, pageOf)
	list := make([]string, len(sessions))
	for i, s := range sessions {
		shown := admin.FromSession(t.Name, s)
		list[i] = choice(shown.ID, "until", shown.ExpiresAt.String())
	}
	return list, err
}

func serverChoices(ctx context.Context, o *administration, cmd *cobra.Command) ([]string, error) {
	t, err := tenantOf(ctx, o, cmd)
	if err != nil {
		return nil, err
	}
	servers, err := o.MCPServersAfter(ctx, t, -1, pageOf)
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = choice(s.Slug, s.ID.String())
	}
	return list, err
}

func deletedServerChoices(ctx context.Context, o *administration, cmd *cobra.Command) ([]string, error) {
	t, err := tenantOf(ctx, o, cmd)
	if err != nil {
		return nil, err
	}
	keep, err := cmd.Flags().GetDuration(undeleteForFlag)
	if err != nil {
		return nil, err
	}
	servers, err := o.DeletedMCPServers(ctx, t, keep, 0, pageOf)
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = choice(s.ID.String(), s.Slug)
	}
	return list, err
}

func signingKeyChoices(ctx context.Context, o *administration, _ *cobra.Command) ([]string, error) {
	keys, err := o.SigningKeys(ctx)
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = choice(admin.SigningKeyName(k.ID))
	}
	return list, err
}

// secretChoices gives the versions of the secret that can be retired at some time:
// those in use but the newest.
func secretChoices(ctx context.Context, o *administration, _ *cobra.Command) ([]string, error) {
	versions, err := o.store.Secrets(ctx, now())
	list := make([]string, 0, len(versions))
	for _, v := range versions {
		if shown := fromSecret(v); !v.Newest && v.RetiredAt == nil {
			list = append(list, choice(strconv.Itoa(v.Version), shown.State,
				"for", terminal.Count(shown.Keys, "key", "keys"), "and", terminal.Count(shown.SigningKeys, "signing key", "signing keys")))
		}
	}
	return list, err
}
