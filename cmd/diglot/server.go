package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

var serverHeader = []string{"ID", "SLUG", "NAME", "REVISION", "CREATED", "UPDATED"}

func serverRow(o admin.Server) []string {
	return []string{
		o.ID, o.Slug, strconv.Quote(o.Name), strconv.FormatInt(o.Revision, 10), o.CreatedAt.String(), o.UpdatedAt.String(),
	}
}

func newServerCommand(c *common) *cobra.Command {
	return newGroup("server", "List a tenant's MCP servers, show what became of one, revert and undelete",
		newServerListCommand(c), newServerHistoryCommand(c), newServerRevertCommand(c), newServerUndeleteCommand(c))
}

func newServerListCommand(c *common) *cobra.Command {
	var (
		out           output
		tenant        string
		offset, limit int
		deleted       bool
		age           time.Duration
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a tenant's servers, oldest first, or those that can be undeleted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if deleted && offset != 0 {
				return errors.New("--deleted goes without --offset")
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				if deleted {
					return printDeletedServers(ctx, cmd.OutOrStdout(), &out, a, t, age, limit)
				}
				servers, _, err := a.MCPServers(ctx, t, offset, limit)
				if err != nil {
					return explain(err)
				}
				list, rows := make([]admin.Server, len(servers)), make([][]string, len(servers))
				for i := range servers {
					list[i] = admin.FromServer(t.Name, &servers[i])
					rows[i] = serverRow(list[i])
				}
				return out.print(cmd.OutOrStdout(), list, serverHeader, rows...)
			})
		},
	}
	tenantFlag(cmd, &tenant)
	cmd.Flags().IntVar(&offset, "offset", 0, "how many to pass over")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	cmd.Flags().BoolVar(&deleted, "deleted", false, "list the servers that were deleted and can be undeleted, the last one first")
	undeleteFlag(cmd.Flags(), &age)
	out.flags(cmd)
	return cmd
}

func printDeletedServers(
	ctx context.Context, w io.Writer, out *output, a *administration, t core.Tenant, keep time.Duration, limit int,
) error {
	servers, err := a.DeletedMCPServers(ctx, t, keep, 0, limit)
	if err != nil {
		return explain(err)
	}
	list, rows := make([]admin.Server, len(servers)), make([][]string, len(servers))
	for i := range servers {
		list[i] = admin.FromDeletedServer(t.Name, &servers[i], keep)
		rows[i] = append(serverRow(list[i]), timeOrDash(list[i].DeletedAt), timeOrDash(list[i].UndeleteUntil))
	}
	return out.print(w, list, append(slices.Clone(serverHeader), "DELETED", "UNDELETE UNTIL"), rows...)
}

func newServerHistoryCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
		limit  int
	)
	cmd := &cobra.Command{
		Use: "history ID|SLUG", Short: "List the changes to a server, the newest first; of a deleted one by its id", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				changes, err := upTo(limit, func(last *core.Change, limit int) ([]core.Change, error) {
					before := int64(0)
					if last != nil {
						before = last.Seq
					}
					return a.MCPServerHistory(ctx, t, admin.ServerRef(args[0]), before, limit)
				})
				if err != nil {
					return explainServer(err, t)
				}
				return printChanges(cmd.OutOrStdout(), &out, changes, recordHeader, recordRow)
			})
		},
	}
	tenantFlag(cmd, &tenant)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	out.flags(cmd)
	return cmd
}

func newServerRevertCommand(c *common) *cobra.Command {
	var (
		out      output
		tenant   string
		revision int64
	)
	cmd := &cobra.Command{
		Use: "revert ID|SLUG", Short: "Have a server be again what it was at an earlier revision", Args: cobra.ExactArgs(1),
		Long: "Have a server be again what it was at an earlier revision, in a new one. Its id, slug, place and creation time stay.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				s, err := a.RevertMCPServer(ctx, t, admin.ServerRef(args[0]), revision)
				if err != nil {
					return explainServer(err, t)
				}
				reverted := admin.FromServer(t.Name, &s)
				return out.print(cmd.OutOrStdout(), reverted, serverHeader, serverRow(reverted))
			})
		},
	}
	tenantFlag(cmd, &tenant)
	cmd.Flags().Int64Var(&revision, "revision", 0, "the revision to go back to (required)")
	_ = cmd.MarkFlagRequired("revision")
	out.flags(cmd)
	return cmd
}

func newServerUndeleteCommand(c *common) *cobra.Command {
	var (
		out    output
		tenant string
		age    time.Duration
	)
	cmd := &cobra.Command{
		Use: "undelete ID", Short: "Bring a deleted server back", Args: cobra.ExactArgs(1),
		Long: "Bring a deleted server back as it was, with its id and slug, in a new revision. Agents that listed it don't list it again.",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, ok := core.ParseObjectID(args[0])
			if !ok {
				return withHint(fmt.Errorf("%q is no server's id", args[0]),
					"diglot server list --deleted --tenant "+tenant+" shows the ids of deleted servers")
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				s, err := a.UndeleteMCPServer(ctx, t, id, age)
				if err != nil {
					return explainServer(err, t)
				}
				back := admin.FromServer(t.Name, &s)
				return out.print(cmd.OutOrStdout(), back, serverHeader, serverRow(back))
			})
		},
	}
	tenantFlag(cmd, &tenant)
	undeleteFlag(cmd.Flags(), &age)
	out.flags(cmd)
	return cmd
}

func explainServer(err error, t core.Tenant) error {
	e, ok := errors.AsType[*core.Error](err)
	switch {
	case !ok:
		return explain(err)
	case e.Kind == core.NotFound:
		return withHint(err, "diglot server list --tenant "+t.Name+" shows the servers there are, "+
			"diglot server history ID --tenant "+t.Name+" what is known of one")
	case core.IsConflictOn(err, "id"):
		return withHint(err, "diglot server history "+"ID --tenant "+t.Name+" shows what became of it")
	case core.IsConflictOn(err, "slug"):
		return withHint(err, "delete the server that has the slug now, or leave this one deleted")
	case e.Kind == core.OverQuota:
		return withHint(err, "delete another one, or let the tenant have more: diglot tenant update "+t.Name+" --max-servers N")
	}
	return explain(err)
}
