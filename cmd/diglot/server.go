package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/core"
)

// serverOutput is a server as `-o json` prints it.
type serverOutput struct {
	ID        string    `json:"id"`
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Revision  int64     `json:"revision"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func fromServer(s *core.MCPServer) serverOutput {
	return serverOutput{s.ID.String(), s.Slug, s.Name, s.Revision, s.CreatedAt, s.UpdatedAt}
}

var serverHeader = []string{"ID", "SLUG", "NAME", "REVISION", "CREATED", "UPDATED"}

func (o serverOutput) row() []string {
	return []string{
		o.ID, o.Slug, strconv.Quote(o.Name), strconv.FormatInt(o.Revision, 10),
		o.CreatedAt.Format(time.RFC3339), o.UpdatedAt.Format(time.RFC3339),
	}
}

func newServerCommand(c *common) *cobra.Command {
	return newGroup("server", "List a tenant's MCP servers, show what became of one, revert and undelete",
		newServerListCommand(c), newServerHistoryCommand(c), newServerRevertCommand(c), newServerUndeleteCommand(c))
}

// serverRef reads what names a server: 24 hex digits are an id, all else a slug.
func serverRef(text string) core.MCPServerRef {
	if id, ok := core.ParseObjectID(text); ok {
		return core.ByID(id)
	}
	return core.BySlug(text)
}

func newServerListCommand(c *common) *cobra.Command {
	var (
		out           output
		tenant        string
		offset, limit int
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a tenant's servers, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				servers, _, err := a.MCPServers(ctx, t, offset, limit)
				if err != nil {
					return explain(err)
				}
				list, rows := make([]serverOutput, len(servers)), make([][]string, len(servers))
				for i := range servers {
					list[i] = fromServer(&servers[i])
					rows[i] = list[i].row()
				}
				return out.print(cmd.OutOrStdout(), list, serverHeader, rows...)
			})
		},
	}
	tenantFlag(cmd, &tenant)
	cmd.Flags().IntVar(&offset, "offset", 0, "how many to pass over")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	out.flags(cmd)
	return cmd
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
				changes, err := a.MCPServerHistory(ctx, t, serverRef(args[0]), 0, limit)
				if err != nil {
					return explainServer(err, t)
				}
				return printChanges(cmd.OutOrStdout(), &out, changes)
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
				s, err := a.RevertMCPServer(ctx, t, serverRef(args[0]), revision)
				if err != nil {
					return explainServer(err, t)
				}
				reverted := fromServer(&s)
				return out.print(cmd.OutOrStdout(), reverted, serverHeader, reverted.row())
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
					"diglot audit list --tenant "+tenant+" --noun mcp_server --action delete shows the ids of deleted servers")
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				s, err := a.UndeleteMCPServer(ctx, t, id, age)
				if err != nil {
					return explainServer(err, t)
				}
				back := fromServer(&s)
				return out.print(cmd.OutOrStdout(), back, serverHeader, back.row())
			})
		},
	}
	tenantFlag(cmd, &tenant)
	undeleteFlag(cmd, &age)
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
	}
	return explain(err)
}
